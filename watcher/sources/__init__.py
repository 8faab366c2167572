"""What sources serve, made into records.

One pure module a kind, each with ``parse(page, watch) -> Snapshot``.

A new kind is one file here, one line in ``KINDS`` and its
fixtures under ``tests/sources/data``.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TypeAlias, cast

from watcher.errors import ConfigurationError
from watcher.records import Page, Snapshot, Watch

Parser: TypeAlias = Callable[[Page, Watch], Snapshot]

KINDS: dict[str, str] = {
    "build-table": "watcher.sources.build_table",
    "catalog": "watcher.sources.catalog",
    "csaf": "watcher.sources.csaf",
    "cvrf": "watcher.sources.cvrf",
    "download": "watcher.sources.download",
    "feed": "watcher.sources.feed",
    "issues-page": "watcher.sources.issues_page",
    "kb-article": "watcher.sources.kb_article",
    "kev": "watcher.sources.kev",
}


def parser(kind: str) -> Parser:
    """Return the ``parse`` of a kind, imported on first use.

    It reads a page that came with status 200, never fetches, and raises ``ParseError``
    for whatever is not of its kind.

    Raises:
        ConfigurationError: there is no such kind.

    """
    if kind not in KINDS:
        raise ConfigurationError(
            f'there is no kind of source named "{kind}". Known are {", ".join(sorted(KINDS))}.'
        )
    return cast("Parser", import_module(KINDS[kind]).parse)
