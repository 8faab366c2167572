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
from datetime import UTC, datetime
from typing import Any

import msgspec
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
from watcher.sources import grids, json_form, markup
from watcher.sources.cvrf_document import (
    WANTED,
    Month,
    Product,
    Remediation,
    Vulnerability,
    read_xml,
)
from watcher.sources.cvrf_json import read_json

_GUIDE = "https://msrc.microsoft.com/update-guide/vulnerability/"
_SEVERITIES = ("Critical", "Important", "Moderate", "Low")
_TOLD = {"FAQ": "faq", "Description": "description"}
_REJECTED = re.compile(
    r"^\W*reject(?:ed)?\b.*(?:reason|\*\*)|- rejected$", re.IGNORECASE
)
_ADVICE = {"Workaround", "Mitigation"}


def parse(page: Page, watch: Watch) -> Snapshot:
    """Return an index's months to follow, or a month's watched vulnerabilities.

    ``total`` and ``revisions`` count all vulnerabilities and all their revisions,
    ``identity`` is the ID that the document gives itself.  Entries are keyed by CVE.

    Raises:
        ParseError: neither an index nor a CVRF document in XML or JSON, or one that is cut off.

    """
    if _opening(page.body) not in {"{", "["}:
        return _month(
            page, watch, read_xml(page, lambda products: _watched(products, watch))
        )
    value = _decoded(page)
    if isinstance(value.get("value"), list):
        return _index(page, value["value"])
    if "DocumentTracking" not in value and "Vulnerability" not in value:
        raise markup.unlike(page, "an index of CVRF documents or one of them")
    return _month(
        page, watch, read_json(value, lambda products: _watched(products, watch))
    )


def _opening(body: bytes) -> str:
    """Return the first character that is no space, "" when there is none soon."""
    text = markup.unmarked(body[:400])
    return (
        body[:200].decode("ascii", "replace") if text is None else text[:200]
    ).lstrip()[:1]


