"""The built-in sources, and those of the file laid over them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from msgspec import UNSET, Struct
from msgspec.structs import replace

from watcher.config import environment, values
from watcher.config.mistakes import Key, Mistakes, meant
from watcher.config.tables import SourceTable
from watcher.config.toml_tables import Tables
from watcher.judgement.reading import LANGUAGES
from watcher.kinds import SOURCE_KINDS
from watcher.records import Source, Watch
from watcher.settings import Secret

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


def sources(
    tables: Tables, watch: Watch, environ: Mapping[str, str], mistakes: Mistakes
) -> tuple[Source, ...]:
    """Lay the sources of the file over the built-in ones, by their names.

    Of the built-in ones those are on that ``watch`` concerns.
    """
    found: dict[str, Source] = {}
    if tables.watch.builtin_sources:
        found = {source.name: _as_watched(source, watch) for source in BUILTIN}
    mistakes.unique(((key, table.name) for key, table in tables.source), "source")
    for key, table in tables.source:
        source = _source(table, key, environ, mistakes)
        if source:
            found[source.name] = source
    # Where a [[source]] has a mistake, that is what is to be mended
    if not any(source.enabled for source in found.values()) and not mistakes.lines:
        mistakes.add(
            ("watch", "builtin_sources"),
            "no source is left to read",
            "Add a [[source]], or leave builtin_sources out.",
        )
    return tuple(found.values())


def _as_watched(source: Source, watch: Watch) -> Source:
    is_watched = not source.products or bool(source.asked_for(watch))
    return replace(source, enabled=source.enabled and is_watched)


def _source(
    table: SourceTable, key: Key, environ: Mapping[str, str], mistakes: Mistakes
) -> Source | None:
    """Read one source; what it leaves open is taken from the built-in one of its name."""
    names = tuple(source.name for source in BUILTIN)
    default = Source("", "", "")
    if table.name in names:
        default = BUILTIN[names.index(table.name)]
    kind = default.kind if table.kind is UNSET else table.kind
    url = default.url if table.url is UNSET else table.url
    for name, text in (("kind", kind), ("url", url)):
        if not text:
            hint = meant(table.name, names)
            mistakes.add(
                key,
                f'the source "{table.name}" has no {name}',
                f"Give {name}; only a built-in source may leave it out. {hint}",
            )
            return None
    rhythm = Rhythm(default.silent, default.monthly)
    # A source of one's own is as monthly as its kind: MSRC's documents, a build table
    if table.name not in names and kind in SOURCE_KINDS:
        rhythm = Rhythm(None, SOURCE_KINDS[kind].monthly)
    given = mistakes.table(*key)
    if table.silent is not UNSET:
        rhythm = given.value("silent", _rhythm, rhythm, table.silent)
    language = default.language
    if table.language is not UNSET:
        language = given.value(
            "language",
            values.choice,
            "",
            table.language,
            LANGUAGES,
            "language that can be read",
        )
    every = default.every
    if table.every is not UNSET:
        every = given.value("every", values.duration, every, table.every)
    return Source(
        name=given.value("name", values.name, "", table.name),
        kind=given.value(
            "kind", values.choice, "", kind, tuple(SOURCE_KINDS), "kind of source"
        ),
        url=given.value("url", _url, "", url, environ, mistakes.secrets),
        every=every,
        enabled=True if table.enabled is UNSET else table.enabled,
        silent=rhythm.silent,
        monthly=rhythm.monthly,
        # Only an address that somebody typed may be mistyped
        own=table.url is not UNSET,
        products=default.products,
        language=language,
    )


class Rhythm(Struct, frozen=True):
    """How often a source must show something new; see ``Source``."""

    silent: timedelta | None
    monthly: bool


def _rhythm(text: str) -> Rhythm:
    silent, monthly = values.silence(text)
    return Rhythm(silent, monthly)


def _url(text: str, environ: Mapping[str, str], secrets: list[Secret]) -> str:
    """Check the URL with its secrets put in, and give it without them."""
    environment.without_password(text)
    values.web_url(environment.expanded(text, environ, secrets))
    return text
