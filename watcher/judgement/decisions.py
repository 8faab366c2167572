"""What a check decides: events, evidence for earlier ones, and why the rest is silent."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct, field

from watcher.judgement.advice import tables_of_cases
from watcher.judgement.change_reading import ChangeReading, MatchedChange
from watcher.judgement.event import join_events, quote_evidence
from watcher.records import (
    Event,
    EventEvidence,
    EventFurther,
    EventGuidance,
    Package,
    Silence,
)


class Decisions(Struct, frozen=True):
    """Where decisions go.

    New events, evidence and guidance for earlier ones, and what led to no event, with
    the reason.
    """

    events: list[Event] = field(default_factory=list)
    evidence: list[EventEvidence] = field(default_factory=list)
    silent: list[Silence] = field(default_factory=list)
    guidance: list[EventGuidance] = field(default_factory=list)
    further: list[EventFurther] = field(default_factory=list)
    # The events that tell of known issues, by the issues' keys
    issues: dict[str, str] = field(default_factory=dict)

    def support(
        self,
        event: str,
        changes: Collection[MatchedChange],
        offered: Collection[Package] = (),
    ) -> None:
        """Add the changes' evidence and tables of cases to an earlier event.

        ``event`` is its id, "" for what was known from the start; ``offered`` are the
        packages that the changes name, of the version of which it told.
        """
        for matched in changes:
            if event and offered:
                time = matched.reading.change.time
                self.further.append(EventFurther(event, time, tuple(offered)))
                break
        for matched in changes:
            reading = matched.reading
            if not event:
                self.be_silent(reading, "it was known from the first reading")
                continue
            for piece in quote_evidence(reading, reading.statements):
                self.evidence.append(EventEvidence(event, piece))
            for cases in tables_of_cases(reading):
                guidance = EventGuidance(event, cases.sentences, cases.table)
                self.guidance.append(guidance)

    def widen(self, event: Event) -> bool:
        """Add an event to one that says the same of the same advisories, if there is one.

        One CVE that two updates fix is exploited once.
        """
        said = event.summary.partition(";")[0]
        for number, earlier in enumerate(self.events):
            same = earlier.summary.partition(";")[0] == said
            if earlier.kind is event.kind and same:
                self.events[number] = join_events(earlier, event)
                return True
        return False

    def widen_issue(self, event: Event, readings: Iterable[ChangeReading]) -> bool:
        """Add an event to the one that tells of the same issues on another page, if any.

        Windows' issues bear one number on up to ten pages, each with the update of its
        own release.
        """
        keys = {f"{each.change.source} {each.entry.key}" for each in readings}
        first = self.issues.setdefault("|".join(sorted(keys)), event.id)
        for number, earlier in enumerate(self.events):
            if earlier.id == first:
                self.events[number] = join_events(earlier, event)
                return True
        return False

    def be_silent(self, reading: ChangeReading, why: str) -> None:
        """Keep why a change led to no event."""
        self.silent.append(Silence(reading.change.source, reading.entry.key, why))