def _decoded(page: Page) -> Mapping[str, Any]:
    text = markup.unmarked(page.body)
    try:
        value = msgspec.json.decode(
            json_form.clean(
                page.body if text is None else text.encode("utf-8", "replace")
            )
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise markup.unlike(page, WANTED, why=str(error)[:120]) from error
    if not isinstance(value, dict):
        raise markup.unlike(page, WANTED)
    return value


def _index(page: Page, rows: list[Any]) -> Snapshot:
    if page.document:
        raise ParseError(
            f"the index of all months was served in the place of {page.document}",
            "The next check tries again.",
        )
    follow: dict[str, Follow] = {}
    for row in rows:
        name, url, mark = (
            str((row if isinstance(row, dict) else {}).get(key) or "")
            for key in ("ID", "CvrfUrl", "CurrentReleaseDate")
        )
        address = markup.absolute(url, page.url) if url else ""
        if name and address:
            follow.setdefault(name, Follow(name, address, mark))
    return _snapshot(
        page,
        total=len(rows),
        follow=tuple(sorted(follow.values(), key=lambda item: item.document)),
    )


def _month(page: Page, watch: Watch, month: Month) -> Snapshot:
    entries = (
        _entry(item, month.products, month.watched) for item in month.vulnerabilities
    )
    wanted = (entry if entry.products else _by_title(entry, watch) for entry in entries)
    return _snapshot(
        page,
        total=month.total,
        revisions=month.revisions,
        identity=month.identity,
        entries=tuple(_distinct(entry for entry in wanted if entry.products)),
    )


def _by_title(entry: Entry, watch: Watch) -> Entry:
    """Give a vulnerability that lists no product (a rejected one, an early announcement)
    the watched ones that its title names.
    """
    return replace(
        entry,
        products=tuple(
            name
            for name in normalize.products_in(entry.title)
            if normalize.concerns(watch, name)
        ),
    )


def _snapshot(
    page: Page,
    *,
    total: int,
    revisions: int = 0,
    identity: str = "",
    entries: tuple[Entry, ...] = (),
    follow: tuple[Follow, ...] = (),
) -> Snapshot:
    return Snapshot(
        source=page.source,
        document=page.document,
        url=page.url,
        time=page.time,
        sha256=page.sha256,
        coverage=Coverage.COMPLETE,
        total=total,
        revisions=revisions,
        identity=identity,
        entries=entries,
        follow=follow,
    )


def _watched(products: Mapping[str, Product], watch: Watch) -> dict[str, str]:
    """Return the canonical names of the watched products by their IDs.

    A name stands in the tree twice.
    """
    names = {
        product.name: normalize.product(product.name) for product in products.values()
    }
    wanted = {
        name
        for name, product in names.items()
        if watch.wants(product)
        and watch.wants(product, linux=normalize.is_linux(product))
    }
    return {
        number: names[product.name]
        for number, product in products.items()
        if product.name in wanted
    }


def _entry(
    item: Vulnerability, products: Mapping[str, Product], watched: Mapping[str, str]
) -> Entry:
    """Make an entry; ``watched`` holds the canonical names of the watched products by their IDs."""
    revisions = sorted(
        item.revisions, key=lambda revision: (_number(revision[0]), revision[1])
    )
    dates = [moment for _, date, _ in revisions if (moment := _moment(date))]
    fixes = [
        fix for fix in item.remediations if not watched.keys().isdisjoint(fix.products)
    ]
    packages = dict.fromkeys(
        package for fix in fixes for package in _packages(fix, products, watched)
    )
    named = [
        watched[number]
        for number in (
            *item.affected,
            *(number for fix in fixes for number in fix.products),
        )
        if number in watched
    ]
    base, vector = _score(item, watched)
    told = "\n".join(
        [html for kind, _, html in item.notes if kind in _TOLD]
        + [html for _, _, html in revisions]
    )
    addresses = [*(markup.absolute(fix.url) for fix in fixes), *markup.links(told)]
    cves = normalize.cves_in(item.cve)
    return Entry(
        key=normalize.fold(item.cve) or normalize.fold(item.title) or "unnamed",
        title=normalize.fold(item.title),
        url=_GUIDE + cves[0] if cves else "",
        published=min(dates, default=None),
        updated=max(dates, default=None),
        revision=revisions[-1][0] if revisions else "",
        cves=cves,
        kbs=tuple(
            article
            for article in _articles(fixes)
            if article not in {package.kb for package in packages}
        ),
        products=tuple(dict.fromkeys(named)),
        packages=tuple(packages),
        passages=tuple(_passages(item, revisions, fixes)),
        exploited=_status(item, "Exploited"),
        disclosed=_status(item, "Publicly Disclosed"),
        severity=_severity(item, watched),
        cvss=base,
        vector=vector,
        links=tuple(dict.fromkeys(filter(None, addresses))),
        tables=grids.read(told),
    )


def _packages(
    fix: Remediation, products: Mapping[str, Product], watched: Mapping[str, str]
) -> Iterator[Package]:
    """Return a package for each watched product and each build of a vendor fix."""
    if fix.type != "Vendor Fix":
        return
    article = normalize.kb(fix.description)
    builds = list(filter(None, map(normalize.build, fix.build.split(";")))) or [""]
    address = markup.absolute(fix.url)
    for number in fix.products:
        for build in builds if number in watched else ():
            yield Package(
                product=watched[number],
                kb=article,
                build=build,
                url=address,
                supersedes=_superseded(fix.supercedence),
                esu=products[number].esu or bool(article and build and not address),
                type=_type(fix.subtype),
            )


def _type(subtype: str) -> str:
    if "cumulative" in subtype.lower():
        return "CU"
    return "SU" if subtype == "Security Update" else ""


def _superseded(text: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(filter(None, map(normalize.kb, re.findall(r"\d{6,7}", text))))
    )


def _articles(fixes: Iterable[Remediation]) -> tuple[str, ...]:
    """Return the articles of release notes and known issues.

    The former name theirs in the subtype, the latter in the description.
    """
    named = (
        normalize.kb(text)
        for fix in fixes
        if fix.type != "Vendor Fix"
        for text in (fix.description, fix.subtype, fix.url)
    )
    return tuple(dict.fromkeys(filter(None, named)))


def _passages(
    item: Vulnerability, revisions: list[tuple[str, str, str]], fixes: list[Remediation]
) -> Iterator[Passage]:
    for number, date, html in revisions:
        yield Passage(f"revision {number}", markup.plain(html), _moment(date))
    for kind, _, html in item.notes:
        text = markup.plain(html) if kind in _TOLD else ""
        if text:
            yield Passage(_TOLD[kind], text)
    for text in dict.fromkeys(
        markup.plain(fix.description) for fix in fixes if fix.type in _ADVICE
    ):
        if text:
            yield Passage("workaround", text)


def _status(item: Vulnerability, segment: str) -> bool | None:
    """Return what "Publicly Disclosed:Yes;Exploited:No;..." says of a segment, None when
    it says nothing.
    """
    for kind, text, _ in item.threats:
        found = (
            re.search(rf"(?:^|;)\s*{segment}:\s*(Yes|No)\b", text, re.IGNORECASE)
            if kind == "Exploit Status"
            else None
        )
        if found:
            return found[1].lower() == "yes"
    return None


def _severity(item: Vulnerability, watched: Mapping[str, str]) -> str:
    """Return the gravest severity over the watched products.

    A threat that names no product is for all, a rejected CVE has none.
    """
    if _REJECTED.search(item.title):
        return ""
    said = {
        text
        for kind, text, numbers in item.threats
        if kind == "Severity"
        and (not numbers or not watched.keys().isdisjoint(numbers))
    }
    return next((severity for severity in _SEVERITIES if severity in said), "")


def _score(item: Vulnerability, watched: Mapping[str, str]) -> tuple[float | None, str]:
    """Return the highest base score over the watched products, and its vector."""
    scored = [
        (float(base), vector)
        for base, vector, numbers in item.scores
        if re.fullmatch(r"\d{1,2}(?:\.\d+)?", base)
        and (not numbers or not watched.keys().isdisjoint(numbers))
    ]
    return max(scored, default=(None, ""))


def _distinct(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Number entries of one CVE, which stands twice in some documents, in the document's order."""
    seen: dict[str, int] = {}
    for entry in entries:
        number = seen[entry.key] = seen.get(entry.key, 0) + 1
        yield entry if number == 1 else replace(entry, key=f"{entry.key} #{number}")


def _number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


def _moment(text: str) -> datetime | None:
    """Return an ISO date as UTC; the year 1 stands for no date."""
    try:
        moment = datetime.fromisoformat(text)
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return aware.astimezone(UTC) if moment.year > 1 else None
    except (ValueError, OverflowError):
        return None
