"""What every parser does with an answer: decode it, refuse it, make a snapshot of it.

No kind of its own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Protocol, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.plural import counted
from watcher.records import (
    Coverage,
    Entry,
    Follow,
    Page,
    Passage,
    Snapshot,
    Watch,
)
from watcher.sources import markup

Pattern: TypeAlias = re.Pattern[str]
Form = TypeVar("Form")
Value = TypeVar("Value")


class _HasKey(Protocol):
    @property
    def key(self) -> str: ...


Keyed = TypeVar("Keyed", bound=_HasKey)

# All escaped control characters but tab, line feed and return
_CONTROL = re.compile(
    rb"(\\\\)|\\u00(?:0[0-8bcef]|1[0-9a-f]|7f|[89][0-9a-f])", re.IGNORECASE
)
# Characters of a text that an error quotes
_LONGEST_QUOTE = 120
# Characters of a title
_LONGEST_TITLE = 160
# Bytes of a body in which its title is looked for
_OPENING = 4000


def snapshot(  # noqa: PLR0913 - the fields of Snapshot
    page: Page,
    *,
    total: int,
    entries: Iterable[Entry] = (),
    coverage: Coverage = Coverage.COMPLETE,
    revisions: int = 0,
    identity: str = "",
    oldest: datetime | None = None,
    newest: datetime | None = None,
    follow: tuple[Follow, ...] = (),
) -> Snapshot:
    """Return the snapshot of a page; the fields are those of ``Snapshot``.

    A date that cannot be is left out, whichever parser read it.
    """
    return Snapshot(
        source=page.source,
        document=page.document,
        url=page.url,
        time=page.time,
        sha256=page.sha256,
        coverage=coverage,
        total=total,
        revisions=revisions,
        identity=identity,
        entries=tuple(_with_possible_dates(entry, page.time) for entry in entries),
        oldest=normalize.possible(oldest, page.time),
        newest=normalize.possible(newest, page.time),
        follow=follow,
    )


def _with_possible_dates(entry: Entry, now: datetime) -> Entry:
    published = normalize.possible(entry.published, now)
    updated = normalize.possible(entry.updated, now)
    passages = tuple(
        replace(passage, time=normalize.possible(passage.time, now))
        for passage in entry.passages
    )
    dates = (published, updated, passages)
    if dates == (entry.published, entry.updated, entry.passages):
        return entry
    return replace(entry, published=published, updated=updated, passages=passages)


def unique(values: Iterable[Value]) -> tuple[Value, ...]:
    """Return what is not empty among ``values``, each once, in its order."""
    return tuple(dict.fromkeys(filter(None, values)))


def first(texts: Iterable[str]) -> str:
    """Return the first of ``texts``, "" when there is none."""
    return next(iter(texts), "")


def watched_products(names: Iterable[str], watch: Watch) -> tuple[str, ...]:
    """Return those of canonical ``names`` that are watched or may be, in their order."""
    return tuple(name for name in names if normalize.concerns(watch, name))


def passages(name: str, text: str) -> tuple[Passage, ...]:
    """Return a text as the one passage of its name, none when there is no text."""
    return (Passage(name, text),) if text else ()


def numbered(entries: Iterable[Keyed]) -> Iterator[Keyed]:
    """Yield entries, or rows, with keys of their own: the second of a key is "KEY #2".

    They are numbered in their order: a new one is to come last, so that the others'
    keys stay.
    """
    count: Counter[str] = Counter()
    for entry in entries:
        count[entry.key] += 1
        number = count[entry.key]
        key = f"{entry.key} #{number}"
        yield entry if number == 1 else replace(entry, key=key)  # type: ignore[type-var]  # a Struct


def first_fitting(text: str, patterns: Iterable[tuple[str, Pattern]]) -> str | None:
    """Return the name of the first pattern that is found in a text, None for none."""
    return next((name for name, pattern in patterns if pattern.search(text)), None)


def shortened(title: str) -> str:
    """Return the first words of a title that is longer than a line."""
    if len(title) <= _LONGEST_TITLE:
        return title
    return title[: title.rfind(" ", 0, _LONGEST_TITLE)] + " ..."


def decode(body: bytes, form: type[Form], wanted: str) -> Form:
    """Read JSON as a ``form``.

    ``wanted`` says in an error what it should have been ("a CSAF document").

    Raises:
        ParseError: it is not JSON, ends too early, or lacks what the form needs; the
            text names the JSON path.

    """
    try:
        return msgspec.json.decode(clean_json(markup.utf8(body)), type=form)
    except msgspec.ValidationError as error:
        raise ParseError(
            f"this is not {wanted}: {error}",
            "The publisher must repair it; the next check reads it again.",
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        cause = (
            f"this is not {wanted}, for it is no whole JSON ({error}; "
            f"{counted(len(body), 'byte')}): it begins with {opening(body)}"
        )
        raise ParseError(
            cause, "Nothing was changed; the next check tries again."
        ) from error


def clean_json(body: bytes) -> bytes:
    """Return JSON with spaces for its escaped control characters.

    No text needs them, and PostgreSQL refuses some.
    """
    return _CONTROL.sub(lambda found: found[1] or b" ", body)


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


def quoted(text: str) -> str:
    """Return the beginning of a text in quotation marks, on one line, for an error.

    At most ``_LONGEST_QUOTE`` letters and an ellipsis: an error stands in a mail's
    line.
    """
    folded = " ".join(text[: 10 * _LONGEST_QUOTE].split())
    if len(folded) > _LONGEST_QUOTE:
        return f'"{folded[:_LONGEST_QUOTE]}…"'
    return f'"{folded}"'


def unlike(page: Page, wanted: str, *, why: str = "") -> ParseError:
    """Return the error of a body that is not what its kind is.

    It says what was ``wanted`` and quotes what came.
    """
    if not page.body.strip():
        return ParseError(
            f"the answer is empty; wanted was {wanted}",
            "Nothing was changed; the next check tries again.",
        )
    reason = f" ({why})" if why else ""
    return ParseError(
        f"this is not {wanted}{reason}: it begins with {opening(page.body)}"
    )


def opening(body: bytes) -> str:
    """Return a page's title in quotes, else the first words of a body.

    So an administrator sees at once that a login page, or a page of another layout,
    stands in a source's place.  What cannot be decoded is replaced.
    """
    text = markup.utf8_text(body[:_OPENING])
    title = re.search(r"<title[^>]*>(.*?)</title", text, re.IGNORECASE | re.DOTALL)
    if title is None:
        return f'"{_first_words(text)}"'
    return f'the title "{_first_words(markup.plain(title[1]))}"'


def _first_words(text: str) -> str:
    return " ".join(markup.UNPRINTABLE.sub("?", text).split())[:100]
