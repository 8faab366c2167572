"""The whole state as sorted text, made for git, and back.

One file a table, one JSON object a line, keys and lines sorted: equal states are equal
bytes, whichever database they are in.  Check times are in a file of their own,
``times.jsonl``, that need not be kept.
"""

from __future__ import annotations

import filecmp
import os
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from watcher.errors import StateError, StateRefusedError
from watcher.records import Delivery, Document, Entry, Event, Message, Times, Update
from watcher.store import forms, lines
from watcher.store.documents import (
    entry_row,
    write_documents,
    write_times,
)
from watcher.store.events import event_row
from watcher.store.ledger import write_updates
from watcher.store.mail import write_deliveries, write_message
from watcher.store.products import write_concerned
from watcher.store.rows import chunks, insert
from watcher.store.tables import (
    ABSORBED,
    ACKS,
    DELIVERIES,
    DOCUMENTS,
    ENTRIES,
    EVENTS,
    MESSAGES,
    META,
    MUTES,
    TABLES,
    TIMES,
    UPDATES,
    moment,
    moment_if,
)
from watcher.store.words import StoredEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from watcher.store.base import Base
    from watcher.store.link import Link
    from watcher.store.tables import Table

# Seconds: no export of a table takes so long
_ABANDONED = 3600

Row = dict[str, Any]

# In the order of an import: what others refer to comes first.
_WHOLE: dict[str, tuple[Table, type]] = {
    "meta": (META, lines.MetaLine),
    "documents": (DOCUMENTS, Document),
    "times": (TIMES, Times),
    "entries": (ENTRIES, lines.EntryLine),
    "updates": (UPDATES, Update),
    "absorbed": (ABSORBED, lines.AbsorbedLine),
    "events": (EVENTS, lines.EventLine),
    "messages": (MESSAGES, lines.MessageLine),
    "deliveries": (DELIVERIES, Delivery),
    "acks": (ACKS, lines.AckLine),
    "mutes": (MUTES, lines.MuteLine),
}
# Older exports say more in a line than today's
_READ_AS: dict[type, type] = {Document: lines.DocumentLine}


def export(state: Base, folder: Path) -> None:
    """Write a state into ``folder``: a file whose bytes would be the same is left alone.

    StateError when a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with state.reading() as link:
            for name, (table, form) in _WHOLE.items():
                with _replaced(folder / f"{name}.jsonl") as file:
                    file.writelines(
                        f"{forms.text(line)}\n".encode()
                        for line in _read(link, table, form)
                    )
    except OSError as error:
        msg = (
            f"The state cannot be exported to {folder}: {error}. Name a folder "
            "that can be written, with room on its disk."
        )
        raise StateError(msg) from error


def import_(state: Base, folder: Path) -> None:
    """Fill a state, which must be empty, from an export; a missing file is an empty table.

    StateRefusedError, and nothing imported, when there is no export in ``folder``,
    when a line cannot be read (the error names file and line), or when the state is
    not empty.
    """
    if not (folder / "meta.jsonl").is_file():
        msg = (
            f"There is no exported state in {folder}: it has no meta.jsonl. Name "
            "the folder that 'watcher state export' wrote."
        )
        raise StateRefusedError(msg)
    with state.writing(durable=True) as link:
        _refuse_full(state, link)
        for name, (_, form) in _WHOLE.items():
            file = folder / f"{name}.jsonl"
            try:
                for chunk in chunks(_lines(file, _READ_AS.get(form, form))):
                    _WRITERS[form](link, chunk)
            except state.conflicts as error:
                msg = (
                    f"{file} does not fit the other files: {error}. Export the "
                    "state again, or take all files of one commit."
                )
                raise StateRefusedError(msg) from error


def _refuse_full(state: Base, link: Link) -> None:
    full = sorted(
        table.name
        for table in TABLES
        if link.scalar(f"SELECT 1 FROM {table.name} LIMIT 1")  # noqa: S608 - our own names
    )
    if full:
        msg = (
            f"The state {state.place} is not empty (it has {', '.join(full)}). "
            "Import into a new one: name another [watch] state."
        )
        raise StateRefusedError(msg)


@contextmanager
def _replaced(path: Path) -> Iterator[Any]:
    """Write beside ``path``, and put the file in its place in one step when it differs.

    What a killed export left there goes.
    """
    for left in path.parent.glob(f".{path.name}.*"):
        # Another export may be at work
        with suppress(FileNotFoundError):
            if time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        if not (path.exists() and filecmp.cmp(written, path, shallow=False)):
            written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def _read(link: Link, table: Table, form: type) -> Iterator[object]:
    """Give a table's lines, sorted by its primary key."""
    columns, order = ", ".join(table.columns), ", ".join(table.key)
    rows = (
        dict(zip(table.columns, row, strict=True))
        for row in link.each(f"SELECT {columns} FROM {table.name} ORDER BY {order}")  # noqa: S608 - our own names
    )
    if form is lines.MetaLine:
        notes = [lines.MetaLine(row["key"], row["value"]) for row in rows]
        yield from sorted(
            [*notes, lines.MetaLine("form", lines.FORM)], key=lambda line: line.key
        )
        return
    make = _READERS.get(form) or (lambda row: forms.record(form, row["record"]))
    yield from map(make, rows)


