"""What an administrator does now: which of the fixed sentences an event calls for.

The sentences themselves are words of a language (``templates/mail/words``), named here
by their keys. Whether to uninstall is the vendor's to say: its words and its tables are
pointed to, and none of our own added.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from watcher.judgement import normalize
from watcher.judgement.change_reading import ChangeReading
from watcher.judgement.reading import words
from watcher.kinds import EVENT_KINDS, complete
from watcher.records import Anchor, Confidence, Event, Kind, Passage, Table

# The sentence of a package that is for another product than was told
OTHER_PRODUCT = "other-product"
HEALTH_CHECKER = "https://aka.ms/ExchangeHealthChecker"
_NO_WORKAROUND = re.compile(
    r"^(?:none|n/?a|tbd|no|not applicable)\W*$|\bno (?:known |other )?workarounds?\b"
    r"|\b(?:workarounds?|fix) (?:is|are) not (?:yet )?(?:available|known)"
    r"|\b(?:investigating|under investigation|working on)\b"
    r"|\b(?:will|going to) be (?:\w+ )?(?:fixed|addressed|resolved|released|provided)\b"
    r"|(?:\bwill|'ll|’ll) (?:update|provide|share|release|address|fix|resolve)\b"
    r"|\b(?:has|have) been (?:fixed|addressed|resolved)\b",
    re.IGNORECASE,
)


_ONLY_IF_AFFECTED = re.compile(
    r"\bonly (?:install|apply|deploy|need)\b[^.]{0,120}\b(?:if|when|where|on) "
    r"[^.]{0,60}\b(?:affected|impacted|experienc\w+|encounter\w*|domain controllers?)\b"
    r"|\b(?:install|apply|deploy|needed|required|recommended)\b[^.]{0,60}\bonly "
    r"(?:if|when|where|for|on)\b[^.]{0,80}\b(?:affected|impacted|experienc\w+|macos|linux)\b"
    r"|\bif you (?:are not|aren't|were not) affected\b[^.]{0,80}"
    r"\b(?:do not|don't|no) (?:need|have)\b"
    r"|\bonly (?:affects|impacts|for|on) macos\b|\bmacos[- ]only\b",
    re.IGNORECASE,
)


# ".NET 10.0.5 as an out-of-band (OOB) update to address a regression ... that causes the
# debugger to crash when debugging applications on macOS"
_FOR_A_SYSTEM = re.compile(
    r"\bout-of-band\b.{0,120}\b(?:address|fix|resolve|correct)\w*\b.{0,300}"
    r"\b(?:crash|fail|break|hang|stop)\w*\b[^.]{0,80}\bon (?:macos|linux)\b",
    re.IGNORECASE,
)


def keys(event: Event) -> tuple[str, ...]:
    """Name the sentences for ``event``, the first thing to do first."""
    if event.confidence is Confidence.SUSPECTED:
        # An absence asks to wait and never to uninstall: .NET 10.0.4 was away for 70
        # minutes
        if event.kind is Kind.PULLED:
            return ("hold", "hold-installed")
        return ("wait",)
    # A revision or an attack of what stands pulled leads nobody to install it
    if event.pulled and EVENT_KINDS[event.kind].installs:
        return ("still-pulled", "workaround" if event.workaround else _mitigate(event))
    return _STEPS[event.kind](event)


def is_workaround(text: str) -> bool:
    """Say whether what stands where a workaround should stand is one.

    "none" and "we are investigating" are not.
    """
    return bool(text.strip()) and not _NO_WORKAROUND.search(text.strip())


def is_exchange(event: Event) -> bool:
    """Say whether Exchange Server is concerned, where Health Checker belongs to every
    installation.
    """
    return any(
        name.startswith("Exchange Server")
        for name in (event.update.title, *event.update.products)
    )


def has_update(event: Event) -> bool:
    """Say whether there is something to install."""
    return bool(event.packages or event.update.kbs or event.update.builds)


def is_only_for_affected(event: Event) -> bool:
    """Say whether the vendor's own words want an update installed only where it is needed.

    "We recommend you only install this optional update if you are affected by this
    issue", March and November 2020; .NET 10.0.5 was for macOS alone.
    """
    if any(map(_ONLY_IF_AFFECTED.search, event.guidance)):
        return True
    # What fixes a vulnerability is for everybody
    is_security = bool(event.update.cves or event.advisories)
    return not is_security and bool(_FOR_A_SYSTEM.search(" ".join(event.guidance)))


def is_for_other_product(event: Event) -> bool:
    """Say whether an event says for which product an update is, after a wrong one was told."""
    return event.kind is Kind.REVISED and event.phrase == OTHER_PRODUCT


def is_exploited(event: Event) -> bool:
    """Say whether a vulnerability of the event is exploited, not just publicly known."""
    return any(advisory.exploited for advisory in event.advisories)


class Threat(StrEnum):
    """What a subject says of attacks, the graver first."""

    EXPLOITED = "exploited"
    LIKELY = "likely"


# What happens to a known advisory is told by kinds of their own
_SAYS_THREAT = frozenset({Kind.RELEASED, Kind.RE_RELEASED, Kind.ANNOUNCED})


def threat(event: Event) -> Threat | None:
    """Say what an event's vulnerabilities are seen or held to be used for, as it begins."""
    if event.kind not in _SAYS_THREAT:
        return None
    if is_exploited(event):
        return Threat.EXPLOITED
    is_likely = any(advisory.likely for advisory in event.advisories)
    return Threat.LIKELY if is_likely else None


