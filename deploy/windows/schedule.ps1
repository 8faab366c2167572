# Registers a check every half hour in Task Scheduler, as an account that needs no session. Run once, as an administrator.
param(
    [string] $Folder = 'C:\AdvisoryWatcher',
    [string] $Account = 'NT AUTHORITY\LOCAL SERVICE'
)
$action = New-ScheduledTaskAction -Execute "$Folder\.venv\Scripts\watcher.exe" -Argument "run -q --config `"$Folder\watcher.toml`"" -WorkingDirectory $Folder
$trigger = New-ScheduledTaskTrigger -Once -At (Get-Date).Date.AddMinutes(7) -RepetitionInterval (New-TimeSpan -Minutes 30)
$settings = New-ScheduledTaskSettingsSet -StartWhenAvailable -MultipleInstances IgnoreNew -ExecutionTimeLimit (New-TimeSpan -Minutes 30)
$principal = New-ScheduledTaskPrincipal -UserId $Account -LogonType ServiceAccount -RunLevel Limited
Register-ScheduledTask -TaskName 'Advisory Watcher' -Action $action -Trigger $trigger -Settings $settings -Principal $principal -Force
icacls $Folder /grant "${Account}:(OI)(CI)M"
