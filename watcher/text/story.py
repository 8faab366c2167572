"""A letter as its templates see it: every text of a source cleaned, every fixed word filled in.

These records are the context of the mail templates (docs/mail-templates.md).  Texts
are single harmless lines, or tuples of such lines; links are http(s) addresses or "".
Templates escape for HTML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import Struct

from watcher.judgement import advice, normalize, server_steps, tracks
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
from watcher.text.plain import addresses, line, link, paragraphs, visible
from watcher.text.servers import ServerGroup, ServerText, event_server_texts, grouped
from watcher.text.words import Form, Saying, Words, lines_of, sayings, support_texts

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence


_MICROSOFT = (".microsoft.com", ".microsoft.github.io", ".aka.ms")
# Sentences that name products, and have a form without (``released-alone``) for where
# the title names them or nothing does
_FOR_WHOM = {"released", "announced", "issue-listed", "re-released"}
# Sentences after which it is said that a vulnerability is attacked or known already
_URGENT = {"released", "announced"}


class Row(Struct, frozen=True):
    """A package: what an administrator compares with a server."""

    product: str
    build: str
    kb: str
    kb_url: str
    # The download, where it is offered
    url: str
    note: str
    # By a later version
    replaced: bool = False


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
    # How they begin, for where they are not shown
    first_saying: str
    links: tuple[str, ...]
    # Those, and the addresses of articles, downloads and evidence
    all_links: tuple[str, ...]
    quotes: tuple[Quote, ...]
    more_quotes: int
    because: str
    flaws: tuple[Flaw, ...]
    more_flaws: int
    # What happened before; of a correction, what it corrects
    previous: str
    # This reader was told of that
    remembered: bool
    # "14 Nov 2024: pulled, KB5044062", a line a turn of the update's life
    timeline: tuple[str, ...]
    page: str
    time: str
    # The administrator's servers that its packages and products are for, what is
    # affected first
    servers: tuple[ServerText, ...] = ()
    more_servers: int = 0
    # The same servers, those together of which the same is said
    server_groups: tuple[ServerGroup, ...] = ()
    more_grouped: int = 0
    # There is an inventory to look at, and the event has to do with it
    inventory: bool = False
    # Servers of which it asks nothing
    other_servers: int = 0
    # Names of the servers whose build no source tells, with it
    unknown_servers: tuple[str, ...] = ()
    # Products near the end of their support, or past it: pairs of sentence and address
    support: tuple[tuple[str, str], ...] = ()


def title_of(event: Event) -> str:
    """Name the update with its version: ``Exchange Server November 2024 SU v2``.

    Sources' words: cut, and without marks of direction.
    """
    title = line(event.update.title or event.update.id, 160)
    version = f"v{event.update.version}"
    if event.update.version < 2 or title.lower().endswith(version):
        return title
    return f"{title} {version}"


def kbs_of(event: Event) -> tuple[str, ...]:
    """Give the KB articles of the update's newest version, in order.

    Those of older versions only when it has none.
    """
    current = [each for each in event.packages if each.version >= event.update.version]
    newest = [package.kb for package in current if package.kb]
    kbs = newest or event.update.kbs
    return tuple(dict.fromkeys(line(kb, 40) for kb in kbs))


def headline_of(event: Event, words: Words) -> str:
    """Name update and KB articles: ``Exchange Server November 2024 SU (KB5044062)``.

    At most three articles, for the subject of a mail.
    """
    title = title_of(event)
    # "2024-11 Cumulative Update for Windows Server 2022 (KB5046616)" names its own
    kbs = [kb for kb in kbs_of(event) if kb not in title]
    if not kbs:
        return title
    return f"{title} ({words.series(kbs, 3)})"


def tag_of(event: Event, words: Words) -> str:
    """Give the word in brackets: PULLED, SUSPECTED PULLED."""
    tag = words.say("tag", event.kind.value)
    if event.confidence is Confidence.SUSPECTED:
        return f"{words.say('tag', 'suspected')} {tag}"
    return tag


def vendor_of(events: Iterable[Event]) -> str:
    """Name the vendor when an address tells it: "Microsoft" or "".

    By the host of its evidence; for two vendors the first one counts.
    """
    for event in events:
        for proof in event.evidence:
            host = urlsplit(link(proof.url)).hostname or ""
            # "notmicrosoft.com" is somebody else
            if f".{host}".endswith(_MICROSOFT):
                return "Microsoft"
    return ""


def vendor_words(events: Iterable[Event], words: Words) -> dict[str, str]:
    """Give the vendor's name for the middle and the start of a sentence.

    "The vendor" where no address tells the name.
    """
    name = vendor_of(events)
    return {
        "vendor": name or words.say("vendor", "other"),
        "Vendor": name or words.say("vendor", "Other"),
    }


def kb_url(kb: str) -> str:
    """Give the address of a KB article, "" for what is none.

    For numbers only: a KB article's name is a source's word.
    """
    number = kb.removeprefix("KB")
    # isdigit alone takes "²" and Arabic digits, too
    if not (number.isascii() and number.isdigit()):
        return ""
    return f"https://support.microsoft.com/help/{number}"


def story(
    event: Event,
    form: Form,
    exposures: Sequence[Exposure] = (),
    earlier: Before | None = None,
) -> Story:
    """Make ``event`` ready to be told.

    ``exposures`` are the administrator's servers, ``earlier`` is what happened before it.
    """
    words, vendor = form.words, vendor_words((event,), form.words)
    suspected = event.confidence is Confidence.SUSPECTED
    said = sayings(event, form)
    first = line(next(iter(event.guidance), ""), form.most(600))
    rows, advisories = _rows(event, form), _gravest_first(event.advisories)
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
        other_kbs=_other_kbs(event, rows),
        other_builds=_others(event.update.builds, [row.build for row in rows]),
        scope=_channels(event, words),
        sayings=said,
        first_saying=first,
        links=_links(event, rows, said),
        all_links=_all_links(event, rows, first),
        quotes=_quotes(event, form),
        more_quotes=max(0, len(event.evidence) - form.most(10)),
        because=line(event.because, form.most(400)),
        flaws=tuple(_flaw(each, form) for each in advisories[: form.most(40)]),
        more_flaws=max(0, len(advisories) - form.most(40)),
        previous=_previous(event, earlier, form),
        remembered=bool(earlier and earlier.told),
        timeline=_timeline(earlier, form),
        page=page_of(event.update.id, form),
        time=words.moment(event.time, form.zone),
        **_of_servers(event, exposures, form, vendor["vendor"]),
    )


def _of_servers(
    event: Event, exposures: Sequence[Exposure], form: Form, vendor: str
) -> dict[str, Any]:
    """Give what a story says of the administrator's servers, as of Story."""
    words, most = form.words, form.most(60)
    steps = server_steps.steps_of_event(event, exposures)
    texts = event_server_texts(steps, words, event, title_of(event), vendor)
    groups = grouped(texts, words, form.most(100))
    unknown = [exposure.server for exposure in exposures if not exposure.product]
    # With an inventory it is said of what runs there, not of all that an update is for
    products = [found.exposure.product for found in steps]
    if not exposures:
        products = [package.product for package in event.packages]
    left = [found.exposure.left_level for found in steps]
    return {
        "servers": texts[:most],
        "more_servers": max(0, len(texts) - most),
        "server_groups": groups[:most],
        "more_grouped": sum(group.servers for group in groups[most:]),
        "inventory": bool(exposures) and server_steps.speaks_of_servers(event),
        "other_servers": len(exposures) - len(steps) - len(unknown),
        "unknown_servers": tuple(
            f"{line(server.name, 60)} {line(server.build, 40)}" for server in unknown
        ),
        "support": support_texts(products, event.time, words, left),
    }


