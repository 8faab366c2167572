"""Any CSAF 2.0 provider.

Its lists lead to its documents, each document is one entry (OASIS CSAF 2.0).

The lists (sections 7.1.8 to 7.1.15) are provider metadata, ROLIE feeds, changes.csv,
index.txt and directory listings.  A document is named by its path below the provider's
address, one on another host by host and path.  Its entry keeps the tracking id as key,
in capitals.  What a regeneration moves is left out: the generator's date and
acknowledgements.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from urllib.parse import quote, urljoin

import msgspec
from msgspec import Struct

from watcher.errors import ParseError
from watcher.judgement import normalize, tracks
from watcher.judgement.schedule import YOUNG
from watcher.records import Entry, Follow, Package, Page, Passage, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import (
    decode,
    first,
    in_utc,
    quoted,
    snapshot,
    unique,
    unlike,
    watched_products,
)
from watcher.sources.csaf_document import (
    Cvss,
    Document,
    FeedDocument,
    Metadata,
    Note,
    Products,
    ProductTree,
    Remediation,
    Revision,
    watched,
)

# "<build>:<SubType>:<url>"; what is only offered to customers of extended security
# updates has no URL
_MICROSOFT_FIX = re.compile(
    r"(?P<build>[^:\n]*):(?P<type>[^:\n]*):(?P<url>(?:https?://\S+)?)"
)
_EXPLOIT_STATUS = re.compile(
    r"(Publicly Disclosed|Exploited):(Yes|No)\b", re.IGNORECASE
)
# A vulnerability's own description says nothing of the update
_PASSAGES = {"faq": "faq", "summary": "description", "description": "description"}
# Microsoft's notes that are the same in all documents
_BOILERPLATE = {"Additional Resources", "Disclaimer", "Assigning CNA"}
_LINUX = re.compile(r"linux|mariner|azl|cbl", re.IGNORECASE)
# Tens of thousands of documents about Linux packages
_LINUX_DIRECTORY = "//msrc.microsoft.com/csaf/vex"
# In a security.txt (RFC 9116), as CSAF 2.0 has it in section 7.1.8
_CSAF_LINE = re.compile(r"^CSAF:[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
# The address of a document
_DOCUMENT = re.compile(r"[^?#]*\.json(?:[?#]|$)")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


class Listed(Struct, frozen=True):
    """A further address of a list; ``changed`` is None where the list tells no date."""

    url: str
    changed: datetime | None = None
    # Another list of the same documents
    instead: str = ""


def parse(page: Page, watch: Watch) -> Snapshot:
    """Read a document of a CSAF provider, or one of the lists that lead to its documents.

    Raises:
        ParseError: it is none of them; of JSON that misses what CSAF requires the text
            names the JSON path.

    """
    text = markup.utf8_text(page.body).strip()
    if text.startswith("{"):
        return _json(page, watch)
    if text.startswith("<"):
        return _directory(page, text)
    if _CSAF_LINE.search(text):
        return _security(page, text)
    if '",' in text or re.search(r",\s*\d{4}-\d\d-\d\d", text):
        return _changes(page, text)
    return _index(page, text)


def _security(page: Page, text: str) -> Snapshot:
    """Read a security.txt: its lines "CSAF:" lead to provider metadata."""
    urls = [line.strip() for line in _CSAF_LINE.findall(text)]
    return _list(page, map(Listed, urls), len(urls))


def _json(page: Page, watch: Watch) -> Snapshot:
    members = decode(
        page.body.strip(),
        dict[str, msgspec.Raw],
        "a CSAF document, feed or provider metadata",
    )
    if "document" in members:
        return _document(page, watch)
    if "feed" in members:
        return _feed(page)
    if "distributions" in members or "metadata_version" in members:
        return _metadata(page, watch)
    raise ParseError(
        "this is neither a CSAF document nor a feed nor provider metadata: "
        f"it has the members {quoted(', '.join(members))}"
    )


# --- A document -----------------------------------------------------------------------


def _document(page: Page, watch: Watch) -> Snapshot:
    document = decode(page.body.strip(), Document, "a CSAF 2.0 document")
    tracking = document.document.tracking
    products = watched(document, watch)
    names = _products(document, products) or _products_in_words(document, watch)
    return snapshot(
        page,
        total=1,
        revisions=len(tracking.revision_history),
        identity=_identity(page, tracking.id),
        entries=(_entry(page, document, products, names),) if names else (),
    )


def _identity(page: Page, tracking_id: str) -> str:
    """Return the name the document gives itself.

    Its own path, unless it bears the id of another one.

    A file is named after the id (CSAF 2.0, section 5.1).  Fortinet names it after the
    title instead: that is no stranger.
    """
    if not page.document:
        return tracking_id
    name = re.sub(r"[^+\-a-z0-9]+", "_", tracking_id.lower())
    stem = page.document.rsplit("/", 1)[-1].removesuffix(".json").lower()
    is_of_same_form = re.sub(r"\d+", "0", stem) == re.sub(r"\d+", "0", name)
    return tracking_id if is_of_same_form and stem != name else page.document


def _products(document: Document, products: Products) -> tuple[str, ...]:
    """Return the watched products that the vulnerabilities name.

    All watched ones of a document whose vulnerabilities give no product's status.
    """
    statuses = (each.product_status.ids for each in document.vulnerabilities)
    named = list(chain.from_iterable(statuses))
    return products.of(named or products.names)


def _products_in_words(document: Document, watch: Watch) -> tuple[str, ...]:
    """Return the watched products that a document without a product tree names.

    Informational advisories and withdrawn ones (CSAF 2.1) may have none: such a document
    speaks by its title and its notes.
    """
    if document.product_tree != ProductTree():
        return ()
    named = normalize.products_in(_title_and_notes(document))
    return watched_products(named, watch)


def _title_and_notes(document: Document) -> str:
    """Return the prose that names a document's subject.

    Only the title where the product tree and the remediations name it.
    """
    head = document.document
    if document.product_tree != ProductTree():
        return head.title
    return "\n".join((head.title, *(note.text for note in head.notes)))


def _entry(
    page: Page, document: Document, products: Products, names: tuple[str, ...]
) -> Entry:
    head, tracking = document.document, document.document.tracking
    packages = unique(_packages(document, products))
    offered = {package.kb for package in packages}
    named = normalize.kbs_in(_title_and_notes(document))
    score = _worst(document)
    severity = score.base_severity
    if head.aggregate_severity:
        severity = head.aggregate_severity.text
    # CSAF's prose is Markdown
    prose = "\n".join(note.text for note in head.notes)
    marked = markup.marked(prose)
    return Entry(
        key=tracking.id.upper(),
        title=markup.plain(head.title),
        url=_own_page(document) or page.url,
        published=in_utc(tracking.initial_release_date),
        updated=in_utc(tracking.current_release_date),
        revision=tracking.version,
        cves=_cves(document),
        kbs=unique(kb for kb in named if kb not in offered),
        products=names,
        packages=packages,
        passages=unique((*_revisions(tracking.revision_history), *_notes(document))),
        exploited=_exploited(document),
        disclosed=_exploit_status(document, "publicly disclosed"),
        withdrawn=head.category.lower() == "csaf_withdrawn",
        severity=severity.capitalize(),
        cvss=score.base_score,
        vector=score.vector_string,
        links=unique(_links(document, products)),
        anchors=marked.anchors,
        codes=marked.codes,
    )


def _own_page(document: Document) -> str:
    """Return where people read the document, "" when it names only its JSON."""
    return first(
        reference.url
        for reference in document.document.references
        if reference.category == "self" and not reference.url.endswith(".json")
    )


def _cves(document: Document) -> tuple[str, ...]:
    named = [vulnerability.cve.upper() for vulnerability in document.vulnerabilities]
    # Microsoft's ids: "msrc_CVE-2024-49040"
    tracking_id = document.document.tracking.id.replace("_", " ")
    titled = normalize.cves_in(f"{tracking_id} {document.document.title}")
    return unique((*named, *titled))


def _packages(document: Document, products: Products) -> Iterator[Package]:
    """Yield a package for each watched product of a fix that names more than words.

    A build, an article or an address.
    """
    for fix in document.remediations:
        if fix.category != "vendor_fix":
            continue
        package = _package(fix)
        if package.build or package.url or package.kb:
            for name in products.of(fix.product_ids, fix.group_ids):
                yield msgspec.structs.replace(package, product=name)


def _package(fix: Remediation) -> Package:
    """Return what a fix offers, its product left out."""
    microsoft = _MICROSOFT_FIX.fullmatch(fix.details.strip())
    build, subtype, url = microsoft.groups() if microsoft else ("", "", "")
    build = normalize.build(build)
    address = markup.absolute(fix.url) or markup.absolute(url)
    return Package(
        product="",
        kb=normalize.kb(address) or first(normalize.kbs_in(fix.details)),
        build=build,
        url=address,
        esu=bool(build and not address),
        type=tracks.type_of(subtype),
    )


def _links(document: Document, products: Products) -> Iterator[str]:
    for fix in document.remediations:
        if products.of(fix.product_ids, fix.group_ids):
            yield markup.absolute(fix.url)


def _exploited(document: Document) -> bool | None:
    """Say whether anything is known to be exploited, None where nothing is said of it."""
    for vulnerability in document.vulnerabilities:
        if vulnerability.first_known_exploitation_dates:
            return True
    return _exploit_status(document, "exploited")


def _exploit_status(document: Document, question: str) -> bool | None:
    """Return what Microsoft's "Publicly Disclosed:Yes;Exploited:No" answers.

    Yes if any says so, None where none says anything.
    """
    answers: set[str] = set()
    for vulnerability in document.vulnerabilities:
        said = "\n".join(vulnerability.exploit_statuses)
        for asked, answer in _EXPLOIT_STATUS.findall(said):
            if asked.lower() == question:
                answers.add(answer.lower())
    return "yes" in answers if answers else None


def _worst(document: Document) -> Cvss:
    """Return the highest score, of the newest CVSS version that each vulnerability has."""
    scores = chain.from_iterable(each.all_scores for each in document.vulnerabilities)
    newest = filter(None, (score.newest for score in scores))
    return max(newest, key=lambda cvss: cvss.base_score or 0.0, default=Cvss())


def _revisions(history: Iterable[Revision]) -> Iterator[Passage]:
    """Yield the revisions' summaries by number, for the list is in no order."""
    for revision in sorted(history, key=_order):
        yield Passage(
            f"revision {revision.number}",
            markup.plain(revision.summary),
            in_utc(revision.date),
        )


