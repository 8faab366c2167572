"""A letter as its templates see it: every text of a source cleaned, every fixed word filled in.

These records are the context of the mail templates (docs/mail-templates.md).  Texts
are single harmless lines, or tuples of such lines; links are http(s) addresses or "".
Templates escape for HTML.
"""

from __future__ import annotations

from datetime import tzinfo
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from watcher.judgement import advice, normalize, server_status
from watcher.kinds import EVENT_KINDS
from watcher.records import (
    Advisory,
    Before,
    Confidence,
    Event,
    Evidence,
    Exposure,
    Kind,
    Package,
)
from watcher.text.guidance import Saying, sayings
from watcher.text.plain import line, link, paragraphs
from watcher.text.servers import ServerText, server_texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from watcher.text.words import Words

_MICROSOFT = ("microsoft.com", "microsoft.github.io", "aka.ms")
# Sentences that name products, and have a form without (``released-alone``) for where
# the title names them or nothing does
_FOR_WHOM = {"released", "announced", "issue-listed", "re-released"}


class Form(Struct, frozen=True):
    """How a letter is written.

    Its words, time zone, the page's address ("" without one), and how much is quoted.
    """

    words: Words
    zone: tzinfo
    base_url: str = ""
    # Of the usual lengths; less when a letter would become too large
    share: float = 1.0

    def most(self, usual: int) -> int:
        """Give the share of a usual length or number, at least one."""
        return max(1, int(usual * self.share))


class Row(Struct, frozen=True):
    """A package: what an administrator compares with a server."""

    product: str
    build: str
    kb: str
    kb_url: str
    # The download, where it is offered
    url: str
    note: str


class Quote(Struct, frozen=True):
    """A piece of evidence: who says it, where, when, and the words before and after."""

    source: str
    url: str
    time: str
    change: str
    # False where the quote before is of the same source, place and time
    headed: bool
    before: tuple[str, ...]
    after: tuple[str, ...]
    # The start of what is new, or of what is gone
    brief: str


class Flaw(Struct, frozen=True):
    """A vulnerability."""

    id: str
    url: str
    title: str
    severity: str
    score: str
    vector: str
    exploited: bool
    status: str


class Story(Struct, frozen=True):
    """One event, ready to be told."""

    id: str
    kind: str
    # "PULLED", "SUSPECTED PULLED"
    tag: str
    suspected: bool
    grave: bool
    # Id
    update: str
    title: str
    # Of the version it is about
    kbs: tuple[str, ...]
    # Title and KB articles
    headline: str
    # A sentence that names the update, in English
    summary: str
    # The same in the reader's language, to be read below the headline
    said: str
    vendor: str
    # Said first of a suspected event, else ""
    caution: str
    actions: tuple[str, ...]
    rows: tuple[Row, ...]
    # A row has a build or a KB article
    packaged: bool
    more_rows: int
    # (KB article, address) that no row shows
    other_kbs: tuple[tuple[str, str], ...]
    other_builds: tuple[str, ...]
    scope: str
    # The vendor's words, its tables as tables
    sayings: tuple[Saying, ...]
    links: tuple[str, ...]
    quotes: tuple[Quote, ...]
    more_quotes: int
    because: str
    flaws: tuple[Flaw, ...]
    more_flaws: int
    # What happened before; of a correction, what it corrects
    previous: str
    # This reader was told of that
    remembered: bool
    page: str
    time: str
    # The administrator's servers that it concerns
    servers: tuple[ServerText, ...] = ()
    more_servers: int = 0
    # There is an inventory to look at
    inventory: bool = False


def title_of(event: Event) -> str:
    """Name the update with its version: ``Exchange Server November 2024 SU v2``."""
    title = line(event.update.title or event.update.id, 160)
    mark = f"v{event.update.version}"
    return (
        title
        if event.update.version < 2 or title.lower().endswith(mark)
        else f"{title} {mark}"
    )


def kbs_of(event: Event) -> tuple[str, ...]:
    """Give the KB articles of the update's newest version, in order, those of older ones
    only when it has none.
    """
    newest = [
        p.kb for p in event.packages if p.kb and p.version >= event.update.version
    ]
    return tuple(dict.fromkeys(line(kb, 40) for kb in (newest or event.update.kbs)))


def headline_of(event: Event, words: Words) -> str:
    """Name update and KB articles: ``Exchange Server November 2024 SU (KB5044062)``."""
    title, kbs = (
        title_of(event),
        [kb for kb in kbs_of(event) if kb not in title_of(event)],
    )
    return f"{title} ({words.series(kbs, 3)})" if kbs else title


