"""What the configuration comes to: one frozen tree that every edge reads, and secrets, of which
no part is ever shown.
"""

from __future__ import annotations

import base64
import functools
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, timedelta, tzinfo
from pathlib import Path
from urllib.parse import quote, quote_plus

from msgspec import Struct

from watcher.records import Source, Subscriber, Watch

# A shorter secret would turn half of any text into stars
SHORTEST_MASKED = 4
# What divides an address: readers stop there, and name what lies between
_DIVIDING = re.compile(r"[/?#@:\\\[\]%&=;\s]+")
# Of an address that is a secret as a whole, the pieces that look like tokens; "https"
# and "example" stand in every other line
_TOKEN = re.compile(r"(?=.*[0-9])[^/?#@:\\\[\]%&=;\s]{8,}")
# Pieces that are looked for together
_TOGETHER = 8
# Signs of a beginning that is looked for where a text was cut
_LONGEST_BEGINNING = 64
_CUT = r"(?=\s?…|\s?\.\.\.)"
# Before the first of these signs and after the scheme lie the name and the password
_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<login>[^/?#]*)@")
_PLACE = re.compile(r"\$\{([^}]*)\}")
_QUOTED = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")


class Secret(Struct, frozen=True):
    """A text that never prints itself.

    ``name`` is the environment variable it came from; ``reveal`` hands it to the one
    who must know it.
    """

    name: str
    value: str

    def reveal(self) -> str:
        """Give the text itself."""
        return self.value

    def __repr__(self) -> str:
        """Show that there is something, not what."""
        return "***"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        """Show the same in an f-string, whatever its format."""
        return format(repr(self), format_spec)


def masked(text: str, secrets: Iterable[Secret]) -> str:
    """Put ``${NAME}`` in place of each of ``secrets`` in ``text``, and of their parts.

    Longest parts first, so that a secret within another one leaves nothing of it.
    """
    found = _masking(tuple((secret.name, secret.value) for secret in secrets))
    if found is None:
        return text
    return found.pattern.sub(lambda match: f"${{{found.names[match[0]]}}}", text)


def filled(text: str, value_of: Callable[[str], str]) -> str:
    """Put values in place of the ``${NAME}`` of an address.

    A value in a name's or a password's place is quoted, unless it is already: "p@ss/word"
    would otherwise lead to another host, and show it a part of the password.
    """
    login = _LOGIN.match(text)
    if login is None:
        return _PLACE.sub(lambda found: value_of(found[1]), text)

    def quoted(found: re.Match[str]) -> str:
        value = value_of(found[1])
        is_placeholder = value == found[0]
        return value if is_placeholder or _QUOTED.fullmatch(value) else quote(value, "")

    rest = _PLACE.sub(lambda found: value_of(found[1]), text[login.end() :])
    return f"{login['scheme']}{_PLACE.sub(quoted, login['login'])}@{rest}"


def in_login(text: str, name: str) -> bool:
    """Say whether ``${NAME}`` stands in an address's name or password.

    There a secret may stand, and is sent as authentication.
    """
    login = _LOGIN.match(text)
    return login is not None and f"${{{name}}}" in login["login"]


class _Masking(Struct, frozen=True):
    """What is looked for, and whose it is."""

    pattern: re.Pattern[str]
    names: dict[str, str]


@functools.lru_cache(maxsize=16)
def _masking(secrets: tuple[tuple[str, str], ...]) -> _Masking | None:
    names: dict[str, str] = {}
    cut: set[str] = set()
    for name, value in secrets:
        if len(value) < SHORTEST_MASKED:
            continue
        for form in _forms(value):
            names.setdefault(form, name)
        # Of an address it is the scheme and the host that many have
        first = value.find("://") + 3 + 2 * SHORTEST_MASKED if "://" in value else 0
        shortest = max(first, SHORTEST_MASKED)
        for end in range(shortest, min(len(value), _LONGEST_BEGINNING)):
            beginning = value[:end]
            if beginning not in names:
                names[beginning] = name
                cut.add(beginning)
    if not names:
        return None
    # The longest first: a part must not hide that more follows
    longest_first = sorted(names, key=len, reverse=True)
    patterns = [
        re.escape(form) + (_CUT if form in cut else "") for form in longest_first
    ]
    return _Masking(re.compile("|".join(patterns)), names)


def _forms(value: str) -> Iterator[str]:
    """Give a secret, and its parts, in all the ways they may be written."""
    for part in (value, *_parts(value)):
        for form in (
            part,
            quote(part),
            quote(part, safe=""),
            quote_plus(part),
            part.lower(),
            json.dumps(part)[1:-1],
            json.dumps(part, ensure_ascii=False)[1:-1],
            repr(part)[1:-1],
            part.encode("unicode_escape").decode("ascii"),
            html.escape(part),
            *_in_base64(part),
        ):
            if len(form) >= SHORTEST_MASKED:
                yield form


def _parts(value: str) -> Iterator[str]:
    """Give what a reader of addresses may take out of a secret: runs between two dividing signs."""
    if "-----BEGIN" in value:
        yield from (row for row in value.splitlines() if "-----" not in row)
        return
    if "://" in value:
        # A host with a dot is one that others have, too
        login, _, rest = value.partition("://")[2].rpartition("@")
        host, slash, path = rest.partition("/")
        named = "" if "." in host else host
        yield from _TOKEN.findall(f"{login} {named} {slash}{path}")
        return
    edges = [0]
    for found in _DIVIDING.finditer(value):
        edges += [found.start(), found.end()]
    edges.append(len(value))
    for number, start in enumerate(edges):
        for end in edges[number + 1 : number + 1 + _TOGETHER]:
            if SHORTEST_MASKED <= end - start < len(value):
                yield value[start:end]


def _in_base64(part: str) -> Iterator[str]:
    """Give what of a text is the same in base64 whatever stands before and after it."""
    content = part.encode("utf-8", "surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + content).decode("ascii")
        # The first letters hold bits of what is before, the last ones of what follows
        kept = encoded[(before * 8 + 5) // 6 : (before + len(content)) * 8 // 6]
        if len(kept) >= 2 * SHORTEST_MASKED:
            yield kept


__all__ = [
    "NOBODY_NAMED",
    "Channel",
    "Heartbeat",
    "Mail",
    "OAuth",
    "Operator",
    "Secret",
    "Settings",
]

# Without a [[subscriber]] the messages become files, addressed so that nobody could be
# reached by accident.
NOBODY_NAMED = Subscriber(name="administrators", to=("administrators@localhost",))


class Channel(Struct, frozen=True):
    """A way of telling beside mail; the address is an Apprise URL, which usually holds a token."""

    name: str
    url: Secret


class OAuth(Struct, frozen=True):
    """The login at Microsoft 365 by client credentials.

    Either ``secret`` or ``certificate`` (PEM with its key) is set.
    """

    tenant: str
    client: str
    authority: str = "https://login.microsoftonline.com"
    graph: str = "https://graph.microsoft.com"
    secret: Secret | None = None
    certificate: Secret | None = None


class Replies(Struct, frozen=True):
    """The mailbox that readers answer to, by IMAP."""

    host: str
    port: int
    # "implicit", "starttls" or "never"
    tls: str
    user: str
    # Signs the links of reminders, too
    password: Secret
    # To which answers are sent
    address: str
    folder: str = "INBOX"


class Mail(Struct, frozen=True):
    """How mail leaves.

    By the server of ``smtp`` (``smtp://host:587`` or ``smtps://host:465``), or as
    files.

    ``smtp`` may also be ``graph://mailbox``; it is "" when messages are written to
    ``outbox`` instead. ``user`` and ``password`` are both set or both None, but with
    ``oauth`` there is no password.
    """

    sender: str = "Advisory Watcher <watcher@localhost>"
    smtp: str = ""
    outbox: Path = Path("outbox")
    user: Secret | None = None
    password: Secret | None = None
    give_up: timedelta = timedelta(days=5)
    oauth: OAuth | None = None
    # Only for whoever looks the sender up
    dkim_selector: str = ""
    # Where readers say that they have dealt with something; None: by command only
    replies: Replies | None = None


class Operator(Struct, frozen=True):
    """Who is told how the watcher itself is.

    As a subscriber, after how many failures, and whether weekly that all is quiet.
    """

    reader: Subscriber
    failures: int = 3
    quiet: bool = False


class Heartbeat(Struct, frozen=True):
    """What is asked when a run went well, begins ("" for nothing) and failed.

    ``${NAME}`` stays for whoever asks.
    """

    url: str
    start: str
    failure: str


class Limits(Struct, frozen=True):
    """What a check may take.

    A whole check, all documents of one source, and the reading of one document: that
    has a limit of memory, too.
    """

    run: timedelta = timedelta(minutes=25)
    source: timedelta = timedelta(minutes=10)
    document: timedelta = timedelta(minutes=1)
    document_bytes: int = 512 << 20

    @property
    def asking(self) -> timedelta:
        """How much of a check asking may take: what was found is still to be sent."""
        return self.run * 0.6

    @property
    def sending(self) -> timedelta:
        """How much of a check sending may take, as a rule: the site is still to be made.

        Also what ``watcher send`` may take, and a worker for one message.
        """
        return self.run * 0.4


class Settings(Struct, frozen=True):
    """Everything that can be configured, checked and complete.

    Paths are absolute when a file was read.

    ``file`` is the configuration file, None when the built-in defaults run.
    ``sources`` holds every source of a kind that this version knows, switched-off ones
    too (``enabled``); in their URLs ``${NAME}`` stays, for whoever fetches to put the
    secret of that name in. ``state`` is a URL and may hold a password.
    """

    file: Path | None = None
    watch: Watch = Watch()
    state: str = "sqlite:///state/watcher.db"
    site: Path = Path("public")
    # Ends with a slash when there is one
    base_url: str = ""
    # How long a check's page may be believed; None: by the sources' intervals
    stale_after: timedelta | None = None
    timezone: str = "UTC"
    ca_bundle: Path | None = None
    evidence: Path | None = None
    # That are kept; older ones go first
    evidence_files: int = 2000
    # That they may have together
    evidence_bytes: int = 1 << 30
    inventory: Path | None = None
    # The inventory's servers are shown on the pages of updates
    publish_servers: bool = False
    # The user's own, looked into before the shipped ones
    templates: Path | None = None
    # How long what is settled is kept
    keep: timedelta = timedelta(days=400)
    # For Prometheus' textfile collector
    metrics: Path | None = None
    # Told to the servers asked, in User-Agent
    contact: str = ""
    sources: tuple[Source, ...] = ()
    subscribers: tuple[Subscriber, ...] = ()
    channels: tuple[Channel, ...] = ()
    mail: Mail = Mail()
    operator: Operator | None = None
    heartbeat: Heartbeat | None = None
    limits: Limits = Limits()
    secrets: tuple[Secret, ...] = ()
    # Another one when the configuration file has changed; it says nothing of secrets,
    # which stand elsewhere
    mark: str = ""
    # What is odd about it, and does not stop anything
    warnings: tuple[str, ...] = ()
    # Which of several organisations these are the settings of; "" for the whole
    organisation: str = ""
    # Where a service provider watches for several: the settings of each, as if it were
    # alone.  ``watch`` and ``subscribers`` of the whole are then those of all together
    organisations: tuple[Settings, ...] = ()

    @property
    def enabled_sources(self) -> tuple[Source, ...]:
        """The sources that are on, in the order of the configuration."""
        return tuple(source for source in self.sources if source.enabled)

    @property
    def each_organisation(self) -> tuple[Settings, ...]:
        """The settings of each organisation; these alone where there is only one."""
        return self.organisations or (self,)

    def of(self, subscriber: str) -> Settings:
        """Give the settings of the organisation that a subscriber belongs to, by name.

        These, where none of the organisations is theirs: the operator's, or those of
        somebody who is not named any more.
        """
        name = subscriber.rpartition("/")[0]
        for each in self.organisations:
            if each.organisation == name:
                return each
        return self

    @property
    def nobody_named(self) -> bool:
        """Whether there is no [[subscriber]]: messages are made all the same, to be looked at."""
        return self.subscribers == (NOBODY_NAMED,)

    def __repr__(self) -> str:
        """Name the file; never the state's address."""
        return f"Settings(file={self.file!r})"

    @property
    def zone(self) -> tzinfo:
        """The time zone that times are shown in."""
        return _zone(self.timezone)

    def zone_of(self, reader: Subscriber) -> tzinfo:
        """Give the time zone of a reader's mail and digests: their own, else the one of all.

        One that the system does not know was refused when the configuration was read.
        """
        return _zone(reader.timezone or self.timezone)

    def masked(self, text: str) -> str:
        """Put ``${NAME}`` in place of every secret in ``text``.

        In every form in which ``watcher.settings`` knows that others write one.
        """
        return masked(text, self.secrets)


def _zone(name: str) -> tzinfo:
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
