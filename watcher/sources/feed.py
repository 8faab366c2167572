"""Kind ``feed``: RSS 0.9x to 2.0, RDF and Atom; blogs, release feeds and the Update Guide.

RSS 2.0 that is as it should be is read by ``plain_feed``, all else by feedparser,
which is no health check: it calls an HTML outage page a feed without entries, so a
body without a feed's root is refused here. The Update Guide keeps the CVE as guid
through every revision and gives the revision as an attribute of ``<item>``
(``Revision="1.0000000000"``) that feedparser drops: it is read from the XML beside it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from lxml import etree

from watcher.counted import counted
from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import Coverage, Entry, Page, Passage, Snapshot, Watch
from watcher.sources import grids, markup, plain_feed
from watcher.sources.plain_feed import Post

_POST = re.compile(
    r"techcommunity\.microsoft\.com/.*?(\d{5,})/?(?:[?#].*)?$", re.IGNORECASE
)
_GUIDE = "https://msrc.microsoft.com/update-guide/vulnerability/"
_END = re.compile(
    rb"(?:</(?:\w+:)?(?:rss|feed|RDF|channel)\s*>|/>)\s*(?:<!--[^<]*-->\s*)*\Z",
    re.IGNORECASE,
)
_ROOT = re.compile(rb"<(?:\w+:)?(?:rss|feed|RDF|channel)\b", re.IGNORECASE)
_WANTED = "an RSS, RDF or Atom feed"


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return all entries of a feed, whether or not they name a watched product.

    Others are its news.

    Of the Update Guide, which is no news but every CVE there is, only entries that
    name a watched product are returned.

    Raises:
        ParseError: the body is empty, no feed, or ends in the middle of one.

    """
    title, posts = plain_feed.read(page.body, page.content_type) or _by_feedparser(page)
    revisions = tuple(_revision(post.revision) for post in posts)
    subject = next(iter(normalize.products_in(title)), "")
    assumed = normalize.family(subject) if subject else ""
    kept = [
        _entry(post, page.url, assumed, revision)
        for post, revision in zip(posts, revisions, strict=True)
        if not any(revisions) or _is_watched(post, watch)
    ]
    dates = [moment for post in posts if (moment := post.published or post.updated)]
    return Snapshot(
        source=page.source,
        document=page.document,
        url=page.url,
        time=page.time,
        sha256=page.sha256,
        coverage=Coverage.WINDOW,
        total=len(posts),
        revisions=sum(map(bool, revisions)),
        entries=tuple(sorted(_distinct(kept), key=lambda entry: entry.key)),
        oldest=min(dates, default=None),
        newest=max(
            (moment for post in posts if (moment := post.updated or post.published)),
            default=None,
        ),
    )


def _encoded(page: Page) -> bytes:
    """Return the body as UTF-8 without its declaration when it bears a byte order mark,
    which outranks any declaration.
    """
    marked = markup.unmarked(page.body)
    return (
        page.body
        if marked is None
        else re.sub(r"\A\s*<\?xml[^>]*\?>", "", marked).encode("utf-8", "replace")
    )


def _by_feedparser(page: Page) -> tuple[str, tuple[Post, ...]]:
    """Read any feed's title and posts."""
    body = _encoded(page)
    feed = _read(page, body)
    items: list[Any] = feed.entries
    revisions = _revisions(body, items) if b"Revision" in body else {}
    return _text(feed.feed.get("title")), tuple(
        _post(item, revisions.get(place, "")) for place, item in enumerate(items)
    )


def _read(page: Page, body: bytes) -> Any:  # noqa: ANN401 - feedparser has no types
    if not body.strip():
        raise markup.unlike(page, _WANTED)
    if b"<!ENTITY" in _ROOT.split(body, maxsplit=1)[0]:
        raise ParseError(
            "the feed declares XML entities of its own, which no feed needs: it is not read"
        )
    # Most feeds are read without it
    import feedparser
    import feedparser.api

    # SAX drivers, tried before Python's own
    feedparser.api.PREFERRED_XML_PARSERS[:] = ["watcher.sources.merged_text"]
    headers = {"content-type": page.content_type} if page.content_type else {}
    # A stream: feedparser takes bytes that look like a path or an address for one, and
    # opens it
    try:
        feed = feedparser.parse(
            BytesIO(body),
            response_headers=headers,
            sanitize_html=False,
            resolve_relative_uris=False,
        )
    except Exception as error:
        # Whatever feedparser stumbles over is the source's fault, not a bug of ours
        # Python 3.11 wraps what a codec says
        root = error.__cause__ or error
        raise markup.unlike(
            page, _WANTED, why=f"{type(root).__name__}: {root}"[:120]
        ) from error
    if not feed.version:
        raise markup.unlike(page, _WANTED)
    if feed.bozo and not _END.search(body):
        raise ParseError(
            (
                "the feed breaks off in the middle, after "
                f"{counted(len(feed.entries), 'entry', 'entries')}"
            ),
            "The next check tries again.",
        )
    return feed


