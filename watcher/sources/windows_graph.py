"""Kind ``windows-graph``: Microsoft Graph's list of Windows' products.

``admin/windows/updates/products`` of the beta, each product with its revisions (builds,
each with its KB article and the catalogue's entry) and its known issues.  A list too
long for one answer goes on at ``@odata.nextLink``; so do a product's own lists, at
``revisions@odata.nextLink``.  The names of members begin with capitals at times
(``knowledgeBaseArticle: {"Url", "Id"}``), whatever the reference says.
https://learn.microsoft.com/graph/api/resources/windowsupdates-product

An issue's number (``WI670072``) is the same under each product that lists it.  Nothing
here marks what was withdrawn but the sentences of an issue, and what a page does not
list any more has moved to another page, or aged out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import (
    Coverage,
    Entry,
    Follow,
    Package,
    Page,
    Passage,
    Snapshot,
    Watch,
)
from watcher.sources import markup, windows
from watcher.sources.answer import decode, in_utc, quoted, snapshot, unique

_WANTED = "Graph's list of Windows' products"
_NEXT = "@odata.nextLink"
_REVISIONS, _ISSUES = "revisions", "known issues"
HOTPATCH = "Hotpatch"
_HOTPATCH = re.compile(r"\bhotpatch", re.IGNORECASE)


class Article(Struct, frozen=True, rename="camel"):
    """A KB article."""

    id: str | None = None
    url: str | None = None


class Build(Struct, frozen=True, rename="camel"):
    """The four numbers of a build."""

    major_version: int
    minor_version: int
    build_number: int
    update_build_revision: int


class CatalogEntry(Struct, frozen=True, rename="camel"):
    """What Windows Update calls a revision: "2026.03 B"."""

    short_name: str | None = None
    display_name: str | None = None


class Revision(Struct, frozen=True, rename="camel"):
    """A build of a product."""

    os_build: Build
    release_date_time: datetime | None = None
    knowledge_base_article: Article | None = None
    catalog_entry: CatalogEntry | None = None
    is_hotpatch_update: bool | None = None


class Body(Struct, frozen=True, rename="camel"):
    """The text of a history's item."""

    content: str | None = None


class HistoryItem(Struct, frozen=True, rename="camel"):
    """What was said of an issue at a moment."""

    created_date_time: datetime
    body: Body | None = None


class Issue(Struct, frozen=True, rename="camel"):
    """A known issue."""

    id: str
    status: str
    title: str | None = None
    description: str | None = None
    web_view_url: str | None = None
    start_date_time: datetime | None = None
    last_updated_date_time: datetime | None = None
    originating_knowledge_base_article: Article | None = None
    resolving_knowledge_base_article: Article | None = None
    safeguard_hold_ids: tuple[int, ...] | None = None
    known_issue_histories: tuple[HistoryItem, ...] | None = None


class Product(Struct, frozen=True, rename="camel"):
    """A release of Windows with what was asked for beside it."""

    name: str
    revisions: tuple[Revision, ...] | None = None
    known_issues: tuple[Issue, ...] | None = None
    more_revisions: str = msgspec.field(name=f"revisions{_NEXT}", default="")
    more_issues: str = msgspec.field(name=f"knownIssues{_NEXT}", default="")


class Products(Struct, frozen=True):
    """A page of the list."""

    value: tuple[Product, ...]
    next: str = msgspec.field(name=_NEXT, default="")


class Revisions(Struct, frozen=True):
    """A page of one product's revisions."""

    value: tuple[Revision, ...]
    next: str = msgspec.field(name=_NEXT, default="")


