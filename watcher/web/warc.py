"""Reads WARC files: one pass makes an index, bodies are read when they are asked for.

Read are WARC 1.0 and 1.1 (ISO 28500), compressed record by record or not, as wget,
Browsertrix and our own recorder write them.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from msgspec import Struct

from watcher.web.recorder import RecordingError

_BLOCK = 65536
_WITH_CONTENT = frozenset({"response", "revisit", "resource"})


class Record(Struct, frozen=True):
    """Where one recorded response lies, and what its heads say.

    ``revisit`` is True where the body is that of an earlier record: ``refers_to``
    names it (ID, URL and date, checksum), or nothing does, and it is the last copy of
    this URL (a recorded 304).
    """

    path: Path
    offset: int
    id: str
    url: str
    date: datetime
    status: int
    # Names in lower case
    headers: dict[str, str]
    encoding: str
    # Of the payload, as written
    checksum: str
    revisit: bool
    # Record ID, URL, date as written
    refers_to: tuple[str, str, str] = ("", "", "")


def broken(path: Path, offset: int, what: str) -> RecordingError:
    """Say where a recording is broken."""
    return RecordingError(
        f"{path}: offset {offset}: {what}. Fetch or copy the recording again; "
        "`warcio check` and `warcio recompress` look closer."
    )


def records(path: Path) -> Iterator[tuple[Record, Any]]:
    """Walk a file; each record with warcio's own, whose body can be read until the next step.

    Raises:
        RecordingError: the file cannot be read, is no WARC file, or is broken.

    """
    try:
        with path.open("rb") as file:
            yield from _walk(path, file)
    except OSError as error:
        raise RecordingError(
            f"{path}: cannot be read: {error.strerror or error}. Correct the "
            "name, or make the file readable."
        ) from error


def _walk(path: Path, file: BinaryIO) -> Iterator[tuple[Record, Any]]:
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed
    from warcio.statusandheaders import StatusAndHeadersParserException

    archive = ArchiveIterator(file, block_size=_BLOCK)
    offset = 0
    try:
        for found in archive:
            offset = archive.offset
            record = _read_heads(path, offset, found)
            if record is not None:
                yield record, found
            archive.read_to_end()
            if getattr(found.raw_stream, "limit", 1):
                raise broken(
                    path,
                    offset,
                    "the file ends in the middle of a record, or the record's length is wrong",
                )
            if archive.err_count:
                raise broken(path, offset, "the record is longer than it says")
            offset = archive.offset
        if offset < os.fstat(file.fileno()).st_size:
            raise broken(path, offset, "the file ends in the middle of a record")
    except AttributeError as error:
        # Warcio's answer to a record that does not say what it is
        raise broken(path, offset, "the record's head is not whole") from error
    except (
        ArchiveLoadFailed,
        StatusAndHeadersParserException,
        EOFError,
        ValueError,
        UnicodeError,
    ) as error:
        what = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise broken(path, offset, f"this is no WARC record ({what[:120]})") from error


def _read_heads(path: Path, offset: int, found: Any) -> Record | None:  # noqa: ANN401
    """Take what an index needs.

    None for records that are no response (requests, metadata, crawlers' own notes).
    """
    if found.format != "warc":
        raise broken(path, offset, f"a record of {found.format}, not of WARC")
    heads = found.rec_headers
    url = heads.get_header("WARC-Target-URI") or ""
    if found.rec_type not in _WITH_CONTENT or not url.startswith(("http:", "https:")):
        return None
    http = found.http_headers
    return Record(
        path=path,
        offset=offset,
        id=heads.get_header("WARC-Record-ID") or "",
        url=url,
        date=date(heads.get_header("WARC-Date") or ""),
        status=int(http.get_statuscode())
        if http
        else (304 if found.rec_type == "revisit" else 200),
        headers={name.lower(): value for name, value in http.headers}
        if http
        else {"content-type": found.content_type or ""},
        encoding=(http.get_header("content-encoding") or "").lower() if http else "",
        checksum=heads.get_header("WARC-Payload-Digest") or "",
        revisit=found.rec_type == "revisit"
        or bool(http and http.get_statuscode() == "304"),
        refers_to=(
            heads.get_header("WARC-Refers-To") or "",
            heads.get_header("WARC-Refers-To-Target-URI") or "",
            heads.get_header("WARC-Refers-To-Date") or "",
        ),
    )


def date(text: str) -> datetime:
    """Read a WARC-Date (UTC); ValueError for anything else."""
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def readable(encoding: str) -> bool:
    """Say whether bodies of this Content-Encoding can be read."""
    from warcio.bufferedreaders import BufferedReader

    return encoding in {"", "identity", *BufferedReader.get_supported_decompressors()}


def body(found: Any, limit: int) -> bytes | None:  # noqa: ANN401
    """Read a record's body without chunks and compression.

    None when it is larger than ``limit``.
    """
    content = found.content_stream()
    whole = io.BytesIO()
    while piece := content.read(min(1 << 20, limit + 1 - whole.tell())):
        whole.write(piece)
        if whole.tell() > limit:
            return None
    return whole.getvalue()


def body_of(record: Record, limit: int) -> bytes | None:
    """Read one record's body from its file."""
    from warcio.archiveiterator import ArchiveIterator

    with record.path.open("rb") as file:
        file.seek(record.offset)
        return body(next(ArchiveIterator(file, block_size=_BLOCK)), limit)
