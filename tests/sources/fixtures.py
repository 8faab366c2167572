"""Fixtures of sources: a document beside what is expected of it.

``data/<kind>/<case>.<xml|html|json>`` stands beside ``<case>.expected.json``.  A name
``case@2031-Nov`` says which of a source's documents it is, a name that begins with a
word of ``WATCHES`` which products are watched.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from watcher.errors import ParseError
from watcher.records import Page, Watch
from watcher.sources import parser

DATA = Path(__file__).parent / "data"
TIME = datetime(2031, 12, 1, 6, 0, tzinfo=UTC)
URLS = {
    "cvrf": "https://api.msrc.example.org/cvrf/v3.0/updates",
    "catalog": "https://www.catalog.update.microsoft.com/Search.aspx",
    "download": "https://www.microsoft.com/en-us/download/details.aspx",
    "kb-article": "https://support.microsoft.com/help/",
}
WATCHES = {
    "everything": ("*",),
    "windows": ("Windows*",),
    "sharepoint": ("SharePoint*",),
    "sql": ("SQL Server*",),
}
CONTENT_TYPES = {
    ".xml": "application/xml",
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv",
    ".txt": "text/plain",
}
# Of a snapshot: they are the page's
CONSTANT = {"source", "url", "time", "sha256", "document"}


def cases(*kinds: str) -> list[Path]:
    found = (
        path
        for kind in kinds
        for path in (DATA / kind).iterdir()
        if not path.name.endswith(".expected.json")
    )
    return sorted(found)


def page(path: Path, body: bytes | None = None) -> Page:
    kind = path.parent.name
    return Page(
        source=kind,
        document=path.stem.partition("@")[2],
        url=URLS.get(kind, f"https://example.org/{kind}/"),
        time=TIME,
        status=200,
        body=path.read_bytes() if body is None else body,
        content_type=CONTENT_TYPES[path.suffix],
    )


def watch(path: Path) -> Watch:
    return Watch(WATCHES.get(path.stem.partition("-")[0], ("Exchange Server*",)))


def told(path: Path) -> Any:
    """Return what a parser makes of a fixture as JSON values.

    Fields at their defaults are left out.
    """
    try:
        snapshot = parser(path.parent.name)(page(path), watch(path))
    except ParseError as error:
        return {"error": error.cause, "remedy": error.remedy}
    return {
        name: value for name, value in plain(snapshot).items() if name not in CONSTANT
    }


def plain(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        fields = {
            field.name: getattr(value, field.name)
            for field in msgspec.structs.fields(value)
            if getattr(value, field.name) != field.default
        }
        return {name: plain(item) for name, item in fields.items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def expected(path: Path) -> Path:
    return path.with_name(f"{path.stem}.expected.json")


def written(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
