"""Pages in the forms in which the sources serve them, made from a few words each."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape

from msgspec import Struct

CU13 = "Microsoft Exchange Server 2019 Cumulative Update 13"
CU14 = "Microsoft Exchange Server 2019 Cumulative Update 14"
CU23 = "Microsoft Exchange Server 2016 Cumulative Update 23"
SE = "Microsoft Exchange Server Subscription Edition RTM"
OUTAGE = (
    b"<!DOCTYPE html><html><head><title>Service "
    b"unavailable</title></head><body><h1>We will be back soon</h1></body></html>"
)

_NAMES = "cvrf", "prod", "vuln"
_SPACES = " ".join(
    f'xmlns:{name}="http://www.icasi.org/CVRF/schema/{name}/1.1"' for name in _NAMES
)


class Fix(Struct, frozen=True):
    """A vendor fix of MSRC's records: KB article and build for one product."""

    product: str
    kb: str
    build: str = ""
    url: str = ""
    supersedes: str = ""
    subtype: str = "Security Update"


class Cve(Struct, frozen=True):
    """A vulnerability of a month: ``revisions`` are number, day and text."""

    name: str
    fixes: tuple[Fix, ...] = ()
    revisions: tuple[tuple[str, str, str], ...] = (
        ("1.0", "2024-11-12", "Information published."),
    )
    faq: str = ""
    exploited: str = "No"
    disclosed: str = "No"
    title: str = "Microsoft Exchange Server Spoofing Vulnerability"
    affects: tuple[str, ...] = ()
    tag: str = "Microsoft Exchange Server"
    workaround: str = ""
    severity: str = ""


class Month(Struct, frozen=True):
    """A monthly document with the name that it is asked by."""

    name: str
    body: bytes
    current: str  # what the index says of it


def month(
    name: str,
    *cves: Cve,
    calls_itself: str = "",
    linux: int = 0,
    number: int = 100,
    declared: str = "",
) -> Month:
    """Write a month of MSRC's records; ``linux`` packages more."""
    names = sorted(
        {fix.product for cve in cves for fix in cve.fixes}
        | {product for cve in cves for product in cve.affects}
    )
    ids = {product: str(12000 + place) for place, product in enumerate(names)}
    current = (
        max(
            [revision[1] for cve in cves for revision in cve.revisions],
            default=f"{name[:4]}-01-01",
        )
        + "T08:00:00"
    )
    products = "".join(
        f'<prod:FullProductName ProductID="{number}">{product}</prod:FullProductName>'
        for product, number in ids.items()
    )
    products += (
        (
            '<prod:FullProductName ProductID="17084-1">azl3 curl 8.8.0-1 on '
            "Azure Linux 3.0</prod:FullProductName>"
        )
        if linux
        else ""
    )
    told = "".join(_vulnerability(cve, ids) for cve in cves) + "".join(
        _package(place) for place in range(linux)
    )
    text = (
        f"<cvrf:cvrfdoc {_SPACES}><cvrf:DocumentTitle>Security "
        "Updates</cvrf:DocumentTitle><cvrf:DocumentTracking>"
        f"<cvrf:Identification><cvrf:ID>{calls_itself or name}</cvrf:ID></cvrf:Identification><cvrf:RevisionHistory><cvrf:Revision>"
        f"<cvrf:Number>{number}</cvrf:Number></cvrf:Revision></cvrf:RevisionHistory>"
        f"<cvrf:CurrentReleaseDate>{declared or current}</cvrf:CurrentReleaseDate></cvrf:DocumentTracking>"
        f"<prod:ProductTree>{products}</prod:ProductTree>\n{told}</cvrf:cvrfdoc>"
    )
    return Month(name, text.encode(), (declared or current) + "Z")


def _vulnerability(cve: Cve, ids: dict[str, str]) -> str:
    affected = dict.fromkeys([*cve.affects, *(fix.product for fix in cve.fixes)])
    fixes = "".join(
        '<vuln:Remediation Type="Vendor '
        f'Fix"><vuln:Description>{fix.kb}</vuln:Description><vuln:URL>{escape(fix.url)}</vuln:URL>'
        f"<vuln:Supercedence>{fix.supersedes}</vuln:Supercedence><vuln:ProductID>{ids[fix.product]}</vuln:ProductID>"
        f"<vuln:SubType>{fix.subtype}</vuln:SubType><vuln:FixedBuild>{fix.build}</vuln:FixedBuild></vuln:Remediation>"
        for fix in cve.fixes
    )
    if cve.workaround:
        fixes += (
            "<vuln:Remediation "
            f'Type="Workaround"><vuln:Description>{escape(cve.workaround)}</vuln:Description></vuln:Remediation>'
        )
    status = (
        f"Publicly Disclosed:{cve.disclosed};Exploited:{cve.exploited};Latest "
        "Software Release:Exploitation Less Likely"
    )
    return (
        f'<vuln:Vulnerability\n    Ordinal="1"><vuln:Title>{cve.title}</vuln:Title><vuln:Notes>'
        '<vuln:Note Title="FAQ" Type="FAQ" '
        f'Ordinal="10">{escape(f"<p>{cve.faq}</p>" if cve.faq else "")}</vuln:Note>'
        f'<vuln:Note Title="{cve.tag}" Type="Tag" '
        f'Ordinal="20">{cve.tag}</vuln:Note></vuln:Notes><vuln:CVE>{cve.name}</vuln:CVE>'
        '<vuln:ProductStatuses><vuln:Status Type="Known '
        f'Affected">{_numbers(affected, ids)}</vuln:Status></vuln:ProductStatuses>'
        '<vuln:Threats><vuln:Threat Type="Exploit '
        f'Status"><vuln:Description>{status}</vuln:Description></vuln:Threat>'
        "<vuln:Threat "
        f'Type="Severity"><vuln:Description>{cve.severity}</vuln:Description></vuln:Threat></vuln:Threats>'
        f"<vuln:Remediations>{fixes}</vuln:Remediations>{_history(cve.revisions)}</vuln:Vulnerability>\n"
    )