def _order(revision: Revision) -> tuple[tuple[int, ...], datetime]:
    """Order revisions: a number is "5" or "1.0.0", and CISA went from one to the other."""
    release = re.split(r"[-+]", revision.number, maxsplit=1)[0]
    return tuple(map(int, release.split("."))), in_utc(revision.date)


def _notes(document: Document) -> Iterator[Passage]:
    for note in document.document.notes:
        # A document's own summary and description are about the document
        yield from _note(note, "faq" if note.category == "faq" else "note")
    for vulnerability in document.vulnerabilities:
        for note in vulnerability.notes:
            yield from _note(note, _PASSAGES.get(note.category, "note"))
        for fix in vulnerability.remediations:
            yield from _advice(fix)
        for status in filter(None, vulnerability.exploit_statuses):
            if not _EXPLOIT_STATUS.search(status):
                yield Passage("note", markup.plain(status))


def _note(note: Note, name: str) -> Iterator[Passage]:
    if note.category == "legal_disclaimer" or note.title in _BOILERPLATE:
        return
    texts = (markup.plain(note.title), markup.plain(note.text))
    yield Passage(name, "\n".join(filter(None, texts)))


def _advice(fix: Remediation) -> Iterator[Passage]:
    """Yield what a remediation says in words; Microsoft's own form says it in fields."""
    if fix.category == "vendor_fix" and _MICROSOFT_FIX.fullmatch(fix.details.strip()):
        return
    is_workaround = fix.category in {"workaround", "mitigation"}
    name = "workaround" if is_workaround else "note"
    yield Passage(name, markup.plain(fix.details))


