<#
.SYNOPSIS
  Writes the build of each server of a SharePoint farm.
.DESCRIPTION
  The farm's own build stays when an update is installed and the configuration wizard has
  not run: each server's Microsoft.SharePoint.dll is asked.
  Run it in the SharePoint Management Shell:  .\sharepoint.ps1 -Path inventory.csv
#>
param([string]$Path = "inventory.csv")

$ask = {
    $folder = "$env:CommonProgramFiles\Microsoft Shared\Web Server Extensions"
    foreach ($version in "16", "15") {
        $file = Join-Path $folder "$version\ISAPI\Microsoft.SharePoint.dll"
        if (Test-Path $file) { return (Get-Item $file).VersionInfo.FileVersion }
    }
}
function Get-Product([version]$Build) {
    if ($Build.Major -eq 15) { return "SharePoint Server 2013" }
    if ($Build.Build -ge 14000) { return "SharePoint Server Subscription Edition" }
    if ($Build.Build -ge 10000) { return "SharePoint Server 2019" }
    "SharePoint Server 2016"
}
$rows = foreach ($server in Get-SPServer | Where-Object { $_.Role -ne "Invalid" }) {
    try {
        if ($server.Address -eq $env:COMPUTERNAME) {
            $build = & $ask
        } else {
            $build = Invoke-Command -ComputerName $server.Address -ScriptBlock $ask -ErrorAction Stop
        }
        [pscustomobject]@{
            Server  = $server.Address
            Product = Get-Product $build
            Build   = $build
        }
    } catch {
        Write-Warning "$($server.Address): $($_.Exception.Message)"
    }
}
$rows | Export-Csv -Path $Path -NoTypeInformation -Encoding UTF8
