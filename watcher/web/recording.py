"""A recorded web: answers as the real one did at a moment, and never opens a socket.

At each check a URL answers with its newest record not later than the clock; a URL
without one says nothing.  Read are WARC 1.0 and 1.1 (ISO 28500), compressed record by
record or not, as wget, Browsertrix and our own recorder write them: one pass makes an
index, bodies are read when they are asked for.
"""

from __future__ import annotations

import hashlib
import io
import os
from bisect import bisect_right
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar
from urllib.parse import urljoin

from msgspec import Struct

from watcher.kinds import gone_speaks
from watcher.records import Page, Validators
from watcher.web import (
    GONE,
    REDIRECTS,
    AskingInTurn,
    FetchError,
    Outcome,
    Wanted,
    address,
)
from watcher.web.failures import failure, of_status, too_large
from watcher.web.recorder import Recorder, RecordingError

__all__ = ["Recorder", "Recording", "RecordingError"]

T = TypeVar("T")

# Bytes of bodies that are kept for the next check
_KEPT = 128 * 1024 * 1024
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


class Recording:
    """Several WARC files as one web; equal dates keep the order of files and records."""

    def __init__(
        self,
        paths: Iterable[Path],
        max_bytes: int = 64 * 1024 * 1024,
        redirects: int = 5,
    ) -> None:
        """Index the files, in one pass each.

        Raises:
            RecordingError: a file cannot be read or is broken; names file and offset.

        """
        self._max_bytes = max_bytes
        self._redirects = redirects
        self._bodies = _Bodies(max_bytes)
        self._exact: dict[str, list[Record]] = defaultdict(list)
        self._normal: dict[str, list[Record]] = defaultdict(list)
        # By record ID, by URL and date, by checksum
        self._named: dict[str, Record] = {}
        for record in sorted(self._indexed(paths), key=lambda record: record.date):
            self._exact[record.url.partition("#")[0]].append(record)
            self._normal[address.normal(record.url)].append(record)
            if not record.revisit:
                self._named |= {
                    name: record
                    for name in (record.id, f"{record.url} {record.date}")
                    if name
                }
                self._named.setdefault(record.checksum, record)
        self._dates = tuple(
            sorted(
                {record.date for records in self._exact.values() for record in records}
            )
        )

    def _indexed(self, paths: Iterable[Path]) -> list[Record]:
        found: list[Record] = []
        for path in paths:
            before = len(found)
            for record, content in records(path):
                found.append(record)
                self._bodies.keep_early(record, content)
            if len(found) == before:
                raise RecordingError(
                    f"{path}: holds no response. Name a recording made by "
                    "`watcher run --record`, wget or Browsertrix."
                )
        return found

    def __enter__(self) -> Self:
        """Open nothing: files are opened for each look."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing."""

    def dates(self) -> tuple[datetime, ...]:
        """List the distinct dates of all responses, oldest first."""
        return self._dates

    def addresses(self) -> tuple[str, ...]:
        """List the recorded addresses, in order."""
        return tuple(sorted(self._exact))

    def holds(self, url: str) -> bool:
        """Say whether an address was recorded at any time."""
        return url in self._exact or address.normal(url) in self._normal

    def get_all(
        self,
        wanted: Iterable[Wanted],
        now: datetime,
        use: Callable[[Outcome], T],
    ) -> list[tuple[Wanted, T]]:
        """Answer as of ``now``; what ``use`` makes of each outcome, in the order of ``wanted``.

        Documents that were not recorded by then are left out.
        """
        found = ((one, self._outcome(one, now)) for one in wanted)
        return [(one, use(outcome)) for one, outcome in found if outcome is not None]

    def asking(self, now: datetime, use: Callable[[Outcome], T]) -> AskingInTurn[T]:
        """Answer as of ``now`` what is added, document by document."""
        return AskingInTurn(lambda wanted: self._outcome(wanted, now), use)

    def _outcome(self, wanted: Wanted, now: datetime) -> Outcome | None:
        try:
            record = self._follow(wanted.url, now)
            if record is None:
                return None
            original = self._original(record)
            if original is None:
                return None
            status = original.status if record.status == 304 else record.status
            says_gone = status in GONE and gone_speaks(wanted.source.kind)
            if status != 200 and not says_gone:
                raise of_status(status, record.headers, now)
            return self._page(wanted, record, original, now)
        except FetchError as trouble:
            return failure(wanted, trouble, now, {})

    def _follow(self, url: str, now: datetime) -> Record | None:
        """Find the record that answers ``url``, through recorded redirects."""
        for _ in range(self._redirects + 1):
            record = self._newest(url, now)
            location = (
                _header(record, "location")
                if record and record.status in REDIRECTS
                else ""
            )
            if record is None or not location:
                return record
            url = _joined(record.url, location)
        raise FetchError(
            f"more than {self._redirects} redirects",
            "The address leads in a circle: correct the source's `url`.",
        )

    def _newest(self, url: str, now: datetime) -> Record | None:
        """Give the newest record not later than ``now``.

        Of the very URL, else of the same one written otherwise.
        """
        try:
            public = address.without_userinfo(url)
        except ValueError:
            return None
        for records in (
            self._exact.get(public),
            self._normal.get(address.normal(public)),
        ):
            place = (
                bisect_right(records, now, key=lambda record: record.date)
                if records
                else 0
            )
            if records and place:
                return records[place - 1]
        return None

    def _original(self, record: Record) -> Record | None:
        """Find the record that holds the body.

        The one a revisit refers to, or this URL's last copy before a 304.

        None when the copy that a 304 confirms was not recorded.
        """
        if not record.revisit:
            return record
        for name in self._names_of_original(record):
            if name and name in self._named:
                return self._named[name]
        earlier = [
            other
            for other in self._exact[record.url.partition("#")[0]]
            if other.date <= record.date and other.status == 200
        ]
        bodies = [other for other in earlier if not other.revisit]
        if bodies:
            return bodies[-1]
        if record.refers_to[1] or record.checksum:
            raise FetchError(
                "the recording refers to a copy in another file",
                "Name the other recording, too.",
            )
        return None

    @staticmethod
    def _names_of_original(record: Record) -> tuple[str, ...]:
        refers_id, refers_url, refers_date = record.refers_to
        by_date = (
            f"{refers_url} {_date(refers_date)}" if refers_url and refers_date else ""
        )
        return (refers_id, by_date, record.checksum)

    def _page(
        self, wanted: Wanted, record: Record, original: Record, now: datetime
    ) -> Page:
        content, sha256 = self._bodies.get(original)
        validators = Validators(
            _header(record, "etag"), _header(record, "last-modified")
        )
        kind = _header(record, "content-type") or _header(original, "content-type")
        status = original.status if record.status == 304 else record.status
        return Page(
            wanted.source.name,
            wanted.document,
            address.public(wanted.url, {}),
            now,
            status,
            content,
            kind,
            validators,
            sha256,
        )