# --- The lists that lead to documents -------------------------------------------------


def _metadata(page: Page, watch: Watch) -> Snapshot:
    """Read provider metadata; ``total`` counts the distributions.

    Feeds are preferred to directories, for both list the same documents.  Microsoft's
    directory of VEX documents, tens of thousands about Linux packages, is only
    followed when a watched pattern names Linux.
    """
    metadata = decode(page.body, Metadata, "CSAF provider metadata")
    lists = [Listed(feed.url) for feed in metadata.feeds if feed.is_public]
    if not lists:
        lists = list(_directories(metadata, watch))
    if not lists:
        labels = sorted({feed.tlp_label for feed in metadata.feeds})
        raise ParseError(
            f"the CSAF provider {quoted(metadata.canonical_url)} has no public "
            f"distribution; its feeds are: {', '.join(labels) or 'none at all'}"
        )
    return _list(page, lists, len(metadata.distributions))


def _directories(metadata: Metadata, watch: Watch) -> Iterator[Listed]:
    is_linux_watched = any(map(_LINUX.search, watch.products))
    for directory in metadata.directories:
        if is_linux_watched or not directory.endswith(_LINUX_DIRECTORY):
            # Not every provider has changes.csv, though the standard asks for both
            yield Listed(f"{directory}/changes.csv", instead=f"{directory}/index.txt")