def page_of(update: str, form: Form) -> str:
    """Give the address of an update's page, "" where nothing is published.

    By the site's address of the configuration.
    """
    return link(f"{form.base_url}updates/{update}.html") if form.base_url else ""


def _gravest_first(advisories: Iterable[Advisory]) -> list[Advisory]:
    """Give the vulnerabilities in order: exploited ones, known ones, the higher score."""

    def order(advisory: Advisory) -> tuple[tuple[bool, bool, bool], float, str]:
        score = advisory.cvss or 0
        # An attack outweighs a score: CVE-2024-43451 was exploited, at 6.5
        untroubled = not advisory.exploited, not advisory.disclosed, not advisory.likely
        return untroubled, -score, advisory.id

    return sorted(advisories, key=order)


def _channels(event: Event, words: Words) -> str:
    names = [line(words.name("scope", channel), 60) for channel in event.scope[:10]]
    return ", ".join(names)


def _other_kbs(event: Event, rows: Iterable[Row]) -> tuple[tuple[str, str], ...]:
    """Give articles, with their addresses, that an event names and no package has."""
    others = _others(event.update.kbs, [row.kb for row in rows])
    return tuple((kb, kb_url(kb)) for kb in others)


def _others(names: Iterable[str], in_rows: Collection[str]) -> tuple[str, ...]:
    """Give the KB articles or builds that no row has, twenty at most."""
    cleaned = [line(name, 40) for name in names]
    return tuple(name for name in cleaned if name not in in_rows)[:20]


