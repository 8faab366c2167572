"""A small language for stories: what sources show when, and what the watcher then tells.

    world.at("2024-11-01 06:00", table=table(*OLD))                       # the first check: taken as known
    told = world.at("2024-11-13 06:00", table=table(NEW, *OLD))
    assert told == ["released exchange-server-2024-11-su KB5044062"]

A world is what ``watcher run`` asks: its pages stay as they are until they are shown
otherwise, with an ETag that changes when they do.  The checks are those of ``watcher
run``, on a real state, and write real messages.
"""

from __future__ import annotations

import email
import email.policy
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace

from tests.stories.pages import Month, address, index
from watcher.config import Settings
from watcher.config.source_settings import BUILTIN
from watcher.kinds import gone_speaks
from watcher.records import (
    Confidence,
    Event,
    Failure,
    Kind,
    NotModified,
    Page,
    State,
    Update,
    Validators,
    Watch,
)
from watcher.run.check import Report, check
from watcher.settings import NOBODY_NAMED, Mail
from watcher.store import Store
from watcher.web import AskingInTurn, Outcome, Wanted

T = TypeVar("T")

MSRC = "https://api.msrc.microsoft.com/cvrf/v3.0/updates"
SOURCES = {
    "table": "exchange-builds",
    "blog": "exchange-blog",
    "guide": "msrc-guide",
    "issues": "exchange-issues",
    "kev": "cisa-kev",
    "health": "health-checker",
}
URLS = {
    word: source.url
    for source in BUILTIN
    for word, name in SOURCES.items()
    if source.name == name
}


@dataclass(frozen=True)
class Status:
    """An answer that is no page: 404, or, as 0, no answer at all."""

    status: int


GONE = Status(404)
DOWN = Status(0)
Shown = bytes | Status


class Web:
    """What is shown now.  A URL that nothing was shown at says nothing, as in a recording."""

    def __init__(self) -> None:
        self.shown: dict[str, Shown] = {}

    def get_all(
        self,
        wanted: Iterable[Wanted],
        now: datetime,
        use: Callable[[Outcome], T],
    ) -> list[tuple[Wanted, T]]:
        asked = [one for one in wanted if one.url in self.shown]
        return [(one, use(self._answer(one, now))) for one in asked]

    def asking(self, now: datetime, use: Callable[[Outcome], T]) -> AskingInTurn[T]:
        def answer(one: Wanted) -> Outcome | None:
            return self._answer(one, now) if one.url in self.shown else None

        return AskingInTurn(answer, use)

    def _answer(self, one: Wanted, now: datetime) -> Outcome:
        shown = self.shown[one.url]
        if isinstance(shown, Status):
            if shown.status and gone_speaks(one.source.kind):
                return Page(
                    one.source.name, one.document, one.url, now, shown.status, b""
                )
            return Failure(
                one.source.name,
                one.document,
                one.url,
                now,
                "the connection was refused",
                "Look at the network.",
                gone=bool(shown.status),
            )
        etag = hashlib.sha256(shown).hexdigest()
        if one.validators.etag == etag:
            return NotModified(one.source.name, one.document, one.url, now)
        return Page(
            one.source.name,
            one.document,
            one.url,
            now,
            200,
            shown,
            validators=Validators(etag),
        )


class World:
    """Sources and the watcher that reads them; ``products`` are what it watches."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        products: tuple[str, ...] = ("Exchange Server*",),
    ) -> None:
        self.store = store
        self.folder = folder
        self.web = Web()
        self.months: dict[str, Month] = {}
        self.listed: set[str] = set()
        self.report: Report | None = None
        self.settings = Settings(
            watch=Watch(products),
            sources=tuple(replace(source, enabled=True) for source in BUILTIN),
            subscribers=(replace(NOBODY_NAMED, kinds=tuple(Kind)),),
            site=folder / "public",
            mail=Mail(outbox=folder / "outbox"),
        )

    def watches(self, *products: str) -> None:
        """Watch other products from now on."""
        self.settings = replace(self.settings, watch=Watch(products))

    def drops(self, name: str) -> None:
        """Leave a month out of MSRC's index; its document stays where it is."""
        self.listed.discard(name)
        self._index()

    def lists(self, name: str) -> None:
        """Have a month in MSRC's index again."""
        self.listed.add(name)
        self._index()

    def shows(
        self,
        *months: Month,
        pages: Mapping[str, Shown] | None = None,
        msrc: Shown | None = None,
        **sources: Shown,
    ) -> None:
        """Show months of MSRC's, pages by URL, and pages of sources by name, from now on."""
        for month in months:
            self.months[month.name] = month
            self.listed.add(month.name)
            self.web.shown[address(month.name)] = month.body
        if months:
            self._index()
        if msrc is not None:
            self.web.shown[MSRC] = msrc
        self.web.shown |= {URLS[word]: shown for word, shown in sources.items()}
        self.web.shown |= pages or {}

    def _index(self) -> None:
        self.web.shown[MSRC] = index(
            {name: month for name, month in self.months.items() if name in self.listed}
        )

    def at(
        self,
        time: str,
        *months: Month,
        pages: Mapping[str, Shown] | None = None,
        msrc: Shown | None = None,
        **sources: Shown,
    ) -> list[str]:
        """Show what is new, make a check at ``time`` (UTC) and give what it told, an
        event a line.
        """
        self.shows(*months, pages=pages, msrc=msrc, **sources)
        now = datetime.fromisoformat(time).replace(tzinfo=UTC)
        self.report = check(
            self.settings, self.store, self.web, now, force=True, publish=False
        )
        return [line(event) for event in self.report.events]

    @property
    def failures(self) -> list[str]:
        """The failures of the last check: source, document and cause."""
        assert self.report is not None
        return [
            str(failure).partition(" (http")[0]
            for source in self.report.sources
            for failure in source.failures
        ]

    @property
    def last(self) -> Event:
        """The last event of the last check."""
        assert self.report is not None
        return self.report.events[-1]

    def event(self, kind: str) -> Event:
        """Give the one event of a kind in the ledger, with all evidence that it has by now."""
        (found,) = (event for event in self.store.events() if event.kind == kind)
        return found

    def update(self, update_id: str) -> Update:
        """Give an update as it stands."""
        found = self.store.update(update_id)
        assert found is not None, (
            f"{update_id} is not known; known are {[row.id for row in self.store.updates()]}"
        )
        return found

    @property
    def pulled(self) -> list[str]:
        """The updates that stand pulled."""
        return sorted(
            update.id for update in self.store.updates() if update.state is State.PULLED
        )

    def why_untold(self, source: str, key: str, document: str = "") -> str:
        """Why an entry's last change led to no event."""
        return self.store.entries(SOURCES.get(source, source), document)[key].silent

    @property
    def mails(self) -> list[EmailMessage]:
        """All messages so far, in their order."""
        files = sorted((self.folder / "outbox").glob("*.eml"))
        return [
            email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            for file in files
        ]

    def mail(self, kind: str) -> EmailMessage:
        """Give the one mail of a kind."""
        (found,) = (mail for mail in self.mails if mail["X-Watcher-Event"] == kind)
        return found


def line(event: Event) -> str:
    """Write an event in a line.

    Kind, "?" if only suspected, update, version above the first, KB articles.
    """
    doubt = "?" if event.confidence is Confidence.SUSPECTED else ""
    version = f"v{event.update.version}" if event.update.version > 1 else ""
    return " ".join(
        filter(
            None, (f"{event.kind}{doubt}", event.update.id, version, *event.update.kbs)
        )
    )


def text(mail: EmailMessage) -> str:
    """Give a mail's plain text."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