def _feed(page: Page) -> Snapshot:
    """Read a ROLIE feed: its documents that changed in the last 90 days."""
    feed = decode(page.body, FeedDocument, "a ROLIE feed").feed
    dated = [
        (entry.address, in_utc(entry.updated)) for entry in feed.entry if entry.address
    ]
    further = (Listed(link.href) for link in feed.link if link.rel == "next")
    return _list(page, [*_recent(page, dated), *further], len(dated))


def _changes(page: Page, text: str) -> Snapshot:
    """Read changes.csv: the documents that it says have changed in the last 90 days.

    The file (RFC 4180) has a path and a time in each line, the newest first, and no
    last line end.
    """
    dated = [(_below(page, path), moment) for path, moment in _rows(text)]
    if not dated:
        raise ParseError(
            "this has no line of a path and a time as changes.csv has them; "
            f"it begins with {quoted(text)}"
        )
    return _list(page, _recent(page, dated), len(dated))


def _rows(text: str) -> Iterator[tuple[str, datetime]]:
    try:
        rows = list(csv.reader(text.splitlines()))
    except csv.Error as error:
        raise ParseError(f"changes.csv is no CSV: {error}") from error
    for row in rows:
        if len(row) != 2 or not row[0].endswith(".json"):
            continue
        try:
            yield row[0], in_utc(datetime.fromisoformat(row[1].strip()))
        except ValueError:
            # A heading, or a line that was cut
            continue


def _recent(page: Page, dated: Iterable[tuple[str, datetime]]) -> Iterator[Listed]:
    for url, moment in dated:
        if page.time - moment <= YOUNG:
            yield Listed(url, moment)


def _index(page: Page, text: str) -> Snapshot:
    """Read index.txt, which tells no dates: all documents but those of years long gone."""
    lines = map(str.strip, text.splitlines())
    paths = [line for line in lines if line.endswith(".json")]
    if not paths:
        raise unlike(page, "a CSAF document, feed or list")
    young = (Listed(_below(page, path)) for path in paths if _may_change(page, path))
    return _list(page, young, len(paths))


