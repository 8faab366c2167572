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
    # Windows Server 2025 and its Azure Edition: "Hotpatch Enrollment Package"
    $enrolled = Test-Path "HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Update\TargetingInfo\DynamicInstalled\Hotpatch.amd64"
    # Windows 11: Intune's policy
    $policy = Get-ItemProperty "HKLM:\SOFTWARE\Microsoft\PolicyManager\current\device\Update" -ErrorAction SilentlyContinue
    # Without an elevated shell this is an error that ends the script
    $package = $null
    try {
        $package = Get-WindowsPackage -Online -ErrorAction Stop |
            Where-Object { $_.PackageName -like "*HotpatchEnrollment*" -and $_.PackageState -eq "Installed" }
    } catch {
        Write-Warning "${env:COMPUTERNAME}: hotpatch enrolment is not known ($($_.Exception.Message))"
    }
    # "Microsoft Windows Server 2022 Datacenter": the edition is no part of the product
    $product = (Get-CimInstance Win32_OperatingSystem).Caption -replace "^Microsoft ", ""
    if ($product -match "Windows (Server \d{4}( R2)?|\d+(\.\d)?)") { $product = $Matches[0] }
    # Windows Server 2012 R2 is 6.3, and has no major version there
    $version = if ($current.CurrentMajorVersionNumber) {
        "$($current.CurrentMajorVersionNumber).$($current.CurrentMinorVersionNumber)"
    } else {
        $current.CurrentVersion
    }
    [pscustomobject]@{
        Product  = $product
        Build    = "$version.$($current.CurrentBuildNumber).$($current.UBR)"
        Hotpatch = [bool]($enrolled -or $package -or $policy.AllowRebootlessUpdates -eq 1)
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
