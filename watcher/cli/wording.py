"""``watcher wording``: what a text says, by which rule and words."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from watcher import report
from watcher.cli.call import Call, command
from watcher.errors import ConfigurationError
from watcher.judgement.reading import Statement, read
from watcher.records import Kind


@command(
    "wording", "echo 'We have paused the rollout of this update.' | watcher wording"
)
def wording(
    _call: Call,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]", help="The text; standard input without it, or with -."
        ),
    ] = None,
    *,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="FILE holds objects with id and text, one a line; so is the answer.",
        ),
    ] = False,
) -> None:
    """Say what a vendor's text says.

    Of a note, a post or a page: the kinds of events, the rule and the words that
    decided.

    With --json each answer is an object with id, kinds (none for an informational
    change) and because, a list of objects with kind, rule and words.
    """
    text = _text(file)
    if not as_json:
        statements = _read(text)
        for statement in statements:
            report.write(
                f"{statement.kind.value}: rule {statement.frame}, by the words "
                f"{statement.words!r}\n    {report.harmless(statement.sentence)}"
            )
        if not statements:
            report.write(
                "Nothing that an administrator must be told: an informational change."
            )
        return
    for note in _notes(text, str(file or "standard input")):
        report.write_json(answer(note["id"], _read(note["text"])))


def _read(text: str) -> tuple[Statement, ...]:
    """Read a text that stands for itself: a denial is news only of an update that stands pulled."""
    # "The update was not paused after all" corrects nothing by itself
    return tuple(
        statement for statement in read(text) if statement.kind is not Kind.CORRECTED
    )


def answer(note: object, statements: Iterable[Statement]) -> dict[str, Any]:
    """Give the answer of ``watcher wording --json`` for one note: each kind once, every reason."""
    found = tuple(statements)
    return {
        "id": note,
        "kinds": list(dict.fromkeys(statement.kind.value for statement in found)),
        "because": [
            {
                "kind": statement.kind.value,
                "rule": statement.frame,
                "words": statement.words,
            }
            for statement in found
        ],
    }


def _text(file: Path | None) -> str:
    """Read the file, or standard input, as UTF-8."""
    try:
        body = (
            sys.stdin.buffer.read()
            if file is None or str(file) == "-"
            else file.read_bytes()
        )
        # Windows' editors put a byte order mark before UTF-8
        return body.decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            f"{file}: it cannot be read ({error.strerror}). Correct the path or the file's rights."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{file or 'standard input'}: it is not UTF-8 (byte {error.start}). Save it as UTF-8."
        ) from error


def _notes(text: str, name: str) -> Iterable[dict[str, Any]]:
    """Read objects with ``id`` and ``text``, one a line.

    Empty lines are passed over.  All are read before the first answer.
    """
    notes = []
    # JSON's strings may hold U+2028, at which splitlines would break them
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            note = json.loads(line)
        except ValueError:
            note = None
        is_object = isinstance(note, dict) and "id" in note
        if not is_object or not isinstance(note.get("text"), str):
            raise ConfigurationError(
                f"{name}:{number}: it is no object with id and text. Write "
                f'{{"id": "1", "text": "..."}} on each line.'
            )
        notes.append(note)
    return notes