def _links(
    event: Event, rows: Iterable[Row], said: Iterable[Saying]
) -> tuple[str, ...]:
    """Give where the vendor's words lead, but for the articles that rows link to.

    What words of the text shown lead to stands there; of a text that had to be cut, or
    whose words lead nowhere for want of room, every address is here.
    """
    given = {row.kb_url for row in rows}
    for saying in said:
        given.update(url for _, url in saying.anchors)
        given.update(each.url for each in addresses(saying.text))
        for text in lines_of(saying.rows):
            given.update(each.url for each in addresses(text))
    found = [link(url) for url in event.links]
    found += [link(anchor.url) for anchor in event.anchors]
    for text in event.guidance:
        found += [each.url for each in addresses(visible(text))]
    return _not_given(found, given)


def _all_links(event: Event, rows: Iterable[Row], shown: str) -> tuple[str, ...]:
    """Give every address that a story has, for where it is told in a line or two.

    But for those in the words ``shown`` there.
    """
    found = [address for row in rows for address in (row.url, row.kb_url)]
    found += _links(event, rows, ())
    found += [link(proof.url) for proof in event.evidence]
    return _not_given(found, {each.url for each in addresses(shown)})


def _not_given(found: Iterable[str], given: Collection[str]) -> tuple[str, ...]:
    """Give each address found once, but for those that the reader is given elsewhere."""
    different = dict.fromkeys(filter(None, found))
    return tuple(url for url in different if url not in given)


def actions(event: Event, words: Words) -> tuple[str, ...]:
    """Say what to do now, a sentence or two a step.

    In the reader's language; the first thing to do first.
    """
    filled = _filled(event, words)
    return tuple(words.say("advice", key, **filled) for key in advice.keys(event))


def _said(event: Event, form: Form) -> str:
    """Say in a sentence or two what happened, "" where the title says it all."""
    text = sentence(event, form.words, _filled(event, form.words))
    said = line(text, form.most(600))
    return "" if said == title_of(event) else said


def _previous(event: Event, earlier: Before | None, form: Form) -> str:
    """Quote an earlier event: ``PULLED, 14 Nov 2024: This update was pulled...``."""
    if earlier is None:
        return line(event.previous, form.most(600))
    before, words = earlier.event, form.words
    said = sentence(before, words, _filled(before, words))
    when = words.day(before.time, form.zone)
    return line(f"{tag_of(before, words)}, {when}: {said}", form.most(600))


def _timeline(earlier: Before | None, form: Form) -> tuple[str, ...]:
    """Say when the update was released, pulled and released again, a line each."""
    if earlier is None:
        return ()
    lines = []
    for event in earlier.story:
        words, version = form.words, event.update.version
        facts = (
            words.say("kind", event.kind.value),
            f"v{version}" if version > 1 else "",
            words.series(kbs_of(event)),
        )
        said = ", ".join(filter(None, facts))
        lines.append(f"{words.day(event.time, form.zone)}: {said}")
    return tuple(lines)


def sentence(event: Event, words: Words, filled: Mapping[str, Any]) -> str:
    """Say what happened, with the words of ``filled`` in their places.

    In the English of the ledger where the language has no words for it, as for an event
    that a later version has recorded.
    """
    if event.phrase not in words.tables.get("summary", {}):
        return line(event.summary, 600)
    own = {name: line(text, 300) for name, text in event.places}
    filled = {
        **filled,
        **own,
        "source": words.name("source", own.get("source", "")),
        "cves": words.series(own.get("cves", "").split(", ")),
    }
    said = words.say("summary", _sentence_key(event), **filled)
    if event.phrase in _URGENT:
        return f"{said} {_urgent(event, words)}".rstrip()
    return said


