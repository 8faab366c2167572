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
    Snapshot,
    Watch,
)
from watcher.sources import markup, windows
from watcher.sources.answer import (
    Form,
    decode,
    in_utc,
    passages,
    quoted,
    snapshot,
    unique,
    unlike,
)

_WANTED = "Graph's list of Windows' products"
_NEXT = "@odata.nextLink"
# What the names of documents end with that hold a product's own lists
_REVISIONS, _ISSUES = " revisions", " known issues"
HOTPATCH = "Hotpatch"
_HOTPATCH = re.compile(r"\bhotpatch", re.IGNORECASE)


class Article(Struct, frozen=True, rename="camel"):
    """A KB article."""

    id: str = ""
    url: str = ""

    @property
    def kb(self) -> str:
        """Its number, "" when it names none."""
        return normalize.kb(self.id or self.url)


class Build(Struct, frozen=True, rename="camel"):
    """The four numbers of a build."""

    major_version: int
    minor_version: int
    build_number: int
    update_build_revision: int

    @property
    def text(self) -> str:
        """The build as it is written: "10.0.26100.8116"."""
        return (
            f"{self.major_version}.{self.minor_version}"
            f".{self.build_number}.{self.update_build_revision}"
        )


class CatalogEntry(Struct, frozen=True, rename="camel"):
    """What Windows Update calls a revision: "2026.03 B"."""

    short_name: str = ""
    display_name: str = ""


class Revision(Struct, frozen=True, rename="camel"):
    """A build of a product."""

    os_build: Build
    release_date_time: datetime | None = None
    knowledge_base_article: Article = Article()
    catalog_entry: CatalogEntry = CatalogEntry()
    is_hotpatch_update: bool = False


class Body(Struct, frozen=True, rename="camel"):
    """The text of a history's item."""

    content: str = ""


class HistoryItem(Struct, frozen=True, rename="camel"):
    """What was said of an issue at a moment."""

    created_date_time: datetime
    body: Body = Body()


class Issue(Struct, frozen=True, rename="camel"):
    """A known issue."""

    id: str
    status: str
    title: str = ""
    description: str = ""
    web_view_url: str = ""
    start_date_time: datetime | None = None
    last_updated_date_time: datetime | None = None
    originating_knowledge_base_article: Article = Article()
    resolving_knowledge_base_article: Article = Article()
    safeguard_hold_ids: tuple[int, ...] = ()
    known_issue_histories: tuple[HistoryItem, ...] = ()

    @property
    def newest_text(self) -> str:
        """What was said of it last."""
        newest = max(self.known_issue_histories, key=_moment, default=None)
        return newest.body.content if newest else ""


def _moment(item: HistoryItem) -> datetime:
    return in_utc(item.created_date_time)


class Product(Struct, frozen=True, rename="camel"):
    """A release of Windows with what was asked for beside it."""

    name: str
    revisions: tuple[Revision, ...] = ()
    known_issues: tuple[Issue, ...] = ()
    more_revisions: str = msgspec.field(name=f"revisions{_NEXT}", default="")
    more_issues: str = msgspec.field(name=f"knownIssues{_NEXT}", default="")

    @property
    def names(self) -> tuple[str, ...]:
        """The releases that its name means, in the spelling of MSRC's records."""
        return windows.names_in(self.name) or (normalize.product(self.name),)


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
    listed = _listed(page)
    watched = [each for each in listed.value if windows.watched(each.names, watch)]
    follow = tuple(_follow(page, listed, watched))
    for each in follow:
        _refuse_other_host(page, each.url)
    revisions = [row for product in listed.value for row in product.revisions]
    issues = [row for product in listed.value for row in product.known_issues]
    released = (revision.release_date_time for revision in revisions)
    updated = (issue.last_updated_date_time for issue in issues)
    dates = map(in_utc, filter(None, (*released, *updated)))
    entries = [*_revisions(page, watched, watch), *_issues(page, watched, watch)]
    return snapshot(
        page,
        total=len(listed.value) + len(revisions) + len(issues),
        entries=sorted(entries, key=lambda entry: entry.key),
        # What has left this page may stand on the next: no absence says anything
        coverage=Coverage.WINDOW,
        oldest=page.time,
        newest=max(dates, default=None),
        follow=follow,
    )


def _listed(page: Page) -> Products:
    """Read a page of products, or one of a product's own lists as a page of this one."""
    whose, _ = _place(page.document)
    if whose.endswith(_REVISIONS):
        revisions = _read(page, Revisions)
        product = Product(whose.removesuffix(_REVISIONS), revisions=revisions.value)
        return Products((product,), revisions.next)
    if whose.endswith(_ISSUES):
        issues = _read(page, Issues)
        product = Product(whose.removesuffix(_ISSUES), known_issues=issues.value)
        return Products((product,), issues.next)
    return _read(page, Products)


def _place(document: str) -> tuple[str, int]:
    """Return which list a document is a page of, and its number; the first one is ""."""
    whose, _, number = (document or "page 1").rpartition(" ")
    return whose, int(number)


