"""Kind ``feed``: RSS 0.9x to 2.0, RDF and Atom; blogs, release feeds and the Update Guide.

feedparser reads them, and is no health check: it calls an HTML outage page a feed without entries, so a body without a
feed's root is refused here.  The Update Guide keeps the CVE as guid through every revision and gives the revision as an
attribute of ``<item>`` (``Revision="1.0000000000"``) that feedparser drops: it is read from the XML beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import feedparser
import feedparser.api
from lxml import etree

from watcher.errors import ParseError
from watcher.judgement import canonical
from watcher.records import Coverage, Entry, Page, Passage, Snapshot, Watch
from watcher.sources import markup

_POST = re.compile(r"techcommunity\.microsoft\.com/.*?(\d{5,})/?(?:[?#].*)?$", re.IGNORECASE)
_GUIDE = "https://msrc.microsoft.com/update-guide/vulnerability/"
_END = re.compile(rb"(?:</(?:\w+:)?(?:rss|feed|RDF|channel)\s*>|/>)\s*(?:<!--[^<]*-->\s*)*\Z", re.IGNORECASE)
_ROOT = re.compile(rb"<(?:\w+:)?(?:rss|feed|RDF|channel)\b", re.IGNORECASE)
_WANTED = "an RSS, RDF or Atom feed"

feedparser.api.PREFERRED_XML_PARSERS[:] = ["watcher.sources.merged_text"]  # SAX drivers, tried before Python's own


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return all entries of a feed, whether or not they name a watched product: others are its news.

    Of the Update Guide, which is no news but every CVE there is, only entries that name a watched product are returned.

    Raises:
        ParseError: the body is empty, no feed, or ends in the middle of one.

    """
    body = _encoded(page)
    feed = _read(page, body)
    items: list[Any] = feed.entries
    revisions = _revisions(body, items) if b"Revision" in body else {}
    subject = next(iter(canonical.products_in(_text(feed.feed.get("title")))), "")
    assumed = canonical.family(subject) if subject else ""
    kept = [
        _entry(item, page.url, assumed, revisions.get(place, ""))
        for place, item in enumerate(items)
        if not revisions or _is_watched(item, watch)
    ]
    dates = [moment for item in items if (moment := _published(item) or _updated(item))]
    return Snapshot(
        source=page.source,
        document=page.document,
        url=page.url,
        time=page.time,
        sha256=page.sha256,
        coverage=Coverage.WINDOW,
        total=len(items),
        revisions=len(revisions),
        entries=tuple(sorted(_distinct(kept), key=lambda entry: entry.key)),
        oldest=min(dates, default=None),
        newest=max((moment for item in items if (moment := _updated(item) or _published(item))), default=None),
    )


def _encoded(page: Page) -> bytes:
    """Return the body as UTF-8 without its declaration when it bears a byte order mark, which outranks any declaration."""
    marked = markup.unmarked(page.body)
    return page.body if marked is None else re.sub(r"\A\s*<\?xml[^>]*\?>", "", marked).encode("utf-8", "replace")


