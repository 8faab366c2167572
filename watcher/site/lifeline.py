"""An update's life as a picture: days from left to right, above what it was, below who told it.

Days stand at equal distances, however long it is between them; the gap is written
where it is more than a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, tzinfo

from msgspec import Struct

from watcher.kinds import EVENT_KINDS
from watcher.records import Confidence, Event, Kind, State, Update
from watcher.site.feed import anchor
from watcher.text.plain import line
from watcher.text.words import Words

LEFT, COLUMN, HEAD, BAR, ROW, FOOT = 4, 92, 56, 36, 44, 6
MOST_DAYS, MOST_LANES = 60, 12
# Room for a word and a source's name where all happened on one day
NARROWEST = 320


class Day(Struct, frozen=True):
    """A column: its middle, its date, and how long it is since the one before."""

    x: int
    text: str
    # Where it differs from the column before
    year: str
    gap: str
    iso: str


class Span(Struct, frozen=True):
    """A stretch of the update's life in one state."""

    x: int
    width: int
    state: str
    text: str


class Mark(Struct, frozen=True):
    """An event, or evidence for one, on a day: where, what sign, and which event it leads to."""

    x: int
    y: int
    kind: str
    sign: str
    text: str
    anchor: str
    # This source told it; False: it only confirmed it
    first: bool


class Lane(Struct, frozen=True):
    """A source's row."""

    y: int
    text: str


class Lifeline(Struct, frozen=True):
    """The picture's parts, in pixels."""

    width: int
    height: int
    # Top of the bar of states
    bar: int
    days: tuple[Day, ...]
    spans: tuple[Span, ...]
    lanes: tuple[Lane, ...]
    marks: tuple[Mark, ...]
    # The whole in words
    text: str


def lifeline(
    update: Update, events: Sequence[Event], words: Words, zone: tzinfo
) -> Lifeline | None:
    """Draw the life of ``update``.

    None when no event was told of it.  Of more than 60 days the newest are drawn.
    """
    told = sorted(events, key=lambda event: event.time)
    if not told:
        return None
    dates = sorted(
        {
            _day(moment, zone)
            for event in told
            for moment in (event.time, *(e.time for e in event.evidence))
        }
    )[-MOST_DAYS:]
    columns = {
        day: LEFT + COLUMN * number + COLUMN // 2 for number, day in enumerate(dates)
    }
    told = [event for event in told if _day(event.time, zone) in columns]
    names = list(
        dict.fromkeys(proof.source for event in told for proof in event.evidence)
    )[:MOST_LANES]
    lanes = {
        source: HEAD + BAR + ROW * number + 30 for number, source in enumerate(names)
    }
    width = max(LEFT + COLUMN * len(dates) + FOOT, NARROWEST)
    return Lifeline(
        width,
        HEAD + BAR + ROW * len(lanes) + FOOT,
        HEAD,
        tuple(_days(columns, words)),
        tuple(_spans(update, told, columns, width, words, zone)),
        tuple(
            Lane(y, line(words.name("source", source), 40))
            for source, y in lanes.items()
        ),
        tuple(_marks(told, columns, lanes, words, zone)),
        "; ".join(
            f"{words.day(event.time, zone)}: {_kind(event, words)}" for event in told
        ),
    )


def _day(moment: datetime, zone: tzinfo) -> date:
    return moment.astimezone(zone).date()


def _kind(event: Event, words: Words) -> str:
    text = words.say("kind", event.kind.value)
    return (
        f"{words.say('tag', 'suspected').lower()} {text}"
        if event.confidence is Confidence.SUSPECTED
        else text
    )


def _days(columns: dict[date, int], words: Words) -> list[Day]:
    found: list[Day] = []
    before: date | None = None
    for day, x in columns.items():
        gap = (day - before).days if before else 0
        year = str(day.year) if before is None or before.year != day.year else ""
        text = words.day(
            datetime(day.year, day.month, day.day, 12, tzinfo=UTC), UTC
        ).rpartition(" ")[0]
        found.append(
            Day(x, text, year, f"{gap} days" if gap > 1 else "", day.isoformat())
        )
        before = day
    return found


def _spans(
    update: Update,
    told: Sequence[Event],
    columns: dict[date, int],
    width: int,
    words: Words,
    zone: tzinfo,
) -> list[Span]:
    """Cut the bar where the state changes.

    Before the first event it is what the update was when first seen.
    """
    earlier = update.released is not None and _day(update.released, zone) < min(columns)
    known = told[0].kind not in (Kind.RELEASED, Kind.ANNOUNCED) and (
        earlier or update.state is not State.ANNOUNCED
    )
    state = "released" if known else ""
    cuts: list[tuple[int, str, str]] = (
        [(LEFT, state, words.say("kind", "released"))] if known else []
    )
    for event in told:
        after = _after(event, state)
        if after and (after != state or event.kind is Kind.RE_RELEASED):
            version = (
                f" v{event.update.version}"
                if event.update.version > 1 and after == "released"
                else ""
            )
            text = words.say(
                "kind",
                event.kind.value
                if event.kind is Kind.RE_RELEASED
                else after.removeprefix("suspected-"),
            )
            cuts.append((columns[_day(event.time, zone)], after, f"{text}{version}"))
            state = after
    ends = [*(x for x, _, _ in cuts[1:]), width][: len(cuts)]
    return [
        Span(x, end - x, state, text if end - x >= COLUMN // 2 else "")
        for (x, state, text), end in zip(cuts, ends, strict=True)
        if end > x
    ]


def _after(event: Event, before: str) -> str:
    """Say what state an event leads to, "" when it leaves it as it is."""
    if event.kind is Kind.PULLED:
        return (
            "pulled" if event.confidence is Confidence.CONFIRMED else "suspected-pulled"
        )
    if event.kind in (Kind.RELEASED, Kind.RE_RELEASED):
        return (
            ""
            if event.kind is Kind.RELEASED and before == "pulled" and event.pulled
            else "released"
        )
    if (
        event.kind is Kind.CORRECTED
        and before in ("pulled", "suspected-pulled")
        and not event.pulled
    ):
        return "released"
    return "announced" if event.kind is Kind.ANNOUNCED and not before else ""


def _marks(
    told: Sequence[Event],
    columns: dict[date, int],
    lanes: dict[str, int],
    words: Words,
    zone: tzinfo,
) -> list[Mark]:
    """Give a mark for each event, source and day.

    Where several meet they stand side by side in their order, the four gravest at
    most.
    """
    cells: dict[tuple[int, int], dict[str, tuple[Event, bool]]] = {}
    for event in told:
        for number, proof in enumerate(event.evidence):
            day = _day(proof.time, zone)
            if day in columns and proof.source in lanes:
                cells.setdefault((columns[day], lanes[proof.source]), {}).setdefault(
                    event.id, (event, number == 0)
                )
    found: list[Mark] = []
    for (x, y), met in cells.items():
        gravest = sorted(
            met.values(), key=lambda pair: EVENT_KINDS[pair[0].kind].gravity
        )[:4]
        for number, (event, first) in enumerate(
            sorted(gravest, key=lambda pair: pair[0].time)
        ):
            aside = x + number * 20 - (len(gravest) - 1) * 10
            text = f"{_kind(event, words)}, {words.day(event.time, zone)}"
            found.append(
                Mark(
                    aside,
                    y,
                    event.kind.value,
                    EVENT_KINDS[event.kind].sign,
                    text,
                    anchor(event.id),
                    first,
                )
            )
    return found
