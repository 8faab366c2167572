"""Letters to the operator.

What is wrong with the watcher itself, what is well again, and how all sources are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from watcher.judgement.source_health import FAILS, LAYOUT, Standing, Trouble, Turn
from watcher.records import Letter, Subscriber

if TYPE_CHECKING:
    from watcher.text.story import Form


def changed(reader: Subscriber, turn: Turn, form: Form) -> Letter:
    """Compose the letter that tells what is wrong since now, and what is well again (by
    the keys of troubles).

    Sources that fail for one cause are one trouble, and so are sources that are well
    again.
    """
    say = form.words.say
    groups, over = _grouped(turn.new), _over(turn.over)
    heads = [_head(group, form) for group in groups] + [
        _well(kind, names, form) for kind, names in over
    ]
    lines = [line for group in groups for line in _text(group, form)]
    for kind, names in over:
        lines.append(say("operator", "well_text", head=_well(kind, names, form)))
        lines += [", ".join(names)] if len(names) > 1 else []
    subject = (
        heads[0]
        if len(heads) == 1
        else say("operator", "several", first=heads[0], count=len(heads) - 1)
    )
    return Letter("operator", reader, subject=subject, lines=tuple(lines))


def weekly(
    reader: Subscriber,
    standings: Sequence[Standing],
    wrong: Sequence[Trouble],
    form: Form,
) -> Letter:
    """Compose the weekly letter.

    That all is quiet or what is not, and the last success of each source.
    """
    say = form.words.say
    groups = _grouped(wrong)
    subject = (
        say("operator", "wrong", count=len(groups))
        if wrong
        else say("operator", "quiet")
    )
    lines = [line for group in groups for line in _text(group, form)]
    lines += [
        say(
            "operator",
            "last",
            name=standing.source.name,
            since=_when(standing.succeeded, form),
        )
        for standing in standings
        if standing.succeeded or standing.times
    ]
    return Letter("operator", reader, subject=subject, lines=tuple(lines))


def _grouped(troubles: Iterable[Trouble]) -> list[tuple[Trouble, ...]]:
    """Put failures of one cause together, in the order of the first of each."""
    groups: dict[tuple[str, ...], list[Trouble]] = {}
    for trouble in troubles:
        alike = (
            (trouble.kind, trouble.cause, trouble.remedy)
            if trouble.kind in (FAILS, LAYOUT) and trouble.cause
            else (trouble.key,)
        )
        groups.setdefault(alike, []).append(trouble)
    return [tuple(group) for group in groups.values()]


def _over(keys: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Put what is over together by kind, with the names of its sources."""
    found: dict[str, list[str]] = {}
    for kind, name, *_ in (key.split(" ") for key in keys):
        found.setdefault(kind, []).append(name)
    return list(found.items())


def _head(group: tuple[Trouble, ...], form: Form) -> str:
    first = group[0]
    if len(group) == 1:
        return form.words.say("operator", first.kind, name=first.name)
    return form.words.say("operator", f"{first.kind}_all", count=len(group))


def _well(kind: str, names: Sequence[str], form: Form) -> str:
    name = (
        names[0]
        if len(names) == 1
        else form.words.say("operator", "sources", count=len(names))
    )
    return form.words.say(
        "operator", f"{kind}_over" if len(names) == 1 else f"{kind}_all_over", name=name
    )


def _text(group: tuple[Trouble, ...], form: Form) -> tuple[str, ...]:
    """Say what is wrong, a line, and the cause in the words of whoever gave it, another."""
    say, first = form.words.say, group[0]
    if len(group) > 1:
        names = ", ".join(trouble.name for trouble in group)
        least, since = (
            min(trouble.count for trouble in group),
            max((trouble.since for trouble in group if trouble.since), default=None),
        )
        text = say(
            "operator",
            f"{first.kind}_all_text",
            names=names,
            count=least,
            since=_when(since, form),
        )
        return (
            text,
            f"{first.cause[:1].upper()}{first.cause[1:]}. {first.remedy}".rstrip(),
        )
    places = {
        "name": first.name,
        "count": first.count,
        "since": _when(first.since, form),
        "detail": first.detail,
    }
    text = say("operator", f"{first.kind}_text", **places)
    return (text, first.detail) if first.kind in (FAILS, LAYOUT) else (text,)


def _when(moment: datetime | None, form: Form) -> str:
    return (
        form.words.moment(moment, form.zone)
        if moment
        else form.words.say("operator", "never")
    )