def _read(page: Page, form: type[Form]) -> Form:
    try:
        members = _as_in_reference(decode(page.body, dict[str, Any], _WANTED))
        return msgspec.convert(members, form)
    except msgspec.ValidationError as error:
        raise ParseError(
            f"this is not {_WANTED}: {error}",
            "Graph's beta may have changed; the next check reads it again.",
        ) from error
    except RecursionError as error:
        why = "its members stand too deep in each other"
        raise unlike(page, _WANTED, why=why) from error


def _as_in_reference(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """Return JSON with the names of its members as the reference has them, from a small
    letter on, and without those that are null.
    """
    if isinstance(value, list):
        return list(map(_as_in_reference, value))
    if not isinstance(value, dict):
        return value
    members = {}
    for name, each in value.items():
        if each is not None:
            members[name[:1].lower() + name[1:]] = _as_in_reference(each)
    return members


def _follow(page: Page, listed: Products, watched: list[Product]) -> Iterator[Follow]:
    """Yield where the list goes on, and where the lists of its watched products do."""
    whose, number = _place(page.document)
    if listed.next:
        yield Follow(f"{whose} {number + 1}", listed.next)
    for product in watched:
        name = normalize.fold(product.name)
        if product.more_revisions:
            yield Follow(f"{name}{_REVISIONS} 2", product.more_revisions)
        if product.more_issues:
            yield Follow(f"{name}{_ISSUES} 2", product.more_issues)


def _refuse_other_host(page: Page, url: str) -> None:
    here, there = urlsplit(page.url), urlsplit(url)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        raise ParseError(
            f"the list goes on at another host: {quoted(f'{there.scheme}://{there.netloc}')}",
            "Nothing was asked there, and nothing was changed. See who gives this answer.",
        )


def _address(article: Article, page: Page) -> str:
    return markup.absolute(article.url, page.url) if article.url else ""


# -- revisions


def _revisions(
    page: Page, products: Iterable[Product], watch: Watch
) -> Iterator[Entry]:
    """Yield each build for each watched release that its product means.

    One without an article, as a release's first, or without a date is no update.
    """
    for product in products:
        for name in windows.watched(product.names, watch):
            for revision in product.revisions:
                if revision.knowledge_base_article.kb and revision.release_date_time:
                    yield _revision(page, name, revision, revision.release_date_time)


def _revision(
    page: Page, product: str, revision: Revision, released: datetime
) -> Entry:
    article, catalog = revision.knowledge_base_article, revision.catalog_entry
    build = revision.os_build.text
    # "2026.03 B"; the pages of builds write "2026-03 B"
    update = windows.update_name(catalog.short_name)
    called = f"{catalog.short_name} {catalog.display_name}"
    kind = update.rpartition(" ")[2]
    title = f"{product} {update}".strip()
    if revision.is_hotpatch_update or _HOTPATCH.search(called):
        kind = HOTPATCH
        title = title if _HOTPATCH.search(update) else f"{title} {HOTPATCH}"
    address = _address(article, page)
    return Entry(
        key=f"{product} {build}",
        title=title,
        url=address or page.url,
        published=in_utc(released),
        products=(product,),
        packages=(Package(product, article.kb, build, url=address, type=kind),),
        links=unique([address]),
    )


# -- known issues


def _issues(page: Page, products: Iterable[Product], watch: Watch) -> Iterator[Entry]:
    """Yield each issue once, with all watched products of the page that list it."""
    found: dict[str, Entry] = {}
    for product in products:
        names = windows.watched(product.names, watch)
        for issue in product.known_issues:
            entry = found.get(issue.id) or _issue(page, issue)
            found[issue.id] = replace(entry, products=unique((*entry.products, *names)))
    yield from found.values()


def _issue(page: Page, issue: Issue) -> Entry:
    origin = issue.originating_knowledge_base_article
    resolving = issue.resolving_knowledge_base_article
    said, _, remedy = windows.parted(_lines(issue.newest_text))
    description = normalize.fold(issue.description)
    holds = ", ".join(map(str, issue.safeguard_hold_ids))
    return Entry(
        key=issue.id,
        title=normalize.fold(issue.title or issue.id),
        url=markup.absolute(issue.web_view_url or page.url, page.url),
        published=_day(issue.start_date_time),
        updated=_day(issue.last_updated_date_time),
        kbs=unique([origin.kb]),
        passages=(
            *passages("issue", "\n".join(unique((description, *said)))),
            *passages("workaround", "\n".join(remedy)),
            windows.status(_state(issue.status), unique([resolving.kb])),
            *passages("note", f"Safeguard holds: {holds}." if holds else ""),
        ),
        links=unique([_address(origin, page), _address(resolving, page)]),
    )


def _lines(content: str) -> str:
    """Return the paragraphs and items of a text that may be HTML, without list marks."""
    lines = markup.plain(content).splitlines()
    return "\n".join(line.strip().removeprefix("-").strip() for line in lines)


def _state(status: str) -> str:
    """Return "Mitigated External" for "mitigatedExternal"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", status[:1].upper() + status[1:])


def _day(moment: datetime | None) -> datetime | None:
    return in_utc(moment) if moment else None
