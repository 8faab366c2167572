"""Whether a product named without its edition concerns a watch for one edition of it."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.records import Watch


def concerned(watch: Watch, names: Iterable[str]) -> str:
    """Return the first of a product's canonical ``names`` that concerns ``watch``, ""
    when none does.

    A source that says no more than "Exchange Server" concerns a watch for "Exchange
    Server 2019*", too.
    """
    patterns = [pattern.lower() for pattern in watch.products]
    for name in names:
        if watch.wants(name) or any(
            pattern.startswith(f"{name.lower()} ") for pattern in patterns
        ):
            return name
    return ""
