<#
.SYNOPSIS
  Writes the build of each SQL Server instance, as the instance says it.
.DESCRIPTION
  .\sql.ps1 -Instance SQL01, SQL02\REPORTS -Path inventory.csv
#>
param([Parameter(Mandatory)][string[]]$Instance, [string]$Path = "inventory.csv")

$query = "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(40)), @@VERSION"
$rows = foreach ($name in $Instance) {
    $connection = New-Object System.Data.SqlClient.SqlConnection "Server=$name;Integrated Security=true;Connect Timeout=15"
    try {
        $connection.Open()
        $command = $connection.CreateCommand()
        $command.CommandText = $query
        $reader = $command.ExecuteReader()
        [void]$reader.Read()
        [pscustomobject]@{
            Server  = $name
            # "Microsoft SQL Server 2022 (RTM-CU15) (KB5041321) - 16.0.4145.4 ..."
            Product = ($reader.GetString(1) -split " \(")[0] -replace "^Microsoft ", ""
            Build   = $reader.GetString(0)
        }
    } catch {
        Write-Warning "${name}: $($_.Exception.Message)"
    } finally {
        $connection.Close()
    }
}
$rows | Export-Csv -Path $Path -NoTypeInformation -Encoding UTF8
