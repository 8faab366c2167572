"""What sources serve, made into records.

One pure module a kind, each with ``parse(page, watch) -> Snapshot``.

A new kind is one file here, one row in ``kinds.SOURCE_KINDS`` and its fixtures under
``tests/sources/data``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias, cast

from watcher.errors import ConfigurationError
from watcher.kinds import SOURCE_KINDS
from watcher.records import Page, Snapshot, Watch

Parser: TypeAlias = Callable[[Page, Watch], Snapshot]
# ``parse`` below, or what does the same in a process of its own
Parse: TypeAlias = Callable[[str, Page, Watch], Snapshot]


def parser(kind: str) -> Parser:
    """Return the ``parse`` of a kind, imported on first use.

    It reads a page that came with status 200, never fetches, and raises ``ParseError``
    for whatever is not of its kind.

    Raises:
        ConfigurationError: there is no such kind.

    """
    if kind not in SOURCE_KINDS:
        raise ConfigurationError(
            f'there is no kind of source named "{kind}". '
            f"Known are {', '.join(sorted(SOURCE_KINDS))}."
        )
    module = import_module(f"watcher.sources.{SOURCE_KINDS[kind].module}")
    return cast("Parser", module.parse)


def parse(kind: str, page: Page, watch: Watch) -> Snapshot:
    """Parse a page of a kind, in this process.

    Raises:
        ParseError: it is not of its kind.

    """
    return parser(kind)(page, watch)
