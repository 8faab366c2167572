"""Any CSAF 2.0 provider.

Its lists lead to its documents, each document is one entry (OASIS CSAF 2.0).

A document's entry keeps the tracking id as key, in capitals.  What a regeneration
moves is left out: the generator's date and acknowledgements.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain

import msgspec

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
from watcher.sources import csaf_provider, markup
from watcher.sources.csaf_form import (
    Cvss,
    Document,
    Note,
    ProductTree,
    Revision,
    Vulnerability,
)
from watcher.sources.csaf_products import Products, watched
from watcher.sources.json_form import decode, in_utc, quoted

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


def parse(page: Page, watch: Watch) -> Snapshot:
    """Read a document of a CSAF provider, or one of the lists that lead to its documents.

    Raises:
        ParseError: it is none of them; of JSON that misses what CSAF requires the text names the JSON path.

    """
    text = (markup.unmarked(page.body) or page.body.decode("utf-8", "replace")).strip()
    if text.startswith("{"):
        return _json(page, watch)
    if text.startswith("<"):
        return _listed(page, *_markup(page, text))
    if '",' in text or re.search(r",\s*\d{4}-\d\d-\d\d", text):
        return _listed(page, *csaf_provider.changes(page, text))
    return _listed(page, *csaf_provider.index(page, text))


def _json(page: Page, watch: Watch) -> Snapshot:
    members = decode(
        page.body.strip(),
        dict[str, msgspec.Raw],
        "a CSAF document, feed or provider metadata",
    )
    if "document" in members:
        return _document(page, watch)
    if "feed" in members:
        return _listed(page, *csaf_provider.feed(page))
    if "distributions" in members or "metadata_version" in members:
        return _listed(page, *csaf_provider.metadata(page, watch))
    raise ParseError(
        "this is neither a CSAF document nor a feed nor provider metadata: "
        f"it has the members {quoted(', '.join(members))}"
    )


def _markup(page: Page, text: str) -> tuple[tuple[Follow, ...], int]:
    if re.search(r"<(?:\w+:)?cvrfdoc\b", text):
        raise ParseError(
            "this is a CVRF document, not CSAF", 'Give the source kind = "cvrf".'
        )
    links = markup.links(text, page.url)
    follows, total = csaf_provider.listing(page, links)
    if follows or total:
        return follows, total
    older = next((url for url in links if "cvrf" in url.lower()), "")
    hint = f"it offers CVRF only, {quoted(older)}" if older else ""
    raise markup.unlike(page, "a page that links CSAF documents", why=hint)


def _listed(page: Page, follows: tuple[Follow, ...], total: int) -> Snapshot:
    newest = max(
        (datetime.fromisoformat(row.mark) for row in follows if row.mark), default=None
    )
    return Snapshot(
        page.source,
        page.document,
        page.url,
        page.time,
        page.sha256,
        Coverage.COMPLETE,
        total,
        newest=newest,
        follow=follows,
    )


def _document(page: Page, watch: Watch) -> Snapshot:
    document = decode(page.body.strip(), Document, "a CSAF 2.0 document")
    tracking = document.document.tracking
    products = watched(document, watch)
    concerned = _products(document, products) or _products_in_words(document, watch)
    return Snapshot(
        source=page.source,
        document=page.document,
        url=page.url,
        time=page.time,
        sha256=page.sha256,
        coverage=Coverage.COMPLETE,
        total=1,
        revisions=len(tracking.revision_history),
        identity=_identity(page, tracking.id),
        entries=(_entry(page, document, products, concerned),) if concerned else (),
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
    same_form = re.sub(r"\d+", "0", stem) == re.sub(r"\d+", "0", name)
    return tracking_id if same_form and stem != name else page.document


def _products_in_words(document: Document, watch: Watch) -> tuple[str, ...]:
    """Return the watched products that a document without a product tree names.

    Informational advisories and withdrawn ones (CSAF 2.1) may have none: such a document
    speaks by its title and its notes.
    """
    if document.product_tree != ProductTree():
        return ()
    notes = [note.text for note in document.document.notes]
    text = "\n".join((document.document.title, *notes))
    return tuple(
        name for name in normalize.products_in(text) if normalize.concerns(watch, name)
    )


def _entry(
    page: Page, document: Document, products: Products, concerned: tuple[str, ...]
) -> Entry:
    head, tracking = document.document, document.document.tracking
    packages = tuple(
        dict.fromkeys(
            chain.from_iterable(
                _packages(item, products) for item in document.vulnerabilities
            )
        )
    )
    disclosed, exploited = _exploitation(document.vulnerabilities)
    score = _worst(document.vulnerabilities)
    own = (
        reference.url
        for reference in head.references
        if reference.category == "self" and not reference.url.endswith(".json")
    )
    return Entry(
        key=tracking.id.upper(),
        title=markup.plain(head.title),
        url=next(own, page.url),
        published=in_utc(tracking.initial_release_date),
        updated=in_utc(tracking.current_release_date),
        revision=tracking.version,
        cves=_cves(document),
        kbs=tuple(
            dict.fromkeys(
                kb
                for kb in normalize.kbs_in(_title_and_notes(document))
                if kb not in {package.kb for package in packages}
            )
        ),
        products=concerned,
        packages=packages,
        passages=tuple(
            dict.fromkeys((*_revisions(tracking.revision_history), *_notes(document)))
        ),
        exploited=exploited,
        disclosed=disclosed,
        withdrawn=head.category.lower() == "csaf_withdrawn",
        severity=(
            head.aggregate_severity.text
            if head.aggregate_severity
            else score.base_severity
        ).capitalize(),
        cvss=score.base_score,
        vector=score.vector_string,
        links=tuple(dict.fromkeys(_links(document, products))),
    )


def _title_and_notes(document: Document) -> str:
    """Return the prose that names a document's subject.

    Only the title where the product tree and the remediations name it.
    """
    head = document.document
    if document.product_tree != ProductTree():
        return head.title
    return "\n".join((head.title, *(note.text for note in head.notes)))


def _cves(document: Document) -> tuple[str, ...]:
    named = (item.cve for item in document.vulnerabilities)
    titled = normalize.cves_in(
        f"{document.document.tracking.id.replace('_', ' ')} {document.document.title}"
    )
    return tuple(dict.fromkeys((*(cve.upper() for cve in named if cve), *titled)))


def _products(document: Document, products: Products) -> tuple[str, ...]:
    """Return the watched products that the vulnerabilities name.

    All watched ones of a document that tells no standing.
    """
    standing = tuple(
        chain.from_iterable(
            item.product_status.ids for item in document.vulnerabilities
        )
    )
    return products.of(standing) if standing else products.of(products.names)


def _packages(vulnerability: Vulnerability, products: Products) -> Iterator[Package]:
    """Yield a package for each watched product of a fix that names more than words.

    A build, an article or an address.
    """
    for fix in vulnerability.remediations:
        if fix.category == "vendor_fix":
            told = _MICROSOFT_FIX.fullmatch(fix.details.strip())
            build = normalize.build(told["build"]) if told else ""
            url = markup.absolute(fix.url) or markup.absolute(
                told["url"] if told else ""
            )
            kb = normalize.kb(url) or next(iter(normalize.kbs_in(fix.details)), "")
            kind, esu = _type(told["type"] if told else ""), bool(build and not url)
            if build or url or kb:
                yield from (
                    Package(name, kb, build, url, esu=esu, type=kind)
                    for name in products.of(fix.product_ids, fix.group_ids)
                )


def _type(subtype: str) -> str:
    if "cumulative" in subtype.lower():
        return "CU"
    return "SU" if subtype.strip() == "Security Update" else ""


def _links(document: Document, products: Products) -> Iterator[str]:
    for vulnerability in document.vulnerabilities:
        for fix in vulnerability.remediations:
            url = markup.absolute(fix.url)
            if url and products.of(fix.product_ids, fix.group_ids):
                yield url


def _exploitation(
    vulnerabilities: Iterable[Vulnerability],
) -> tuple[bool | None, bool | None]:
    """Return whether any is publicly disclosed and whether any is exploited, None where
    nothing is said of it.
    """
    said: dict[str, bool] = {}
    for vulnerability in vulnerabilities:
        for threat in vulnerability.threats:
            if threat.category == "exploit_status":
                for what, answer in _EXPLOIT_STATUS.findall(threat.details):
                    said[what.lower()] = (
                        said.get(what.lower(), False) or answer.lower() == "yes"
                    )
        if vulnerability.first_known_exploitation_dates:
            said["exploited"] = True
    return said.get("publicly disclosed"), said.get("exploited")


def _worst(vulnerabilities: Iterable[Vulnerability]) -> Cvss:
    """Return the highest score, of the newest CVSS version that each vulnerability is scored by."""
    scores = []
    for item in vulnerabilities:
        measured = (*item.scores, *(metric.content for metric in item.metrics))
        for score in measured:
            newest = score.cvss_v4 or score.cvss_v3 or score.cvss_v2
            if newest is not None:
                scores.append(newest)
    return max(scores, key=lambda score: score.base_score or 0.0, default=Cvss())


def _revisions(history: Iterable[Revision]) -> Iterator[Passage]:
    """Yield the revisions' summaries by number, for the list is in no order."""
    for revision in sorted(
        history, key=lambda item: (_number(item.number), in_utc(item.date))
    ):
        yield Passage(
            f"revision {revision.number}",
            markup.plain(revision.summary),
            in_utc(revision.date),
        )


