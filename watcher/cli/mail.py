"""``watcher mail test`` and ``watcher mail preview``.

Does mail go out, and what would it look like.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import replace

from watcher import notifiers, private, report
from watcher.cli.call import Call, Commands, app, command, end_with_failure, now
from watcher.cli.target import require_updates
from watcher.config import Settings
from watcher.config.mistakes import BadValueError, meant
from watcher.config.values import address
from watcher.errors import ConfigurationError, WatcherError
from watcher.judgement import audience
from watcher.mail import render, samples
from watcher.notifiers import Receipt, outbox
from watcher.records import DeliveryState, Event, Letter, Message, Subscriber
from watcher.run import compose, servers
from watcher.setup.interview import test_message
from watcher.store import Store

group = typer.Typer(
    cls=Commands,
    help="Send a test message, or write what would be sent.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


app.add_typer(group, name="mail")


@command("test", "watcher mail test exchange-admins@example.org", group)
def test(
    call: Call,
    to: Annotated[
        str,
        typer.Argument(
            metavar="ADDRESS", help="A mail address, or the name of a [[channel]]."
        ),
    ],
) -> None:
    """Send one test message, and say what the server answered.

    It goes out as every message does: by the mail server, as a file, or to the
    channel.  Nothing is noted in the state.
    """
    settings = call.settings(sends=True)
    # A channel's name holds no @, and so is no address
    channel = to in {channel.name for channel in settings.channels}
    if channel:
        reader = Subscriber("test", (), channels=(to,))
    else:
        reader = Subscriber("test", (_address(to),))
    message = test_message(reader, settings, now())
    with notifiers.connect(settings, "apprise" if channel else "") as notifier:
        receipts = notifier.send(message, notifier.targets(to))
    for receipt in receipts:
        _say_of_test(receipt, settings)
    all_accepted = all(each.state is DeliveryState.ACCEPTED for each in receipts)
    end_with_failure(failed=not all_accepted)


def _say_of_test(receipt: Receipt, settings: Settings) -> None:
    became = f"{receipt.state.value}: {receipt.answer}"
    # A test is noted nowhere
    if receipt.state is DeliveryState.DEFERRED:
        became = (
            f"not sent: {receipt.answer}. Nothing tries a test again: repeat it "
            "when that is mended."
        )
    said = report.harmless(settings.masked(f"{receipt.recipient}: {became}"))
    if receipt.state is DeliveryState.ACCEPTED:
        report.write(said)
    else:
        report.LOG.error("%s", said)


def _address(text: str) -> str:
    try:
        return address(text)
    except BadValueError as wrong:
        raise ConfigurationError(str(wrong)) from None


@command("preview", "watcher mail preview KB5044062 --out preview", group)
def preview(
    call: Call,
    identifier: Annotated[
        str | None,
        typer.Argument(
            metavar="[ID]",
            help=(
                "Update id, KB article, CVE, build or event id; without it, a "
                "sample of every kind."
            ),
        ),
    ] = None,
    *,
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="Where the messages are written."),
    ] = Path("preview"),
    subscriber: Annotated[
        str | None,
        typer.Option(
            "--subscriber",
            metavar="NAME",
            help="As this one would get it, not the first.",
        ),
    ] = None,
) -> None:
    """Write the messages that events would send, without sending.

    Each is written as .eml, and its HTML beside it for a browser.  What an earlier
    preview has written into the folder goes; nothing else does.
    """
    settings = call.settings()
    reader = _reader(settings, subscriber)
    settings = settings.of(reader.name)
    if identifier is None:
        letters = [replace(letter, subscriber=reader) for letter in samples.letters()]
        messages = _rendered(letters, settings, samples.NOW)
    else:
        with call.store(settings) as store:
            messages = _rendered(
                _letters(store, identifier, settings, reader), settings, now()
            )
    for path in _write(messages, out):
        report.write(str(path))


def _reader(settings: Settings, name: str | None) -> Subscriber:
    for subscriber in settings.subscribers:
        if name in (None, subscriber.name):
            return subscriber
    names = [each.name for each in settings.subscribers]
    raise ConfigurationError(
        f'there is no subscriber "{name}". {meant(name or "", names)}'
    )


def _letters(
    store: Store, identifier: str, settings: Settings, reader: Subscriber
) -> list[Letter]:
    """Compose the letters of one event, or of an update's events and one digest of them,
    with the servers that they concern.
    """
    event = store.event(identifier)
    events: list[Event] = []
    if event:
        events.append(event)
    else:
        for update in require_updates(store, identifier):
            events += store.events_of(update.id)
    if not events:
        raise ConfigurationError(
            f'"{identifier}" was known from the first check on: there is no '
            "event, and no message would be sent."
        )
    letters = [audience.single(reader, each) for each in events]
    if len(events) > 1:
        letters.append(Letter("digest", reader, audience.gravest_first(events)))
    exposures = servers.exposures(settings, store)
    return [
        compose.with_story(compose.with_servers(letter, exposures), store)
        for letter in letters
    ]


def _rendered(
    letters: Iterable[Letter], settings: Settings, at: datetime
) -> list[Message]:
    return [render.message(letter, settings, at) for letter in letters]


def _write(messages: Iterable[Message], folder: Path) -> list[Path]:
    """Write each message, its HTML beside it; what an earlier preview wrote goes."""
    import email
    import email.policy

    written: list[Path] = []
    try:
        private.folder(folder)
        _clear(folder)
        for number, message in enumerate(messages, 1):
            path = folder / outbox.name(message, number)
            with private.new_file(path) as file:
                file.write(message.body)
            parsed = email.message_from_bytes(message.body, policy=email.policy.default)
            html = parsed.get_body(("html",))
            # A browser shows it as a mail program does, without sending anything
            if html is not None:
                with private.new_file(path.with_suffix(".html")) as file:
                    file.write(html.get_content().encode())
            written.append(path)
    except OSError as error:
        raise WatcherError(
            f"{folder} cannot be written: {error.strerror or error}. Name "
            "another folder with --out."
        ) from error
    return written


def _clear(folder: Path) -> None:
    """Take away what an earlier preview wrote.

    A message that was sent to files lies in such a folder, too, and has no HTML beside it.
    """
    for path in folder.glob("[0-9][0-9][0-9][0-9]-*.eml"):
        beside = path.with_suffix(".html")
        if beside.exists():
            path.unlink()
            beside.unlink()