def _mitigate(event: Event) -> str:
    return _guided(event, "mitigate", "mitigate-unguided")


def _guided(event: Event, guided: str, unguided: str) -> str:
    """Name one sentence where the vendor says what to do, another where it does not."""
    return guided if event.guidance else unguided


def _checked(event: Event) -> tuple[str, ...]:
    return ("health-checker",) if is_exchange(event) else ()


def _pulled(event: Event) -> tuple[str, ...]:
    # Whether to uninstall is the vendor's to say: in November 2024 only who used
    # transport rules was to
    installed = _guided(event, "installed-guided", "installed-unguided")
    steps = ("do-not-install", "withdraw-approval", installed)
    return (*steps, "health-checker-after") if is_exchange(event) else steps


def _re_released(event: Event) -> tuple[str, ...]:
    if event.update.version > 1:
        return ("install-new-version", "install-over-old", *_checked(event))
    return ("install-again", *_checked(event))


def _released(event: Event) -> tuple[str, ...]:
    if is_exploited(event):
        return ("install-now", *_checked(event))
    if is_only_for_affected(event):
        return ("only-if-affected", *_checked(event))
    # A cumulative update is the product that it makes: naming both would say it twice
    title = event.update.title
    is_product = all(product in title for product in event.update.products)
    return ("install-alone" if is_product else "install", *_checked(event))


def _exploited(event: Event) -> tuple[str, ...]:
    if not has_update(event):
        return _announced(event)
    hurry = "install-now" if is_exploited(event) else "install-soon"
    return (hurry, *_checked(event))


def _known_issue(event: Event) -> tuple[str, ...]:
    # The vendor's workaround comes first, where there is one
    if event.workaround:
        return ("workaround", "issue-install") if has_update(event) else ("workaround",)
    if has_update(event):
        return (_guided(event, "issue-guided", "issue-unguided"),)
    return (_guided(event, "issue-alone", "issue-alone-unguided"),)


def _announced(event: Event) -> tuple[str, ...]:
    waiting = "exploited-no-update" if is_exploited(event) else "no-update-yet"
    return (waiting, _mitigate(event))


def _corrected(_event: Event) -> tuple[str, ...]:
    return ("disregard",)


