"""Templates of mail and pages, the user's before the shipped ones, and what is wrong with them.

The one place that knows Jinja2, which is loaded when the first text is rendered.  Behind it
what templates of text call: wrapped paragraphs and tables in columns.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape
from msgspec import Struct

from watcher.errors import ConfigurationError
from watcher.judgement.advice import HEALTH_CHECKER
from watcher.text.plain import addresses, clip, link

if TYPE_CHECKING:
    from jinja2 import Environment

LONGEST = 1500
"""Characters of a text: Discord takes 2,000, ntfy 4,096."""

MOST_LINES = 12
"""Events that a digest names."""

_APART = str.maketrans(
    {
        "@": "@\u200b",
        "<": "‹",
        ">": "›",
        "`": "'",
        "[": "(",
        "]": ")",
        "*": "∗",
        "|": "¦",
    }
)

# Services make a link of "https://…" and of "www.example.org/x" that stands bare: after
# a scheme's colon and a dot before a letter; builds hold digits alone
_BARE = re.compile(r":(?=//)|(?<=[\w-])\.(?=[^\W\d_])")


def apart(value: object) -> object:
    """Take apart what a template puts into a text; an address that ``address`` made stays.

    A zero-width space, or another sign in place of one that services read as a mention
    or a link.
    """
    if isinstance(value, Markup):
        return value
    return _BARE.sub("\\g<0>\u200b", str(value).translate(_APART))


def address(url: str) -> Markup:
    """Let an http(s) address stand as it is, but for what ends a link; "" for anything else.

    What ends a link or begins a mention in some service is written by its number.
    """
    return Markup(link(url).replace("*", "%2A").replace("@", "%40"))  # noqa: S704 - link() has quoted it


def tidy(text: str) -> str:
    """Leave out empty lines, and shorten what is long; its last line, a link, stays whole.

    At most ``LONGEST`` letters: services cut or refuse what is longer.
    """
    rows = list(filter(None, map(str.strip, text.split("\n"))))
    last = ""
    # A link that is cut leads nowhere
    if rows and rows[-1].startswith("http"):
        last = f"\n{rows.pop()}"
    return clip("\n".join(rows), LONGEST - len(last)) + last


class Problem(Struct, frozen=True):
    """A mistake in a template or a table of words; ``line`` is 0 where none is known."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.message}" if where else self.message


