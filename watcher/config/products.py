"""Names that the built-in sources give, as far as they are known beforehand."""

from __future__ import annotations

USUAL: tuple[str, ...] = (
    *("Exchange Server", "Exchange Server SE", "Exchange Server 2019"),
    *("Exchange Server 2016", "Exchange Server 2013", "Exchange Server 2010"),
    *("Windows", "Windows Server", "Windows Server 2025", "Windows Server 2022"),
    *("Windows Server 2019", "Windows Server 2016", "Windows Server 2012 R2"),
    *("Windows Server 2012", "Windows Server 2008 R2", "Windows Server 2008"),
    *("Windows Server, version 23H2", "Windows 11", "Windows 10"),
    *(f"Windows 11 Version {release}" for release in ("26H1", "25H2", "24H2", "23H2")),
    *(f"Windows 10 Version {release}" for release in ("22H2", "1809", "1607")),
    *("SQL Server", "SQL Server 2025", "SQL Server 2022", "SQL Server 2019"),
    *("SQL Server 2017", "SQL Server 2016", "SharePoint", "SharePoint Server"),
    *("SharePoint Server Subscription Edition", "SharePoint Server 2019"),
    *("SharePoint Server 2016", "SharePoint Enterprise Server 2016"),
    *(".NET", ".NET 10.0", ".NET 9.0", ".NET 8.0", ".NET Framework", ".NET Core"),
    *("Microsoft 365 Apps", "365 Apps", "Edge", "Edge (Chromium-based)"),
    *(
        "Office",
        "Office 2019",
        "Office 2016",
        "Office LTSC",
        "Outlook",
        "Word",
        "Excel",
    ),
    *("Visual Studio", "Visual Studio 2022", "Visual Studio Code", "PowerShell"),
    *("Dynamics 365", "Skype for Business Server", "Azure", "Azure DevOps Server"),
    *("Defender", "Teams", "Remote Desktop", "Power BI", "Access", "Project", "Visio"),
    *("Internet Explorer", "Windows Admin Center", "Azure Linux", "CBL Mariner"),
)
