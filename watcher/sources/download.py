"""A details page of Microsoft's Download Center: one entry, its files as packages.

The page carries its content as JSON in a script (``window.__DLCDetails__``).  None
could be recorded: the form is as programs describe that read it, and a page that does
not fit it is a failure that quotes what was found, never a download that is gone.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from msgspec import Struct

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Entry, Package, Page, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import (
    decode,
    first,
    passages,
    quoted,
    snapshot,
    unique,
    watched_products,
)

_DETAILS = re.compile(r"window\.__DLCDetails__\s*=\s*")
_GONE = re.compile(
    r"\b(?:this|the|that) (?:\w+ ){0,3}(?:download|page|file|item|update)\b"
    r"(?: \w+){0,6}? (?:is|are|was|has been|have been) "
    r"(?:no longer (?:available|offered)|removed|retired|deleted)\b",
    re.IGNORECASE,
)
_NOT_FOUND = re.compile(
    r"not ?found|no longer|unavailable|not available|removed|retired|\b4(?:04|10)\b",
    re.IGNORECASE,
)


class File(Struct, frozen=True, rename="camel"):
    """One file of a download; null and numbers are taken where text was described."""

    name: str | None = None
    url: str | None = None
    # Bytes
    size: str | int | None = None
    version: str | None = None


class View(Struct, frozen=True, rename="camel"):
    """What the page shows."""

    download_file: tuple[File, ...] | None = None
    download_title: str | None = None
    download_description: str | None = None
    details_version: str | None = None
    # US form
    details_date_published: str | None = None
    error: Any = None

    @property
    def files(self) -> list[File]:
        """The files that have a name or an address."""
        listed = self.download_file or ()
        return [file for file in listed if file.name or file.url]


class Details(Struct, frozen=True, rename="camel"):
    """The JSON in the page."""

    dlc_details_view: View | None = None


def parse(page: Page, watch: Watch) -> Snapshot:
    """Read a details page.

    404, 410 and "no longer available" give an entry with ``available`` False.

    Raises:
        ParseError: the page has no readable details and does not say that the download
            is gone.

    """
    key = page.document or _number(page.url)
    if page.status in {404, 410}:
        return _gone(page, key)
    body = page.body.decode("utf-8", "replace")
    view = _view(body)
    if view.error:
        said = json.dumps(view.error)
        if _NOT_FOUND.search(said):
            return _gone(page, key)
        raise ParseError(f"the Download Center shows an error: {quoted(said)}")
    if view.files:
        return snapshot(page, total=1, entries=_offered(page, key, view, watch))
    text = markup.plain(body)
    if _GONE.search(normalize.fold(text)):
        return _gone(page, key)
    raise ParseError(
        "this is a download page without files that does not say that the "
        f"download is gone: {quoted(_unread_details(body) or text)}"
    )


def _number(url: str) -> str:
    """Return the ``id`` or ``familyID`` that a download's address has, else the address."""
    try:
        query = {name.lower(): value for name, value in parse_qsl(urlsplit(url).query)}
    except ValueError:
        # Such as "http://["
        return url
    return query.get("id") or query.get("familyid", "").lower() or url


def _view(body: str) -> View:
    """Return the page's details, empty ones when they are absent, null or no JSON.

    They may stand in the page with HTML's escapes.
    """
    written = _written_details(body)
    if not written:
        return View()
    details = decode(written.encode(), Details, "the Download Center's details")
    return details.dlc_details_view or View()


def _written_details(body: str) -> str:
    start = _DETAILS.search(body)
    if start is None:
        return ""
    rest = body[start.end() :]
    found = _json(rest) or _json(rest, html.unescape)
    return found if found != "null" else ""


def _unread_details(body: str) -> str:
    """Return what stands in the place of the details when they cannot be read."""
    start = _DETAILS.search(body)
    return body[start.start() :] if start and not _written_details(body) else ""


def _json(text: str, read: Callable[[str], str] = str) -> str:
    """Return the JSON value that ``text`` begins with once it is read, "" when it begins
    with none.
    """
    try:
        plain = read(text)
        return plain[: json.JSONDecoder().raw_decode(plain)[1]]
    except (ValueError, RecursionError):
        # No JSON; a number or a character reference of too many digits
        return ""


def _offered(page: Page, key: str, view: View, watch: Watch) -> Iterator[Entry]:
    """Yield the download's entry; none when it names products that are not watched."""
    title = markup.plain(view.download_title or "")
    names = normalize.products_in(title)
    product = first(watched_products(names, watch))
    if names and not product:
        return
    description = markup.plain(view.download_description or "")
    yield Entry(
        key=key,
        title=title or key,
        url=page.url,
        published=normalize.date(view.details_date_published or ""),
        revision=normalize.fold(view.details_version or ""),
        kbs=normalize.kbs_in(title),
        products=unique([product]),
        packages=tuple(_package(file, product, title) for file in view.files),
        label=normalize.label(title),
        passages=passages("content", description),
        available=True,
    )


def _package(file: File, product: str, title: str) -> Package:
    address = file.url or ""
    name = normalize.fold(file.name or address.rsplit("/", 1)[-1])
    build = normalize.build(file.version or "")
    # A version of fewer numbers is the download's own ("1.0")
    if len(normalize.build_key(build)) != 4:
        build = first(normalize.builds_in(name))
    size = str(file.size or "").strip()
    return Package(
        product=product,
        kb=first(normalize.kbs_in(name)) or first(normalize.kbs_in(title)),
        build=build,
        url=address,
        file=name,
        size=int(size) if re.fullmatch(r"[0-9]{1,15}", size) else None,
    )


def _gone(page: Page, key: str) -> Snapshot:
    entry = Entry(key=key, title=f"Download {key}", url=page.url, available=False)
    return snapshot(page, total=1, entries=(entry,))
