"""What is wrong with sources, as lines for an administrator's terminal and log."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.judgement.health import SILENT, Trouble
from watcher.records import Failure, Times


def failures(found: Iterable[Failure]) -> tuple[str, ...]:
    """Write failures, each named with its address, its cause and its remedy; those of one cause are one line.

    In the order of the first of each cause.
    """
    groups: dict[tuple[str, str], list[Failure]] = {}
    for failure in found:
        groups.setdefault((failure.cause, failure.remedy), []).append(failure)
    return tuple(_line(group) for group in groups.values())


def _line(group: list[Failure]) -> str:
    if len(group) == 1:
        return str(group[0])
    names, urls = (", ".join(getattr(failure, part) for failure in group) for part in ("name", "url"))
    unasked = [failure.name for failure in group if not failure.asked]
    why = f" Not asked, for their hosts had just failed: {', '.join(unasked)}." if unasked else ""
    return f"{names}: {group[0].cause} ({urls}).{why} {group[0].remedy}"


def still_failing(times: Iterable[Times]) -> tuple[str, ...]:
    """Write the last failures that the state knows, those of one cause in one line."""
    groups: dict[tuple[str, ...], list[Times]] = {}
    for each in times:
        if each.failures:
            groups.setdefault((each.cause, each.remedy) if each.cause else (each.failure,), []).append(each)
    return tuple(
        group[0].failure if len(group) == 1 else f"{_names(group)}: {group[0].cause}. {group[0].remedy}" for group in groups.values()
    )


def _names(group: list[Times]) -> str:
    return ", ".join(f"{each.source} {each.document}".strip() for each in group)


def silence(trouble: Trouble) -> str:
    """Say how a source is silent."""
    since = f"{trouble.since:%Y-%m-%d %H:%M}Z" if trouble.since else "never"
    if trouble.kind == SILENT:
        return f"it has shown nothing new of {trouble.detail}, though Microsoft's monthly hour was {since}"
    return f"it answers, but the newest that it shows is of {since}, longer ago than silent in its [[source]] allows"


def moved(to: str) -> tuple[str, str]:
    """Say that a source has moved, and what to do."""
    return f"its address leads for good to {to}", f'Write url = "{to}" into its [[source]].'
