# Registers a check every half hour in Task Scheduler, as an account that needs no session. Run once, as an administrator.
# Afterwards the folder is for administrators and this account only, for state and outbox hold addresses.
param(
    [string] $Folder = 'C:\AdvisoryWatcher',
    [string] $Account = ''
)
$ErrorActionPreference = 'Stop'
if (-not $Account) {
    # LOCAL SERVICE, whatever it is called in this Windows' language
    $Account = ([System.Security.Principal.SecurityIdentifier] 'S-1-5-19').Translate([System.Security.Principal.NTAccount]).Value
}

function Grant([string] $Path, [string] $Rights) {
    # by their numbers: administrators and the system
    icacls $Path /inheritance:r /grant:r '*S-1-5-32-544:(OI)(CI)F' '*S-1-5-18:(OI)(CI)F' "${Account}:(OI)(CI)$Rights" | Out-Null
    if ($LASTEXITCODE -ne 0) { throw "The rights of $Path could not be set (icacls ended with $LASTEXITCODE)." }
}
Grant $Folder 'M'
Grant "$Folder\.venv" 'RX'

$action = New-ScheduledTaskAction -Execute "$Folder\.venv\Scripts\watcher.exe" -Argument "run -q --config `"$Folder\watcher.toml`"" -WorkingDirectory $Folder
$trigger = New-ScheduledTaskTrigger -Once -At (Get-Date).Date.AddMinutes(7) -RepetitionInterval (New-TimeSpan -Minutes 30)
$settings = New-ScheduledTaskSettingsSet -StartWhenAvailable -MultipleInstances IgnoreNew -ExecutionTimeLimit (New-TimeSpan -Minutes 30)
$principal = New-ScheduledTaskPrincipal -UserId $Account -LogonType ServiceAccount -RunLevel Limited
Register-ScheduledTask -TaskName 'Advisory Watcher' -Action $action -Trigger $trigger -Settings $settings -Principal $principal -Force
