"""One source's check without web, store and clock.

The real judgement, the state in dictionaries.

It does what ``watcher.run.record`` does in its order; a test of the run holds the one,
the laws hold the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from msgspec.structs import replace

from watcher.judgement import believe, compare, first_reading, interpret, normalize
from watcher.records import (
    Change,
    ChangeKind,
    Document,
    Event,
    Evidence,
    Outcome,
    Snapshot,
    StoredEntry,
    Update,
)

Place = tuple[str, str]  # source, document


@dataclass(slots=True)
class Memory:
    """What a watcher knows, and all that it has told."""

    entries: dict[Place, dict[str, StoredEntry]] = field(default_factory=dict)
    documents: dict[Place, Document] = field(default_factory=dict)
    updates: dict[str, Update] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    evidence: dict[str, list[Evidence]] = field(default_factory=dict)
    doubts: list[str] = field(default_factory=list)
    remembered: dict[Place, set[str]] = field(default_factory=dict)

    def twin(self) -> Memory:
        """A second watcher that knows the same.

        Records are never altered, so their containers are copied.
        """
        return Memory(
            {place: {**rows} for place, rows in self.entries.items()},
            {**self.documents},
            {**self.updates},
            remembered={place: {*left} for place, left in self.remembered.items()},
        )

    def check(
        self, *copies: Snapshot, now: datetime | None = None, kind: str = ""
    ) -> Outcome:
        """Judge the copies of one source's documents, of one check.

        A source that failed is not checked at all.
        """
        now = now or copies[0].time
        source = copies[0].source
        news: list[Change] = []
        taken_as_known: list[Change] = []
        for copy in copies:
            found = self._believed(copy, now)
            if found is None:
                continue
            fresh, quiet = found
            news += [change for change in fresh if change not in quiet]
            taken_as_known += [
                change for change in quiet if change.kind is ChangeKind.APPEARED
            ]
        offers_others = any(
            entry.available is not False for copy in copies for entry in copy.entries
        )
        return self._interpreted(
            source, news, taken_as_known, now, kind, offers_others=offers_others
        )

    def _believed(
        self, copy: Snapshot, now: datetime
    ) -> tuple[tuple[Change, ...], set[Change]] | None:
        place = (copy.source, copy.document)
        history = self.documents.get(place)
        stored = self.entries.setdefault(place, {})
        verdict = believe.judge(copy, history, now)
        accepted = history.accepted if history else None
        changes = compare.changes(stored, copy, accepted) if verdict.believed else ()
        verdict = believe.judge_age(verdict, copy, changes, history, now)
        verdict = believe.judge_table(verdict, copy, changes, history, now)
        if not verdict.believed:
            self.doubts.append(verdict.doubt)
            before = history or Document(copy.source, copy.document, copy.url)
            self.documents[place] = believe.doubted(before, now)
            return None
        left = self.remembered.setdefault(place, set())
        recalled = compare.recall(changes, left)
        left |= set(compare.leaving(changes))
        first = history is None or history.accepted is None
        quiet = {
            change
            for change in recalled
            if first
            or first_reading.is_quiet(
                change, now, only_for_its_age=verdict.late, other_watch=False
            )
        }
        self._remember(stored, changes, now, lost=verdict.late)
        self.documents[place] = Document(
            copy.source,
            copy.document,
            copy.url,
            sha256=copy.sha256,
            identity=copy.identity,
            total=copy.total,
            revisions=copy.revisions,
            accepted=now,
            bodies=believe.bodies_before(
                history or Document(copy.source, copy.document, copy.url), copy
            ),
        )
        return recalled, quiet

    def _remember(
        self,
        stored: dict[str, StoredEntry],
        changes: Iterable[Change],
        now: datetime,
        *,
        lost: bool,
    ) -> None:
        for change in changes:
            if change.before is not None and (
                change.after is None or change.after.key != change.before.key
            ):
                old = stored.pop(change.before.key)
                if change.after is None and change.kind is not ChangeKind.AGED_OUT:
                    stored[change.before.key] = replace(
                        old, missing_since=now, lost=lost
                    )
            if change.after is not None:
                stored[change.after.key] = StoredEntry(
                    change.after, normalize.fingerprint(change.after)
                )

    def _interpreted(
        self,
        source: str,
        news: list[Change],
        taken_as_known: list[Change],
        now: datetime,
        kind: str,
        *,
        offers_others: bool,
    ) -> Outcome:
        suspected = [
            row
            for row in self.updates.values()
            if any(s.source == source for s in row.suspicions)
        ]
        outcome = Outcome()
        if news or taken_as_known:
            names = set(interpret.names([*news, *taken_as_known]))
            rows = {
                row.id: row for row in self.updates.values() if names & set(row.names)
            } | {row.id: row for row in suspected}
            outcome = interpret.events(
                news,
                taken_as_known,
                rows.values(),
                now,
                kind,
                offers_others=offers_others,
            )
        self.updates |= {row.id: row for row in outcome.updates}
        for absorption in outcome.absorbed:
            del self.updates[absorption.gone]
        self.events += outcome.events
        for more in outcome.evidence:
            self.evidence.setdefault(more.event, []).append(more.evidence)
        return outcome
