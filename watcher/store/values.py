"""How values stand in the database: times and text, and records as JSON.

Keys are sorted, so that equal records are equal bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import msgspec

from watcher.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODERS: dict[type, Callable[[str], object]] = {}


def clean(text: str) -> str:
    """Replace what a database's text cannot hold: NUL (PostgreSQL) and lone surrogates (both)."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def time_text(time: datetime) -> str:
    """Write ``time`` so that text order is time order.

    ``2024-11-14T18:00:00.000000+00:00``.  A naive time is a bug: ValueError.
    """
    if time.tzinfo is None:
        msg = f"a time without a zone cannot be stored: {time.isoformat()}"
        raise ValueError(msg)
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def time_from(text: str) -> datetime:
    """Read a time as it is stored, in UTC."""
    return datetime.fromisoformat(text)


def optional_time_from(text: str | None) -> datetime | None:
    """Read a time that may be missing."""
    return None if text is None else time_from(text)


def parameter(value: object) -> object:
    """Write a value as both drivers take it.

    A list becomes JSON text, for ``IN (SELECT value FROM json_each(:name))``.
    """
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, datetime):
        return time_text(value)
    if isinstance(value, list):
        # As the values that it is compared with were cleaned when they were stored
        return record_text([parameter(item) for item in value])
    return value


def record_text(record: object) -> str:
    """Write a record as JSON with sorted keys."""
    try:
        return _ENCODER.encode(record).decode()
    except UnicodeEncodeError:
        # A source's lone surrogate is no reason to lose the rest of what it says.
        return _ENCODER.encode(_cleaned(msgspec.to_builtins(record))).decode()


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value


def record_from(form: type[T], text: str) -> T:
    """Read a record of ``form`` from JSON; StateError where it does not have that form."""
    # Making a decoder takes longer than reading a record with it
    decode = _DECODERS.get(form)
    if decode is None:
        decode = _DECODERS[form] = msgspec.json.Decoder(form).decode
    try:
        return decode(text)  # type: ignore[return-value]  # the dictionary cannot say that key and value belong together
    except msgspec.MsgspecError as error:
        msg = (
            f"The state holds a record ({form.__name__}) that cannot be read, "
            f"{error}: {text[:80]!r}. "
            "Restore the state from a backup, or import its last export into "
            "a new one with 'watcher state import'."
        )
        raise StateError(msg) from error