def _message_line(row: Row) -> lines.MessageLine:
    message, body = forms.record(Message, row["record"]), bytes(row["body"])
    try:
        text = tuple(body.decode().split("\r\n"))
    except UnicodeDecodeError:
        return lines.MessageLine(
            row["sequence"], message, row["update_id"], base64=body
        )
    return lines.MessageLine(row["sequence"], message, row["update_id"], text)


_READERS: dict[type, Callable[[Row], object]] = {
    lines.EntryLine: lambda row: lines.EntryLine(
        row["source"],
        row["document"],
        forms.record(Entry, row["record"]),
        row["fingerprint"],
        moment_if(row["missing_since"]),
        bool(row["lost"]),
        row["silent"],
    ),
    lines.AbsorbedLine: lambda row: lines.AbsorbedLine(row["id"], row["update_id"]),
    lines.EventLine: lambda row: lines.EventLine(
        row["sequence"],
        forms.record(Event, row["record"]),
        row["update_id"],
        bool(row["queued"]),
    ),
    lines.MessageLine: _message_line,
    lines.AckLine: lambda row: lines.AckLine(row["update_id"], moment(row["time"])),
    lines.MuteLine: lambda row: lines.MuteLine(row["target"], moment_if(row["until"])),
}


def _lines(file: Path, form: type) -> Iterator[Any]:
    """Read a file's lines as records of ``form``; StateRefusedError names the line that is none."""
    if not file.exists():
        return
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(form)
    with file.open("rb") as opened:
        for number, line in enumerate(opened, 1):
            try:
                read = decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                start = line[:60].decode("utf-8", "backslashreplace").strip()
                msg = (
                    f"{file}, line {number}: {error}: {start!r}. Resolve a merge "
                    "conflict there, or take the file of an earlier commit."
                )
                raise StateRefusedError(msg) from error
            yield read


def _write_meta(link: Link, chunk: list[lines.MetaLine]) -> None:
    rows = [
        {"key": line.key, "value": line.value} for line in chunk if line.key != "form"
    ]
    form = next((line.value for line in chunk if line.key == "form"), lines.FORM)
    if form != lines.FORM:
        msg = (
            f"The exported state has form {form}, and this program reads form "
            f"{lines.FORM}. Install the version that wrote it."
        )
        raise StateRefusedError(msg)
    insert(link, META, rows)


def _write_documents(link: Link, chunk: list[lines.DocumentLine]) -> None:
    """Write documents; one that was never read is forgotten, as if it were new."""
    write_documents(link, [line.document_record() for line in chunk if not line.unread])


def _write_entries(link: Link, chunk: list[lines.EntryLine]) -> None:
    stored = [
        (line, StoredEntry(line.entry, line.fingerprint, line.missing_since, line.lost))
        for line in chunk
    ]
    insert(
        link,
        ENTRIES,
        [
            entry_row(line.source, line.document, entry, line.silent)
            for line, entry in stored
        ],
    )


def _write_events(link: Link, chunk: list[lines.EventLine]) -> None:
    rows = [
        event_row(line.sequence, line.event)
        | {"update_id": line.update, "queued": line.queued}
        for line in chunk
    ]
    insert(link, EVENTS, rows)
    write_concerned(link, [(line.sequence, line.event) for line in chunk])


def _write_messages(link: Link, chunk: list[lines.MessageLine]) -> None:
    for line in chunk:
        body = line.base64 or "\r\n".join(line.body).encode()
        write_message(
            link, line.sequence, replace(line.message, body=body), line.update
        )


_WRITERS: dict[type, Callable[[Link, list[Any]], object]] = {
    lines.MetaLine: _write_meta,
    Document: _write_documents,
    Times: write_times,
    lines.EntryLine: _write_entries,
    Update: write_updates,
    lines.AbsorbedLine: lambda c, chunk: insert(
        c, ABSORBED, [{"id": line.id, "update_id": line.update} for line in chunk]
    ),
    lines.EventLine: _write_events,
    lines.MessageLine: _write_messages,
    Delivery: write_deliveries,
    lines.AckLine: lambda c, chunk: insert(
        c, ACKS, [{"update_id": line.update, "time": line.time} for line in chunk]
    ),
    lines.MuteLine: lambda c, chunk: insert(
        c, MUTES, [{"target": line.target, "until": line.until} for line in chunk]
    ),
}
