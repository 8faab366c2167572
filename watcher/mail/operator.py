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
from watcher.text.story import Form

FAILURES = (ProblemKind.FAILS, ProblemKind.LAYOUT)


def changed(reader: Subscriber, news: OperatorNews, form: Form) -> Letter:
    """Compose the letter that tells what is wrong since now, and what is well again (by
    the keys of problems).

    Sources that fail for one cause are one problem, and so are sources that are well
    again.
    """
    say = form.words.say
    groups, over = _grouped(news.new), _over(news.over)
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
    healths: Sequence[SourceHealth],
    wrong: Sequence[Problem],
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
            name=health.source.name,
            since=_when(health.succeeded, form),
        )
        for health in healths
        if health.succeeded or health.times
    ]
    return Letter("operator", reader, subject=subject, lines=tuple(lines))


def _grouped(problems: Iterable[Problem]) -> list[tuple[Problem, ...]]:
    """Put failures of one cause together, in the order of the first of each."""
    groups: dict[tuple[str, ...], list[Problem]] = {}
    for problem in problems:
        alike = (
            (problem.kind, problem.cause, problem.remedy)
            if problem.kind in FAILURES and problem.cause
            else (str(problem.key),)
        )
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
    name = (
        names[0]
        if len(names) == 1
        else form.words.say("operator", "sources", count=len(names))
    )
    return form.words.say(
        "operator", f"{kind}_over" if len(names) == 1 else f"{kind}_all_over", name=name
    )


def _text(group: tuple[Problem, ...], form: Form) -> tuple[str, ...]:
    """Say what is wrong, a line, and the cause in the words of whoever gave it, another."""
    say, first = form.words.say, group[0]
    if len(group) > 1:
        names = ", ".join(problem.name for problem in group)
        least, since = (
            min(problem.count for problem in group),
            max((problem.since for problem in group if problem.since), default=None),
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
    return (text, first.detail) if first.kind in FAILURES else (text,)


def _when(moment: datetime | None, form: Form) -> str:
    return (
        form.words.moment(moment, form.zone)
        if moment
        else form.words.say("operator", "never")
    )