def _post(item: Any, revision: str) -> Post:  # noqa: ANN401 - feedparser has no types
    """Take what is read of an item.

    The longest of its texts: some feeds put the whole post into content, some into the
    summary.
    """
    texts = [_text(part.get("value")) for part in item.get("content") or ()]
    return Post(
        title=_text(item.get("title")),
        link=_text(item.get("link")),
        id=_text(item.get("id")),
        text=max([_text(item.get("summary")), *texts], key=len),
        published=_moment(item.get("published_parsed")),
        # Its own get() lends the date of publication, with a warning
        updated=_moment(dict.get(item, "updated_parsed")),
        revision=revision,
    )


def _revisions(body: bytes, items: list[Any]) -> dict[int, str]:
    """Return the Update Guide's attribute of each item, by place."""
    parser = etree.XMLParser(
        encoding="utf-8",
        recover=True,
        resolve_entities=False,
        no_network=True,
        huge_tree=True,
    )
    root = etree.fromstring(
        markup.clean(body.decode("utf-8", "replace")).encode(), parser
    )
    found = [] if root is None else list(root.iter("{*}item"))
    # A feed that only one of the two could read whole
    if len(found) != len(items):
        return {}
    return {place: item.get("Revision") or "" for place, item in enumerate(found)}


def _revision(text: str) -> str:
    """Return "2.0" for ``Revision="2.0000000000"``; "" for what is no revision."""
    number = re.fullmatch(r"\s*(\d{1,4})(?:\.(\d*?)0*)?\s*", text)
    return f"{int(number[1])}.{int(number[2] or 0)}" if number else ""


def _entry(post: Post, url: str, assumed: str, revision: str) -> Entry:
    title = markup.plain(post.title).replace("\n", " ")
    html = markup.from_markdown(post.text) if revision else post.text
    text, linked = markup.plain_and_links(html)
    address = markup.absolute(post.link, url) if post.link else ""
    key = _key(post.id.strip(), address, title)
    named = normalize.cves_in(key) if revision else ()
    around = (address, *markup.joined(linked, address or url))
    about = f"{title}\n{text}"
    return Entry(
        key=named[0] if named else key,
        title=title,
        url=address or (_GUIDE + named[0] if named else url),
        published=post.published,
        updated=post.updated or post.published,
        revision=revision,
        cves=named or normalize.cves_in(about),
        kbs=tuple(
            dict.fromkeys(normalize.kbs_in(about) + normalize.kbs_in(" ".join(around)))
        ),
        products=normalize.products_in(about) or ((assumed,) if assumed else ()),
        label=normalize.label(title, post.published, assumed=assumed),
        passages=(
            Passage(
                f"revision {revision}" if revision else "content",
                text,
                post.published if revision else None,
            ),
        )
        if text
        else (),
        links=tuple(dict.fromkeys(filter(None, around))),
        tables=grids.read(html),
    )


def _is_watched(post: Post, watch: Watch) -> bool:
    """Say whether a post names a watched product.

    Asked before anything is made of it, for the Update Guide has thousands.
    """
    named = normalize.products_in(f"{post.title}\n{post.text}")
    return any(normalize.concerns(watch, name) for name in named)


def _key(guid: str, address: str, title: str) -> str:
    """Return what stays the same through edits.

    A post's number, else the guid, else the link, else the title.
    """
    for candidate in (guid, address):
        post = _POST.search(candidate)
        if post:
            return post[1]
    return (
        normalize.link(guid)
        or normalize.link(address)
        or normalize.fold(title)
        or "untitled"
    )


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
    except ValueError:
        # The 31st of February
        return None


def _text(value: object) -> str:
    return markup.clean(value) if isinstance(value, str) else ""
