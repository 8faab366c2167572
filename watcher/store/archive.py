"""The whole state as sorted text, made for git, and back.

One file a table, one JSON object a line, keys and lines sorted: equal states are equal
bytes, whichever database they are in.  ``manifest.json`` names the files and what they
hold: one that is missing is no empty table, and one that is cut is no shorter one.
Check times are in a file of their own, ``times.jsonl``, that need not be kept.  Tables
that are derived from others are not exported: an import derives them again.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import tempfile
import time
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from watcher import private
from watcher.errors import StateError, StateRefusedError
from watcher.records import (
    Delivery,
    Document,
    Entry,
    Event,
    Message,
    StoredEntry,
    Times,
    Update,
)
from watcher.store.connection import (
    Queries,
    Transactions,
    optional_time_from,
    record_from,
    record_text,
    time_from,
)
from watcher.store.documents import (
    entry_row,
    write_documents,
    write_times,
)
from watcher.store.events import add_products, event_row
from watcher.store.ledger import write_updates
from watcher.store.messages import write_deliveries, write_message
from watcher.store.migrations import with_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


# Seconds: no export of a table takes so long
_ABANDONED = 3600

# Lines that an import holds in memory at once
_CHUNK = 500

# Of the exported text; a reader refuses what it does not know
FORM = "2"
# Without a manifest: what was missing was empty (0.1.0)
WITHOUT_MANIFEST = "1"
MANIFEST = "manifest.json"
# Need not be kept
CHECK_TIMES = "times"


class DocumentLine(Document, frozen=True):
    """A document, as exports have it.

    Version 0.1.0 kept a feed's first copy ``unread`` when it named nothing.  Nothing
    is known of what such a feed had, so its next reading has to count as its first.
    """

    unread: bool = False

    def document_record(self) -> Document:
        """Give the document alone."""
        names = Document.__struct_fields__
        return Document(**{name: getattr(self, name) for name in names})


class UpdateLine(Update, frozen=True):
    """An update, as exports have it.

    Version 0.1.0 wrote what is established of it, and what sources have it as, without
    names.
    """

    told: tuple[tuple[str, str], ...] = ()
    standings: tuple[tuple[str, str, str], ...] = ()

    def update_record(self) -> Update:
        """Give the update with names."""
        return msgspec.convert(with_names(msgspec.to_builtins(self)), Update)


class EntryLine(Struct, frozen=True):
    """An entry as last seen."""

    source: str
    document: str
    entry: Entry
    fingerprint: str
    missing_since: datetime | None = None
    lost: bool = False
    silent: str = ""


class RememberedLine(Struct, frozen=True):
    """What a document has said and no longer says, by its fingerprint."""

    source: str
    document: str
    fingerprint: str
    time: datetime


class EventLine(Struct, frozen=True):
    """An event, its place in the order, and the update that has it now."""

    sequence: int
    event: Event
    update: str
    queued: bool


class MessageLine(Struct, frozen=True):
    """A message, its place in the order, and the update that has it now.

    ``message.body`` is empty; ``body`` has the text's lines, which are joined by CRLF.
    A body that is no UTF-8 is one line in ``base64`` instead.
    """

    sequence: int
    message: Message
    update: str
    body: tuple[str, ...] = ()
    base64: bytes = b""


class AbsorbedLine(Struct, frozen=True):
    """An id that went, and the update that has it now."""

    id: str
    update: str


class AckLine(Struct, frozen=True):
    """An update that has been dealt with."""

    update: str
    time: datetime


class MuteLine(Struct, frozen=True):
    """What nobody wants to hear of, for good or until a time."""

    target: str
    until: datetime | None = None


class MetaLine(Struct, frozen=True):
    """A single value; the key ``form`` names the form of the exported text."""

    key: str
    value: str


class Manifest(Struct, frozen=True, forbid_unknown_fields=True):
    """What an export consists of: its form, and the tables that have a file each, with the
    SHA-256 of its lines.

    scripts/manifest.py computes it, too, for what git has merged.
    """

    form: str
    # Names alone are of an export from before there was a sum
    tables: dict[str, str] | tuple[str, ...]

    @property
    def sums(self) -> dict[str, str]:
        """Give the sum of each table's lines; "" where it is not known."""
        if isinstance(self.tables, dict):
            return self.tables
        return dict.fromkeys(self.tables, "")


class Table(Struct, frozen=True):
    """How one table is exported and imported: the form of its lines, their reader and writer."""

    line: type
    read: Callable[[Queries], Iterable[object]]
    write: Callable[[Queries, list[Any]], object]


