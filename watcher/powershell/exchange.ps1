<#
.SYNOPSIS
  Writes what each Exchange server runs, as its own ExSetup.exe says it.
.DESCRIPTION
  AdminDisplayVersion often stays at the cumulative update's build when a security update
  is installed.  A server that cannot be reached has AdminDisplayVersion only.
  Run it in the Exchange Management Shell:  .\exchange.ps1 -Path inventory.csv
#>
param([string]$Path = "inventory.csv")

$ask = {
    $setup = Get-ItemProperty "HKLM:\SOFTWARE\Microsoft\ExchangeServer\v15\Setup"
    (Get-Item (Join-Path $setup.MsiInstallPath "bin\ExSetup.exe")).VersionInfo.FileVersion
}
$rows = foreach ($server in Get-ExchangeServer) {
    $build = ""
    try {
        if ($server.Name -eq $env:COMPUTERNAME) {
            $build = & $ask
        } else {
            $build = Invoke-Command -ComputerName $server.Fqdn -ScriptBlock $ask -ErrorAction Stop
        }
    } catch {
        Write-Warning "$($server.Name): $($_.Exception.Message)"
    }
    [pscustomobject]@{
        Server              = $server.Name
        AdminDisplayVersion = "$($server.AdminDisplayVersion)"
        ExSetup             = "$build"
    }
}
$rows | Export-Csv -Path $Path -NoTypeInformation -Encoding UTF8
