"""Writes responses down as WARC 1.1 (ISO 28500), so that a run can be relived and an
event be proved.

Bodies are stored decompressed; what could hold a secret (cookies, credentials) is left
out.
"""

from __future__ import annotations

import hashlib
import io
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Self

from watcher import __version__, private
from watcher.errors import WatcherError
from watcher.records import Page
from watcher.web import address

NOT_MODIFIED = "http://netpreserve.org/warc/1.1/revisit/server-not-modified"

# What describes the transfer, not the content, and what may hold a secret.
_LEFT_OUT = frozenset(
    {
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "cookie",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "set-cookie",
        "set-cookie2",
        "transfer-encoding",
        "www-authenticate",
    }
)


class RecordingError(WatcherError):
    """A recording cannot be read or written; names the file and, where there is one, the offset."""

    exit_code = 2


class UnwrittenError(RecordingError):
    """A response could not be written down.

    The run ends there, and what it recorded before is whole.
    """

    exit_code = 1


class Recorder:
    """Appends to one WARC file, compressed record by record if its name ends in ``.gz``.

    Opened at the first response.

    May be used from several threads.
    """

    def __init__(self, path: Path, secrets: Mapping[str, str] | None = None) -> None:
        """Remember where to write; ``secrets`` are taken out of what is written but bodies."""
        self.path = path
        self._secrets = secrets or {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Open nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing stays open: each record is written whole."""

    def add(self, page: Page) -> None:
        """Write a page down, as evidence."""
        headers = {
            "Content-Type": page.content_type,
            "ETag": page.validators.etag,
            "Last-Modified": page.validators.last_modified,
        }
        self.add_answer(
            page.url,
            page.time,
            page.status,
            {name: value for name, value in headers.items() if value},
            page.body,
        )

    def add_answer(
        self,
        url: str,
        time: datetime,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        """Write a response down; a 304 becomes a revisit of the copy recorded before.

        Raises:
            UnwrittenError: the file cannot be written.

        """
        record = _record(
            address.public(url, self._secrets),
            time,
            status,
            self._harmless(headers),
            body,
            gzip=self._gzip,
        )
        with self._lock:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with private.appended_file(self.path) as file:
                    _append(
                        file,
                        record
                        if file.tell()
                        else _preface(self.path.name, time, gzip=self._gzip) + record,
                    )
            except OSError as error:
                raise UnwrittenError(
                    f"{self.path}: cannot be written: "
                    f"{error.strerror or error}. Name another file, or make "
                    "room."
                ) from error

    @property
    def _gzip(self) -> bool:
        return self.path.suffix == ".gz"

    def _harmless(self, headers: Mapping[str, str]) -> list[tuple[str, str]]:
        return [
            (name, address.conceal(value, self._secrets))
            for name, value in headers.items()
            if name.lower() not in _LEFT_OUT
        ]


def _append(file: io.FileIO, record: bytes) -> None:
    """Write all of a record or, on a full disk, nothing.

    Half of one would make the whole file unreadable.
    """
    start = file.tell()
    try:
        while record:
            record = record[file.write(record) :]
    except OSError:
        file.truncate(start)
        raise


def _record(
    url: str,
    time: datetime,
    status: int,
    headers: list[tuple[str, str]],
    body: bytes,
    *,
    gzip: bool,
) -> bytes:
    """Give the bytes of one record; the same response at the same time gives the same bytes."""
    from warcio.statusandheaders import StatusAndHeaders
    from warcio.warcwriter import WARCWriter

    written = io.BytesIO()
    writer = WARCWriter(written, gzip=gzip, warc_version="WARC/1.1")
    name = f"{url} {_date(time)} {status} {hashlib.sha256(body).hexdigest()}"
    about = {"WARC-Date": _date(time), "WARC-Record-ID": _id(name)}
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    if status == HTTPStatus.NOT_MODIFIED:
        kind, about["WARC-Profile"] = "revisit", NOT_MODIFIED
    else:
        kind, headers = "response", [*headers, ("Content-Length", str(len(body)))]
    http_headers = StatusAndHeaders(
        f"{status} {phrase}".strip(), headers, protocol="HTTP/1.1"
    )
    record = writer.create_warc_record(
        url,
        kind,
        io.BytesIO(body),
        len(body),
        warc_headers_dict=about,
        http_headers=http_headers,
    )
    writer.write_record(record)
    return written.getvalue()


def _preface(name: str, time: datetime, *, gzip: bool) -> bytes:
    """Give the record that opens a file and says who wrote it."""
    from warcio.warcwriter import WARCWriter

    written = io.BytesIO()
    writer = WARCWriter(written, gzip=gzip, warc_version="WARC/1.1")
    record = writer.create_warcinfo_record(
        name,
        {
            "software": f"advisory-watcher/{__version__}",
            "format": "WARC File Format 1.1",
        },
    )
    record.rec_headers.replace_header("WARC-Date", _date(time))
    record.rec_headers.replace_header(
        "WARC-Record-ID", _id(f"warcinfo {name} {_date(time)}")
    )
    writer.write_record(record)
    return written.getvalue()


def _date(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _id(name: str) -> str:
    return f"<{uuid.uuid5(uuid.NAMESPACE_URL, name).urn}>"