def _numbers(products: dict[str, None], ids: dict[str, str]) -> str:
    return "".join(
        f"<vuln:ProductID>{ids[product]}</vuln:ProductID>" for product in products
    )


def _history(revisions: tuple[tuple[str, str, str], ...]) -> str:
    told = "".join(
        f"<vuln:Revision><cvrf:Number>{number}</cvrf:Number><cvrf:Date>{day}T08:00:00</cvrf:Date>"
        f"<cvrf:Description>{escape(f'<p>{text}</p>')}</cvrf:Description></vuln:Revision>"
        for number, day, text in revisions
    )
    return f"<vuln:RevisionHistory>{told}</vuln:RevisionHistory>"


def _package(place: int) -> str:
    """A Linux package, of which MSRC lists hundreds a month."""
    tag = '<vuln:Notes><vuln:Note Title="Mariner" Type="Tag">Mariner</vuln:Note></vuln:Notes>'
    return (
        "<vuln:Vulnerability\n    "
        f'Ordinal="9"><vuln:Title/>{tag}<vuln:CVE>CVE-2024-{70000 + place}</vuln:CVE>'
        "<vuln:ProductStatuses><vuln:Status><vuln:ProductID>17084-1</vuln:ProductID></vuln:Status></vuln:ProductStatuses>"
        f"{_history((('1.0', '2024-11-01', 'Information published.'),))}</vuln:Vulnerability>\n"
    )


def address(name: str) -> str:
    """Where a month's document is served."""
    return f"https://api.msrc.microsoft.com/cvrf/v3.0/cvrf/{name}"


def index(months: dict[str, Month], served: Callable[[str], str] = address) -> bytes:
    """Write MSRC's list of months; ``served`` says where each document is."""
    rows = [
        {
            "ID": each.name,
            "DocumentTitle": "Security Updates",
            "Severity": None,
            "CurrentReleaseDate": each.current,
            "CvrfUrl": served(each.name),
        }
        for each in months.values()
    ]
    return json.dumps(
        {
            "@odata.context": "https://api.msrc.microsoft.com/$metadata#Updates",
            "value": rows,
        }
    ).encode()


def table(*rows: tuple[str, ...]) -> bytes:
    """Write the page of builds; a row is name, date, build and KB article or link."""
    return _page(
        "Exchange Server build numbers and release dates",
        _table(BUILDS, [_built(*row) for row in rows]),
    )


BUILDS = (
    "Product name",
    "Release date",
    "Build number(short format)",
    "Build number(long format)",
)


def _built(
    name: str, date: str, build: str, link: str = "", long: str = ""
) -> tuple[str, ...]:
    url = (
        f"https://support.microsoft.com/help/{link.removeprefix('KB')}"
        if link.startswith("KB")
        else link
    )
    named = f'&nbsp;&nbsp;<a href="{escape(url)}">{name}</a>' if url else name
    return (
        named,
        date,
        build,
        long
        or ".".join(
            part.zfill(width)
            for part, width in zip(build.split("."), (2, 2, 4, 3), strict=False)
        ),
    )


def issues(*rows: tuple[str, str, str, str]) -> bytes:
    """Write the page of emerging issues; a row is date, update (HTML), issue, workaround."""
    heads = ("Updated on", "Update causing the issue", "Issue", "Workaround/Solution")
    return _page("Emerging Issues for Exchange On-Premises", _table(heads, list(rows)))


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{text}</th>" for text in heads)
    return (
        f"<table><tr>{head}</tr>"
        + "".join(
            f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows
        )
        + "</table>"
    )


def _page(title: str, body: str) -> bytes:
    return (
        "<!doctype html><html "
        f'lang="en"><head><title>{title}</title></head><body><h1>{title}</h1>{body}</body></html>'
    ).encode()


