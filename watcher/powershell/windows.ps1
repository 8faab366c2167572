<#
.SYNOPSIS
  Writes the build of each Windows computer with its update build revision (UBR).
.DESCRIPTION
  Hotpatch says whether the computer is enrolled: its builds between two baselines differ
  from those of other computers.
  .\windows.ps1 -ComputerName (Get-Content servers.txt) -Path inventory.csv
#>
param([string[]]$ComputerName = @($env:COMPUTERNAME), [string]$Path = "inventory.csv")

$ask = {
    $current = Get-ItemProperty "HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion"
    $policy = Get-ItemProperty "HKLM:\SOFTWARE\Microsoft\PolicyManager\current\device\Update" -ErrorAction SilentlyContinue
    # Without an elevated shell this is an error that ends the script
    $package = $null
    try {
        $package = Get-WindowsPackage -Online -ErrorAction Stop |
            Where-Object { $_.PackageName -like "*HotpatchEnrollment*" -and $_.PackageState -eq "Installed" }
    } catch {
        Write-Warning "${env:COMPUTERNAME}: hotpatch enrolment is not known ($($_.Exception.Message))"
    }
    $caption = (Get-CimInstance Win32_OperatingSystem).Caption
    [pscustomobject]@{
        # "Microsoft Windows Server 2022 Datacenter": the edition is no part of the product
        Product  = $caption -replace "^Microsoft ", "" -replace " (Standard|Datacenter|Enterprise|Pro|Education|Essentials).*$", ""
        Build    = "10.0.$($current.CurrentBuildNumber).$($current.UBR)"
        Hotpatch = [bool]($package -or $policy.AllowRebootlessUpdates -eq 1)
    }
}
$rows = foreach ($computer in $ComputerName) {
    try {
        if ($computer -eq $env:COMPUTERNAME) {
            $found = & $ask
        } else {
            $found = Invoke-Command -ComputerName $computer -ScriptBlock $ask -ErrorAction Stop
        }
        [pscustomobject]@{
            Server   = $computer
            Product  = $found.Product
            Build    = $found.Build
            Hotpatch = $found.Hotpatch
        }
    } catch {
        Write-Warning "${computer}: $($_.Exception.Message)"
    }
}
$rows | Export-Csv -Path $Path -NoTypeInformation -Encoding UTF8