def _joined(base: str, location: str) -> str:
    """Give the address that a redirect leads to; one that is no URL leads to nothing recorded."""
    try:
        return urljoin(base, location)
    except ValueError:
        return location


def _header(record: Record, name: str) -> str:
    return record.headers.get(name, "")


class _Bodies:
    """The bodies asked for last, up to a number of bytes; their SHA-256 for good."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[Path, int], bytes] = OrderedDict()
        self._sums: dict[tuple[Path, int], str] = {}
        self._size = 0

    def get(self, record: Record) -> tuple[bytes, str]:
        """Give a body and its SHA-256.

        FetchError when it is too large or of an unknown encoding.
        """
        key = (record.path, record.offset)
        content = self._kept.get(key)
        if content is None:
            content = self._read(record)
            self._keep(key, content)
        self._kept.move_to_end(key)
        if key not in self._sums:
            self._sums[key] = hashlib.sha256(content).hexdigest()
        return content, self._sums[key]

    def keep_early(self, record: Record, content: Any) -> None:  # noqa: ANN401
        """Read a body while the index is made, as long as there is room.

        Most recordings are then read once.
        """
        if (
            self._size < _KEPT
            and not record.revisit
            and record.status == 200
            and _is_readable(record.encoding)
        ):
            whole = body(content, self._max_bytes)
            if whole is not None and self._size + len(whole) <= _KEPT:
                self._keep((record.path, record.offset), whole)

    def _read(self, record: Record) -> bytes:
        if not _is_readable(record.encoding):
            raise FetchError(
                (
                    "the recorded answer is encoded in a way that cannot be read "
                    f"({record.encoding[:40]})"
                ),
                "Install brotli if it is br.",
            )
        whole = _body_of(record, self._max_bytes)
        if whole is None:
            raise too_large(self._max_bytes)
        return whole

    def _keep(self, key: tuple[Path, int], content: bytes) -> None:
        self._kept[key] = content
        self._size += len(content)
        while self._size > _KEPT and len(self._kept) > 1:
            self._size -= len(self._kept.popitem(last=False)[1])


# --- The files ------------------------------------------------------------------------


def _broken(path: Path, offset: int, what: str) -> RecordingError:
    """Say where a recording is broken."""
    return RecordingError(
        f"{path}: offset {offset}: {what}. Fetch or copy the recording again; "
        "`warcio check` and `warcio recompress` look closer."
    )


def records(path: Path) -> Iterator[tuple[Record, Any]]:
    """Walk a file.

    Each record comes with warcio's own, whose body can be read until the next step.

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
                raise _broken(
                    path,
                    offset,
                    "the file ends in the middle of a record, or the record's length is wrong",
                )
            if archive.err_count:
                raise _broken(path, offset, "the record is longer than it says")
            offset = archive.offset
        if offset < os.fstat(file.fileno()).st_size:
            raise _broken(path, offset, "the file ends in the middle of a record")
    except AttributeError as error:
        # Warcio's answer to a record that does not say what it is
        raise _broken(path, offset, "the record's head is not whole") from error
    except (
        ArchiveLoadFailed,
        StatusAndHeadersParserException,
        EOFError,
        ValueError,
        UnicodeError,
    ) as error:
        what = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise _broken(path, offset, f"this is no WARC record ({what[:120]})") from error


