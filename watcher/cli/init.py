"""``watcher init``: where one begins."""

from __future__ import annotations

import os
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from watcher import report
from watcher.cli.call import Call, command, end_with_failure, now
from watcher.config import Settings
from watcher.errors import ConfigurationError, DeliveryError, WatcherError
from watcher.records import DeliveryState
from watcher.setup import interview, schedule
from watcher.setup.interview import (
    Answers,
    Interview,
    choose,
    likely_sender,
    say,
    secret_file,
    server_address,
    settings_of_answers,
    toml,
)

NOTHING = "no_schedule"


@command("init", "watcher init --no-input --smtp mail.example.org --to it@example.org")
def init(  # noqa: PLR0913 - an option for each answer
    call: Call,
    *,
    product: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="What is watched; may be given again."),
    ] = None,
    smtp: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Mail server: host, host:port, smtp://user@host:587 or graph://mailbox.",
        ),
    ] = "",
    sender: Annotated[
        str, typer.Option("--from", metavar="ADDRESS", help="The sender of mail.")
    ] = "",
    to: Annotated[
        list[str] | None,
        typer.Option(metavar="ADDRESS", help="Who is told; may be given again."),
    ] = None,
    tenant: Annotated[
        str, typer.Option(metavar="ID", help="Microsoft 365: the tenant.")
    ] = "",
    client: Annotated[
        str, typer.Option(metavar="ID", help="Microsoft 365: the app registration.")
    ] = "",
    authority: Annotated[
        str,
        typer.Option(metavar="URL", help="Microsoft 365: a national cloud's login."),
    ] = "",
    graph: Annotated[
        str,
        typer.Option(metavar="URL", help="Microsoft 365: a national cloud's Graph."),
    ] = "",
    start_by: Annotated[
        str,
        typer.Option(
            "--schedule",
            metavar="KIND",
            help="Start a check every half hour by cron, systemd (a timer of yours) or task "
            "(Windows' Task Scheduler).",
        ),
    ] = "",
    no_input: Annotated[
        bool,
        typer.Option("--no-input", help="Ask nothing: the options are the answers."),
    ] = False,
    no_check: Annotated[
        bool,
        typer.Option("--no-check", help="Connect nowhere, and send no test message."),
    ] = False,
    plain: Annotated[
        bool,
        typer.Option(
            "--plain", help="Write the commented file with every key, and end."
        ),
    ] = False,
    remove_schedule: Annotated[
        bool,
        typer.Option(
            "--remove-schedule", help="Take back what --schedule did, and end."
        ),
    ] = False,
    script: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Print a script and end: microsoft365 registers an app that may send as "
            "one mailbox.",
        ),
    ] = "",
) -> None:
    """Ask what a first configuration needs, try each answer out, and write watcher.toml.

    It is written here or where --config says; an existing file is left alone.  A test
    message is sent, and a schedule installed where you want one.  Without a terminal,
    or with --no-input, nothing is asked: the options are the answers, and without any
    of them the commented file of --plain is written.  Passwords come from
    WATCHER_SMTP_PASSWORD or WATCHER_CLIENT_SECRET (or _FILE), or are typed and kept in
    a file beside the configuration.
    """
    file = call.config or Path("watcher.toml")
    if script:
        report.write(_script(script))
        return
    if remove_schedule:
        _take_back(file)
        return
    given = Answers(
        products=tuple(product or Answers().products),
        smtp=smtp,
        tenant=tenant,
        client=client,
        authority=authority,
        graph=graph,
        sender=sender,
        to=tuple(to or ()),
    )
    is_asking = sys.stdin.isatty() and sys.stdout.isatty() and not no_input
    if plain or (not is_asking and given == Answers()):
        _write(file, files("watcher.config").joinpath("sample.toml").read_text("utf-8"))
        report.write(say("say.plain", file=file))
        return
    if file.exists():
        raise ConfigurationError(say("error.exists", file=file))
    if is_asking:
        answers = Interview(file, os.environ, check=not no_check).run(given)
    else:
        answers = _checked(given, file, start_by=start_by, check=not no_check)
    settings = settings_of_answers(answers, file, os.environ)
    _write(file, toml(answers))
    report.write(say("say.wrote", file=file))
    typed = _write_secret(answers, file)
    failed = False
    if answers.smtp and not no_check:
        failed = not _tested(settings, answers.to)
    if is_asking and not start_by:
        start_by = _asked_schedule()
    if start_by:
        _start(start_by, file, typed)
    if call.config:
        report.write(say("say.next_elsewhere", file=file))
    else:
        report.write(say("say.next"))
    end_with_failure(failed=failed)


