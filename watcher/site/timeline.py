"""An update's life as a picture: days from left to right, its state above, sources below.

Days stand at equal distances, however long it is between them; the gap is written
where it is more than a day.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, tzinfo

from msgspec import Struct

from watcher.kinds import EVENT_KINDS
from watcher.records import Confidence, Event, Kind, State, Update
from watcher.site.feeds import anchor
from watcher.text.plain import line
from watcher.text.words import Words

LEFT, COLUMN, HEAD, BAR, ROW, FOOT = 4, 92, 56, 36, 44, 6
MOST_DAYS, MOST_SOURCES = 60, 12
MOST_IN_CELL = 4
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


class Dot(Struct, frozen=True):
    """An event, or evidence for one, on a day: where, what sign, and which event it leads to."""

    x: int
    y: int
    kind: str
    sign: str
    text: str
    anchor: str
    # False: this source only confirmed the event
    first: bool


class SourceRow(Struct, frozen=True):
    """A source's row."""

    y: int
    text: str


class Timeline(Struct, frozen=True):
    """The picture's parts, in pixels."""

    width: int
    height: int
    # Top of the bar of states
    bar: int
    days: tuple[Day, ...]
    spans: tuple[Span, ...]
    lanes: tuple[SourceRow, ...]
    marks: tuple[Dot, ...]
    # The whole in words
    text: str