def _read_heads(path: Path, offset: int, found: Any) -> Record | None:  # noqa: ANN401
    """Take what an index needs.

    None for records that are no response (requests, metadata, crawlers' own notes).
    """
    if found.format != "warc":
        raise _broken(path, offset, f"a record of {found.format}, not of WARC")

    def head(name: str) -> str:
        return str(found.rec_headers.get_header(name) or "")

    url = head("WARC-Target-URI")
    if found.rec_type not in _WITH_CONTENT or not url.startswith(("http:", "https:")):
        return None
    is_revisit = found.rec_type == "revisit"
    # What a record without HTTP's own lines was: "resource", or a copy seen before
    status = 304 if is_revisit else 200
    headers = {"content-type": found.content_type or ""}
    if found.http_headers:
        status = int(found.http_headers.get_statuscode())
        headers = {name.lower(): value for name, value in found.http_headers.headers}
    return Record(
        path=path,
        offset=offset,
        id=head("WARC-Record-ID"),
        url=url,
        date=_date(head("WARC-Date")),
        status=status,
        headers=headers,
        encoding=_encoding(found.http_headers),
        checksum=head("WARC-Payload-Digest"),
        revisit=is_revisit or status == 304,
        refers_to=(
            head("WARC-Refers-To"),
            head("WARC-Refers-To-Target-URI"),
            head("WARC-Refers-To-Date"),
        ),
    )


def _encoding(http: Any) -> str:  # noqa: ANN401
    return (http.get_header("content-encoding") or "").lower() if http else ""


def _date(text: str) -> datetime:
    """Read a WARC-Date (UTC); ValueError for anything else."""
    read = datetime.fromisoformat(text)
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)


def _is_readable(encoding: str) -> bool:
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


def _body_of(record: Record, limit: int) -> bytes | None:
    """Read one record's body from its file."""
    from warcio.archiveiterator import ArchiveIterator

    with record.path.open("rb") as file:
        file.seek(record.offset)
        return body(next(ArchiveIterator(file, block_size=_BLOCK)), limit)
