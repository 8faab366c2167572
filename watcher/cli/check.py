"""``watcher check``: is the configuration right."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from typing import Annotated

import typer

from watcher import report
from watcher.cli.call import Call, command
from watcher.config import Settings
from watcher.config.tables import schema as made
from watcher.errors import ConfigurationError, StateError, StateHeldError
from watcher.judgement.source_health import sees_nothing
from watcher.mail.render import check as problems
from watcher.notifiers import apprise
from watcher.plural import counted
from watcher.records import UnseenPattern
from watcher.run import sample_site, unseen
from watcher.run.servers import complaints
from watcher.store import Store
from watcher.store.address import address_of
from watcher.text import complaints as complaints_of


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
        # An editor that knows the schema completes keys and underlines mistakes
        import json

        report.write(json.dumps(made(), indent=2, ensure_ascii=False))
        return
    settings = call.settings()
    found = dict.fromkeys(
        [
            *(str(problem) for problem in problems(settings)),
            *sample_site.complaints(settings),
            *complaints(settings),
        ]
    )
    if settings.channels:
        # Loads every service that it knows
        found |= dict.fromkeys(apprise.mistakes(settings))
    if found:
        raise ConfigurationError("\n".join(found))
    with ExitStack() as opened:
        blind = unseen.patterns(settings, _state(settings, opened))
    for line in complaints_of.unseen(blind):
        report.LOG.warning("%s", line)
    report.write(settings.masked(summary(settings, blind)))


def _state(settings: Settings, opened: ExitStack) -> Store | None:
    """Open the state where there is one: what it knows of products helps to check patterns."""
    file = address_of(settings.state).file
    if file is not None and not file.exists():
        return None
    try:
        return opened.enter_context(Store.open(settings.state, hold=False))
    except (StateError, StateHeldError):
        # A configuration is checked on machines that do not reach its database
        return None


def summary(settings: Settings, blind: Collection[UnseenPattern] = ()) -> str:
    """Say in a few lines what the configuration comes to."""
    verdict = "all is well."
    if sees_nothing(settings.watch, blind):
        verdict = "it is valid, but nothing that it watches can be seen."
    elif blind:
        verdict = "it is valid, but not all that it names can be seen."
    on = [source.name for source in settings.enabled_sources]
    mail = f"written to {settings.mail.outbox}"
    if settings.mail.smtp:
        mail = f"sent by {settings.mail.smtp}"
    subscribers = ", ".join(
        f"{subscriber.name} ({subscriber.when})" for subscriber in settings.subscribers
    )
    if settings.organisations:
        subscribers = (
            f"{counted(len(settings.organisations), 'organisation')} with "
            f"{counted(len(settings.subscribers), 'subscriber')}"
        )
    if settings.nobody_named:
        subscribers = (
            "nobody, for there is no [[subscriber]]; messages are for "
            f"{', '.join(settings.subscribers[0].to)}"
        )
    return "\n".join(
        (
            f"{settings.file or 'No configuration file: the built-in defaults'}: {verdict}",
            f"Watched:  {', '.join(settings.watch.products)}",
            f"Sources:  {', '.join(on)}",
            f"Told:     {subscribers}",
            f"Mail:     {mail}",
        )
    )