def tag_of(event: Event, words: Words) -> str:
    """Give the word in brackets: PULLED, SUSPECTED PULLED."""
    tag = words.say("tag", event.kind.value)
    return (
        f"{words.say('tag', 'suspected')} {tag}"
        if event.confidence is Confidence.SUSPECTED
        else tag
    )


def vendor_of(events: Iterable[Event]) -> str:
    """Name the vendor when an address tells it: "Microsoft" or ""."""
    hosts = {
        (urlsplit(link(proof.url)).hostname or "")
        for event in events
        for proof in event.evidence
    }
    return (
        "Microsoft"
        if any(
            host == name or host.endswith(f".{name}")
            for host in hosts
            for name in _MICROSOFT
        )
        else ""
    )


def vendor_words(events: Iterable[Event], words: Words) -> dict[str, str]:
    """Give the vendor's name for the middle and the start of a sentence."""
    name = vendor_of(events)
    return {
        "vendor": name or words.say("vendor", "other"),
        "Vendor": name or words.say("vendor", "Other"),
    }


def kb_url(kb: str) -> str:
    """Give the address of a KB article."""
    number = kb.removeprefix("KB")
    return (
        f"https://support.microsoft.com/help/{number}"
        if number.isascii() and number.isdigit()
        else ""
    )


def story(
    event: Event,
    form: Form,
    known: Sequence[Exposure] = (),
    earlier: Before | None = None,
) -> Story:
    """Make ``event`` ready to be told.

    ``known`` are the administrator's servers, ``earlier`` is what happened before it.
    """
    words, rows, mine = (
        form.words,
        _rows(event, form),
        server_status.servers_of_event(event, known),
    )
    flaws = sorted(
        event.advisories,
        key=lambda a: (not a.exploited, not a.disclosed, -(a.cvss or 0), a.id),
    )
    vendor, suspected = (
        vendor_words((event,), words),
        event.confidence is Confidence.SUSPECTED,
    )
    return Story(
        id=line(event.id, 80),
        kind=event.kind.value,
        tag=tag_of(event, words),
        suspected=suspected,
        grave=EVENT_KINDS[event.kind].alarming,
        update=line(event.update.id, 120),
        title=title_of(event),
        kbs=kbs_of(event),
        headline=headline_of(event, words),
        summary=line(event.summary, form.most(600)),
        said=_said(event, form),
        vendor=vendor["vendor"],
        caution=words.say("note", "suspected", **vendor) if suspected else "",
        actions=actions(event, words),
        rows=rows[: form.most(60)],
        packaged=any(row.build or row.kb for row in rows),
        more_rows=max(0, len(rows) - form.most(60)),
        other_kbs=tuple(
            (kb, kb_url(kb))
            for kb in _others(event.update.kbs, [row.kb for row in rows])
        ),
        other_builds=_others(event.update.builds, [row.build for row in rows]),
        scope=", ".join(
            line(words.name("scope", channel), 60) for channel in event.scope[:10]
        ),
        sayings=sayings(event, form.most),
        links=tuple(
            url
            for url in dict.fromkeys(map(link, event.links))
            if url and url not in {row.kb_url for row in rows}
        ),
        quotes=_quotes(event, form),
        more_quotes=max(0, len(event.evidence) - form.most(10)),
        because=line(event.because, form.most(400)),
        flaws=tuple(_flaw(advisory, form) for advisory in flaws[: form.most(40)]),
        more_flaws=max(0, len(flaws) - form.most(40)),
        previous=line(
            _previous(earlier.event, form) if earlier else event.previous,
            form.most(600),
        ),
        remembered=bool(earlier and earlier.told),
        page=link(f"{form.base_url}updates/{event.update.id}.html")
        if form.base_url
        else "",
        time=words.moment(event.time, form.zone),
        servers=server_texts(
            mine[: form.most(60)], words, event, vendor=vendor["vendor"]
        ),
        more_servers=max(0, len(mine) - form.most(60)),
        inventory=bool(known),
    )


def _others(names: Iterable[str], shown: Collection[str]) -> tuple[str, ...]:
    """Give the KB articles or builds that no row shows, twenty at most."""
    return tuple(
        name for name in (line(name, 40) for name in names) if name not in shown
    )[:20]


def actions(event: Event, words: Words) -> tuple[str, ...]:
    """Say what to do now, a sentence or two a step."""
    return tuple(
        words.say("advice", key, **_places(event, words)) for key in advice.keys(event)
    )


def _said(event: Event, form: Form) -> str:
    """Say in a sentence or two what happened, "" where the title says it all."""
    said = line(sentence(event, form.words, _places(event, form.words)), form.most(600))
    return "" if said == title_of(event) else said