def _read(page: Page, body: bytes) -> Any:  # noqa: ANN401 - feedparser has no types
    if not body.strip():
        raise markup.unlike(page, _WANTED)
    if b"<!ENTITY" in _ROOT.split(body, maxsplit=1)[0]:
        raise ParseError("the feed declares XML entities of its own, which no feed needs: it is not read")
    headers = {"content-type": page.content_type} if page.content_type else {}
    try:  # a stream: feedparser takes bytes that look like a path or an address for one, and opens it
        feed = feedparser.parse(BytesIO(body), response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:  # whatever feedparser stumbles over is the source's fault, not a bug of ours
        root = error.__cause__ or error  # Python 3.11 wraps what a codec says
        raise markup.unlike(page, _WANTED, why=f"{type(root).__name__}: {root}"[:120]) from error
    if not feed.version:
        raise markup.unlike(page, _WANTED)
    if feed.bozo and not _END.search(body):
        raise ParseError(f"the feed breaks off in the middle, after {len(feed.entries)} entries", "The next check tries again.")
    return feed


def _revisions(body: bytes, items: list[Any]) -> dict[int, str]:
    """Return the Update Guide's revision of each item, by place: "2.0" from ``Revision="2.0000000000"``."""
    parser = etree.XMLParser(encoding="utf-8", recover=True, resolve_entities=False, no_network=True, huge_tree=True)
    root = etree.fromstring(markup.clean(body.decode("utf-8", "replace")).encode(), parser)
    found = [] if root is None else list(root.iter("{*}item"))
    if len(found) != len(items):  # a feed that only one of the two could read whole
        return {}
    revisions = ((place, _revision(item.get("Revision") or "")) for place, item in enumerate(found))
    return {place: revision for place, revision in revisions if revision}


def _revision(text: str) -> str:
    number = re.fullmatch(r"\s*(\d{1,4})(?:\.(\d*?)0*)?\s*", text)
    return f"{int(number[1])}.{int(number[2] or 0)}" if number else ""


def _entry(item: Any, url: str, assumed: str, revision: str) -> Entry:  # noqa: ANN401 - feedparser has no types
    title = markup.plain(_text(item.get("title"))).replace("\n", " ")
    html = _content(item)
    if revision:
        html = markup.from_markdown(html)
    text, linked = markup.plain_and_links(html)
    href = _text(item.get("link"))
    address = markup.absolute(href, url) if href else ""
    published = _published(item)
    key = _key(item, address, title)
    named = canonical.cves_in(key) if revision else ()
    around = (address, *markup.joined(linked, address or url))
    about = f"{title}\n{text}"
    return Entry(
        key=named[0] if named else key,
        title=title,
        url=address or (_GUIDE + named[0] if named else url),
        published=published,
        updated=_updated(item) or published,
        revision=revision,
        cves=named or canonical.cves_in(about),
        kbs=tuple(dict.fromkeys(canonical.kbs_in(about) + canonical.kbs_in(" ".join(around)))),
        products=canonical.products_in(about) or ((assumed,) if assumed else ()),
        label=canonical.label(title, published, assumed=assumed),
        passages=(Passage(f"revision {revision}" if revision else "content", text, published if revision else None),) if text else (),
        links=tuple(dict.fromkeys(filter(None, around))),
    )


def _is_watched(item: Any, watch: Watch) -> bool:  # noqa: ANN401 - feedparser has no types
    """Say whether an item names a watched product; asked before anything is made of it, for the Update Guide has thousands."""
    named = canonical.products_in(f"{_text(item.get('title'))}\n{_content(item)}")
    return any(canonical.concerns(watch, name) for name in named)


def _published(item: Any) -> datetime | None:  # noqa: ANN401 - feedparser has no types
    return _moment(item.get("published_parsed"))


def _updated(item: Any) -> datetime | None:  # noqa: ANN401 - feedparser has no types
    return _moment(dict.get(item, "updated_parsed"))  # its own get() lends the date of publication, with a warning


def _content(item: Any) -> str:  # noqa: ANN401 - feedparser has no types
    """Return the longest of an item's texts: some feeds put the whole post into content, some into the summary."""
    texts = [_text(part.get("value")) for part in item.get("content") or ()]
    return max([_text(item.get("summary")), *texts], key=len)


def _key(item: Any, address: str, title: str) -> str:  # noqa: ANN401 - feedparser has no types
    """Return what stays the same through edits: a post's number, else the guid, else the link, else the title."""
    guid = _text(item.get("id")).strip()
    for candidate in (guid, address):
        post = _POST.search(candidate)
        if post:
            return post[1]
    return canonical.link(guid) or canonical.link(address) or canonical.fold(title) or "untitled"


def _distinct(entries: Iterable[Entry]) -> list[Entry]:
    """Keep one entry a key: the highest revision, then the newest."""
    kept: dict[str, Entry] = {}
    for entry in entries:
        other = kept.get(entry.key)
        if other is None or _rank(entry) > _rank(other):
            kept[entry.key] = entry
    return list(kept.values())


def _rank(entry: Entry) -> tuple[tuple[int, ...], datetime]:
    numbers = tuple(int(part) for part in entry.revision.split(".") if part)
    return numbers, entry.updated or datetime.min.replace(tzinfo=UTC)


def _moment(time: Sequence[int] | None) -> datetime | None:
    """Return feedparser's date, which is in UTC; None for one that no calendar has."""
    if not time:
        return None
    year, month, day, hour, minute, second = time[:6]
    try:
        return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:  # the 31st of February
        return None


def _text(value: object) -> str:
    return markup.clean(value) if isinstance(value, str) else ""
