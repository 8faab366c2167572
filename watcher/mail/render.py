"""Mail from templates: a letter in, a whole message out.

The one place that knows Jinja2 and css-inline, which are loaded when the first letter
is rendered. A folder of the user's goes before the shipped templates, file by file.
"""

from __future__ import annotations

import re
import tomllib
from contextlib import contextmanager
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from watcher.errors import ConfigurationError
from watcher.records import Message
from watcher.text import chat
from watcher.text import templates as environment
from watcher.text.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, tzinfo

    import css_inline
    from jinja2 import Environment

    from watcher.records import Letter, Subscriber

LARGEST = 100_000
"""Bytes of a message: Gmail cuts off longer ones (at 102 kB of HTML)."""

SMALLEST_SHARE = 1 / 256
"""Of the usual lengths, when a letter would become too large: one of everything, some words of each."""


class MailSettings(Protocol):
    """Who mail is from."""

    @property
    def sender(self) -> str:
        """Who mail is from."""
        ...


class Settings(Protocol):
    """What rendering needs of the configuration."""

    @property
    def mail(self) -> MailSettings:
        """Give the settings of mail."""
        ...

    def zone_of(self, reader: Subscriber) -> tzinfo:
        """Give the time zone that times are shown in to ``reader``."""
        ...

    @property
    def base_url(self) -> str:
        """Give the address of the published page, "" without one."""
        ...

    @property
    def templates(self) -> Path | None:
        """Give the user's folder of templates, None without one."""
        ...


class Problem(Struct, frozen=True):
    """A mistake in a template or a table of words; ``line`` is 0 where none is known."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}" if place else self.message


class TemplateMistakeError(ConfigurationError):
    """A template cannot be rendered; ``problem`` says where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem}. `watcher check` renders every template.")
        self.problem = problem


def message(letter: Letter, settings: Settings, now: datetime) -> Message:
    """Render ``letter`` as a message of at most 100 kB; equal arguments give equal bytes.

    What would be larger is rendered again with less of each text; the first of
    everything stays.

    Raises ConfigurationError that names file and line when a template of the user's is
    wrong.
    """
    share = 1.0 if len(letter.events) < 2 else 0.5
    rendered = _message(letter, settings, now, share)
    while len(rendered.body) > LARGEST and share > SMALLEST_SHARE:
        share = max(
            SMALLEST_SHARE, min(share / 2, share * LARGEST / len(rendered.body))
        )
        rendered = _message(letter, settings, now, share)
    return rendered


def _message(
    letter: Letter, settings: Settings, now: datetime, share: float
) -> Message:
    from watcher.mail import context
    from watcher.mail import message as mail
    from watcher.text.story import Form

    found = templates(settings)
    form = Form(
        words(settings, letter.subscriber.language),
        settings.zone_of(letter.subscriber),
        settings.base_url,
        share,
    )
    seen = context.of(letter, form, now)
    with mistakes():
        text = _template(found, letter, "txt").render(seen)
        html = inlined(_template(found, letter, "html").render(seen))
    title = str(seen["title"])
    made = mail.message(
        letter,
        form.words,
        settings.mail.sender,
        now,
        title=title,
        text=_tidy(text),
        html=html,
    )
    return (
        replace(made, chat=_chat(letter, seen, settings))
        if letter.subscriber.channels or letter.subscriber.fallback
        else made
    )


def _chat(letter: Letter, seen: dict[str, Any], settings: Settings) -> str:
    """Render a letter in short, for channels beside mail.

    What its texts hold cannot mention anybody there.
    """
    with mistakes():
        template = environment.for_chat(settings.templates).select_template(
            [f"chat/{letter.kind}.txt", "chat/event.txt"]
        )
        return chat.tidy(template.render(seen, most_lines=chat.MOST_LINES))


def page(settings: Settings, name: str, names: Mapping[str, Any]) -> str:
    """Render a template of the page, by its name in the folder of templates.

    Raises TemplateMistakeError.
    """
    with mistakes():
        return templates(settings).get_template(name).render(names)


def shipped() -> Path:
    """Give the folder of the shipped templates."""
    return environment.shipped_folder()


@contextmanager
def mistakes() -> Iterator[None]:
    """Say of what goes wrong in a template where it did: TemplateMistakeError."""
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
        raise TemplateMistakeError(_problem(error)) from error