def _directory(page: Page, text: str) -> Snapshot:
    """Read a directory listing or a page that links documents.

    It leads to its changes.csv, else to its index.txt, else to documents and folders.
    """
    if re.search(r"<(?:\w+:)?cvrfdoc\b", text):
        raise ParseError(
            "this is a CVRF document, not CSAF", 'Give the source kind = "cvrf".'
        )
    links = markup.links(text, page.url)
    urls = unique(map(_viewed, links))
    here = _folder(page)
    for name in ("changes.csv", "index.txt"):
        if here + name in urls:
            return _list(page, [Listed(here + name)], 1)
    year = re.compile(re.escape(here) + r"\d{4}/")
    chosen = [*filter(_DOCUMENT.match, urls), *filter(year.fullmatch, urls)]
    if chosen:
        young = (Listed(url) for url in chosen if _may_change(page, url))
        return _list(page, young, len(chosen))
    older = first(url for url in links if "cvrf" in url.lower())
    hint = f"it offers CVRF only, {quoted(older)}" if older else ""
    raise unlike(page, "a page that links CSAF documents", why=hint)


def _viewed(url: str) -> str:
    """Return the document that a link leads to.

    Of Fortinet's viewer (``?csaf_url=``) the one it shows.
    """
    viewed = re.search(r"[?&]csaf_url=(https://[^&]+)", url)
    return viewed[1] if viewed else url


def _may_change(page: Page, path: str) -> bool:
    """Say whether a document whose list has no dates may still change.

    Folder or file name bear this year, the last or none.
    """
    years = map(int, _YEAR.findall("/".join(path.rsplit("/", 2)[-2:])))
    # "su-2016_2054" has one year
    past = [year for year in years if year <= page.time.year]
    return not past or max(past) >= page.time.year - 1


def _folder(page: Page) -> str:
    return page.url.rsplit("/", 1)[0] + "/"


def _below(page: Page, path: str) -> str:
    """Return the URL of a path below the list's own folder; "" for one that leaves it."""
    here = _folder(page)
    url = urljoin(here, quote(path.lstrip("/"), safe="/%:"))
    return url if url.startswith(here) else ""


def _refuse_bare_addresses(listed: Iterable[Listed]) -> None:
    """Refuse a list of addresses such as "example.org/csaf/" alone.

    It leads nowhere, and would be silent for ever.
    """
    addresses = [each.url for each in listed if each.url]
    if addresses and not any("://" in url for url in addresses):
        raise ParseError(
            f"the list leads to addresses without https://, such as {quoted(addresses[0])}",
            "The publisher must repair it; the next check reads it again.",
        )


def _list(page: Page, listed: Iterable[Listed], total: int) -> Snapshot:
    """Return a list's snapshot: what it leads to, named from the source's own folder."""
    base = _folder(page)
    if page.document and page.url.endswith(page.document):
        base = page.url.removesuffix(page.document)
    every = list(listed)
    _refuse_bare_addresses(every)
    named: dict[str, Listed] = {}
    for item in every:
        if item.url.startswith(("https://", "http://")) and item.url != page.url:
            named.setdefault(_name(item.url, base), item)
    # The folder itself
    named.pop("", None)
    dates = (normalize.possible(item.changed, page.time) for item in named.values())
    return snapshot(
        page,
        total=total,
        newest=max(filter(None, dates), default=None),
        follow=tuple(_follow(name, item) for name, item in named.items()),
    )


def _name(url: str, base: str) -> str:
    """Return an address below the source's folder, or host and path of one elsewhere."""
    below = url.removeprefix(base)
    return below if below != url else url.split("://", 1)[-1]


def _follow(name: str, item: Listed) -> Follow:
    changed = item.changed.isoformat() if item.changed else ""
    return Follow(name, item.url, changed, item.instead)