def export(state: Transactions, folder: Path) -> None:
    """Write a state into ``folder``: a file whose bytes would be the same is left alone.

    StateError when a file cannot be written.
    """
    try:
        private.folder(folder)
        sums: dict[str, str] = {}
        with state.reading() as sql:
            for name, table in TABLES.items():
                read = hashlib.sha256()
                with _replaced(folder / f"{name}.jsonl") as file:
                    for record in table.read(sql):
                        line = f"{record_text(record)}\n".encode()
                        read.update(line)
                        file.write(line)
                sums[name] = read.hexdigest()
        del sums[CHECK_TIMES]
        with _replaced(folder / MANIFEST) as file:
            file.write(f"{record_text(Manifest(FORM, sums))}\n".encode())
    except OSError as error:
        msg = (
            f"The state cannot be exported to {folder}: {error}. Name a folder "
            "that can be written, with room on its disk."
        )
        raise StateError(msg) from error


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
        is_same = path.exists() and filecmp.cmp(written, path, shallow=False)
        if is_same and not path.is_symlink():
            # Git makes its files for everybody
            private.close_to_others(path)
        else:
            written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def import_(state: Transactions, folder: Path) -> None:
    """Fill a state, which must be empty, from an export.

    StateRefusedError, and nothing imported, when there is no export in ``folder``,
    when a file of it is missing or is another than it was, when a line cannot be read
    (the error names file and line), or when the state is not empty.
    """
    if not (folder / "meta.jsonl").is_file():
        msg = (
            f"There is no exported state in {folder}: it has no meta.jsonl. Name "
            "the folder that 'watcher state export' wrote."
        )
        raise StateRefusedError(msg)
    sums = _refuse_missing(folder)
    with state.writing(durable=True) as sql:
        full = sql.column("tables_with_rows")
        if full:
            msg = (
                f"The state {state.address} is not empty (it has {', '.join(full)}). "
                "Import into a new one: name another [watch] state."
            )
            raise StateRefusedError(msg)
        for name, table in TABLES.items():
            file = folder / f"{name}.jsonl"
            try:
                lines = _lines(file, table.line, sums.get(name, ""))
                while chunk := list(islice(lines, _CHUNK)):
                    table.write(sql, chunk)
            except state.connection.conflicts as error:
                msg = (
                    f"{file} does not fit the other files: {error}. Export the "
                    "state again, or take all files of one commit."
                )
                raise StateRefusedError(msg) from error


def _refuse_missing(folder: Path) -> dict[str, str]:
    """Refuse an export of which a file is missing: it would be an empty table, and what
    lies in no table of a state is told again, or never.

    Give the sum of each file's lines, "" where it is not known.
    """
    remedy = "Take all files of one commit, or export the state again."
    values = list(_lines(folder / "meta.jsonl", MetaLine))
    form = next((line.value for line in values if line.key == "form"), None)
    if form is None:
        msg = f"{folder / 'meta.jsonl'} does not say which form it has. {remedy}"
        raise StateRefusedError(msg)
    if form == WITHOUT_MANIFEST:
        return {}
    file = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(file.read_bytes(), type=Manifest)
    except FileNotFoundError as error:
        msg = f"The exported state in {folder} has no {MANIFEST}. {remedy}"
        raise StateRefusedError(msg) from error
    except msgspec.MsgspecError as error:
        msg = f"{file} is no manifest of an exported state: {error}. {remedy}"
        raise StateRefusedError(msg) from error
    wanted = set(TABLES) - {CHECK_TIMES}
    if form == FORM and (manifest.form != form or manifest.sums.keys() != wanted):
        msg = (
            f"{file} names another form or other tables than an export of form {form} "
            f"has. {remedy}"
        )
        raise StateRefusedError(msg)
    missing = [
        name for name in manifest.sums if not (folder / f"{name}.jsonl").is_file()
    ]
    if missing:
        files = ", ".join(f"{name}.jsonl" for name in missing)
        msg = (
            f"The exported state in {folder} is not whole: {files} is missing. {remedy}"
        )
        raise StateRefusedError(msg)
    return manifest.sums


def _lines(file: Path, form: type, wanted: str = "") -> Iterator[Any]:
    """Read a file's lines as records of ``form``, up to the sum that is ``wanted``.

    StateRefusedError names the line that is no record, and the file whose lines are others.
    """
    if not file.exists():
        return
    decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(form)
    lines = hashlib.sha256()
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
            # Git on Windows may end lines in its own way
            lines.update(line.rstrip(b"\r\n") + b"\n")
            yield read
    if wanted and lines.hexdigest() != wanted:
        msg = (
            f"{file} is not what was exported: it was cut, or changed since "
            f"({MANIFEST} has the sum of its lines). Take all files of one commit, or "
            "export the state again."
        )
        raise StateRefusedError(msg)


def _records(query: str, form: type) -> Callable[[Queries], Iterable[object]]:
    """Give a reader of a table whose lines are its records."""

    def read(sql: Queries) -> Iterable[object]:
        for row in getattr(sql, query)():
            yield record_from(form, row[0])

    return read


def _read_values(sql: Queries) -> Iterable[MetaLine]:
    lines = [MetaLine(key, value) for key, value in sql.all_values()]
    return sorted([*lines, MetaLine("form", FORM)], key=lambda line: line.key)