def _template(known: Environment, letter: Letter, form: str) -> Any:  # noqa: ANN401 - Jinja's Template
    """Choose a kind's own template when there is one, else the one for all events."""
    return known.select_template([f"mail/{letter.kind}.{form}", f"mail/event.{form}"])


def templates(settings: Settings) -> Environment:
    """Give the environment of all templates, the user's before the shipped ones."""
    return environment.of(settings.templates)


@lru_cache(maxsize=2)
def _inliner() -> css_inline.CSSInliner:
    import css_inline

    return css_inline.CSSInliner(load_remote_stylesheets=False)


def inlined(html: str) -> str:
    """Move style rules to the elements they are for.

    Rules for media (dark mode, small screens) stay where they are.
    """
    return re.sub(r"\n\s*\n+", "\n", _inliner().inline(html))


def _tidy(text: str) -> str:
    """Leave at most one empty line between paragraphs, none at the ends."""
    trimmed = "\n".join(row.rstrip() for row in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", trimmed).strip() + "\n"


def words(settings: Settings, language: str = "en") -> Words:
    """Read a language's table of fixed words.

    The user's file need only hold what differs, and English fills the gaps.
    """
    name = f"mail/words/{language}.toml"
    folders = [shipped(), *([settings.templates] if settings.templates else [])]
    found = [folder / name for folder in folders if (folder / name).is_file()]
    if not found:
        known = sorted(
            {
                path.stem
                for folder in folders
                for path in (folder / "mail/words").glob("*.toml")
            }
        )
        raise ConfigurationError(
            f'There are no words in the language "{language}". Known: '
            f"{', '.join(known)}; or write {name}."
        )
    tables: dict[str, dict[str, str]] = {}
    for path in dict.fromkeys([shipped() / "mail/words/en.toml", *found]):
        for table, entries in _read_words(path, path.stat().st_mtime_ns).items():
            tables.setdefault(table, {}).update(entries)
    return Words(language, str(found[-1]), tables)


@lru_cache(maxsize=8)
def _read_words(path: Path, _changed: int) -> dict[str, dict[str, str]]:
    """Read a table of words, once as long as the file does not change."""
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}") from error
    wrong = [
        f"[{table}]"
        for table, entries in read.items()
        if not (
            isinstance(entries, dict)
            and all(isinstance(value, str) for value in entries.values())
        )
    ]
    if wrong:
        raise ConfigurationError(
            f'{path}: {", ".join(wrong)} must be a table of texts, as in key = "words".'
        )
    return read


def check(settings: Settings) -> list[Problem]:
    """Render every mail template against sample letters and name the mistakes.

    In English and the user's own languages.
    """
    return list(dict.fromkeys(_problems(settings)))


def _problems(settings: Settings) -> Iterator[Problem]:
    from jinja2 import TemplateError

    from watcher.mail import samples

    found = templates(settings)
    for name in found.list_templates(
        filter_func=lambda name: name.endswith((".txt", ".html"))
    ):
        try:
            found.get_template(name)
        except TemplateError as error:
            yield _problem(error)
    own = (
        sorted(path.stem for path in settings.templates.glob("mail/words/*.toml"))
        if settings.templates
        else []
    )
    for language, letter in product(dict.fromkeys(["en", *own]), samples.letters()):
        try:
            message(
                replace(
                    letter,
                    subscriber=replace(
                        letter.subscriber, language=language, channels=("chat",)
                    ),
                ),
                settings,
                samples.NOW,
            )
        except TemplateMistakeError as error:
            yield error.problem
        except ConfigurationError as error:
            # Of the words; it names their file
            yield Problem("", 0, str(error))


def _problem(error: Exception) -> Problem:
    """Find the template's file and line in an error; Jinja2 puts them into the traceback."""
    from jinja2 import TemplateNotFound, TemplateSyntaxError

    if isinstance(error, TemplateSyntaxError):
        return Problem(
            error.filename or error.name or "",
            error.lineno,
            error.message or "wrong syntax",
        )
    if isinstance(error, TemplateNotFound):
        return Problem(
            *(_frames(error) or (str(error.name), 0)),
            f"there is no template {error.name}",
        )
    return Problem(*(_frames(error) or ("", 0)), str(error))


def _frames(error: Exception) -> tuple[str, int] | None:
    """Give the innermost frame that lies in a template."""
    place, trace = None, error.__traceback__
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        place = (name, trace.tb_lineno) if name.endswith((".txt", ".html")) else place
        trace = trace.tb_next
    return place
