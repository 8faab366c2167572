"""Messages as files: a folder of .eml, which any mail program opens."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path

from msgspec import Struct, field

from watcher import private
from watcher.notifiers import Notifier, Receipt, SendingTime
from watcher.records import DeliveryState, Message
from watcher.settings import Settings
from watcher.text.plain import file_name

_NUMBERED = re.compile(r"(\d{4,})-.*\.eml")
# They are about no single update
_ALONE = {"welcome", "digest", "operator", "patch-tuesday"}


@contextmanager
def connect(settings: Settings) -> Iterator[Notifier]:
    """Open the folder ``settings.mail.outbox``; it is made when the first message comes."""
    yield Outbox(settings.mail.outbox)


class Outbox(Struct):
    """A folder of numbered messages.

    ``known`` maps the Message-IDs in it to their files, read when first needed.
    """

    folder: Path
    known: dict[str, Path] | None = field(default=None)

    def send(
        self,
        message: Message,
        recipients: Sequence[str],
        time: SendingTime | None = None,  # noqa: ARG002 - a file is written at once
    ) -> list[Receipt]:
        """Write ``message``.

        One that is already there is left as it is.  A folder that cannot be written
        defers.
        """
        try:
            path = self._write(message)
        except OSError as error:
            answer = (
                f"{self.folder} cannot be written: {error.strerror or error}. "
                "Make it writable, or name another outbox in [mail]"
            )
            # A right, or a place that can be named anew: nothing is given up for it
            return [
                Receipt(each, DeliveryState.DEFERRED, answer, settings_wrong=True)
                for each in recipients
            ]
        return [Receipt(each, DeliveryState.ACCEPTED, str(path)) for each in recipients]

    def targets(self, recipient: str) -> list[str]:
        """Name the recipient: it stands for itself."""
        return [recipient]

    def _write(self, message: Message) -> Path:
        """Write aside and rename.

        Readers and a killed run see a whole file or none, and only the owner reads it
        (it holds addresses).
        """
        private.folder(self.folder)
        if self.known is None:
            _sweep(self.folder)
            self.known = {}
            # A run that was killed between file and receipt finds its message here
            for path in sorted(self.folder.glob("*.eml")):
                self.known |= dict.fromkeys(_ids(path), path)
        if message.id in self.known:
            return self.known[message.id]
        path = self.folder / name(message, _next(self.folder))
        aside = path.with_name(f".{path.name}.part")
        try:
            with private.new_file(aside) as file:
                file.write(message.body)
                file.flush()
                os.fsync(file.fileno())
            # Closed before: Windows renames nothing that is open
            aside.replace(path)
        except BaseException:
            # A full disk, or a signal
            aside.unlink(missing_ok=True)
            raise
        self.known[message.id] = path
        return path


def name(message: Message, number: int) -> str:
    """Name a message's file.

    ``0002-pulled-exchange-server-2024-11-su.eml``, ``0001-welcome.eml``.
    """
    kind = file_name(message.kind, 20) or "message"
    update = "" if message.kind in _ALONE else file_name(message.update, 80)
    return f"{number:04}-{kind}{'-' if update else ''}{update}.eml"


def _next(folder: Path) -> int:
    found = (_NUMBERED.fullmatch(path.name) for path in folder.iterdir())
    return max((int(match[1]) for match in found if match), default=0) + 1


def _sweep(folder: Path) -> None:
    """Delete what killed runs left half written, unless it bears the number that comes next.

    That one is written anew, or just now.
    """
    following = _next(folder)
    for path in folder.glob(".*.part"):
        match = _NUMBERED.fullmatch(path.name[1 : -len(".part")])
        if match is None or int(match[1]) < following:
            path.unlink(missing_ok=True)


def _ids(path: Path) -> list[str]:
    """Read the Message-ID of a file, [] when it is no message."""
    with path.open("rb") as file:
        found = BytesHeaderParser(policy=policy.compat32).parse(file).get("Message-ID")
    return [str(found).strip()] if found else []