def _script(name: str) -> str:
    if name != "microsoft365":
        raise typer.BadParameter(f'there is no script "{name}": microsoft365')
    found = files("watcher.powershell").joinpath(f"{name}.ps1")
    return found.read_text(encoding="utf-8").rstrip("\n")


def _checked(answers: Answers, file: Path, *, start_by: str, check: bool) -> Answers:
    """Check the options as answers are checked.

    Raises ConfigurationError with everything that is wrong.
    """
    wrong = []
    if start_by and start_by not in schedule.INSTALL:
        kinds = " · ".join(schedule.INSTALL)
        wrong.append(say("error.no_scheduler", kind=start_by, why=kinds))
    whole = answers
    if answers.smtp:
        try:
            named = server_address(answers.smtp, look=check)
            answers = replace(answers, smtp=named)
            answers = replace(answers, sender=answers.sender or likely_sender(answers))
            whole = answers
        except WatcherError as error:
            wrong.append(_why(error))
            # What else is wrong is found without it
            whole = replace(answers, smtp="")
    try:
        settings = settings_of_answers(whole, file, os.environ)
        if check and answers.smtp and not wrong:
            report.write(
                settings.masked(say("say.works", what=interview.sign_in(settings)))
            )
    except WatcherError as error:
        wrong.append(_why(error))
    if wrong:
        raise ConfigurationError(say("error.unchecked", why="\n".join(wrong)))
    return answers


def _why(error: WatcherError) -> str:
    return error.answer if isinstance(error, DeliveryError) else str(error)


def _write(file: Path, text: str, mode: int = 0o666) -> None:
    """Write a new file.  Raises ConfigurationError where one is, or it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # O_EXCL fails where a file is: nobody's configuration is written over
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        opened = os.open(file, flags, mode)
        with os.fdopen(opened, "w", encoding="utf-8", newline="\n") as new:
            new.write(text)
    except FileExistsError as error:
        if file.exists():
            raise ConfigurationError(say("error.exists", file=file)) from error
        raise ConfigurationError(
            say("error.unwritable", file=file, why=error.strerror)
        ) from error
    except OSError as error:
        raise ConfigurationError(
            say("error.unwritable", file=file, why=error.strerror)
        ) from error


def _write_secret(answers: Answers, file: Path) -> dict[str, Path]:
    """Keep a password that was typed; the file by the variable that it is for."""
    if not answers.secret:
        return {}
    name = answers.secret_name
    kept = secret_file(file, name)
    # One of an earlier try: what was typed now holds
    kept.unlink(missing_ok=True)
    _write(kept, f"{answers.secret}\n", 0o600)
    report.write(say("say.wrote_secret", file=kept, name=f"{name}_FILE"))
    return {name: kept}


def _tested(settings: Settings, to: tuple[str, ...]) -> bool:
    """Send each recipient a test message; whether all were taken."""
    well = True
    for address in to:
        receipt = interview.send_test(settings, address, now())
        became = f"{receipt.state.value}, {receipt.answer}"
        said = say("say.tested", to=address, became=became)
        report.write(settings.masked(said))
        well &= receipt.state is DeliveryState.ACCEPTED
    return well


def _asked_schedule() -> str:
    """Ask what starts checks; "" for nothing."""
    kinds = (*schedule.available(), NOTHING)
    if kinds == (NOTHING,):
        report.write(say("say.no_scheduler"))
        return ""
    report.write("\n" + say("ask.schedule"))
    chosen = choose("mail", kinds, 1)
    return "" if chosen == NOTHING else chosen


def _start(kind: str, file: Path, typed: dict[str, Path]) -> None:
    """Have a check started every half hour."""
    if kind not in schedule.INSTALL:
        raise ConfigurationError(
            say("error.no_scheduler", kind=kind, why=" · ".join(schedule.INSTALL))
        )
    schedule.install(kind, schedule.job(file, os.environ, typed))
    report.write(say("say.scheduled", kind=say(f"choice.{kind}")))
    if kind == "systemd":
        report.write(say("say.linger"))


def _take_back(file: Path) -> None:
    removed = schedule.remove(file)
    for kind in removed:
        report.write(say("say.unscheduled", kind=say(f"choice.{kind}")))
    if not removed:
        report.write(say("say.not_scheduled"))