def _revised(event: Event) -> tuple[str, ...]:
    # Who runs that product has not heard yet that there is something to install
    if is_for_other_product(event):
        return _released(event)
    return (_guided(event, "read-guided", "read"),)


def _news(_event: Event) -> tuple[str, ...]:
    return ("read",)


_STEPS = {
    Kind.PULLED: _pulled,
    Kind.RE_RELEASED: _re_released,
    Kind.RELEASED: _released,
    Kind.EXPLOITED: _exploited,
    Kind.KNOWN_ISSUE: _known_issue,
    Kind.ANNOUNCED: _announced,
    Kind.CORRECTED: _corrected,
    Kind.REVISED: _revised,
    Kind.NEWS: _news,
}
complete(_STEPS, "advice")


# Sentences beside those in tables
MOST_SENTENCES = 12
# Sentences in tables
MOST_IN_TABLES = 60
# Words by which a sentence is known to be a table's
ENOUGH_WORDS = 4
MOST_TABLES = 4
# Of a known issue
MOST_LINKS = 5
MOST_ANCHORS = 20
# "New-SettingOverride -Name ...", "Get-ExchangeServer | Format-List", "reg add HKLM\\..."
_COMMAND = re.compile(
    r"PS [^>]{0,80}> ?\S|[A-Z][a-z]+-[A-Z]\w+(?:(?: +\S+)? +[-|$\"']| *$)"
    r"|\$\w+ *= *\S|(?:reg|dism|wusa|msiexec|bcdedit)(?:\.exe)? +[/a-z-]"
    r"|(?:net|sc)(?:\.exe)? +(?:start|stop|config|query)\b|iisreset\b"
    r"|\.?\\[\w.\\]+\.(?:ps1|exe|cmd|bat)\b|[A-Z]:\\\S+\.(?:ps1|exe|cmd|bat)\b",
)
# What tells nobody what to do
_NO_GUIDANCE = ("title", "cause", "note")
# Every one of MSRC's records begins with these
_SAYS_NOTHING = re.compile(
    r"^(?:information published|initial release)\.?$|^why (?:are|is|did)\b.*\?$",
    re.IGNORECASE,
)


class TableOfCases(Struct, frozen=True):
    """A table ("If you ...", "Then ..."), and the new sentences that it holds."""

    sentences: tuple[str, ...]
    table: Table


def new_guidance(readings: Sequence[ChangeReading]) -> tuple[str, ...]:
    """Give the vendor's own new words, as paragraphs.

    What every record says is left out.
    """
    tables = new_tables(readings)
    in_tables, beside = [], []
    paragraphs = _new_paragraphs(readings)
    for text in paragraphs:
        if any(table_holds(table, text) for table in tables):
            in_tables.append(text)
        else:
            beside.append(text)
    # The re-release of November 2024 came with a table of cases: its many rows must
    # leave room for the sentences around it
    kept = {*in_tables[:MOST_IN_TABLES], *beside[:MOST_SENTENCES]}
    return tuple(text for text in paragraphs if text in kept)


def _new_paragraphs(readings: Sequence[ChangeReading]) -> list[str]:
    paragraphs: dict[str, None] = {}
    for passage in _new_passages(readings):
        if passage.name in _NO_GUIDANCE:
            continue
        folded = map(normalize.fold, passage.text.splitlines())
        paragraphs |= dict.fromkeys(filter(None, folded))
    return [text for text in paragraphs if not _SAYS_NOTHING.match(text)]


def _new_passages(readings: Iterable[ChangeReading]) -> list[Passage]:
    passages: list[Passage] = []
    for reading in readings:
        passages += reading.new_passages
    return passages


def new_tables(readings: Sequence[ChangeReading]) -> tuple[Table, ...]:
    """Give the vendor's own tables that hold what is new, whole.

    Half of one would say something else.
    """
    tables: dict[Table, None] = {}
    for reading in readings:
        new_text = "\n".join(passage.text for passage in reading.new_passages)
        held = tables_with(reading.entry.tables, new_text.splitlines())
        tables |= dict.fromkeys(held)
    return tuple(tables)[:MOST_TABLES]


