"""Kind ``cvrf``: the Microsoft Security Response Center's monthly documents, and any
other CVRF 1.1 document.

The index lists a document for each month, unsorted; the document "" of a source is
that index, the others are named by the month's ID ("2024-Nov").  A vulnerability's own
revision history, its FAQ and its fixes are the vendor's word on an update's life.
Revisions stand in no order, and one number may stand twice; dates without a zone are
UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from watcher.errors import ParseError
from watcher.judgement import normalize, tracks
from watcher.records import Entry, Follow, Package, Page, Passage, Snapshot, Watch
from watcher.sources import markup
from watcher.sources.answer import (
    clean_json,
    in_utc,
    numbered,
    passages,
    snapshot,
    unique,
    unlike,
    watched_products,
)
from watcher.sources.cvrf_document import (
    WANTED,
    Month,
    Note,
    Product,
    Remediation,
    Revision,
    Vulnerability,
    mappings,
    read_json,
    read_xml,
    text_of,
)

_GUIDE = "https://msrc.microsoft.com/update-guide/vulnerability/"
# The gravest first
_SEVERITIES = ("Critical", "Important", "Moderate", "Low")
# Of either segment: "Latest Software Release", "Older Software Release"
_LIKELY = re.compile(r"Software Release:\s*Exploitation More Likely", re.IGNORECASE)
# The notes that are read: tags, CNA and "Customer Action Required" are not prose
_PASSAGES = {"FAQ": "faq", "Description": "description"}
_REJECTED = re.compile(
    r"^\W*reject(?:ed)?\b.*(?:reason|\*\*)|- rejected$", re.IGNORECASE
)
_SCORE = re.compile(r"\d{1,2}(?:\.\d+)?")
_ADVICE = {"Workaround", "Mitigation"}


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return an index's months to follow, or a month's watched vulnerabilities.

    ``total`` and ``revisions`` count all vulnerabilities and all their revisions,
    ``identity`` is the ID that the document gives itself.  Entries are keyed by CVE.

    Raises:
        ParseError: neither an index nor a CVRF document in XML or JSON, or one that is
            cut off.

    """

    def choose(products: Mapping[str, Product]) -> dict[str, str]:
        return _watched(products, watch)

    if _first_character(page.body) not in {"{", "["}:
        return _month(page, watch, read_xml(page, choose))
    value = _decoded(page)
    if isinstance(value.get("value"), list):
        return _index(page, value["value"])
    if "DocumentTracking" not in value and "Vulnerability" not in value:
        raise unlike(page, "an index of CVRF documents or one of them")
    return _month(page, watch, read_json(value, choose))


def _first_character(body: bytes) -> str:
    """Return the first character that is no space, "" when there is none soon."""
    return markup.utf8_text(body[:400]).lstrip()[:1]


def _decoded(page: Page) -> Mapping[str, Any]:
    try:
        value = msgspec.json.decode(clean_json(markup.utf8(page.body)))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unlike(page, WANTED, why=str(error)[:120]) from error
    if not isinstance(value, dict):
        raise unlike(page, WANTED)
    return value


def _index(page: Page, months: list[Any]) -> Snapshot:
    """Read the index; it is not sorted, and IDs are also "2017-May-B" and "2018-FEB"."""
    if page.document:
        raise ParseError(
            f"the index of all months was served in the place of {page.document}",
            "The next check tries again.",
        )
    follow: dict[str, Follow] = {}
    for month in mappings(months):
        name, url = text_of(month.get("ID")), text_of(month.get("CvrfUrl"))
        changed = text_of(month.get("CurrentReleaseDate"))
        address = markup.absolute(url, page.url) if url else ""
        if name and address:
            follow.setdefault(name, Follow(name, address, changed))
    # Graph's list of Windows' known issues has a "value" too, of quite other things
    if months and not follow:
        raise unlike(page, "MSRC's index of months", why="it leads to no month")
    return snapshot(
        page,
        total=len(months),
        follow=tuple(sorted(follow.values(), key=lambda item: item.document)),
    )


