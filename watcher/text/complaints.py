"""What is wrong with sources, as lines for an administrator's terminal and log."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.judgement.source_health import Problem, ProblemKind
from watcher.records import Failure, Times, UnseenPattern

# Of one cause
_NAMED = 20


def failures(found: Iterable[Failure]) -> tuple[str, ...]:
    """Write failures, each named with its cause and its remedy; those of one cause are one line.

    In the order of the first of each cause.  A line of several leaves their addresses
    out: eight of them would bury the cause.
    """
    groups: dict[tuple[str, str], list[Failure]] = {}
    for failure in found:
        groups.setdefault((failure.cause, failure.remedy), []).append(failure)
    return tuple(
        str(group[0])
        if len(group) == 1
        else _line([failure.name for failure in group], cause, remedy)
        for (cause, remedy), group in groups.items()
    )


def still_failing(times: Iterable[Times]) -> tuple[str, ...]:
    """Write the last failures that the state knows, those of one cause in one line.

    For a run that asked nobody: what failed at an earlier check is wrong still.
    """
    groups: dict[tuple[str, ...], list[Times]] = {}
    for each in times:
        if each.failures:
            groups.setdefault(
                (each.cause, each.remedy) if each.cause else (each.failure,), []
            ).append(each)
    return tuple(
        group[0].failure
        if len(group) == 1
        else _line(
            [f"{each.source} {each.document}".strip() for each in group],
            group[0].cause,
            group[0].remedy,
        )
        for group in groups.values()
    )


def _line(names: list[str], cause: str, remedy: str) -> str:
    listed = ", ".join(names[:_NAMED])
    if len(names) > _NAMED:
        # Of a list of two hundred documents that were not asked any more
        listed += f" and {len(names) - _NAMED} more"
    return f"{listed}: {cause}. {remedy}"


def unseen(found: Iterable[UnseenPattern]) -> tuple[str, ...]:
    """Say which patterns of products see nothing, a line each."""
    return tuple(map(_unseen, found))


def _unseen(each: UnseenPattern) -> str:
    near = " or ".join(f'"{name}"' for name in each.nearest)
    who = f"the subscriber {each.subscriber}" if each.subscriber else "[watch]"
    if each.outside:
        watched = f"watched is {near}" if near else "it is not watched"
        return (
            f'products of {who}: "{each.pattern}" names nothing that is watched: '
            f"{watched}. Add it to products of [watch], or correct it."
        )
    meant = (
        f"Do you mean {near}?" if near else "See what is named: watcher sources NAME"
    )
    return (
        f'products of {who}: "{each.pattern}" matches none of the products that the '
        f"sources name, and nothing will be told of it. {meant}"
    )


def silence(problem: Problem) -> str:
    """Say how a source is silent.

    Of a monthly source by Microsoft's hour, of others by their own ``silent``.
    """
    since = f"{problem.since:%Y-%m-%d %H:%M}Z" if problem.since else "never"
    if problem.kind is ProblemKind.SILENT:
        return (
            f"it has shown nothing new of {problem.detail}, though Microsoft's "
            f"monthly hour was {since}"
        )
    return (
        f"it answers, but the newest that it shows is of {since}, longer ago than "
        "silent in its [[source]] allows"
    )


def moved(to: str) -> tuple[str, str]:
    """Say that a source has moved, and what to do.

    Only by an answer that says so for good (301, 308): first the fact, then the remedy.
    """
    return (
        f"its address leads for good to {to}",
        f'Write url = "{to}" into its [[source]].',
    )
