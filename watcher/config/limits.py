"""``[limits]``: what a check may take, its table and what it comes to."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from watcher.config import values
from watcher.config.mistakes import Mistakes
from watcher.settings import Limits


class LimitsTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How long a check may take, and how much memory: what passes a limit fails by name,
    and the rest goes on.
    """

    run: Annotated[
        str,
        Meta(
            description="How long a whole check may take, asking, sending and the site: "
            "then it ends, and the next one goes on where it stopped",
            examples=["25m"],
        ),
    ] = "25m"
    source: Annotated[
        str,
        Meta(
            description="How long all documents of one source may take; the next check "
            "asks for the rest",
            examples=["10m"],
        ),
    ] = "10m"
    document: Annotated[
        str,
        Meta(description="How long reading one document may take", examples=["60s"]),
    ] = "60s"
    document_megabytes: Annotated[
        int,
        Meta(
            description="How many MiB of memory that may take, on systems that can "
            "limit it (not Windows)",
            examples=[512],
            ge=128,
        ),
    ] = 512


def limits(table: LimitsTable, mistakes: Mistakes) -> Limits:
    """Check the limits; what is wrong is gathered in ``mistakes``."""
    given, usual = mistakes.table("limits"), Limits()
    return Limits(
        run=given.value("run", values.duration, usual.run, table.run),
        source=given.value("source", values.duration, usual.source, table.source),
        document=given.value(
            "document", values.duration, usual.document, table.document
        ),
        document_bytes=table.document_megabytes << 20,
    )
