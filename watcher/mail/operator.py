"""Letters to the operator.

What is wrong with the watcher itself, what is well again, and how all sources are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from watcher.judgement.source_health import (
    OperatorNews,
    Problem,
    ProblemKey,
    ProblemKind,
    SourceHealth,
)
from watcher.records import Letter, Subscriber
from watcher.text.words import Form

# What has one cause is told as one, with the cause in a line of its own
FAILURES = (ProblemKind.FAILS, ProblemKind.LAYOUT, ProblemKind.HELD)


def changed(reader: Subscriber, news: OperatorNews, form: Form) -> Letter:
    """Compose the letter that tells what is wrong since now, and what is well again (by
    the keys of problems).

    Sources that fail for one cause are one problem, and so are sources that are well
    again.
    """
    say = form.words.say
    heads: list[str] = []
    lines: list[str] = []
    # What is wrong comes before what is well again
    for group in _grouped(news.new):
        heads.append(_head(group, form))
        lines += _text(group, form)
    for kind, names in _over(news.over):
        head = _well(kind, names, form)
        heads.append(head)
        lines.append(say("operator", "well_text", head=head))
        if len(names) > 1:
            lines.append(", ".join(names))
    subject = heads[0]
    if len(heads) > 1:
        subject = say("operator", "several", first=heads[0], count=len(heads) - 1)
    return Letter("operator", reader, subject=subject, lines=tuple(lines))


def weekly(
    reader: Subscriber,
    healths: Sequence[SourceHealth],
    wrong: Sequence[Problem],
    form: Form,
) -> Letter:
    """Compose the weekly letter.

    That all is quiet or what is not, and the last success of each source.
    """
    say = form.words.say
    groups = _grouped(wrong)
    subject = say("operator", "quiet")
    if wrong:
        subject = say("operator", "wrong", count=len(groups))
    lines: list[str] = []
    for group in groups:
        lines += _text(group, form)
    for health in healths:
        # A source that was never asked (just configured) has no last success to say
        if health.succeeded or health.times:
            since = _when(health.succeeded, form)
            lines.append(say("operator", "last", name=health.source.name, since=since))
    return Letter("operator", reader, subject=subject, lines=tuple(lines))


def _grouped(problems: Iterable[Problem]) -> list[tuple[Problem, ...]]:
    """Put failures of one cause together, in the order of the first of each."""
    groups: dict[tuple[str, ...], list[Problem]] = {}
    for problem in problems:
        # A proxy that is down fails eleven sources: that is one problem, not eleven
        alike: tuple[str, ...] = (str(problem.key),)
        if problem.kind in FAILURES and problem.cause:
            alike = (problem.kind, problem.cause, problem.remedy)
        groups.setdefault(alike, []).append(problem)
    return [tuple(group) for group in groups.values()]


def _over(keys: Iterable[ProblemKey]) -> list[tuple[str, list[str]]]:
    """Put what is over together by kind, with the names of its sources."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(key.kind, []).append(key.about)
    return list(found.items())


def _head(group: tuple[Problem, ...], form: Form) -> str:
    first = group[0]
    if len(group) == 1:
        return form.words.say("operator", first.kind, name=first.name)
    return form.words.say("operator", f"{first.kind}_all", count=len(group))


def _well(kind: str, names: Sequence[str], form: Form) -> str:
    say = form.words.say
    if len(names) == 1:
        return say("operator", f"{kind}_over", name=names[0])
    several = say("operator", "sources", count=len(names))
    return say("operator", f"{kind}_all_over", name=several)


def _text(group: tuple[Problem, ...], form: Form) -> tuple[str, ...]:
    """Say what is wrong, a line, and the cause in the words of whoever gave it, another."""
    say, first = form.words.say, group[0]
    if len(group) > 1:
        names = ", ".join(problem.name for problem in group)
        # What is true of each of them: failed at least so often, at least since then
        least = min(problem.count for problem in group)
        times = filter(None, (problem.since for problem in group))
        since = _when(max(times, default=None), form)
        key = f"{first.kind}_all_text"
        text = say("operator", key, names=names, count=least, since=since)
        cause = f"{first.cause[:1].upper()}{first.cause[1:]}"
        return text, f"{cause}. {first.remedy}".rstrip()
    places = {
        "name": first.name,
        "count": first.count,
        "since": _when(first.since, form),
        "detail": first.detail,
    }
    text = say("operator", f"{first.kind}_text", **places)
    return (text, first.detail) if first.kind in FAILURES else (text,)


def _when(moment: datetime | None, form: Form) -> str:
    if moment is None:
        return form.words.say("operator", "never")
    return form.words.moment(moment, form.zone)