def tables_of_cases(reading: ChangeReading) -> tuple[TableOfCases, ...]:
    """Give the tables of one change with the sentences that they hold.

    They are what a further source adds to an event that there is already.
    """
    guidance = new_guidance([reading])
    found = []
    for table in new_tables([reading]):
        held = tuple(text for text in guidance if table_holds(table, text))
        found.append(TableOfCases(held, table))
    return tuple(found)


def has_workaround(readings: Sequence[ChangeReading]) -> bool:
    """Say whether a change names a workaround that is one."""
    passages = _new_passages(readings)
    texts = [passage.text for passage in passages if passage.name == "workaround"]
    # "We are investigating" stands in the column of workarounds, too
    return any(map(is_workaround, texts))


def issue_links(readings: Sequence[ChangeReading]) -> tuple[str, ...]:
    """Give the links of known issues: their workarounds often stand elsewhere."""
    links: dict[str, None] = {}
    for reading in readings:
        names = {passage.name for passage in reading.entry.passages}
        if "issue" in names:
            links |= dict.fromkeys(reading.entry.links)
    return tuple(links)[:MOST_LINKS]


def anchors_of(
    readings: Iterable[ChangeReading], guidance: Sequence[str]
) -> tuple[Anchor, ...]:
    """Give where words of the guidance lead: "the Exchange Server blog post"."""
    found: dict[Anchor, None] = {}
    for reading in readings:
        for anchor in reading.entry.anchors:
            if any(stands_in(anchor, text) for text in guidance):
                found[anchor] = None
    return tuple(found)[:MOST_ANCHORS]


def stands_in(anchor: Anchor, text: str) -> bool:
    """Say whether a paragraph is the one that an anchor stands in.

    "Blog post" and "here" lead elsewhere in the next paragraph.
    """
    if not anchor.around or anchor.text not in text:
        return False
    return text in anchor.around or anchor.around in text


def codes_of(
    readings: Iterable[ChangeReading], guidance: Collection[str]
) -> tuple[str, ...]:
    """Give the paragraphs of the guidance that are code or a command, not to be wrapped."""
    marked: set[str] = set()
    for reading in readings:
        marked.update(reading.entry.codes)
    # The Exchange team's page of issues writes its commands as plain text
    return tuple(text for text in guidance if text in marked or _COMMAND.match(text))


def words_in_a_row(text: str) -> str:
    """Give a text's words in a row, to be looked for in another's."""
    return f" {' '.join(words(text))} "


def table_holds(table: Table, text: str) -> bool:
    """Say whether the words of ``text`` stand in ``table``, one after the other.

    Across its cells: a row's text is "have installed it Uninstall it."
    """
    rows = (table.head, *table.rows)
    cells = "\n".join("\n".join(row) for row in rows)
    return words_in_a_row(text) in words_in_a_row(cells)


def tables_with(tables: Iterable[Table], texts: Iterable[str]) -> tuple[Table, ...]:
    """Give those of the tables that hold one of the sentences ``texts``.

    Only sentences long enough to be nobody else's count.
    """
    # "Restart the services." stands in many a table
    long = [text for text in texts if len(words(text)) >= ENOUGH_WORDS]
    unique = dict.fromkeys(tables)
    found = [each for each in unique if any(table_holds(each, text) for text in long)]
    return tuple(found)[:MOST_TABLES]


def lay_out(
    paragraphs: Iterable[str], tables: Iterable[Table]
) -> tuple[str | Table, ...]:
    """Give paragraphs with each table in the place of the first of those that it holds.

    The others of these are left out.
    """
    tables = tuple(tables)
    laid_out: dict[str | Table, None] = {}
    for paragraph in paragraphs:
        holding = [table for table in tables if table_holds(table, paragraph)]
        laid_out[holding[0] if holding else paragraph] = None
    return tuple(laid_out)
