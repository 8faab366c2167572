"""The sources that are on without a line of configuration, where what is watched
concerns them.
"""

from __future__ import annotations

from datetime import timedelta

from watcher.records import Source

# How long each may be silent.  The longest pause of CISA's catalogue was 26 days (from
# 2021 to 2025, by its own dates); the Exchange team posts several times a month.  Of
# the others no pause would prove anything, but for Microsoft's on a Patch Tuesday.
BUILTIN: tuple[Source, ...] = (
    Source(
        "msrc-cvrf",
        "cvrf",
        "https://api.msrc.microsoft.com/cvrf/v3.0/updates",
        monthly=True,
    ),
    Source(
        "msrc-guide",
        "feed",
        "https://api.msrc.microsoft.com/update-guide/rss",
        monthly=True,
    ),
    Source(
        "msrc-csaf",
        "csaf",
        "https://msrc.microsoft.com/csaf/provider-metadata.json",
        monthly=True,
    ),
    # Never seen live
    Source("msrc-blog", "feed", "https://msrc.microsoft.com/blog/feed", enabled=False),
    Source(
        "exchange-blog",
        "feed",
        "https://techcommunity.microsoft.com/t5/s/gxcuf89792/rss/board?board.id=Exchange",
        silent=timedelta(days=60),
        products=("Exchange Server",),
    ),
    Source(
        "exchange-issues",
        "issues-page",
        "https://microsoft.github.io/CSS-Exchange/Emerging-Issues/",
        products=("Exchange Server",),
    ),
    Source(
        "exchange-builds",
        "build-table",
        "https://learn.microsoft.com/en-us/exchange/new-features/build-numbers-and-release-dates",
        products=("Exchange Server",),
    ),
    Source(
        "download-center",
        "download",
        "https://www.microsoft.com/en-us/download/details.aspx",
    ),
    Source("kb-articles", "kb-article", "https://support.microsoft.com/help/"),
    Source(
        "update-catalog",
        "catalog",
        "https://www.catalog.update.microsoft.com/Search.aspx",
    ),
    Source(
        "health-checker",
        "feed",
        "https://github.com/microsoft/CSS-Exchange/releases.atom",
        products=("Exchange Server",),
    ),
    Source(
        "cisa-kev",
        "kev",
        "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
        silent=timedelta(days=45),
    ),
    Source(
        "windows-health",
        "release-health",
        "https://learn.microsoft.com/en-us/windows/release-health/windows-message-center",
        products=("Windows",),
    ),
    # It needs a client of one's own tenant
    Source(
        "windows-graph",
        "windows-graph",
        "https://graph.microsoft.com/beta/admin/windows/updates/products"
        "?$expand=revisions($expand=catalogEntry,knowledgeBaseArticle),knownIssues",
        enabled=False,
        products=("Windows",),
    ),
    Source(
        "windows-11-releases",
        "release-information",
        "https://learn.microsoft.com/en-us/windows/release-health/windows11-release-information",
        products=("Windows 11",),
    ),
    Source(
        "windows-10-releases",
        "release-information",
        "https://learn.microsoft.com/en-us/windows/release-health/release-information",
        products=("Windows 10",),
    ),
    Source(
        "windows-server-releases",
        "release-information",
        "https://learn.microsoft.com/en-us/windows/release-health/windows-server-release-info",
        products=("Windows Server",),
    ),
    Source(
        "sql-2025-builds",
        "sql-builds",
        "https://learn.microsoft.com/en-us/troubleshoot/sql/releases/sqlserver-2025/build-versions",
        products=("SQL Server 2025",),
    ),
    Source(
        "sql-2022-builds",
        "sql-builds",
        "https://learn.microsoft.com/en-us/troubleshoot/sql/releases/sqlserver-2022/build-versions",
        products=("SQL Server 2022",),
    ),
    Source(
        "sql-2019-builds",
        "sql-builds",
        "https://learn.microsoft.com/en-us/troubleshoot/sql/releases/sqlserver-2019/build-versions",
        products=("SQL Server 2019",),
    ),
    Source(
        "sql-2017-builds",
        "sql-builds",
        "https://learn.microsoft.com/en-us/troubleshoot/sql/releases/sqlserver-2017/build-versions",
        products=("SQL Server 2017",),
    ),
    Source(
        "sql-2016-builds",
        "sql-builds",
        "https://learn.microsoft.com/en-us/troubleshoot/sql/releases/sqlserver-2016/build-versions",
        products=("SQL Server 2016",),
    ),
    Source(
        "sharepoint-updates",
        "sharepoint-updates",
        "https://learn.microsoft.com/en-us/officeupdates/sharepoint-updates",
        products=("SharePoint",),
    ),
    Source(
        "dotnet-releases",
        "dotnet-releases",
        "https://builds.dotnet.microsoft.com/dotnet/release-metadata/releases-index.json",
        products=(".NET",),
    ),
    Source(
        "edge-issues",
        "edge-issues",
        "https://learn.microsoft.com/en-us/deployedge/microsoft-edge-known-issues",
        products=("Edge",),
    ),
    Source(
        "office-history",
        "office-history",
        "https://learn.microsoft.com/en-us/officeupdates/update-history-microsoft365-apps-by-date",
        products=("Microsoft 365 Apps",),
    ),
)


# Names that these sources give, as far as they are known beforehand
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
