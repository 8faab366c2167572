"""The JSON Schema of the configuration file, for editors that complete and check while
one writes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from watcher.config.tables import FileTables
from watcher.judgement.audience import SEVERITIES
from watcher.kinds import SOURCE_KINDS
from watcher.records import Kind


def schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of ``watcher.toml``."""
    # The choices of a key are those of the tables that the program itself reads
    made = msgspec.json.schema(FileTables)
    tables = made["$defs"]
    tables["SourceTable"]["properties"]["kind"]["enum"] = sorted(SOURCE_KINDS)
    tables["SubscriberTable"]["properties"]["kinds"]["items"]["enum"] = [
        kind.value for kind in Kind
    ]
    tables["SubscriberTable"]["properties"]["severity"]["enum"] = list(SEVERITIES)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "watcher.toml",
        **made,
    }
