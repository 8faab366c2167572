"""Templates of mail and pages, the user's before the shipped ones, and what is wrong with them.

The one place that knows Jinja2, which is loaded when the first text is rendered.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape
from msgspec import Struct

from watcher.errors import ConfigurationError
from watcher.judgement.advice import HEALTH_CHECKER
from watcher.text import chat, columns
from watcher.text.plain import link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jinja2 import Environment


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


_ADDRESS = re.compile(r"https?://[^\s<>\"“”„«»]+")


@lru_cache(maxsize=8)
def of(folder: Path | None) -> Environment:
    """Give the environment of all templates; those of the user's ``folder`` go first."""
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
        "wrap": columns.wrap,
        "pairs": columns.pairs,
        "address": chat.address,
        "linked": linked,
        "live": live,
        "lines": lines,
    }
    environment.globals |= {"table": columns.table, "grid": columns.grid}
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
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(".,;:!?)]}'")
        url = link(address)
        # What is no address that a reader may follow stays text
        if url:
            made += text[end : found.start()]
            # The address as it is asked for, so that no letter of another script
            # stands for one of ours
            made += Markup('<a href="{0}">{0}</a>').format(url)
            end = found.start() + len(address)
    return made + text[end:]


def lines(texts: Iterable[str], anchors: Iterable[tuple[str, str]] = ()) -> Markup:
    """Set lines of text one below the other, escaped, with their addresses as links."""
    return Markup("<br>").join(live(text, anchors) for text in texts)


@lru_cache(maxsize=8)
def for_chat(folder: Path | None) -> Environment:
    """Give the environment of texts for chat.

    Each value is set apart from the template's own words.
    """
    return of(folder).overlay(finalize=chat.apart)


def render(folder: Path | None, name: str, names: Mapping[str, Any]) -> str:
    """Render the template ``name``, which is given ``names``.

    Raises TemplateMistakeError.
    """
    with mistakes():
        return of(folder).get_template(name).render(names)


@contextmanager
def mistakes() -> Iterator[None]:
    """Turn what goes wrong in a template into a TemplateMistakeError that says where."""
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
    """Give the mistakes that show when each template is compiled."""
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
