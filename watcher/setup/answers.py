"""What was answered, and the configuration that comes of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from watcher.config import Settings
from watcher.config.load import read_settings
from watcher.config.mail_settings import PASSWORD, SECRET
from watcher.settings import NOBODY_NAMED, Mail


class Answers(Struct, frozen=True):
    """The answers so far; empty where none was given yet.

    ``smtp`` is "" for files in the outbox.  ``secret`` is a password that was typed; it
    stands in no configuration.
    """

    products: tuple[str, ...] = ("Exchange Server*",)
    smtp: str = ""
    tenant: str = ""
    client: str = ""
    # Of a national cloud; "" for the usual ones
    authority: str = ""
    graph: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    secret: str = ""

    def __repr__(self) -> str:
        """Show that there is a secret, not what."""
        return f"Answers({self.smtp!r}, {self.to!r})"

    @property
    def secret_name(self) -> str:
        """The environment variable that the login's secret comes from."""
        return SECRET if self.tenant or self.client else PASSWORD


def toml(answers: Answers) -> str:
    """Write the configuration file: what was answered, and where everything else is told."""
    lines = [
        "# Advisory Watcher. Every key, explained: watcher init --plain --config all-keys.toml",
        "# Secrets never stand here. After an edit: watcher check",
        "",
        "[watch]",
        f"products = {_value(answers.products)}",
    ]
    mail = [
        (name, value)
        for name, value in (
            ("from", answers.sender),
            ("smtp", answers.smtp),
            ("tenant", answers.tenant),
            ("client", answers.client),
            ("authority", answers.authority),
            ("graph", answers.graph),
        )
        if value
    ]
    if mail:
        lines += ["", "[mail]", *(f"{name} = {_value(value)}" for name, value in mail)]
    if answers.to:
        lines += [
            "",
            "[[subscriber]]",
            f"name = {_value(_name(answers.to[0]))}",
            f"to = {_value(answers.to)}",
        ]
    return "\n".join(lines) + "\n"


def _value(value: str | tuple[str, ...]) -> str:
    # TOML's basic strings and arrays of them are JSON's, but for the sign DEL
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _name(address: str) -> str:
    """Name a subscriber like the mailbox: "exchange-admins" of exchange-admins@example.org."""
    mailbox = address.partition("@")[0].lower()
    return re.sub(r"[^a-z0-9]+", "-", mailbox).strip("-") or "administrators"


def settings_of_answers(
    answers: Answers, file: Path, environ: Mapping[str, str]
) -> Settings:
    """Make settings of the answers, as the file will be read once it is written.

    Raises ConfigurationError with everything that is wrong.
    """
    return read_settings(toml(answers), file, with_secret(answers, environ))


def settings_so_far(
    answers: Answers, file: Path, environ: Mapping[str, str]
) -> Settings:
    """Make settings of answers of which some are still to come: those have a stand-in.

    Raises ConfigurationError with everything that is wrong.
    """
    whole = replace(
        answers,
        sender=answers.sender or Mail().sender,
        to=answers.to or NOBODY_NAMED.to,
    )
    return settings_of_answers(whole, file, environ)


def with_secret(answers: Answers, environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment with the secret that was typed in its place."""
    if not answers.secret:
        return dict(environ)
    name = answers.secret_name
    kept = {key: environ[key] for key in environ if key != f"{name}_FILE"}
    return kept | {name: answers.secret}
