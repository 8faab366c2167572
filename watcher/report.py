"""What people see while and after a command works: log lines, progress, tables, JSON lines.

Results go to standard output, everything else to standard error. What a source says
never reaches a terminal unescaped.
"""

from __future__ import annotations

import json
import logging
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

LOG = logging.getLogger("watcher")
_LOUDNESS = {-1: logging.ERROR, 0: logging.INFO, 1: logging.DEBUG}

# C0 and C1 controls drive terminals; the others turn or hide text, or end a line where
# none should end.
_TURNING = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff"
_ESCAPED = {
    code: f"\\x{code:02x}"
    for code in range(0xA0)
    if unicodedata.category(chr(code)) == "Cc"
}
_ESCAPED |= {ord(sign): f"\\u{ord(sign):04x}" for sign in _TURNING}
_ESCAPED |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): "\\t"}
_ESCAPED_BUT_LINES = {
    code: text for code, text in _ESCAPED.items() if chr(code) not in "\n\t"
}


def harmless(text: str, *, lines: bool = False) -> str:
    """Write every sign that could drive a terminal as its escape.

    ``lines`` keeps line ends and tabs.
    """
    return text.translate(_ESCAPED_BUT_LINES if lines else _ESCAPED)


def unchanged(text: str) -> str:
    """Mask nothing: what holds until the configuration has told its secrets."""
    return text


class PlainLines(logging.Formatter):
    """A log line: time in UTC, level, text; a traceback follows on lines of its own."""

    mask: Callable[[str], str] = staticmethod(unchanged)

    def format(self, record: logging.LogRecord) -> str:
        """Write ``record`` as a line that cannot drive the terminal."""
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        said = harmless(self.mask(record.getMessage()))
        text = f"{at} {record.levelname.lower():7} {said}"
        if record.exc_info:
            trace = self.mask(self.formatException(record.exc_info))
            text += "\n" + harmless(trace, lines=True)
        return text


class JsonLines(logging.Formatter):
    """A log line as one JSON object.

    ``time``, ``level``, ``message``, and ``traceback`` where there is one.
    """

    mask: Callable[[str], str] = staticmethod(unchanged)

    def format(self, record: logging.LogRecord) -> str:
        """Write ``record`` as one JSON object, in ASCII."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": self.mask(record.getMessage()),
        }
        if record.exc_info:
            line["traceback"] = self.mask(self.formatException(record.exc_info))
        return json.dumps(line)


class StandardError(logging.StreamHandler[Any]):
    """Writes to what standard error is at the moment, so that a progress display may
    stand in for it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        self.stream = sys.stderr
        super().emit(record)


def log_to_stderr(loudness: int, *, as_json: bool) -> PlainLines | JsonLines:
    """Send the log to standard error: -1 errors only, 0 what happens, 1 everything.

    Gives the formatter, whose ``mask`` is set once the secrets are known.
    """
    form = JsonLines() if as_json else PlainLines()
    out = StandardError()
    out.setFormatter(form)
    LOG.handlers[:] = [out]
    LOG.setLevel(_LOUDNESS[loudness])
    LOG.propagate = False
    return form


def complain(text: str, form: PlainLines | JsonLines) -> None:
    """Say on standard error why the command ends.

    Each line as it is, or as the log's JSON does where that is wanted.
    """
    for line in text.split("\n"):
        if isinstance(form, JsonLines):
            LOG.error("%s", line)
        else:
            sys.stderr.write(harmless(form.mask(line)) + "\n")


def write(text: str) -> None:
    """Write a result's text to standard output, with its line ends, without what drives a
    terminal.
    """
    sys.stdout.write(harmless(text, lines=True) + "\n")


def write_prose(text: str) -> None:
    """Write a result that people read: on a terminal its lines are wrapped at words, below
    their own beginning; an address is never broken.  Elsewhere they stay whole.
    """
    if not sys.stdout.isatty():
        write(text)
        return
    width = shutil.get_terminal_size().columns
    for line in harmless(text, lines=True).split("\n"):
        body = line.lstrip(" ")
        indent = " " * (len(line) - len(body))
        wrapped = textwrap.wrap(
            body,
            width,
            initial_indent=indent,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        sys.stdout.write("\n".join(wrapped) + "\n")


def write_json(value: object) -> None:
    """Write a result as one line of JSON: keys sorted, ASCII."""
    sys.stdout.write(json.dumps(value, sort_keys=True) + "\n")


def write_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a table to standard output: with rich on a terminal, in plain columns otherwise.

    What cells hold cannot drive the terminal.
    """
    cells = [[harmless(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
        for row in [head, *cells]:
            sys.stdout.write(
                "  ".join(
                    cell.ljust(width) for cell, width in zip(row, widths, strict=True)
                ).rstrip()
                + "\n"
            )
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in cells:
        # As text: a source's [brackets] are no mark-up
        table.add_row(*map(Text, row))
    Console().print(table)


@contextmanager
def progress(
    *, shown: bool, level: int = logging.INFO
) -> Iterator[Callable[[str], None]]:
    """Give a function that says what is being done.

    One moving line on a terminal, log lines of ``level`` otherwise.

    ``shown``: a moving line is wanted, should standard error be a terminal.
    """
    if not (shown and sys.stderr.isatty()):
        yield lambda text: LOG.log(level, "%s", text)
        return
    from rich.console import Console
    from rich.markup import escape

    # Log lines are written above it
    with Console(stderr=True).status("", spinner="dots") as status:

        def say(text: str) -> None:
            status.update(escape(harmless(text)))

        yield say