class Issues(Struct, frozen=True):
    """A page of one product's known issues."""

    value: tuple[Issue, ...]
    next: str = msgspec.field(name=_NEXT, default="")


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return the revisions and known issues of a page's watched products.

    A revision is keyed by product and build, an issue by its number.  What of its lists
    did not fit is followed.

    Raises:
        ParseError: the page is none of the list's, or goes on at another host: nobody
            but Graph may be asked with its token.

    """
    whose, number = _place(page.document)
    members = _uncapitalized(decode(page.body, dict[str, Any], _WANTED))
    if whose.endswith(f" {_REVISIONS}"):
        revisions = _as(members, Revisions)
        product = Product(whose.removesuffix(f" {_REVISIONS}"), revisions.value)
        products: tuple[Product, ...] = (product,)
        more = revisions.next
    elif whose.endswith(f" {_ISSUES}"):
        issues = _as(members, Issues)
        product = Product(whose.removesuffix(f" {_ISSUES}"), None, issues.value)
        products, more = (product,), issues.next
    else:
        listed = _as(members, Products)
        products, more = listed.value, listed.next
    follow = [Follow(f"{whose} {number + 1}", more)] if more else []
    for each in products:
        if any(windows.concerns(watch, name) for name in _names(each)):
            follow += _followed(each)
    for row in follow:
        _refuse_other_host(page, row.url)
    entries = [*_revisions(page, products, watch), *_issues(page, products, watch)]
    counts = [
        len(each.revisions or ()) + len(each.known_issues or ()) for each in products
    ]
    dates = [
        each.last_updated_date_time
        for row in products
        for each in row.known_issues or ()
    ]
    dates += [
        each.release_date_time for row in products for each in row.revisions or ()
    ]
    return snapshot(
        page,
        total=len(products) + sum(counts),
        entries=sorted(entries, key=lambda entry: entry.key),
        # What has left this page may stand on the next: no absence says anything
        coverage=Coverage.WINDOW,
        oldest=page.time,
        newest=max(map(in_utc, filter(None, dates)), default=None),
        follow=tuple(follow),
    )


def _place(document: str) -> tuple[str, int]:
    """Return which list a document is a page of, and its number; the first one is ""."""
    if not document:
        return "page", 1
    whose, _, number = document.rpartition(" ")
    return whose, int(number)


def _uncapitalized(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Begin the names of all members with small letters, as the reference has them."""
    if isinstance(value, dict):
        return {
            f"{name[:1].lower()}{name[1:]}": _uncapitalized(each)
            for name, each in value.items()
        }
    return (
        [_uncapitalized(each) for each in value] if isinstance(value, list) else value
    )


def _as(members: Any, form: type[Any]) -> Any:  # noqa: ANN401 - as msgspec.convert
    try:
        return msgspec.convert(members, form)
    except msgspec.ValidationError as error:
        raise ParseError(
            f"this is not {_WANTED}: {error}",
            "Graph's beta may have changed; the next check reads it again.",
        ) from error


def _followed(product: Product) -> Iterator[Follow]:
    name = normalize.fold(product.name)
    if product.more_revisions:
        yield Follow(f"{name} {_REVISIONS} 2", product.more_revisions)
    if product.more_issues:
        yield Follow(f"{name} {_ISSUES} 2", product.more_issues)


def _refuse_other_host(page: Page, url: str) -> None:
    here, there = urlsplit(page.url), urlsplit(url)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        raise ParseError(
            f"the list goes on at another host: {quoted(f'{there.scheme}://{there.netloc}')}",
            "Nothing was asked there, and nothing was changed. See who gives this answer.",
        )


def _address(article: Article, page: Page) -> str:
    return markup.absolute(article.url, page.url) if article.url else ""


def _names(product: Product) -> tuple[str, ...]:
    return windows.names_in(product.name) or (normalize.product(product.name),)


# -- revisions


def _revisions(
    page: Page, products: Iterable[Product], watch: Watch
) -> Iterator[Entry]:
    for product in products:
        for name in _names(product):
            if not windows.concerns(watch, name):
                continue
            for revision in product.revisions or ():
                entry = _revision(page, name, revision)
                if entry is not None:
                    yield entry