def _write_values(sql: Queries, lines: list[MetaLine]) -> None:
    form = next((line.value for line in lines if line.key == "form"), FORM)
    if form not in (WITHOUT_MANIFEST, FORM):
        msg = (
            f"The exported state has form {form}, and this program reads form "
            f"{FORM}. Install the version that wrote it."
        )
        raise StateRefusedError(msg)
    values = [line for line in lines if line.key != "form"]
    sql.insert_values([{"key": line.key, "value": line.value} for line in values])


def _write_documents(sql: Queries, lines: list[DocumentLine]) -> None:
    """Write documents; one that was never read is forgotten, as if it were new."""
    write_documents(sql, [line.document_record() for line in lines if not line.unread])


def _write_updates(sql: Queries, lines: list[UpdateLine]) -> None:
    write_updates(sql, [line.update_record() for line in lines])


def _read_entries(sql: Queries) -> Iterator[EntryLine]:
    for source, document, record, fingerprint, since, lost, silent in sql.all_entries():
        yield EntryLine(
            source,
            document,
            record_from(Entry, record),
            fingerprint,
            optional_time_from(since),
            bool(lost),
            silent,
        )


def _write_entries(sql: Queries, lines: list[EntryLine]) -> None:
    rows = []
    for line in lines:
        stored = StoredEntry(
            line.entry, line.fingerprint, line.missing_since, line.lost
        )
        rows.append(entry_row(line.source, line.document, stored, line.silent))
    sql.insert_entries(rows)


def _read_remembered(sql: Queries) -> Iterator[RememberedLine]:
    for source, document, fingerprint, left in sql.all_remembered():
        yield RememberedLine(source, document, fingerprint, time_from(left))


def _write_remembered(sql: Queries, lines: list[RememberedLine]) -> None:
    sql.insert_remembered([msgspec.structs.asdict(line) for line in lines])


def _read_absorbed(sql: Queries) -> Iterator[AbsorbedLine]:
    for update_id, taker in sql.all_absorbed():
        yield AbsorbedLine(update_id, taker)


def _write_absorbed(sql: Queries, lines: list[AbsorbedLine]) -> None:
    sql.insert_absorbed([{"id": line.id, "update_id": line.update} for line in lines])


def _read_events(sql: Queries) -> Iterator[EventLine]:
    for sequence, record, owner, queued in sql.all_events():
        yield EventLine(sequence, record_from(Event, record), owner, bool(queued))


def _write_events(sql: Queries, lines: list[EventLine]) -> None:
    rows = []
    for line in lines:
        row = event_row(line.sequence, line.event)
        rows.append(row | {"update_id": line.update, "queued": line.queued})
    sql.add_events(rows)
    add_products(sql, [(line.sequence, line.event) for line in lines])


def _read_messages(sql: Queries) -> Iterator[MessageLine]:
    for sequence, record, owner, stored in sql.all_messages():
        message, body = record_from(Message, record), bytes(stored)
        try:
            text = tuple(body.decode().split("\r\n"))
        except UnicodeDecodeError:
            yield MessageLine(sequence, message, owner, base64=body)
        else:
            yield MessageLine(sequence, message, owner, text)


def _write_messages(sql: Queries, lines: list[MessageLine]) -> None:
    for line in lines:
        body = line.base64 or "\r\n".join(line.body).encode()
        message = replace(line.message, body=body)
        write_message(sql, line.sequence, message, line.update)


def _read_acks(sql: Queries) -> Iterator[AckLine]:
    for update_id, stored in sql.all_acks():
        yield AckLine(update_id, time_from(stored))


def _write_acks(sql: Queries, lines: list[AckLine]) -> None:
    sql.insert_acks([{"update_id": line.update, "time": line.time} for line in lines])


def _read_mutes(sql: Queries) -> Iterator[MuteLine]:
    for target, until in sql.mutes():
        yield MuteLine(target, optional_time_from(until))


def _write_mutes(sql: Queries, lines: list[MuteLine]) -> None:
    sql.insert_mutes([{"target": line.target, "until": line.until} for line in lines])


# In the order of an import: what others refer to comes first.
TABLES: dict[str, Table] = {
    "meta": Table(MetaLine, _read_values, _write_values),
    "documents": Table(
        DocumentLine, _records("all_documents", Document), _write_documents
    ),
    "times": Table(Times, _records("times", Times), write_times),
    "entries": Table(EntryLine, _read_entries, _write_entries),
    "remembered": Table(RememberedLine, _read_remembered, _write_remembered),
    "updates": Table(UpdateLine, _records("all_updates", Update), _write_updates),
    "absorbed": Table(AbsorbedLine, _read_absorbed, _write_absorbed),
    "events": Table(EventLine, _read_events, _write_events),
    "messages": Table(MessageLine, _read_messages, _write_messages),
    "deliveries": Table(
        Delivery, _records("all_deliveries", Delivery), write_deliveries
    ),
    "acks": Table(AckLine, _read_acks, _write_acks),
    "mutes": Table(MuteLine, _read_mutes, _write_mutes),
}
