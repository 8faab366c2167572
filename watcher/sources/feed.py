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
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import feedparser
from lxml import etree
from msgspec import Struct
from msgspec.structs import replace

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.judgement.normalize.products import (
    EXCHANGE,
    own_versions_in,
    product_of,
    watched_versions_in,
)
from watcher.plural import counted
from watcher.records import Coverage, Entry, Label, Page, Passage, Snapshot, Watch
from watcher.sources import markup, sax
from watcher.sources.answer import (
    first,
    passages,
    snapshot,
    unique,
    unlike,
    watched_products,
)

_POST = re.compile(
    r"techcommunity\.microsoft\.com/.*?(\d{5,})/?(?:[?#].*)?$", re.IGNORECASE
)
_GUIDE = "https://msrc.microsoft.com/update-guide/vulnerability/"
_END = re.compile(
    rb"(?:</(?:\w+:)?(?:rss|feed|RDF|channel)\s*>|/>)\s*"
    # Hosts of blogs write both behind what is over
    rb"(?:(?:<!--[^<]*-->|<script\b[^<]*(?:<(?!/script)[^<]*)*</script\s*>)\s*)*\Z",
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
_MOST_TAGS = 400_000
# Of a post without a title its first words are one
_LONGEST_OPENING = 80

# The module that makes it, as xml.sax.make_parser wants it
feedparser.api.PREFERRED_XML_PARSERS.insert(0, sax.__name__)


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
    subject = first(normalize.products_in(title))
    assumed = normalize.family(subject) if subject else ""
    shared = _shared_links(posts)
    revised = [post for post in posts if post.revision]
    # The Update Guide has thousands, and nothing is made of those that nobody watches
    kept = [post for post in posts if _is_watched(post, watch)] if revised else posts
    entries = _distinct(_entry(post, page, assumed, shared, watch) for post in kept)
    first_dates = filter(None, (post.published or post.updated for post in posts))
    last_dates = filter(None, (post.updated or post.published for post in posts))
    return snapshot(
        page,
        coverage=Coverage.WINDOW,
        total=len(posts),
        revisions=len(revised),
        entries=sorted(entries, key=lambda entry: entry.key),
        oldest=min(first_dates, default=None),
        newest=max(last_dates, default=None),
    )


def _encoded(page: Page) -> bytes:
    """Return the body as UTF-8 without its declaration when it bears a byte order mark,
    which outranks any declaration.
    """
    unmarked = markup.utf8(page.body)
    if unmarked is page.body:
        return page.body
    return re.sub(rb"\A\s*<\?xml[^>]*\?>", b"", unmarked)


def _posts(page: Page) -> tuple[str, list[Post]]:
    """Read a feed's title and its posts."""
    body = _encoded(page)
    feed = _read(page, body)
    # Atom says what its texts are (RFC 4287, 3.1.1.1); RSS never does
    is_atom = feed.version.startswith("atom")
    posts = [_post(item, page.time, is_typed=is_atom) for item in feed.entries]
    revisions = _revisions(body) if b"Revision" in body else []
    # Another number of items: a feed that only one of the two could read whole
    if len(revisions) == len(posts):
        posts = list(map(_revised, posts, revisions))
    return _text(feed.feed.get("title")), posts


def _read(page: Page, body: bytes) -> Any:  # noqa: ANN401 - feedparser has no types
    if not body.strip():
        raise unlike(page, _WANTED)
    if b"<!ENTITY" in _ROOT.split(body, maxsplit=1)[0]:
        raise ParseError(
            "the feed declares XML entities of its own, which no feed needs: it is not read"
        )
    # 16 MiB of empty items took a gigabyte; the Update Guide has 4,681 items
    if body.count(b"<") > _MOST_TAGS:
        raise ParseError(f"the feed has more than {_MOST_TAGS} tags: it is not read")
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
        why = f"{type(root).__name__}: {root}"[:120]
        raise unlike(page, _WANTED, why=why) from error
    # It calls an HTML outage page a feed without entries and without a version
    if not feed.version:
        raise unlike(page, _WANTED)
    if feed.bozo and not _END.search(body):
        read = counted(len(feed.entries), "entry", "entries")
        raise ParseError(
            f"the feed breaks off in the middle, after {read}",
            "The next check tries again.",
        )
    return feed


def _post(item: Any, seen: datetime, *, is_typed: bool) -> Post:  # noqa: ANN401 - feedparser has no types
    """Take what is read of an item.

    The longest of its texts: some feeds put the whole post into content, some into the
    summary.  ``is_typed``: its texts say whether they are markup.
    """

    def html(text: object, detail: Any, of_plain: Callable[[str], str]) -> str:  # noqa: ANN401 - feedparser has no types
        is_plain = is_typed and (detail or {}).get("type") == "text/plain"
        return of_plain(_text(text)) if is_plain else _text(text)

    texts = [html(item.get("summary"), item.get("summary_detail"), _marked_up)]
    contents = item.get("content", ())
    texts += [html(each.get("value"), each, _marked_up) for each in contents]
    return Post(
        title=html(item.get("title"), item.get("title_detail"), escape),
        link=_text(item.get("link")),
        guid=_text(item.get("id")).strip(),
        html=max(texts, key=len),
        published=_moment(item.get("published_parsed"), item.get("published"), seen),
        # Its own get() lends the date of publication, with a warning
        updated=_moment(
            dict.get(item, "updated_parsed"), dict.get(item, "updated"), seen
        ),
    )


def _marked_up(text: str) -> str:
    """Return plain text as HTML: in ``<KB5999001>`` a name stands, and no tag."""
    lines = filter(str.strip, text.splitlines())
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _revisions(body: bytes) -> list[str]:
    """Return the Update Guide's attribute of each item, "" where it has none."""
    parser = etree.XMLParser(
        encoding="utf-8",
        recover=True,
        resolve_entities=False,
        no_network=True,
        huge_tree=True,
    )
    text = markup.clean(body.decode("utf-8", "replace"))
    root = etree.fromstring(text.encode(), parser)
    if root is None:
        return []
    return [item.get("Revision", "") for item in root.iter("{*}item")]


def _revised(post: Post, attribute: str) -> Post:
    """Put in the revision: "2.0" for ``Revision="2.0000000000"``."""
    number = re.fullmatch(r"\s*(\d{1,4})(?:\.(\d*?)0*)?\s*", attribute)
    if number is None:
        return post
    return replace(post, revision=f"{int(number[1])}.{int(number[2] or 0)}")


def _shared_links(posts: Iterable[Post]) -> frozenset[str]:
    """Return the links that several posts without a guid bear: they name none of them."""
    links = Counter(post.link for post in posts if not post.guid)
    return frozenset(link for link, times in links.items() if times > 1)


def _entry(
    post: Post, page: Page, assumed: str, shared: frozenset[str], watch: Watch
) -> Entry:
    # The Update Guide's descriptions are Markdown
    html = markup.from_markdown(post.html) if post.revision else post.html
    text, linked = markup.plain_and_links(html)
    title = markup.plain(post.title).replace("\n", " ") or _opening(text)
    address = markup.absolute(post.link, page.url) if post.link else ""
    key = _key(post.guid, "" if post.link in shared else address, title, text)
    links = unique([address, *markup.joined(linked, address or page.url)])
    about = f"{title}\n{text}"
    versions = watched_versions_in(about, watch)
    marked = markup.marked(html, address or page.url)
    entry = Entry(
        key=key,
        title=title,
        url=address or page.url,
        published=post.published,
        updated=post.updated or post.published,
        revision=post.revision,
        cves=normalize.cves_in(about),
        kbs=unique(normalize.kbs_in(about) + normalize.kbs_in(" ".join(links))),
        products=unique([*normalize.products_in(about), *versions])
        or unique([assumed]),
        label=normalize.label(title, post.published, assumed=assumed)
        or _version_label(title, watch),
        passages=passages("content", text),
        links=links,
        tables=markup.readable_tables(html),
        anchors=marked.anchors,
        codes=marked.codes,
    )
    return _guide_entry(entry, post, address) if post.revision else entry


def _version_label(title: str, watch: Watch) -> Label | None:
    """Return the label of what a title names by product and version: "QTS 5.2.2.2950".

    None where it names several: each is told by the sentences that name it.
    """
    watched = watched_versions_in(title, watch)
    versions = own_versions_in(title, map(product_of, watched))
    # "An update for Exchange Server 2019 CU15" is none that makes it: ``normalize.label``
    # knows Exchange's own names
    if len(versions) != 1 or normalize.family(versions[0]) == EXCHANGE:
        return None
    return Label(family=product_of(versions[0]), product=versions[0], type="release")


def _guide_entry(entry: Entry, post: Post, address: str) -> Entry:
    """Return an entry as the Update Guide's, whose guid is its CVE through all revisions."""
    name = f"revision {post.revision}"
    revised = (Passage(name, each.text, post.published) for each in entry.passages)
    entry = replace(entry, passages=tuple(revised))
    named = normalize.cves_in(entry.key)
    if not named:
        return entry
    return replace(entry, key=named[0], cves=named, url=address or _GUIDE + named[0])


def _opening(text: str) -> str:
    """Return the first words of a text, to a word's end: the title of what has none."""
    line = text.partition("\n")[0]
    if len(line) <= _LONGEST_OPENING:
        return line
    return line[:_LONGEST_OPENING].rpartition(" ")[0] or line[:_LONGEST_OPENING]


def _is_watched(post: Post, watch: Watch) -> bool:
    """Say whether a post names a watched product."""
    named = normalize.products_in(f"{post.title}\n{post.html}")
    return bool(watched_products(named, watch))


def _key(guid: str, address: str, title: str, text: str) -> str:
    """Return what stays the same through edits.

    A post's number, else the guid, else the link, else the title, else the text.
    """
    # One post of the Tech Community has several addresses: /t5/.../ba-p/4561718,
    # /blog/exchange/.../4561718
    post = _POST.search(guid) or _POST.search(address)
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


def _distinct(entries: Iterable[Entry]) -> Iterable[Entry]:
    """Keep one entry a key: the highest revision, then the newest."""
    kept: dict[str, Entry] = {}
    for entry in entries:
        other = kept.setdefault(entry.key, entry)
        if _rank(entry) > _rank(other):
            kept[entry.key] = entry
    return kept.values()


def _rank(entry: Entry) -> tuple[tuple[int, ...], datetime]:
    numbers = tuple(map(int, re.findall(r"\d+", entry.revision)))
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