def _sentence_key(event: Event) -> str:
    in_title = all(product in event.update.title for product in event.update.products)
    if in_title and event.phrase in _FOR_WHOM:
        return f"{event.phrase}-alone"
    return event.phrase


def _urgent(event: Event, words: Words) -> str:
    """Say which vulnerabilities are exploited already, else which are publicly known."""
    exploited = [line(each.id, 40) for each in event.advisories if each.exploited]
    disclosed = [line(each.id, 40) for each in event.advisories if each.disclosed]
    # What is attacked is known, too: it is said once, the graver way
    if exploited:
        return words.say("summary", "exploited-already", cves=words.series(exploited))
    likely = [line(each.id, 40) for each in event.advisories if each.likely]
    said = []
    if disclosed:
        cves = words.series(disclosed)
        said.append(words.say("summary", "disclosed-already", cves=cves))
    if likely:
        filled = vendor_words((event,), words)
        said.append(words.say("note", "likely", cves=words.series(likely), **filled))
    return " ".join(said)


def _filled(event: Event, words: Words) -> dict[str, object]:
    """Give what the fixed sentences about an event may name."""
    title, kbs = title_of(event), words.series(kbs_of(event))
    products = words.series([line(product, 80) for product in event.update.products])
    return {
        "title": title,
        "update": words.say("label", "this"),
        "kbs": kbs or title,
        "it": kbs or title,
        "version": event.update.version,
        "old_version": event.update.version - 1,
        "products": products or title,
        **vendor_words((event,), words),
    }


def _rows(event: Event, form: Form) -> tuple[Row, ...]:
    """Give a row a package, the newest version and product first.

    A row a product when no package is known.
    """
    packages = list(event.packages)
    if not packages:
        version = event.update.version
        packages = [
            Package(product, version=version) for product in event.update.products
        ]
    packages.sort(
        key=lambda package: (package.version, normalize.build_key(package.build)),
        reverse=True,
    )
    rows = [_row(package, event, form.words) for package in packages]
    return tuple(dict.fromkeys(rows))


def _row(package: Package, event: Event, words: Words) -> Row:
    replaced = package.version < event.update.version
    notes = []
    if replaced:
        notes.append(words.say("label", "old", version=package.version))
    # Where others are still offered, it is said which one is not
    in_part = package.pulled and not all(each.pulled for each in event.packages)
    if in_part:
        notes.append(words.say("label", "pulled"))
    if package.esu:
        notes.append(words.say("label", "esu"))
    if track := tracks.track(package):
        notes.append(words.say("label", f"track-{track}"))
    # A mail that says "Do not install" must not offer the file, and neither must a later
    # digest about another event of an update that is pulled.
    pulled = in_part or event.pulled or event.kind is Kind.PULLED
    offered = not (replaced or pulled)
    url, kb = link(package.url), line(package.kb, 40)
    # An article is read, not downloaded: its link stands in a column of its own
    is_article = "support.microsoft.com/" in url
    return Row(
        product=line(package.product, 100),
        build=line(package.build, 40),
        kb=kb,
        kb_url=kb_url(kb),
        url=url if offered and not is_article else "",
        note="; ".join(notes),
        replaced=replaced,
    )


def _quotes(event: Event, form: Form) -> tuple[Quote, ...]:
    """Quote the evidence; what one source says at one time and place stands under one heading."""
    quotes: list[Quote] = []
    heading = None
    for proof in event.evidence[: form.most(10)]:
        own = (proof.source, proof.url, proof.time, proof.change)
        quotes.append(_quote(proof, form, headed=own != heading))
        heading = own
    return tuple(quotes)


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
    status = []
    if advisory.exploited:
        status.append(form.words.say("label", "exploited"))
    if advisory.disclosed:
        status.append(form.words.say("label", "disclosed"))
    if not status:
        status.append(form.words.say("label", "not_exploited"))
    if advisory.likely and not advisory.exploited:
        status.append(form.words.say("label", "likely"))
    return Flaw(
        id=line(advisory.id, 40),
        url=link(advisory.url),
        title=line(advisory.title, form.most(200)),
        severity=line(advisory.severity, 40),
        score="" if advisory.cvss is None else f"{advisory.cvss:.1f}",
        vector=line(advisory.vector, 120),
        exploited=advisory.exploited,
        status=", ".join(status),
    )
