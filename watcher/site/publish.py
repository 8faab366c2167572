"""Feeds and page: what the ledger shows, as static files that need no server of their own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from watcher.site.folder import PublishError, has, is_there, publish, read

if TYPE_CHECKING:
    from pathlib import Path

    from watcher.site.desk import Render
    from watcher.site.shown import Shown

__all__ = ["PublishError", "has", "is_there", "read", "status", "write"]


def write(
    site: Path, shown: Shown, render: Render, status: bytes, *, once: bool = False
) -> tuple[str, ...]:
    """Publish what is ``shown``.

    Give the names of the files that changed, ``status.json`` left out.

    Equal arguments give equal bytes.  Raises PublishError, ConfigurationError when a
    template is wrong.
    """
    # A check that changes nothing loads no page
    from watcher.site import pages

    return publish(
        site,
        pages.files(shown, render, partial(read, site)),
        status,
        whole=shown.fresh is None,
        once=once,
    )


def status(site: Path, body: bytes) -> None:
    """Write ``status.json`` and nothing else.  Raises PublishError."""
    publish(site, (), body, whole=False)
