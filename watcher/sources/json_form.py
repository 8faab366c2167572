"""JSON documents read into typed records, with errors that quote the JSON path.

No kind of its own, several kinds use it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from watcher.counted import counted
from watcher.errors import ParseError
from watcher.sources import markup

Form = TypeVar("Form")

# But tab, line feed and return
_CONTROL = re.compile(
    rb"(\\\\)|\\u00(?:0[0-8bcef]|1[0-9a-f]|7f|[89][0-9a-f])", re.IGNORECASE
)
# Characters of a text that an error quotes
_SHOWN = 120


def decode(body: bytes, form: type[Form], wanted: str) -> Form:
    """Read ``body`` as a ``form``.

    ``wanted`` says in an error what it should have been ("a CSAF document").

    Raises:
        ParseError: it is not JSON, ends too early, or lacks what the form needs; the text names the JSON path.

    """
    marked = markup.unmarked(body)
    try:
        return msgspec.json.decode(
            clean(body if marked is None else marked.encode()), type=form
        )
    except msgspec.ValidationError as error:
        raise ParseError(
            f"this is not {wanted}: {error}",
            "The publisher must repair it; the next check reads it again.",
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        cause = (
            f"this is not {wanted}, for it is no whole JSON ({error}; "
            f"{counted(len(body), 'byte')}): it begins with {markup.opening(body)}"
        )
        raise ParseError(
            cause, "Nothing was changed; the next check tries again."
        ) from error


def clean(body: bytes) -> bytes:
    """Return JSON with spaces for its escaped control characters.

    No text needs them, and databases refuse some.
    """
    return _CONTROL.sub(lambda found: found[1] or b" ", body)


def quoted(text: str) -> str:
    """Return the beginning of a text in quotation marks, on one line, for an error."""
    folded = " ".join(text[: 10 * _SHOWN].split())
    return f'"{folded[:_SHOWN]}…"' if len(folded) > _SHOWN else f'"{folded}"'


def in_utc(moment: datetime) -> datetime:
    """Return ``moment`` in UTC.

    One without a zone is taken as UTC (Fortinet's documents), as is one at the
    calendar's edge.
    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC)