class TemplateMistakeError(ConfigurationError):
    """A template cannot be rendered; ``problem`` says where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem}. `watcher check` renders every template.")
        self.problem = problem


def shipped_folder() -> Path:
    """Give the folder of the shipped templates.

    Inside the installed package, else beside it in the source tree.
    """
    package = Path(__file__).parents[1]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


@lru_cache(maxsize=8)
def of(folder: Path | None) -> Environment:
    """Give the environment of all templates; those of the user's ``folder`` go first.

    What a template names and does not get is a mistake (StrictUndefined), not an empty
    place in a mail.
    """
    from jinja2 import (
        ChoiceLoader,
        Environment,
        FileSystemLoader,
        StrictUndefined,
        select_autoescape,
    )

    # Compiled anew in each process: a cache of what is compiled saved 0.13 s of a check
    # that sends mail, and was code that others must not be able to write
    own = [FileSystemLoader(folder)] if folder else []
    environment = Environment(
        loader=ChoiceLoader([*own, FileSystemLoader(shipped_folder())]),
        autoescape=select_autoescape(
            disabled_extensions=("txt",), default_for_string=True, default=True
        ),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "wrap": wrap,
        "pairs": pairs,
        "address": address,
        "linked": linked,
        "live": live,
        "lines": lines,
    }
    environment.globals |= {"table": table, "grid": grid}
    return environment


def linked(text: str) -> Markup:
    """Make a link of Health Checker's address, the one address in our own words.

    The rest is escaped.
    """
    return Markup(  # noqa: S704 - escaped before
        str(escape(text)).replace(
            HEALTH_CHECKER, f'<a href="{HEALTH_CHECKER}">{HEALTH_CHECKER}</a>'
        )
    )


def live(text: str, anchors: Iterable[tuple[str, str]] = ()) -> Markup:
    """Make links of the addresses in what a source says; the rest is escaped.

    ``anchors`` are pairs of words in it and the address that they lead to.
    """
    for words, url in anchors:
        before, held, after = text.partition(words)
        if held:
            others = [pair for pair in anchors if pair != (words, url)]
            made = Markup('<a href="{}">{}</a>').format(url, words)
            return live(before, others) + made + live(after, others)
    made = Markup()
    end = 0
    # What is no address that a reader may follow stays text
    for found in addresses(text):
        made += text[end : found.start]
        made += Markup('<a href="{0}">{0}</a>').format(found.url)
        end = found.end
    return made + text[end:]


def lines(texts: Iterable[str], anchors: Iterable[tuple[str, str]] = ()) -> Markup:
    """Set lines of text one below the other, escaped, with their addresses as links."""
    return Markup("<br>").join(live(text, anchors) for text in texts)


@lru_cache(maxsize=8)
def for_chat(folder: Path | None) -> Environment:
    """Give the environment of texts for chat.

    Each value is set apart from the template's own words.
    """
    return of(folder).overlay(finalize=apart)


def render(folder: Path | None, name: str, names: Mapping[str, Any]) -> str:
    """Render the template ``name``, which is given ``names``.

    Raises TemplateMistakeError.
    """
    with mistakes():
        return of(folder).get_template(name).render(names)


# What every first check shows: the welcome, and the pages that stand without an update
FIRST = (
    "site/index.html",
    "site/layout.html",
    "site/parts.html",
    "site/updates.html",
    "site/archives.html",
    "site/sources.html",
    "site/style.css",
    "site/site.js",
    "site/icon.svg",
    "mail/welcome.txt",
    "mail/parts/gone.txt",
    "mail/parts/servers.txt",
    "mail/parts/standing.txt",
    "mail/parts/watched.txt",
    "mail/parts/foot.txt",
    "mail/welcome.html",
    "mail/layout.html",
    "mail/style.css",
    "mail/screen.css",
    "mail/parts/gone.html",
    "mail/parts/servers.html",
    "mail/parts/standing.html",
    "mail/parts/watched.html",
    "mail/parts/foot.html",
)


def compile_first(folder: Path | None) -> Iterator[str]:
    """Compile the templates of a first check, one a step; give the name of each.

    A mistake in one is left to whoever renders it.
    """
    for name in FIRST:
        with suppress(TemplateMistakeError, OSError), mistakes():
            of(folder).get_template(name)
        yield name


@contextmanager
def mistakes() -> Iterator[None]:
    """Turn what goes wrong in a template into a TemplateMistakeError that says where.

    Whoever renders decides what becomes of the letter; ``watcher check`` says it
    beforehand.
    """
    from jinja2 import TemplateError

    try:
        yield
    except (
        TemplateError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        raise TemplateMistakeError(problem(error)) from error


def syntax_problems(folder: Path | None) -> Iterator[Problem]:
    """Give the mistakes that show when each template is compiled.

    For ``watcher check``, before a letter needs the template.
    """
    from jinja2 import TemplateError

    environment = of(folder)
    for name in environment.list_templates(extensions=("txt", "html")):
        try:
            environment.get_template(name)
        except TemplateError as error:
            yield problem(error)


def problem(error: Exception) -> Problem:
    """Say what and where: the template's file and line stand in the error's traceback."""
    from jinja2 import TemplateNotFound, TemplateSyntaxError

    if isinstance(error, TemplateSyntaxError):
        return Problem(
            error.filename or error.name or "",
            error.lineno,
            error.message or "wrong syntax",
        )
    file, line = _innermost(error)
    if isinstance(error, TemplateNotFound):
        return Problem(
            file or str(error.name), line, f"there is no template {error.name}"
        )
    return Problem(file, line, str(error))


def _innermost(error: Exception) -> tuple[str, int]:
    """Give file and line of the innermost frame that lies in a template, ("", 0) for none."""
    file, line = "", 0
    trace = error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name.endswith((".txt", ".html")):
            file, line = name, trace.tb_lineno
        trace = trace.tb_next
    return file, line


WIDTH = 72
"""Columns of the text part."""

INDENT = "  "
"""Before what a source says: only our own headings and steps begin a line."""


def wrap(text: str, indent: str = "", first: str | None = None) -> str:
    """Wrap a line of text.

    ``first`` starts it, ``indent`` each further line.  Addresses stay whole.
    """
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent if first is None else first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(head: Sequence[str], rows: Iterable[Any], names: Sequence[str]) -> str:
    """Set the attributes ``names`` of ``rows`` as columns under ``head``, one below the
    other where that is too wide.
    """
    cells = [[str(getattr(row, name)) for name in names] for row in rows]
    columns = zip(head, *cells, strict=True)
    widths = [max(map(len, column)) for column in columns]
    if sum(widths) + 2 * len(widths) > WIDTH:
        return "\n".join(_stacked(head, row) for row in cells)
    rule = ["-" * width for width in widths]
    return "\n".join(_columns(row, widths) for row in (head, rule, *cells))


def _columns(row: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
    return INDENT + "  ".join(padded).rstrip()


def grid(
    head: Sequence[Sequence[str]],
    rows: Sequence[Sequence[Sequence[str]]],
    indent: str = "",
) -> str:
    """Set a table whose cells are lines of text.

    Columns side by side, wrapped, a rule below each row.
    """
    every = [row for row in (head, *rows) if row]
    wanted = [1] * len(every[0])
    for row in every:
        for number, cell in enumerate(row):
            wanted[number] = max([wanted[number], *map(len, cell)])
    widths = _widths(wanted, len(indent))
    rule = indent + "-+-".join("-" * width for width in widths)
    return f"\n{rule}\n".join(_row(row, widths, indent) for row in every)


def _widths(wanted: list[int], taken: int) -> list[int]:
    """Give each column what it wants where that is less than its share, and the others
    what is left.
    """
    # " | " stands between two columns
    left = WIDTH - taken - 3 * (len(wanted) - 1)
    given = [0] * len(wanted)
    narrowest_first = sorted(range(len(wanted)), key=lambda number: wanted[number])
    # What a narrow column ("Yes", "No") leaves of its share goes to those with sentences
    for done, number in enumerate(narrowest_first):
        share = left // (len(wanted) - done)
        given[number] = max(1, min(wanted[number], share))
        left -= given[number]
    return given


def _row(row: Sequence[Sequence[str]], widths: Sequence[int], indent: str) -> str:
    cells = []
    for cell, width in zip(row, widths, strict=True):
        pieces: list[str] = []
        for line in cell:
            pieces += _pieces(line, width)
        cells.append(pieces)
    lines = []
    for texts in zip_longest(*cells, fillvalue=""):
        padded = map(str.ljust, texts, widths)
        lines.append(f"{indent}{' | '.join(padded)}".rstrip())
    return "\n".join(lines) or indent.rstrip()


def _pieces(line: str, width: int) -> list[str]:
    """Wrap a cell's line; a long word is broken, an address stays whole."""
    # An address in two pieces leads nowhere when it is clicked
    has_address = "://" in line
    return textwrap.wrap(
        line, width, break_long_words=not has_address, break_on_hyphens=False
    )


def _stacked(head: Sequence[str], row: Sequence[str]) -> str:
    details = []
    for name, cell in zip(head[1:], row[1:], strict=True):
        if cell:
            details.append(f"{name} {cell}")
    first = wrap(row[0], INDENT)
    second = wrap(", ".join(details), INDENT * 2)
    return "\n".join(filter(None, (first, second)))


def pairs(rows: Iterable[Any], name: str, address: str) -> list[tuple[str, str]]:
    """Give each different (name, address) of ``rows`` that has an address."""
    found: dict[tuple[str, str], None] = {}
    for row in rows:
        url = str(getattr(row, address))
        if url:
            found[str(getattr(row, name)), url] = None
    return list(found)