class _Grid(Struct, frozen=True):
    """Where days and sources stand, and how the picture is written."""

    columns: dict[date, int]
    rows: dict[str, int]
    width: int
    words: Words
    zone: tzinfo

    def day(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()


class _Cut(Struct, frozen=True):
    """A change of the update's state."""

    x: int
    state: str
    text: str


def timeline(
    update: Update, events: Sequence[Event], words: Words, zone: tzinfo
) -> Timeline | None:
    """Draw the life of ``update``.

    None when it has no event.  Of more than 60 days the newest are drawn.
    """
    if not events:
        return None
    ordered = sorted(events, key=lambda event: event.time)
    grid = _grid(ordered, words, zone)
    drawn = [event for event in ordered if grid.day(event.time) in grid.columns]
    rows = [
        SourceRow(y, line(words.name("source", source), 40))
        for source, y in grid.rows.items()
    ]
    texts = [f"{words.day(event.time, zone)}: {_kind(event, words)}" for event in drawn]
    return Timeline(
        grid.width,
        HEAD + BAR + ROW * len(rows) + FOOT,
        HEAD,
        tuple(_days(grid)),
        tuple(_spans(update, drawn, grid)),
        tuple(rows),
        tuple(_dots(drawn, grid)),
        "; ".join(texts),
    )


def _grid(ordered: Sequence[Event], words: Words, zone: tzinfo) -> _Grid:
    """Give each day a column, and each source a row."""
    dates: set[date] = set()
    for event in ordered:
        moments = [event.time, *(proof.time for proof in event.evidence)]
        dates.update(moment.astimezone(zone).date() for moment in moments)
    newest = sorted(dates)[-MOST_DAYS:]
    middle = LEFT + COLUMN // 2
    columns = {day: middle + COLUMN * number for number, day in enumerate(newest)}

    sources: dict[str, None] = {}
    for event in ordered:
        # What came before the newest days is not drawn, nor who said it
        if event.time.astimezone(zone).date() in columns:
            sources |= dict.fromkeys(proof.source for proof in event.evidence)
    first = HEAD + BAR + 30
    drawn = list(sources)[:MOST_SOURCES]
    rows = {source: first + ROW * number for number, source in enumerate(drawn)}
    width = max(LEFT + COLUMN * len(newest) + FOOT, NARROWEST)
    return _Grid(columns, rows, width, words, zone)


def _kind(event: Event, words: Words) -> str:
    text = words.say("kind", event.kind.value)
    if event.confidence is Confidence.SUSPECTED:
        return f"{words.say('tag', 'suspected').lower()} {text}"
    return text


def _days(grid: _Grid) -> list[Day]:
    found: list[Day] = []
    before: date | None = None
    for day, x in grid.columns.items():
        gap = (day - before).days if before else 0
        year = str(day.year)
        if before is not None and before.year == day.year:
            year = ""
        # At noon of UTC a date is the same in the words' zone, which is UTC here
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        text, _, _ = grid.words.day(noon, UTC).rpartition(" ")
        apart = f"{gap} days" if gap > 1 else ""
        found.append(Day(x, text, year, apart, day.isoformat()))
        before = day
    return found


def _spans(update: Update, drawn: Sequence[Event], grid: _Grid) -> list[Span]:
    """Cut the bar where the state changes."""
    cuts = list(_cuts(update, drawn, grid))
    ends = [*(cut.x for cut in cuts[1:]), grid.width]
    found = []
    for cut, end in zip(cuts, ends, strict=False):
        width = end - cut.x
        text = cut.text if width >= COLUMN // 2 else ""
        # Of two changes on one day the last one is seen
        if width > 0:
            found.append(Span(cut.x, width, cut.state, text))
    return found


def _cuts(update: Update, drawn: Sequence[Event], grid: _Grid) -> Iterator[_Cut]:
    """Give each change of state, the first of all among them."""
    state = ""
    if _released_before(update, drawn, grid):
        state = "released"
        yield _Cut(LEFT, state, grid.words.say("kind", "released"))
    for event in drawn:
        after = _state_after(event, state)
        again = event.kind is Kind.RE_RELEASED
        # A second version is a stretch of its own, though it is as released as the first
        if after and (after != state or again):
            state = after
            text = _cut_text(event, state, grid.words)
            yield _Cut(grid.columns[grid.day(event.time)], state, text)


def _cut_text(event: Event, state: str, words: Words) -> str:
    """Name the stretch that an event begins, with its version from the second on."""
    kind = state.removeprefix("suspected-")
    if event.kind is Kind.RE_RELEASED:
        kind = event.kind.value
    text = words.say("kind", kind)
    if event.update.version > 1 and state == "released":
        text += f" v{event.update.version}"
    return text


def _released_before(update: Update, drawn: Sequence[Event], grid: _Grid) -> bool:
    """Say whether the update was released before its first event.

    It was there when the watcher first looked, and so no event says that it came.
    """
    if drawn[0].kind in (Kind.RELEASED, Kind.ANNOUNCED):
        return False
    if update.state is not State.ANNOUNCED:
        return True
    return update.released is not None and grid.day(update.released) < min(grid.columns)


def _state_after(event: Event, before: str) -> str:
    """Say what state an event leads to, "" when it leaves it as it is."""
    if event.kind is Kind.PULLED:
        if event.confidence is Confidence.SUSPECTED:
            return "suspected-pulled"
        return "pulled"
    if event.kind is Kind.RE_RELEASED:
        return "released"
    if event.kind is Kind.RELEASED:
        # One more package of what is pulled: it stays pulled
        if before == "pulled" and event.pulled:
            return ""
        return "released"
    if event.kind is Kind.CORRECTED and not event.pulled:
        # A correction may concern something else than a pull
        return "released" if before.endswith("pulled") else ""
    # What is out already is not announced by a late post
    if event.kind is Kind.ANNOUNCED and not before:
        return "announced"
    return ""


def _dots(drawn: Sequence[Event], grid: _Grid) -> list[Dot]:
    """Give a dot for each event, source and day.

    Where several meet they stand side by side in their order, the four gravest at
    most.
    """
    cells: dict[tuple[int, int], dict[str, _Met]] = {}
    for event in drawn:
        for number, proof in enumerate(event.evidence):
            column = grid.columns.get(grid.day(proof.time))
            row = grid.rows.get(proof.source)
            # Older than the newest 60 days, or of a source beyond the twelfth
            if column is None or row is None:
                continue
            cell = cells.setdefault((column, row), {})
            cell.setdefault(event.id, _Met(event, number == 0))
    found: list[Dot] = []
    for (x, y), met in cells.items():
        by_gravity = sorted(met.values(), key=_Met.gravity)
        in_order = sorted(by_gravity[:MOST_IN_CELL], key=_Met.time)
        # Dots are 20 pixels apart, around the column's middle
        left = x - (len(in_order) - 1) * 10
        for number, each in enumerate(in_order):
            event = each.event
            kind, text = event.kind.value, _kind(event, grid.words)
            text += f", {grid.words.day(event.time, grid.zone)}"
            sign, to = EVENT_KINDS[event.kind].sign, anchor(event.id)
            dot = Dot(left + number * 20, y, kind, sign, text, to, each.first)
            found.append(dot)
    return found


class _Met(Struct, frozen=True):
    """An event for which a source has evidence of a day; ``first``: it said so first."""

    event: Event
    first: bool

    def gravity(self) -> int:
        """Say how grave the event is: the gravest is the least."""
        return EVENT_KINDS[self.event.kind].gravity

    def time(self) -> datetime:
        """Say when the event was recorded."""
        return self.event.time
