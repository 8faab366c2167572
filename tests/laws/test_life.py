"""The life of an update.

Whatever a vendor does, whenever the sources show it, the ledger and what is told stay
true.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from msgspec.structs import replace

from tests.laws.memory import Memory
from tests.laws.vendor import (
    BACK,
    BLOG,
    BUILDS,
    DOWNLOADS,
    INFORMED,
    KINDS,
    LINES,
    MONTH,
    PAUSED,
    SOURCES,
    Vendor,
)
from watcher.judgement import schedule
from watcher.records import Confidence, Event, Kind, Outcome, Snapshot, State

DECEMBER = datetime(2030, 12, 1, tzinfo=UTC)
PRODUCTS = st.sampled_from(sorted(LINES))
# May be told of one version again
AGAIN = (
    Kind.REVISED,
    Kind.KNOWN_ISSUE,
    Kind.EXPLOITED,
    Kind.RELEASED,
    Kind.CORRECTED,
    Kind.NEWS,
)


class Life(RuleBasedStateMachine):
    """Rules are what the vendor does, what the web does and when the watcher asks.

    Invariants are the laws.
    """

    def __init__(self) -> None:
        super().__init__()
        self.vendor = Vendor()
        self.memory = Memory()
        self.shown: dict[str, list[tuple[Snapshot, ...]]] = {
            source: [] for source in SOURCES
        }
        self.start: dict[str, tuple[bool, int]] = {}
        self.versions: dict[str, int] = {}
        self.gone = False  # anything was ever pulled, hidden or unavailable
        self.newer = False  # anything ever came back, grew or was made anew

    # --- the start --------------------------------------------------------------------

    @initialize(when=st.sampled_from(["before", "released", "pulled", "back"]))
    def first_check(self, when: str) -> None:
        if when != "before":
            self._release()
        if when in ("pulled", "back"):
            self.vendor.now += timedelta(days=2)
            self.pull_by_record()
        if when == "back":
            self.vendor.now += timedelta(days=13)
            self._next_version()
            self.vendor.recorded = 2
            self.vendor.revise(BACK)
        for source in SOURCES:
            self.ask(source)
        self.start = {
            row.id: (row.state is State.PULLED, row.version)
            for row in self.memory.updates.values()
        }
        assert self.memory.events == []

    def _release(self) -> None:
        (
            self.vendor.released,
            self.vendor.version,
            self.vendor.recorded,
            self.vendor.rows,
        ) = self.vendor.now, 1, 1, [1]
        self.vendor.revise("Information published.")

    def _next_version(self) -> None:
        self.vendor.version += 1
        self.vendor.grown = 0
        self.vendor.rows.append(self.vendor.version)
        self.vendor.unavailable.clear()
        self.newer = True

    # --- what the vendor does ---------------------------------------------------------

    # Its names speak of November
    @precondition(lambda self: not self.vendor.version and self.vendor.now < DECEMBER)
    @rule()
    def release(self) -> None:
        self._release()
        self.vendor.post.append(
            "Microsoft has released Security Updates for vulnerabilities "
            "found in Exchange Server 2019 and 2016."
        )

    @precondition(lambda self: self.vendor.version)
    @rule()
    def pull_by_record(self) -> None:
        self.vendor.revise(PAUSED)
        self.gone = True

    @precondition(lambda self: self.vendor.version)
    @rule()
    def pull_by_post(self) -> None:
        self.vendor.post.append(
            f"Update {self.vendor.now:%d %b}: we have temporarily paused the "
            "rollout of this update."
        )
        self.gone = True

    @precondition(lambda self: self.vendor.version)
    @rule()
    def pull_by_name(self) -> None:
        self.vendor.recalled = self.gone = True

    @precondition(lambda self: self.vendor.version)
    @rule(products=st.sets(PRODUCTS, min_size=1))
    def hide_rows(self, products: set[str]) -> None:
        self.vendor.hidden |= {(product, self.vendor.version) for product in products}
        self.gone = True

    @precondition(lambda self: self.vendor.hidden)
    @rule()
    def show_rows(self) -> None:
        self.vendor.hidden.clear()
        self.newer = True

    @precondition(lambda self: self.vendor.version)
    @rule(products=st.sets(PRODUCTS, min_size=1))
    def close_downloads(self, products: set[str]) -> None:
        self.vendor.unavailable |= products
        self.gone = True

    @precondition(lambda self: self.vendor.unavailable)
    @rule()
    def open_downloads(self) -> None:
        self.vendor.unavailable.clear()
        self.newer = True

    @precondition(lambda self: 0 < self.vendor.version < 5)
    @rule(record=st.booleans(), said=st.booleans())
    def make_next_version(self, record: bool, said: bool) -> None:
        self._next_version()
        if record:
            self.vendor.recorded = self.vendor.version
        if said:
            self.vendor.revise(BACK)
            self.vendor.post.append(f"Update {self.vendor.now:%d %b}: {BACK}")

    @precondition(
        lambda self: self.vendor.version and self.vendor.recorded < self.vendor.version
    )
    @rule()
    def record_newest_version(self) -> None:
        self.vendor.recorded = self.vendor.version
        self.vendor.revise("Added the new packages.", major=False)

    @precondition(lambda self: self.vendor.version and self.vendor.grown < 3)
    @rule()
    def rebuild_under_the_same_name(self) -> None:
        self.vendor.grown += 1
        self.newer = True

    @precondition(lambda self: self.vendor.version)
    @rule(data=st.sampled_from(["issue", "workaround", "exploited", "informed"]))
    def tell_more(self, data: str) -> None:
        if data == "issue":
            self.vendor.issues.append(
                f"Mail of kind {len(self.vendor.issues)} stops after the update."
            )
        elif data == "workaround":
            self.vendor.workaround = "Restart the transport service."
        elif data == "exploited":
            self.vendor.exploited = True
        self.vendor.revise(INFORMED, major=False)

    @rule()
    def mistype_or_mend(self) -> None:
        self.vendor.typos += 1

    @rule()
    def post_something_else(self) -> None:
        self.vendor.posts += 1

    # --- the clock and the web --------------------------------------------------------

    @rule(
        step=st.sampled_from(
            [
                timedelta(minutes=7),
                timedelta(hours=1),
                timedelta(hours=13),
                timedelta(days=3),
                timedelta(days=50),
            ]
        )
    )
    def wait(self, step: timedelta) -> None:
        self.vendor.now += step

    @rule(step=st.sampled_from([timedelta(minutes=30), timedelta(days=2)]))
    def the_clock_goes_back(self, step: timedelta) -> None:
        self.vendor.now -= step

    @rule(source=st.sampled_from(SOURCES))
    def ask(self, source: str) -> None:
        """Ask a source; twice the same answer, in any order of entries and rows, says the same."""
        copies = self._asked(source)
        if not copies:
            return
        other = self.memory.twin()
        other.updates = dict(reversed(other.updates.items()))
        outcome = self._checked(copies)
        shuffled = tuple(
            replace(copy, entries=copy.entries[::-1]) for copy in reversed(copies)
        )
        assert other.check(*shuffled, kind=KINDS[source]) == outcome, (
            "the order of entries, documents and rows does not matter"
        )
        self.shown[source].append(copies)
        again = self._checked(copies)
        assert again.events == (), "the same input twice is no event"

    def _asked(self, source: str) -> tuple[Snapshot, ...]:
        """Give what a source shows; of download pages those that belong to a known package."""
        copies = self.vendor.shows(source)
        if source != DOWNLOADS:
            return copies
        wanted = {
            page
            for row in self.memory.updates.values()
            for page in schedule.pages(row, "download")
        }
        return tuple(copy for copy in copies if copy.document in wanted)

    @precondition(lambda self: self.memory.documents)
    @rule(source=st.sampled_from(SOURCES), age=st.integers(2, 6))
    def an_old_copy_comes(self, source: str, age: int) -> None:
        """A replica that lags behind.

        It is not believed where it has fewer entries and revisions, and never believed
        as a pull.
        """
        if len(self.shown[source]) < age or source == DOWNLOADS:
            return
        old = tuple(
            replace(copy, time=self.vendor.now) for copy in self.shown[source][-age]
        )
        newest = self.shown[source][-1]
        older = (
            source == MONTH
            and old[0].total < newest[0].total
            and old[0].revisions < newest[0].revisions
        )
        if older:
            self._is_doubted(old)

    @precondition(lambda self: self.memory.documents)
    @rule(source=st.sampled_from((MONTH, BUILDS, BLOG)), keep=st.floats(0, 0.49))
    def a_shrunken_copy_comes(self, source: str, keep: float) -> None:
        # Of what is known, less than half
        (copy,) = (
            replace(copy, time=self.vendor.now) for copy in self.shown[source][-1]
        )
        kept = copy.entries[: int(len(copy.entries) * keep)]
        self._is_doubted(
            (
                replace(
                    copy, entries=kept, total=len(kept), revisions=copy.revisions // 3
                ),
            )
        )

    @precondition(lambda self: self.memory.documents)
    @rule()
    def another_months_document_comes(self) -> None:
        (copy,) = self.vendor.shows(MONTH)
        self._is_doubted((replace(copy, identity="2031-Feb"),))

    def _is_doubted(self, copies: tuple[Snapshot, ...]) -> None:
        twin = self.memory.twin()
        doubts = len(twin.doubts)
        outcome = twin.check(*copies, kind=KINDS[copies[0].source])
        assert len(twin.doubts) == doubts + 1
        assert outcome == Outcome(), "a suspect copy changes nothing"
        assert (twin.entries, twin.updates) == (
            self.memory.entries,
            self.memory.updates,
        )

    def _checked(self, copies: tuple[Snapshot, ...]) -> Outcome:
        outcome = self.memory.check(*copies, kind=KINDS[copies[0].source])
        counts = Counter(
            (event.update.id, event.kind)
            for event in outcome.events
            if event.kind is not Kind.NEWS
        )
        assert [pair for pair, count in counts.items() if count > 1] == [], (
            "one event a kind, update and check"
        )
        return outcome

    # --- the laws ---------------------------------------------------------------------

    @invariant()
    def the_ledger_agrees_with_what_was_told(self) -> None:
        state = {**self.start}
        for event in self.memory.events:
            pulled, version = state.get(event.update.id, (False, 1))
            if event.confidence is Confidence.CONFIRMED and event.kind in (
                Kind.PULLED,
                Kind.RE_RELEASED,
                Kind.CORRECTED,
            ):
                pulled = event.kind is Kind.PULLED
            state[event.update.id] = (pulled, max(version, event.update.version))
        if self.start:
            assert {
                row.id: (row.state is State.PULLED, row.version)
                for row in self.memory.updates.values()
            } == {row.id: state[row.id] for row in self.memory.updates.values()}

    @invariant()
    def nothing_is_told_twice(self) -> None:
        told: Counter[tuple[object, ...]] = Counter()
        for event in self.memory.events:
            if event.kind is Kind.CORRECTED:
                for key in list(told):
                    if key[:2] == (event.update.id, Kind.PULLED):
                        del told[key]
            elif event.kind not in AGAIN:
                gone = (
                    tuple(piece.source for piece in event.evidence)
                    if event.confidence is Confidence.SUSPECTED
                    else ()
                )
                # Other packages, missed elsewhere
                told[
                    event.update.id,
                    event.kind,
                    event.update.version,
                    event.confidence,
                    gone,
                ] += 1
        assert [key for key, count in told.items() if count > 1] == []
        assert len({event.id for event in self.memory.events}) == len(
            self.memory.events
        )

    @invariant()
    def a_pull_is_confirmed_by_words_a_name_two_sources_or_an_hour(self) -> None:
        suspected: dict[str, datetime] = {}
        for event in self.memory.events:
            if event.kind is not Kind.PULLED:
                continue
            if event.confidence is Confidence.SUSPECTED:
                suspected[event.update.id] = event.time
            elif event.because.startswith("absence: still gone"):
                assert event.time - suspected[event.update.id] >= timedelta(hours=1)
            elif event.because.startswith("absence: gone at two"):
                assert len({piece.source for piece in event.evidence}) > 1
            else:
                assert event.because or any(
                    "recalled" in piece.after for piece in event.evidence
                )

    @invariant()
    def versions_only_grow(self) -> None:
        for row in self.memory.updates.values():
            assert row.version >= self.versions.get(row.id, 1)
            self.versions[row.id] = row.version

    @invariant()
    def what_is_noted_as_told_was_told(self) -> None:
        ids = {event.id for event in self.memory.events}
        for row in self.memory.updates.values():
            events = {each.event for each in row.established} - {""}
            assert events <= ids
        assert set(self.memory.evidence) <= ids

    @invariant()
    def nothing_is_pulled_or_back_that_nobody_pulled_or_made_anew(self) -> None:
        kinds = {event.kind for event in self.memory.events}
        assert self.gone or not kinds & {Kind.PULLED, Kind.CORRECTED}
        assert self.newer or Kind.RE_RELEASED not in kinds

    @invariant()
    def all_is_about_the_one_update(self) -> None:
        turned: set[str] = {event.update.id for event in _turns(self.memory.events)}
        assert turned <= {"exchange-server-2030-11-su"}


def _turns(events: list[Event]) -> list[Event]:
    return [
        event
        for event in events
        if event.kind in (Kind.PULLED, Kind.RE_RELEASED, Kind.CORRECTED)
    ]


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=20)
