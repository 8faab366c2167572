"""What a check decides: events, evidence for earlier ones, and why the rest is silent."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct, field

from watcher.judgement.change_reading import ChangeReading, MatchedChange
from watcher.judgement.event import join_events
from watcher.judgement.evidence import quote_evidence
from watcher.judgement.guidance import tables_of_cases
from watcher.records import Event, Evidence, Table


class Decisions(Struct, frozen=True):
    """Where decisions go.

    New events, evidence for earlier ones (by event id), and what was not told, with
    the reason.
    """

    events: list[Event]
    evidence: list[tuple[str, Evidence]]
    silent: list[tuple[str, str, str]]
    guidance: list[tuple[str, tuple[str, ...], Table]] = field(default_factory=list)

    def support(self, event: str, items: Iterable[MatchedChange]) -> None:
        """Add the items' evidence, and their tables of cases, to an earlier event, "" for
        what was known from the start.
        """
        for item in items:
            if event:
                self.evidence.extend(
                    (event, piece)
                    for piece in quote_evidence(item.fact, item.fact.said)
                )
                self.guidance.extend(
                    (event, said, table) for said, table in tables_of_cases(item.fact)
                )
            else:
                self.hush(item.fact, "it was known from the first reading")

    def widened(self, event: Event) -> Event | None:
        """The event that already tells the same of the same advisories for another
        update, with this one's products added.
        """
        for place, told in enumerate(self.events):
            if (
                told.kind is event.kind
                and told.summary.partition(";")[0] == event.summary.partition(";")[0]
            ):
                self.events[place] = join_events(told, event)
                return self.events[place]
        return None

    def hush(self, fact: ChangeReading, why: str) -> None:
        """Note why a fact led to no event."""
        self.silent.append((fact.change.source, fact.entry.key, why))
