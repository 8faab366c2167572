"""Letters to the operator: what is wrong with the watcher itself, what is well again, and how all sources are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from watcher.judgement.health import FAILS, SILENT, Standing, Trouble
from watcher.records import Letter, Subscriber

if TYPE_CHECKING:
    from watcher.formats.letter import Form


def changed(reader: Subscriber, new: Sequence[Trouble], over: Sequence[str], form: Form) -> Letter:
    """Compose the letter that tells what is wrong since now, and what is well again (by the keys of troubles)."""
    heads = [_head(trouble, form) for trouble in new] + [_well(key, form) for key in over]
    lines = [line for trouble in new for line in _text(trouble, form)]
    lines += [form.words.say("operator", "well_text", head=_well(key, form)) for key in over]
    subject = heads[0] if len(heads) == 1 else form.words.say("operator", "several", first=heads[0], count=len(heads) - 1)
    return Letter("operator", reader, subject=subject, lines=tuple(lines))


def weekly(reader: Subscriber, standings: Sequence[Standing], wrong: Sequence[Trouble], form: Form) -> Letter:
    """Compose the weekly letter: that all is quiet or what is not, and the last success of each source."""
    say = form.words.say
    subject = say("operator", "wrong", count=len(wrong)) if wrong else say("operator", "quiet")
    lines = [line for trouble in wrong for line in _text(trouble, form)]
    lines += [
        say("operator", "last", name=standing.source.name, since=_when(standing.succeeded, form))
        for standing in standings
        if standing.succeeded or standing.times
    ]
    return Letter("operator", reader, subject=subject, lines=tuple(lines))


def _head(trouble: Trouble, form: Form) -> str:
    return form.words.say("operator", trouble.kind, name=trouble.name)


def _well(key: str, form: Form) -> str:
    kind, _, rest = key.partition(" ")
    return form.words.say("operator", f"{kind}_over", name=rest.rpartition(" ")[0] if kind == SILENT else rest)


def _text(trouble: Trouble, form: Form) -> tuple[str, ...]:
    """Say what is wrong, a line, and the cause in the words of whoever gave it, another."""
    places = {"name": trouble.name, "count": trouble.count, "since": _when(trouble.since, form), "detail": trouble.detail}
    text = form.words.say("operator", f"{trouble.kind}_text", **places)
    return (text, trouble.detail) if trouble.kind == FAILS else (text,)


def _when(moment: datetime | None, form: Form) -> str:
    return form.words.moment(moment, form.zone) if moment else form.words.say("operator", "never")
