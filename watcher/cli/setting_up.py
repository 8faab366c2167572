"""``watcher check`` and ``watcher init``: is the configuration right, and where does one begin."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from watcher import report
from watcher.cli.calling import Call, command
from watcher.errors import ConfigurationError

if TYPE_CHECKING:
    from watcher.config import Settings


@command("check", "watcher check --config /etc/watcher/watcher.toml")
def check(
    call: Call,
    *,
    schema: Annotated[
        bool,
        typer.Option("--schema", help="Print the JSON Schema of the file instead."),
    ] = False,
) -> None:
    """Validate configuration, templates and inventory.

    Each mistake is named by file, line and key, with what is wrong and what is meant.
    """
    if schema:
        import json

        from watcher.config.schema import schema as made

        report.write(json.dumps(made(), indent=2, ensure_ascii=False))
        return
    settings = call.settings()
    from watcher.mail.render import check as problems
    from watcher.run import sample_site
    from watcher.run.servers import complaints

    found = dict.fromkeys(
        [
            *(str(problem) for problem in problems(settings)),
            *sample_site.complaints(settings),
            *complaints(settings),
        ]
    )
    if settings.channels:
        # Loads every service that it knows
        from watcher.notifiers import apprise

        found |= dict.fromkeys(apprise.mistakes(settings))
    if found:
        raise ConfigurationError("\n".join(found))
    report.write(settings.masked(summary(settings)))


def summary(settings: Settings) -> str:
    """Say in a few lines what the configuration comes to."""
    on = [source.name for source in settings.sources if source.enabled]
    mail = (
        f"sent by {settings.mail.smtp}"
        if settings.mail.smtp
        else f"written to {settings.mail.outbox}"
    )
    told = ", ".join(
        f"{subscriber.name} ({subscriber.when})" for subscriber in settings.subscribers
    )
    if settings.nobody_named:
        told = (
            "nobody, for there is no [[subscriber]]; messages are for "
            f"{', '.join(settings.subscribers[0].to)}"
        )
    return "\n".join(
        (
            f"{settings.file or 'No configuration file: the built-in defaults'}: all is well.",
            f"Watched:  {', '.join(settings.watch.products)}",
            f"Sources:  {', '.join(on)}",
            f"Told:     {told}",
            f"Mail:     {mail}",
        )
    )


@command("init", "watcher init --config /etc/watcher/watcher.toml")
def init(call: Call) -> None:
    """Write a commented watcher.toml.

    It is written here or where --config says; an existing file is left alone.
    """
    file = call.config or Path("watcher.toml")
    text = files("watcher.config").joinpath("sample.toml").read_text(encoding="utf-8")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except OSError as error:
        cause = (
            "it exists already"
            if file.exists()
            else f"it cannot be written ({error.strerror})"
        )
        remedy = (
            "Edit it, or name another file" if file.exists() else "Name another file"
        )
        raise ConfigurationError(
            f"{file}: {cause}. {remedy}: watcher init --config FILE"
        ) from error
    report.write(
        f"Wrote {file}. Edit it, then try: watcher check, and watcher run --dry-run"
    )
