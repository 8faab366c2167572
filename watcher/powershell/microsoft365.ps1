# An app registration for Advisory Watcher that may send as one mailbox, and nothing else: RBAC for Applications.
# Run once by an administrator who may register applications and is an Exchange administrator; -Remove takes all of it back.
#   Install-Module Microsoft.Graph.Applications, ExchangeOnlineManagement -Scope CurrentUser
#   .\microsoft365.ps1 -Mailbox watcher@example.org
# Graph's own permission Mail.Send is not given, and must not be: it holds for every mailbox, whatever is scoped here.
param(
    [Parameter(Mandatory = $true)] [string] $Mailbox,
    [string] $Name = 'Advisory Watcher',
    [int] $Months = 12,
    [switch] $Remove
)
$ErrorActionPreference = 'Stop'
Connect-MgGraph -Scopes 'Application.ReadWrite.All' -NoWelcome
Connect-ExchangeOnline -ShowBanner:$false
$filter = "displayName eq '" + $Name.Replace("'", "''") + "'"

if ($Remove) {
    Get-ManagementRoleAssignment -Identity $Name -ErrorAction SilentlyContinue | Remove-ManagementRoleAssignment -Confirm:$false
    Get-ManagementScope -Identity $Name -ErrorAction SilentlyContinue | Remove-ManagementScope -Confirm:$false
    Get-ServicePrincipal | Where-Object DisplayName -eq $Name | Remove-ServicePrincipal -Confirm:$false
    Get-MgApplication -Filter $filter | ForEach-Object { Remove-MgApplication -ApplicationId $_.Id }
    "$Name is taken back."
    return
}
if (Get-MgApplication -Filter $filter) { throw "There is an application named $Name already. Take it back with -Remove, or give another -Name." }
$found = Get-EXOMailbox -Identity $Mailbox -Properties ExternalDirectoryObjectId

# The application, and what stands for it in this tenant
$application = New-MgApplication -DisplayName $Name -SignInAudience 'AzureADMyOrg'
$principal = New-MgServicePrincipal -AppId $application.AppId
New-ServicePrincipal -AppId $application.AppId -ObjectId $principal.Id -DisplayName $Name | Out-Null

# May send, and only as the mailbox that this scope holds
New-ManagementScope -Name $Name -RecipientRestrictionFilter "ExternalDirectoryObjectId -eq '$($found.ExternalDirectoryObjectId)'" | Out-Null
New-ManagementRoleAssignment -Name $Name -App $principal.Id -Role 'Application Mail.Send' -CustomResourceScope $Name | Out-Null

$password = @{ DisplayName = $Name; EndDateTime = (Get-Date).AddMonths($Months) }
$secret = Add-MgApplicationPassword -ApplicationId $application.Id -PasswordCredential $password

'May it send as {0}? InScope says so; another mailbox must be False:' -f $Mailbox
Test-ServicePrincipalAuthorization -Identity $principal.Id -Resource $Mailbox | Format-Table -Property 'RoleName', 'AllowedResourceScope', 'InScope'
'For watcher init, or [mail] in watcher.toml (rights may take an hour to hold):'
'smtp   = "graph://{0}"' -f $Mailbox
'tenant = "{0}"' -f (Get-MgContext).TenantId
'client = "{0}"' -f $application.AppId
'The secret, good until {0:yyyy-MM-dd}, is shown this once; it belongs into WATCHER_CLIENT_SECRET or the file that WATCHER_CLIENT_SECRET_FILE names:' -f $password.EndDateTime
$secret.SecretText
