"""Pages of learn.microsoft.com as it serves them, made from a few words each."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

HEALTH = "https://learn.microsoft.com/en-us/windows/release-health/"
_HELP = "https://support.microsoft.com/help/"


class Issue(Struct, frozen=True):
    """A known issue of a Windows release; its KB articles are bare numbers."""

    number: str
    title: str
    text: str
    origin: str = ""
    status: str = "Mitigated"
    resolved_by: str = ""
    opened: str = "2031-03-26"
    updated: str = "2031-03-26"
    affected: str = ""


def status_page(title: str, *issues: Issue) -> bytes:
    """Write a status page in the layout of one table an issue."""
    rows = "".join(map(_summary, issues))
    return page(
        f"{title} known issues and notifications",
        "<table><thead><tr><th>Summary</th><th>Originating update</th><th>Status</th>"
        f"<th>Last updated</th></tr></thead><tbody>{rows}</tbody></table>"
        f"<h2>Issue details</h2>{''.join(map(_details, issues))}",
    )


def old_status_page(title: str, *issues: Issue) -> bytes:
    """Write a status page in the layout of one table a month, heads in ``td``."""
    rows = "".join(map(_summary, issues))
    details = "".join(
        f"<tr><td><div id='{each.number}msgdesc'></div><b>{each.title}</b>"
        f"{_text(each)}</td><td>{_origin(each)}</td><td>{_status(each)}</td>"
        f"<td>Last updated:<br>{each.updated} <br>10:59 AM PT<br><br>Opened:<br>"
        f"{each.opened} <br>10:00 AM PT</td></tr>"
        for each in issues
    )
    return page(
        title,
        "<table border ='0'><tr><td>Summary</td><td>Originating update</td><td>Status"
        f"</td><td>Last updated</td></tr>{rows}</table><h2>March 2031</h2>"
        "<table><tr><td>Details</td><td>Originating update</td><td>Status</td>"
        f"<td>History</td></tr>{details}</table>",
    )


def _summary(issue: Issue) -> str:
    return (
        f"<tr><td><div id='{issue.number}msg'></div><a href='#{issue.number}msgdesc'>"
        f"<b>{issue.title}</b></a><br>It might fail.<br></td><td>{_origin(issue)}</td>"
        f"<td>{_status(issue)}</td><td>{issue.updated} <br>17:32 PT</td></tr>"
    )


def _details(issue: Issue) -> str:
    # As it is served: the row of values lacks its opening tag
    return (
        f"<h3>March 2031</h3><table><tr><td colspan='3'><div id='{issue.number}msgdesc'>"
        f"</div><h4>{issue.title}</h4></td></tr><tr><td><b>Status</b></td><td><b>"
        f"Originating update</b></td><td><b>History</b></td></tr><td>{_status(issue)}"
        f"</td><td>{_origin(issue)}</td><td>Last updated: {issue.updated}, 05:32 PT<br>"
        f"Opened: {issue.opened}, 07:01 PT</td></tr><tr><td colspan='3'>{_text(issue)}"
        "</td></tr></table><br>"
    )


def _text(issue: Issue) -> str:
    affected = ""
    if issue.affected:
        affected = (
            "<div><strong>Affected platforms:</strong></div><ul><li>Client: "
            f"{issue.affected}</li><li>Server: None</li></ul>"
        )
    said, _, remedy = issue.text.partition("|")
    return (
        f"<div>{said}</div><div><br></div>{affected}<div>{remedy}</div>"
        "<div align='right'><a href ='#known-issues'>Back to top</a></div>"
    )


def _origin(issue: Issue) -> str:
    if not issue.origin:
        return "N/A <br> <a href ='' target='_blank'></a><br>"
    return f"OS Build 19045.4000<br>{_link(issue.origin)}<br>2031-03-12"


def _status(issue: Issue) -> str:
    by = _link(issue.resolved_by) if issue.resolved_by else "<a href = ''></a>"
    return f"{issue.status}<br>{by}"


def _link(number: str) -> str:
    return f"<a href='{_HELP}{number}' target='_blank'>KB{number}</a>"


def message_center(*messages: tuple[str, str, str, str]) -> bytes:
    """Write the message center: number, date, title and HTML of each message."""
    rows = "".join(
        f"<tr><td id='{number}'><b>{title}</b><a class='docon' href='#{number}'></a><br>"
        f"<div>{text}</div></td><td>{date} <br>10:00 AM PT</td></tr>"
        for number, date, title, text in messages
    )
    return page(
        "Windows message center",
        "<table border ='0'><tr><td width='80%'>Message</td><td width='20%'>Date</td>"
        f"</tr>{rows}</table>",
    )


def grid(head: Sequence[str], *rows: Sequence[str]) -> str:
    """Write a table as learn renders one of Markdown."""
    heads = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def page(title: str, body: str) -> bytes:
    """Write a page with its navigation, which is no content."""
    return (
        f'<!DOCTYPE html><html lang="en-us"><head><title>{title} | Microsoft Learn'
        "</title></head><body><nav><a href='/'>Skip to main content</a></nav><main>"
        f"<h1>{title}</h1>{body}</main></body></html>"
    ).encode()