def _revision(page: Page, product: str, revision: Revision) -> Entry | None:
    """Read a build; None for one without an article, as a release's first, or a date."""
    article = revision.knowledge_base_article or Article()
    kb = normalize.kb(article.id or article.url or "")
    if not kb or revision.release_date_time is None:
        return None
    os = revision.os_build
    numbers = (os.major_version, os.minor_version)
    build = ".".join(map(str, (*numbers, os.build_number, os.update_build_revision)))
    catalog = revision.catalog_entry or CatalogEntry()
    # "2026.03 B"; the pages of builds write "2026-03 B"
    update = re.sub(
        r"^(\d{4})\.(\d\d)", r"\1-\2", normalize.fold(catalog.short_name or "")
    )
    called = f"{catalog.short_name} {catalog.display_name}"
    is_hotpatch = revision.is_hotpatch_update or bool(_HOTPATCH.search(called))
    kind = HOTPATCH if is_hotpatch else update.rpartition(" ")[2]
    address = _address(article, page)
    package = Package(product, kb, build, url=address, type=kind)
    suffix = f" {HOTPATCH}" if is_hotpatch and not _HOTPATCH.search(update) else ""
    return Entry(
        key=f"{product} {build}",
        title=f"{product} {update}{suffix}".strip(),
        url=address or page.url,
        published=in_utc(revision.release_date_time),
        products=(product,),
        packages=(package,),
        links=(address,) if address else (),
    )


# -- known issues


def _issues(page: Page, products: Iterable[Product], watch: Watch) -> Iterator[Entry]:
    """Yield each issue once, with all watched products of the page that list it."""
    found: dict[str, Entry] = {}
    for product in products:
        names = [name for name in _names(product) if windows.concerns(watch, name)]
        for issue in product.known_issues or () if names else ():
            entry = found.get(issue.id) or _issue(page, issue)
            found[issue.id] = replace(entry, products=unique((*entry.products, *names)))
    yield from found.values()


def _issue(page: Page, issue: Issue) -> Entry:
    origin = issue.originating_knowledge_base_article or Article()
    resolving = issue.resolving_knowledge_base_article or Article()
    histories = issue.known_issue_histories or ()
    newest = max(histories, key=lambda item: item.created_date_time, default=None)
    content = newest.body.content if newest and newest.body else ""
    said, _, remedy = windows.parted(_lines(content))
    description = normalize.fold(issue.description or "")
    passages = []
    if text := "\n".join(unique((description, *said))):
        passages.append(Passage("issue", text))
    if remedy:
        passages.append(Passage("workaround", "\n".join(remedy)))
    by = normalize.kb(resolving.id or resolving.url or "")
    passages.append(windows.status(_state(issue.status), (by,) if by else ()))
    if holds := ", ".join(map(str, issue.safeguard_hold_ids or ())):
        passages.append(Passage("note", f"Safeguard holds: {holds}."))
    kb = normalize.kb(origin.id or origin.url or "")
    addresses = (_address(each, page) for each in (origin, resolving))
    return Entry(
        key=issue.id,
        title=normalize.fold(issue.title or issue.id),
        url=markup.absolute(issue.web_view_url or page.url, page.url),
        published=_day(issue.start_date_time),
        updated=_day(issue.last_updated_date_time),
        kbs=(kb,) if kb else (),
        passages=tuple(passages),
        links=unique(addresses),
    )


def _lines(content: str | None) -> str:
    """Return the paragraphs and items of a text that may be HTML, without list marks."""
    lines = markup.plain(content or "").splitlines()
    return "\n".join(line.strip().removeprefix("-").strip() for line in lines)


def _state(status: str) -> str:
    """Return "Mitigated External" for "mitigatedExternal"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", status[:1].upper() + status[1:])


def _day(moment: datetime | None) -> datetime | None:
    return in_utc(moment) if moment else None
