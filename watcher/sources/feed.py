"""Kind ``feed``: RSS 0.9x to 2.0, RDF and Atom; blogs, release feeds and the Update Guide.

feedparser reads them all.  It is no health check: it calls an HTML outage page a feed
without entries, so a body without a feed's root is refused here. The Update Guide keeps
the CVE as guid through every revision and gives the revision as an attribute of
``<item>`` (``Revision="1.0000000000"``) that feedparser drops: it is read from the XML
beside it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

from lxml import etree
from msgspec import Struct

from watcher.counted import counted
from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.judgement.normalize.versions import product_of, watched_versions_in
from watcher.records import Coverage, Entry, Label, Page, Passage, Snapshot, Watch
from watcher.sources import grids, markup

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
# The forms that feeds have: that of mail (RFC 822), and that of Atom (RFC 3339)
_DATED = re.compile(
    r"\d{1,2}[ -][A-Za-z]{3,}[ -]\d{2,4}|\d{4}-\d\d-\d\d|[A-Za-z]{3,} \d{1,2},? "
)
_OLDEST = datetime(1995, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=2)
# Of a post without a title its first words are one
_LONGEST_OPENING = 80


class Post(Struct, frozen=True):
    """An item as the feed has it; ``html`` is its longest text, as HTML."""

    title: str
    link: str
    guid: str
    html: str
    published: datetime | None
    updated: datetime | None
    revision: str = ""


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return all entries of a feed, whether or not they name a watched product.

    Others are its news.

    Of the Update Guide, which is no news but every CVE there is, only entries that
    name a watched product are returned.

    Raises:
        ParseError: the body is empty, no feed, or ends in the middle of one.

    """
    title, posts = _posts(page)
    is_guide = any(post.revision for post in posts)
    subject = next(iter(normalize.products_in(title)), "")
    assumed = normalize.family(subject) if subject else ""
    shared = _shared_links(posts)
    kept = [
        _entry(post, page.url, assumed, shared, watch)
        for post in posts
        if not is_guide or _is_watched(post, watch)
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
        revisions=sum(bool(post.revision) for post in posts),
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


def _posts(page: Page) -> tuple[str, tuple[Post, ...]]:
    """Read a feed's title and its posts."""
    body = _encoded(page)
    feed = _read(page, body)
    items: list[Any] = feed.entries
    revisions = _revisions(body, items) if b"Revision" in body else {}
    # Atom says what its texts are (RFC 4287, 3.1.1.1); RSS never does
    typed = feed.version.startswith("atom")
    posts = tuple(
        _post(item, revisions.get(place, ""), page.time, typed=typed)
        for place, item in enumerate(items)
    )
    return _text(feed.feed.get("title")), posts


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


def _post(item: Any, revision: str, seen: datetime, *, typed: bool) -> Post:  # noqa: ANN401 - feedparser has no types
    """Take what is read of an item.

    The longest of its texts: some feeds put the whole post into content, some into the
    summary.  ``typed``: its texts say whether they are markup.
    """
    texts = [_text(item.get("summary"))]
    if typed and _is_plain(item.get("summary_detail")):
        texts = [_marked_up(texts[0])]
    for part in item.get("content") or ():
        text = _text(part.get("value"))
        texts.append(_marked_up(text) if typed and _is_plain(part) else text)
    title = _text(item.get("title"))
    if typed and _is_plain(item.get("title_detail")):
        title = escape(title)
    return Post(
        title=title,
        link=_text(item.get("link")),
        guid=_text(item.get("id")).strip(),
        html=max(texts, key=len),
        published=_moment(item.get("published_parsed"), item.get("published"), seen),
        # Its own get() lends the date of publication, with a warning
        updated=_moment(
            dict.get(item, "updated_parsed"), dict.get(item, "updated"), seen
        ),
        revision=_revision(revision),
    )


def _is_plain(detail: Any) -> bool:  # noqa: ANN401 - feedparser has no types
    return bool(detail) and detail.get("type") == "text/plain"


def _marked_up(text: str) -> str:
    """Return plain text as HTML: in ``<KB5999001>`` a name stands, and no tag."""
    return "".join(
        f"<p>{escape(line)}</p>" for line in text.splitlines() if line.strip()
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


def _shared_links(posts: Iterable[Post]) -> frozenset[str]:
    """Return the links that several posts without a guid bear: they name none of them."""
    links = Counter(post.link for post in posts if not post.guid)
    return frozenset(link for link, times in links.items() if times > 1)


def _entry(
    post: Post, url: str, assumed: str, shared: frozenset[str], watch: Watch
) -> Entry:
    html = markup.from_markdown(post.html) if post.revision else post.html
    text, linked = markup.plain_and_links(html)
    title = markup.plain(post.title).replace("\n", " ") or _opening(text)
    address = markup.absolute(post.link, url) if post.link else ""
    key = _key(post.guid, "" if post.link in shared else address, title, text)
    named = normalize.cves_in(key) if post.revision else ()
    around = (address, *markup.joined(linked, address or url))
    about = f"{title}\n{text}"
    articles = normalize.kbs_in(about) + normalize.kbs_in(" ".join(around))
    named_products = tuple(
        dict.fromkeys(
            (*normalize.products_in(about), *watched_versions_in(about, watch))
        )
    )
    passages: tuple[Passage, ...] = ()
    if text and post.revision:
        passages = (Passage(f"revision {post.revision}", text, post.published),)
    elif text:
        passages = (Passage("content", text),)
    return Entry(
        key=named[0] if named else key,
        title=title,
        url=address or (_GUIDE + named[0] if named else url),
        published=post.published,
        updated=post.updated or post.published,
        revision=post.revision,
        cves=named or normalize.cves_in(about),
        kbs=tuple(dict.fromkeys(articles)),
        products=named_products or ((assumed,) if assumed else ()),
        label=normalize.label(title, post.published, assumed=assumed)
        or _version_label(title, watch),
        passages=passages,
        links=tuple(dict.fromkeys(filter(None, around))),
        tables=grids.read(html),
    )


def _version_label(title: str, watch: Watch) -> Label | None:
    """Return the label of what a title names by product and version: "QTS 5.2.2.2950"."""
    versions = watched_versions_in(title, watch)
    if not versions:
        return None
    return Label(family=product_of(versions[0]), product=versions[0], type="release")


def _opening(text: str) -> str:
    """Return the first words of a text, to a word's end: the title of what has none."""
    line = text.partition("\n")[0]
    if len(line) <= _LONGEST_OPENING:
        return line
    return line[:_LONGEST_OPENING].rpartition(" ")[0] or line[:_LONGEST_OPENING]


def _is_watched(post: Post, watch: Watch) -> bool:
    """Say whether a post names a watched product.

    Asked before anything is made of it, for the Update Guide has thousands.
    """
    named = normalize.products_in(f"{post.title}\n{post.html}")
    return any(normalize.concerns(watch, name) for name in named)


def _key(guid: str, address: str, title: str, text: str) -> str:
    """Return what stays the same through edits.

    A post's number, else the guid, else the link, else the title, else the text.
    """
    for candidate in (guid, address):
        post = _POST.search(candidate)
        if post:
            return post[1]
    return (
        _whole(guid)
        or normalize.link(address)
        or normalize.fold(title)
        or normalize.fold(text)[:_LONGEST_OPENING]
        or "untitled"
    )


def _whole(guid: str) -> str:
    """Return a guid in one spelling, with its fragment and its parameters without a value.

    Release notes of one page differ only by these: ``notes#a1``, ``notes?5.2``.
    """
    spelled = normalize.link(guid)
    try:
        parts = urlsplit(guid)
    except ValueError:
        return spelled
    if parts.scheme.lower() not in {"http", "https"}:
        return spelled
    for bare in parts.query.split("&"):
        if bare and "=" not in bare:
            spelled += ("&" if "?" in spelled else "?") + bare
    return f"{spelled}#{parts.fragment}" if parts.fragment else spelled


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


def _moment(
    time: Sequence[int] | None, written: object, seen: datetime
) -> datetime | None:
    """Return feedparser's date, which is in UTC; None for one that cannot be.

    feedparser guesses: of "2026/12/31" it makes the first of November, of "2026" New
    Year's Day, of a number of seconds the year 1797.  A post is not older than the web,
    nor of the day after tomorrow: then its first sight counts.
    """
    if not time or not isinstance(written, str) or not _DATED.search(written):
        return None
    year, month, day, hour, minute, second = time[:6]
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        # The 31st of February, a leap second
        return None
    return moment if _OLDEST <= moment <= seen + _AHEAD else None


def _text(value: object) -> str:
    return markup.clean(value) if isinstance(value, str) else ""