def _month(page: Page, watch: Watch, month: Month) -> Snapshot:
    entries = (_entry(each, month, watch) for each in month.vulnerabilities)
    return snapshot(
        page,
        total=month.total,
        revisions=month.revisions,
        identity=month.identity,
        # One CVE stands twice in some documents
        entries=numbered(entry for entry in entries if entry.products),
    )


def _watched(products: Mapping[str, Product], watch: Watch) -> dict[str, str]:
    """Return the canonical names of the watched products by their IDs."""
    watched: dict[str, str] = {}
    # A name stands in the tree twice
    decided: dict[str, str] = {}
    for number, product in products.items():
        if product.name not in decided:
            decided[product.name] = _wanted(normalize.product(product.name), watch)
        if decided[product.name]:
            watched[number] = decided[product.name]
    return watched


def _wanted(name: str, watch: Watch) -> str:
    """Return a canonical name if it is watched, "" if not.

    A pattern for everything does not mean the Linux packages that MSRC lists by the
    thousand (3,000 entries of Mariner have not even a title).
    """
    return name if watch.wants(name, linux=normalize.is_linux(name)) else ""


def _entry(item: Vulnerability, month: Month, watch: Watch) -> Entry:
    """Read a vulnerability; it has no products when it is about none that are watched."""
    watched = month.watched
    revisions = sorted(item.revisions, key=_order)
    moments = (_moment(revision.date) for revision in revisions)
    dates = list(filter(None, moments))
    fixes = [
        fix for fix in item.remediations if not watched.keys().isdisjoint(fix.products)
    ]
    packages = unique(package for fix in fixes for package in _packages(fix, month))
    offered = {package.kb for package in packages}
    base, vector = _score(item, watched)
    prose = _prose(item, revisions)
    marked = markup.marked(prose)
    cves = normalize.cves_in(item.cve)
    title = normalize.fold(item.title)
    # A rejected one and an early announcement list no product: their title may name some
    in_title = watched_products(normalize.products_in(title), watch)
    return Entry(
        # Rows of Mariner may have a title only, or neither
        key=normalize.fold(item.cve) or title or "unnamed",
        title=title,
        url=_GUIDE + cves[0] if cves else "",
        published=min(dates, default=None),
        updated=max(dates, default=None),
        revision=revisions[-1].number if revisions else "",
        cves=cves,
        kbs=tuple(article for article in _articles(fixes) if article not in offered),
        products=_products(item, fixes, watched) or in_title,
        packages=packages,
        passages=tuple(_passages(item, revisions, fixes)),
        exploited=_status(item, "Exploited"),
        disclosed=_status(item, "Publicly Disclosed"),
        likely=_is_likely(item),
        severity=_severity(item, watched),
        cvss=base,
        vector=vector,
        links=unique(
            [*(markup.absolute(fix.url) for fix in fixes), *markup.links(prose)]
        ),
        tables=markup.readable_tables(prose),
        anchors=marked.anchors,
        codes=marked.codes,
    )


def _order(revision: Revision) -> tuple[tuple[int, ...], str]:
    """Order revisions: "10.0" follows "9.0", and the list itself is often in no order.

    4,849 of 10,990 records with several revisions were not sorted, and 172 had one
    number twice.
    """
    return _number(revision.number), revision.date


def _number(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)[:2]))


def _prose(item: Vulnerability, revisions: list[Revision]) -> str:
    notes = (note.html for note in _read_notes(item))
    return "\n".join((*notes, *(revision.html for revision in revisions)))


def _read_notes(item: Vulnerability) -> list[Note]:
    return [note for note in item.notes if note.type in _PASSAGES]


def _products(
    item: Vulnerability, fixes: list[Remediation], watched: Mapping[str, str]
) -> tuple[str, ...]:
    """Return the watched products that are affected, then those that are only fixed."""
    numbers = list(item.affected)
    for fix in fixes:
        numbers.extend(fix.products)
    return unique(watched.get(number, "") for number in numbers)