def _number(version: str) -> tuple[int, ...]:
    return tuple(
        int(part) for part in re.split(r"[-+]", version, maxsplit=1)[0].split(".")
    )


def _notes(document: Document) -> Iterator[Passage]:
    for note in document.document.notes:
        yield from _note(note, "faq" if note.category == "faq" else "note")
    for vulnerability in document.vulnerabilities:
        for note in vulnerability.notes:
            yield from _note(note, _PASSAGES.get(note.category, "note"))
        for fix in vulnerability.remediations:
            if fix.category != "vendor_fix" or not _MICROSOFT_FIX.fullmatch(
                fix.details.strip()
            ):
                yield Passage(
                    "workaround"
                    if fix.category in {"workaround", "mitigation"}
                    else "note",
                    markup.plain(fix.details),
                )
        for threat in vulnerability.threats:
            if (
                threat.category == "exploit_status"
                and not _EXPLOIT_STATUS.search(threat.details)
                and threat.details
            ):
                yield Passage("note", markup.plain(threat.details))


def _note(note: Note, name: str) -> Iterator[Passage]:
    if note.category != "legal_disclaimer" and note.title not in _BOILERPLATE:
        yield Passage(
            name,
            "\n".join(
                filter(None, (markup.plain(note.title), markup.plain(note.text)))
            ),
        )