def post(number: int, title: str, day: str, text: str, slug: str = "post") -> str:
    """Write a post of the blog as it stands now; its number is what stays."""
    link = f"https://techcommunity.microsoft.com/blog/exchange/{slug}/{number}"
    return (
        f"<item><title>{escape(title)}</title><link>{link}</link><description>{escape(text)}</description>"
        f"<pubDate>{_mail_date(day)}</pubDate><guid isPermaLink='false'>{link}</guid></item>"
    )


def blog(*posts: str) -> bytes:
    """Write the blog's feed."""
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>Exchange Team '
        f"Blog</title>{''.join(posts)}</channel></rss>"
    ).encode()


def guide(*items: tuple[str, str, str, str]) -> bytes:
    """Write the Update Guide's feed; an item is CVE, revision, day, text in Markdown."""
    told = "".join(
        f'<item Revision="{revision}000000000"><guid '
        f'isPermaLink="false">{cve}</guid><category>CVE</category>'
        f"<link>https://msrc.microsoft.com/update-guide/vulnerability/{cve}</link>"
        f"<title>{cve} Microsoft Exchange Server Spoofing "
        f"Vulnerability</title><description>{escape(text)}</description>"
        f"<pubDate>{_mail_date(day)}</pubDate></item>"
        for cve, revision, day, text in items
    )
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>Security Update '
        f"Guide</title>{told}</channel></rss>"
    ).encode()


def _mail_date(day: str) -> str:
    return format_datetime(datetime.fromisoformat(f"{day} 08:00").replace(tzinfo=UTC))


def download(
    title: str, *files: tuple[str, int], version: str = "1.0", date: str = "11/12/2024"
) -> bytes:
    """Write a details page of the Download Center; a file is name and size."""
    listed = [
        {
            "isPrimary": "True",
            "name": name,
            "url": f"https://download.microsoft.com/{name}",
            "size": str(size),
            "version": version,
        }
        for name, size in files
    ]
    view = {
        "downloadTitle": title,
        "detailsVersion": version,
        "detailsDatePublished": date,
        "downloadFile": listed,
    }
    script = json.dumps({"dlcDetailsView": view})
    return (
        "<!DOCTYPE "
        f"html><html><body><script>window.__DLCDetails__={script};</script></body></html>"
    ).encode()


def catalog(kb: str, *rows: tuple[str, str, int]) -> bytes:
    """Write the catalogue's answer.

    A row is GUID's last digit, title and size.  Without rows it found nothing.
    """
    if not rows:
        answer = (
            '<span id="ctl00_catalogBody_noResultText">We did not find any '
            f'results for "{kb}"</span>'
        )
    else:
        cells = "".join(
            f'<tr id="{_guid(digit)}_R3"><td></td><td>{title} '
            f"({kb})</td><td>Exchange Server 2019</td><td>Security "
            "Updates</td>"
            "<td>11/12/2024</td><td>n/a</td><td><span "
            f'id="{_guid(digit)}_originalSize">{size}</span></td></tr>'
            for digit, title, size in rows
        )
        answer = (
            '<table id="ctl00_catalogBody_updateMatches"><tr '
            f'id="headerRow"><th>Title</th></tr>{cells}</table>'
        )
    return (
        f'<html><body><form action="./Search.aspx?q={kb}" '
        f'id="aspnetForm">{answer}</form></body></html>'
    ).encode()


LOST_SEARCH = (
    b'<html><body><form method="post" action="./Search.aspx" '
    b'id="aspnetForm"><input id="ctl00_searchTextBox"/></form></body></html>'
)


def _guid(digit: str) -> str:
    return f"11111111-2222-3333-4444-55555555555{digit}"


def kev(*cves: str, added: str = "2024-11-20") -> bytes:
    """Write CISA's catalogue; three others stand in it, too."""
    listed = [_exploited(cve, added, "Microsoft", "Exchange Server") for cve in cves]
    listed += [
        _exploited(f"CVE-2020-4000{place}", "2020-06-01", "Example", "Example Meter")
        for place in range(3)
    ]
    return json.dumps(
        {
            "title": "KEV",
            "catalogVersion": "2024.11.20",
            "count": len(listed),
            "vulnerabilities": listed,
        }
    ).encode()


def _exploited(cve: str, added: str, vendor: str, product: str) -> dict[str, str]:
    return {
        "cveID": cve,
        "vendorProject": vendor,
        "product": product,
        "vulnerabilityName": f"{vendor} {product} Vulnerability",
        "dateAdded": added,
        "shortDescription": "A vulnerability.",
        "requiredAction": "Apply the vendor's update.",
        "dueDate": added,
        "knownRansomwareCampaignUse": "Unknown",
        "notes": "",
    }


def article(kb: str, *, issue: str = "", get: str = "Microsoft Update") -> bytes:
    """Write a KB article."""
    title = (
        "Description of the security update for Microsoft Exchange Server 2019: "
        f"November 12, 2024 ({kb})"
    )
    issues = f"<h2>Known issues in this update</h2><p>{issue}</p>" if issue else ""
    return _page(
        title,
        (
            f"<p>It resolves vulnerabilities.</p>{issues}<h2>How to get and "
            f"install the update</h2><p>{get}</p>"
        ),
    )
