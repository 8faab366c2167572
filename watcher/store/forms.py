"""Records as JSON text and back: sorted keys, so that equal records are equal bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from watcher.errors import StateError
from watcher.store.tables import clean

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODERS: dict[type, Callable[[str], object]] = {}


def text(record: object) -> str:
    """Write a record as JSON with sorted keys."""
    try:
        return _ENCODER.encode(record).decode()
    except UnicodeEncodeError:
        # A source's lone surrogate; no reason to lose the rest
        return _ENCODER.encode(_cleaned(msgspec.to_builtins(record))).decode()


def _cleaned(value: object) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    return value


def record(form: type[T], written: str) -> T:
    """Read a record of ``form`` from JSON; StateError where it does not have that form."""
    decode = _DECODERS.get(form)
    if decode is None:
        decode = _DECODERS[form] = msgspec.json.Decoder(form).decode
    try:
        return decode(written)  # type: ignore[return-value]  # the dictionary cannot say that key and value belong together
    except msgspec.MsgspecError as error:
        msg = (
            f"The state holds a record ({form.__name__}) that cannot be read, "
            f"{error}: {written[:80]!r}. "
            "Restore the state from a backup, or import its last export into "
            "a new one with 'watcher state import'."
        )
        raise StateError(msg) from error