def _previous(event: Event, form: Form) -> str:
    """Quote an earlier event: ``PULLED, 14 Nov 2024: This update was pulled...``."""
    said = sentence(event, form.words, _places(event, form.words))
    return (
        f"{tag_of(event, form.words)}, {form.words.day(event.time, form.zone)}: {said}"
    )


def sentence(event: Event, words: Words, places: Mapping[str, Any]) -> str:
    """Say what happened; in the English of the ledger where the language has no words for it."""
    if event.phrase not in words.tables.get("summary", {}):
        return line(event.summary, 600)
    own = {name: line(text, 300) for name, text in event.places}
    filled = {
        **places,
        **own,
        "source": words.name("source", own.get("source", "")),
        "cves": words.series(own.get("cves", "").split(", ")),
    }
    said = [words.say("summary", _form(event), **filled)]
    if event.phrase in {"released", "announced"}:
        said += _urgent(event, words)
    return " ".join(said)


def _form(event: Event) -> str:
    named = all(product in event.update.title for product in event.update.products)
    return (
        f"{event.phrase}-alone" if named and event.phrase in _FOR_WHOM else event.phrase
    )


def _urgent(event: Event, words: Words) -> list[str]:
    attacked = [
        line(advisory.id, 40) for advisory in event.advisories if advisory.exploited
    ]
    known = [
        line(advisory.id, 40) for advisory in event.advisories if advisory.disclosed
    ]
    if attacked:
        return [words.say("summary", "exploited-already", cves=words.series(attacked))]
    return (
        [words.say("summary", "disclosed-already", cves=words.series(known))]
        if known
        else []
    )


def _places(event: Event, words: Words) -> dict[str, object]:
    """What fills in the fixed sentences about an event."""
    kbs = words.series(kbs_of(event))
    return {
        "title": title_of(event),
        "update": words.say("label", "this"),
        "kbs": kbs or title_of(event),
        "it": kbs or title_of(event),
        "version": event.update.version,
        "old_version": event.update.version - 1,
        "products": words.series(
            [line(product, 80) for product in event.update.products]
        )
        or title_of(event),
        **vendor_words((event,), words),
    }


def _rows(event: Event, form: Form) -> tuple[Row, ...]:
    """Give a row a package, the newest version and product first.

    A row a product when no package is known.
    """
    packages = event.packages or tuple(
        Package(product, version=event.update.version)
        for product in event.update.products
    )
    ordered = sorted(
        packages, key=lambda p: (p.version, normalize.build_key(p.build)), reverse=True
    )
    return tuple(dict.fromkeys(_row(package, event, form.words) for package in ordered))


def _row(package: Package, event: Event, words: Words) -> Row:
    notes = []
    if package.version < event.update.version:
        notes.append(words.say("label", "old", version=package.version))
    if package.esu:
        notes.append(words.say("label", "esu"))
    kb, url = line(package.kb, 40), link(package.url)
    article = kb_url(kb)
    article_only = "support.microsoft.com/" in url
    gone = (
        event.kind is Kind.PULLED
        or event.pulled
        or package.version < event.update.version
    )
    download = "" if gone or article_only else url
    return Row(
        line(package.product, 100),
        line(package.build, 40),
        kb,
        article,
        download,
        "; ".join(notes),
    )


def _quotes(event: Event, form: Form) -> tuple[Quote, ...]:
    """Quote the evidence; what one source says at one time and place stands under one heading."""
    shown = event.evidence[: form.most(10)]
    alike = [(proof.source, proof.url, proof.time, proof.change) for proof in shown]
    return tuple(
        _quote(proof, form, headed=not place or alike[place] != alike[place - 1])
        for place, proof in enumerate(shown)
    )


def _quote(proof: Evidence, form: Form, *, headed: bool) -> Quote:
    words = form.words
    return Quote(
        source=line(words.name("source", proof.source), 100),
        url=link(proof.url),
        time=words.moment(proof.time, form.zone),
        headed=headed,
        change=line(words.name("change", proof.change), 40),
        before=paragraphs(proof.before, form.most(900)),
        after=paragraphs(proof.after, form.most(900)),
        brief=line(proof.after or proof.before, form.most(240)),
    )


def _flaw(advisory: Advisory, form: Form) -> Flaw:
    known = [
        name
        for name, yes in (
            ("exploited", advisory.exploited),
            ("disclosed", advisory.disclosed),
        )
        if yes
    ]
    return Flaw(
        id=line(advisory.id, 40),
        url=link(advisory.url),
        title=line(advisory.title, form.most(200)),
        severity=line(advisory.severity, 40),
        score="" if advisory.cvss is None else f"{advisory.cvss:.1f}",
        vector=line(advisory.vector, 120),
        exploited=advisory.exploited,
        status=", ".join(
            form.words.say("label", name) for name in (known or ["not_exploited"])
        ),
    )