def _packages(fix: Remediation, month: Month) -> Iterator[Package]:
    """Return a package for each watched product and each build of a vendor fix."""
    if fix.type != "Vendor Fix":
        return
    # "5049233"; others say "Release Notes" or "Click to Run", and name none
    article = normalize.kb(fix.description)
    address = markup.absolute(fix.url)
    superseded = unique(map(normalize.kb, re.findall(r"\d{6,7}", fix.supercedence)))
    # Some fixes name several: "1.2.3.4; 1.2.3.5"
    builds = unique(map(normalize.build, fix.build.split(";"))) or ("",)
    for number in fix.products:
        if number not in month.watched:
            continue
        for build in builds:
            # 37 fixes of Exchange have no address: they are for customers of extended
            # security updates only (2026)
            unaddressed = bool(article and build and not address)
            yield Package(
                product=month.watched[number],
                kb=article,
                build=build,
                url=address,
                supersedes=superseded,
                esu=month.products[number].esu or unaddressed,
                type=tracks.type_of(fix.subtype),
            )


def _articles(fixes: Iterable[Remediation]) -> tuple[str, ...]:
    """Return the articles of release notes and known issues.

    The former name theirs in the subtype, the latter in the description.
    """
    texts: list[str] = []
    for fix in fixes:
        if fix.type != "Vendor Fix":
            texts += [fix.description, fix.subtype, fix.url]
    return unique(map(normalize.kb, texts))


def _passages(
    item: Vulnerability, revisions: list[Revision], fixes: list[Remediation]
) -> Iterator[Passage]:
    for revision in revisions:
        yield Passage(
            f"revision {revision.number}",
            markup.plain(revision.html),
            _moment(revision.date),
        )
    for note in _read_notes(item):
        yield from passages(_PASSAGES[note.type], markup.plain(note.html))
    advice = (fix.description for fix in fixes if fix.type in _ADVICE)
    # The same advice stands once for each product
    for text in unique(map(markup.plain, advice)):
        yield Passage("workaround", text)


def _status(item: Vulnerability, segment: str) -> bool | None:
    """Return what "Publicly Disclosed:Yes;Exploited:No;..." says of a segment.

    None when it says nothing: segments are optional, and sometimes there is only
    "DOS:N/A".
    """
    wanted = re.compile(rf"(?:^|;)\s*{segment}:\s*(Yes|No)\b", re.IGNORECASE)
    answers = filter(None, map(wanted.search, item.exploit_statuses))
    answer = next(answers, None)
    return answer[1].lower() == "yes" if answer else None


def _is_likely(item: Vulnerability) -> bool | None:
    """Return whether "Latest Software Release:Exploitation More Likely" stands there.

    None when nothing is said of it.
    """
    for status in item.exploit_statuses:
        if "xploitation" in status:
            return bool(_LIKELY.search(status))
    return None


def _is_about(numbers: tuple[str, ...], watched: Mapping[str, str]) -> bool:
    """Say whether a severity or a score counts: what names no product is for all."""
    return not numbers or not watched.keys().isdisjoint(numbers)


def _severity(item: Vulnerability, watched: Mapping[str, str]) -> str:
    """Return the gravest severity over the watched products; a rejected CVE has none."""
    if _REJECTED.search(item.title):
        return ""
    found = {
        threat.text
        for threat in item.threats
        if threat.type == "Severity" and _is_about(threat.products, watched)
    }
    return next((severity for severity in _SEVERITIES if severity in found), "")


def _score(item: Vulnerability, watched: Mapping[str, str]) -> tuple[float | None, str]:
    """Return the highest base score over the watched products, and its vector."""
    scored = [
        (float(score.base), score.vector)
        for score in item.scores
        if _SCORE.fullmatch(score.base) and _is_about(score.products, watched)
    ]
    return max(scored, default=(None, ""))


def _moment(text: str) -> datetime | None:
    """Return an ISO date as UTC; the year 1 stands for no date."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return in_utc(moment) if moment.year > 1 else None
