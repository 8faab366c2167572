"""What a single value must look like, and the limits of time and memory.

Each function gives the value as the program needs it, or raises BadValueError.
"""

from __future__ import annotations

import re
from datetime import timedelta
from email.errors import MessageError
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

import msgspec
from msgspec import Meta

from watcher.config.mistakes import BadValueError, Mistakes, meant, nearest
from watcher.judgement.audience import SEVERITIES
from watcher.settings import Limits

_DURATION = re.compile(r"(?:\d{1,6}[wdhms])+")
_PART = re.compile(r"(\d+)([wdhms])")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d"
_WHEN = re.compile(
    rf"at-once|daily {_CLOCK}|weekly (?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) {_CLOCK}"
)
# A mail address as nearly all are
_COMMON = re.compile(r"[\w+-]+(\.[\w+-]+)*@[\w-]+(\.[\w-]+)*", re.ASCII)
_UNREADABLE = (ValueError, LookupError, AttributeError, TypeError, MessageError)
"""What email's parser raises for a lone quote and the like."""
_SMTP_OPTION = re.compile(
    r"starttls=(?:required|never)|auth=(?:password|xoauth2)|timeout=[1-9]\d{0,3}"
)
_REGULAR_EXPRESSION = re.compile(r"\A\^|\.\*|\$\Z")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def duration(text: str) -> timedelta:
    """Read ``30m``, ``1h``, ``7d``, ``1h30m``.

    Units are s, m, h, d and w; the parts add up.  BadValueError for anything else, for
    nought, and for a number without a unit.
    """
    written = text.strip().lower()
    length = timedelta()
    if _DURATION.fullmatch(written):
        for number, unit in _PART.findall(written):
            length += timedelta(**{_UNITS[unit]: int(number)})
    # "0m" is none either: a source would be asked without a pause
    if not length:
        raise BadValueError(
            f'"{text}" is no length of time',
            'Write a number and its unit: "30m", "1h", "7d" (s, m, h, d, w).',
        )
    return length


PATCH_TUESDAY = "patch-tuesday"


def silence(text: str) -> tuple[timedelta | None, bool]:
    """Read how long a source may show nothing new.

    ``45d``, ``never``, or ``patch-tuesday``, which is the second value.
    """
    word = text.strip().lower()
    if word in ("never", PATCH_TUESDAY):
        return None, word == PATCH_TUESDAY
    try:
        return duration(text), False
    except BadValueError:
        raise BadValueError(
            f'"{text}" is no length of time',
            f'Write "45d", "{PATCH_TUESDAY}" or "never".',
        ) from None


def name(text: str) -> str:
    """Take a name that is safe in file names, headers and on a command line.

    Sources, subscribers and channels bear such names.  BadValueError for any other
    sign, and for more than 64.
    """
    if not _NAME.fullmatch(text):
        raise BadValueError(
            f'"{text}" is no name',
            (
                "Use letters, digits, dots, hyphens and underscores, 64 at most, "
                "the first a letter or digit."
            ),
        )
    return text


def pattern(text: str) -> str:
    """Take a shell pattern for names of products; refuse what could never match one.

    BadValueError with what to write instead.  Case: "Exchange.*" is a regular
    expression, and would have watched nothing without a word.
    """
    if not text.strip() or _CONTROL.search(text):
        raise BadValueError(
            f"{text!r} is no product pattern",
            'Write a name with * for the rest: "Exchange Server*"; "*" is everything.',
        )
    if text != text.strip():
        raise BadValueError(
            f'the pattern "{text}" begins or ends with a space and would match nothing',
            f'Write "{text.strip()}".',
        )
    # fnmatch takes a lone bracket for itself, and the pattern would match nothing
    if text.count("[") != text.count("]"):
        raise BadValueError(
            f'the pattern "{text}" has a bracket without its partner',
            'Write [ and ] around a choice: "Exchange Server 201[69]*".',
        )
    # "Exchange.*" would match only names with a dot after Exchange: none has one
    if _REGULAR_EXPRESSION.search(text):
        raise BadValueError(
            f'"{text}" is a regular expression; patterns are the shell\'s',
            f'Write "{text.strip("^$").replace(".*", "*")}".',
        )
    return text


def owner(text: str) -> str:
    """Take a shell pattern for owners of servers, as the inventory names them.

    BadValueError where it is empty, or holds a sign that parts two owners.
    """
    # The inventory parts several owners of one server by these signs
    if not text.strip() or _CONTROL.search(text) or re.search("[,;|]", text):
        raise BadValueError(
            f"{text!r} is no owner",
            "Write one name or address a text, as the inventory has it.",
        )
    return text.strip()


def severity(text: str) -> str:
    """Take a severity, whatever its case; "" stays "".

    Of ``SEVERITIES``, "critical" the gravest.  BadValueError with the nearest one.
    """
    return choice(text.strip().lower(), SEVERITIES, "severity") if text else ""


def zone(text: str) -> str:
    """Take the IANA name of a time zone.

    BadValueError with the nearest one known here.  On Windows they come with the
    package tzdata.
    """
    if text == "UTC":
        return text
    # Few name one, and the table of all zones is large
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = _nearest_zone(text, sorted(available_timezones()))
        hint = 'Write an IANA name such as "Europe/Berlin".'
        if near:
            hint = f'Do you mean "{near}"?'
        raise BadValueError(f'"{text}" is no time zone known here', hint) from None
    return text


def _nearest_zone(text: str, zones: list[str]) -> str:
    """Give the zone that is spelled nearly so, or whose city is; "" for none."""
    cities = sorted(zone.rsplit("/", 1)[-1] for zone in zones)
    near = nearest(text, zones) or nearest(text, cities)
    if not near:
        return ""
    return next(zone for zone in zones if zone == near or zone.endswith(f"/{near}"))


def address(text: str) -> str:
    """Take a bare mail address, ``name@example.org``.

    BadValueError for a display name, for several, and for what no header can hold.
    """
    if _COMMON.fullmatch(text):
        return text
    # All that RFC 5322 allows; loading it takes longer than reading the file
    from email.headerregistry import Address

    domain = ""
    try:
        # RFC 6531 lets any letter stand before the @; the library calls that a defect
        plain = "".join(
            letter if letter.isascii() or not letter.isprintable() else "x"
            for letter in text.rpartition("@")[0]
        )
        parsed = Address(addr_spec=plain + text[len(plain) :])
        # The parser passes over spaces and line breaks; a header must not
        broken = re.search(r"[\s\x00-\x1f\x7f]", text)
        if parsed.username and not broken:
            domain = parsed.domain
    except _UNREADABLE:
        pass
    if not domain:
        raise BadValueError(
            f"{text!r} is no mail address", "Write it as name@example.org."
        )
    # Before the @ it is for the server to say whether it knows SMTPUTF8 (RFC 6531);
    # a domain can be written as every server takes it
    if not domain.isascii():
        raise BadValueError(
            f"the mail address {text!r} holds letters beyond ASCII",
            "Write its domain in the xn-- form.",
        )
    return text


def sender(text: str) -> str:
    """Take a From, ``Advisory Watcher <watcher@example.org>`` or a bare address.

    BadValueError when there is none, or more than one.
    """
    from email.policy import default

    specs: list[str] = []
    try:
        header = default.header_factory("From", "" if _CONTROL.search(text) else text)
        specs = [] if header.defects else [each.addr_spec for each in header.addresses]
    except _UNREADABLE:
        pass
    if len(specs) != 1:
        raise BadValueError(
            f"{text!r} is no sender",
            "Write it as: Advisory Watcher <watcher@example.org>.",
        )
    address(specs[0])
    return text.strip()


def when(text: str) -> str:
    """Take ``at-once``, ``daily 07:00`` or ``weekly Mon 07:00``.

    BadValueError for any other form; the clock is the subscriber's own.
    """
    if not _WHEN.fullmatch(text):
        raise BadValueError(
            f'"{text}" says no time',
            (
                'Write "at-once", "daily 07:00" or "weekly Mon 07:00" (Mon, Tue, '
                "Wed, Thu, Fri, Sat, Sun)."
            ),
        )
    return text


def choice(text: str, choices: tuple[str, ...], noun: str) -> str:
    """Take one of the ``choices``; ``noun`` says what they are.

    BadValueError with the nearest one, or with all of them.
    """
    if text not in choices:
        raise BadValueError(f'"{text}" is no {noun}', meant(text, choices))
    return text


def split_address(text: str, example: str) -> SplitResult:
    """Take an address apart; one that has no such parts, or port 0, is refused by name.

    BadValueError, with ``example`` as what to write.  No part of the address is quoted:
    it may hold a secret.
    """
    if not text or _CONTROL.search(text) or " " in text:
        raise BadValueError(
            "that is no address" if text else "the address is empty",
            f"Write it as {example}.",
        )
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise BadValueError(
            f"the address cannot be read ({error})", f"Write it as {example}."
        ) from None
    # urlsplit lets it through, and the socket would pick any
    if port == 0:
        raise BadValueError("0 is no port", f"Write it as {example}.")
    return parts


def is_this_machine(host: str) -> bool:
    """Say whether a host is this machine by its name or number, which nobody can listen to
    on the way.
    """
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def web_url(text: str) -> str:
    """Take an http or https URL with a host.

    BadValueError for ``file://`` and all other schemes: nothing else is ever fetched.
    """
    example = "https://host.example.org/path"
    parts = split_address(text, example)
    if parts.scheme not in ("http", "https"):
        raise BadValueError(
            f'the address has the scheme "{parts.scheme}"',
            f"Only http and https are fetched: {example}.",
        )
    if not parts.hostname:
        raise BadValueError("the address names no host", f"Write it as {example}.")
    return text


def base_url(text: str) -> str:
    """Take the address of the site, and end it with a slash; "" stays "".

    BadValueError for a query or a fragment: paths of pages are put behind it.
    """
    if not text:
        return ""
    parts = urlsplit(web_url(text))
    if parts.query or parts.fragment:
        raise BadValueError(
            "the address of the site has a ? or a #",
            "Write the folder's address only: https://advisories.example.org/.",
        )
    return text if text.endswith("/") else f"{text}/"


def smtp_url(text: str) -> tuple[str, str]:
    """Take ``smtp://host:port`` or ``smtps://host:port``, also with ``user@`` before the host.

    Give it without, and the user.

    ``?starttls=required`` or ``never``, ``?auth=xoauth2`` and ``?timeout=SECONDS`` may
    follow.
    """
    if not text:
        return "", ""
    if text.startswith("graph:"):
        return graph_url(text), ""
    example = "smtp://mail.example.org:587 or smtps://mail.example.org:465"
    parts = split_address(text, example)
    if parts.scheme not in ("smtp", "smtps"):
        raise BadValueError(
            f'the mail server has the scheme "{parts.scheme}"',
            f"Write it as {example}.",
        )
    if not parts.hostname:
        raise BadValueError(
            "the mail server's address names no host", f"Write it as {example}."
        )
    # The file is shown to colleagues and kept in version control
    if parts.password is not None:
        raise BadValueError(
            "the mail server's address holds a password",
            "Leave it out, and set WATCHER_SMTP_PASSWORD.",
        )
    if parts.path not in ("", "/") or parts.fragment:
        raise BadValueError(
            "the mail server's address has more than host and port",
            f"Write it as {example}.",
        )
    _check_smtp_options(parts.query)
    options = f"?{parts.query}" if parts.query else ""
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{options}", unquote(parts.username or "")


def _check_smtp_options(query: str) -> None:
    for option in filter(None, query.split("&")):
        if not _SMTP_OPTION.fullmatch(option):
            raise BadValueError(
                f'"{option}" is no option of a mail server',
                "After the host may follow ?starttls=required or never, "
                "?auth=password or xoauth2, ?timeout=SECONDS; joined by &.",
            )


def graph_url(text: str) -> str:
    """Take ``graph://mailbox@example.org``: the mailbox that sends by Microsoft Graph.

    BadValueError when what follows is no mail address.
    """
    mailbox = text.removeprefix("graph://")
    # Graph sends as a mailbox: /users/watcher@example.org/sendMail
    try:
        address(mailbox)
    except BadValueError:
        raise BadValueError(
            "Graph's address names no mailbox",
            "Write the one that sends: graph://watcher@example.org.",
        ) from None
    return text


def https_url(text: str) -> str:
    """Take the address of a service that secrets are sent to.

    Https, a host, nothing after it; give it without a slash at its end.
    """
    parts = urlsplit(web_url(text))
    # Paths are added to it: what stands there already would end up in the middle
    path = parts.path.removeprefix("/")
    more = [path, parts.query, parts.fragment, parts.username]
    if parts.scheme != "https" or any(more):
        raise BadValueError(
            "secrets are sent there", "Write https:// and the host, nothing more."
        )
    return text.rstrip("/")


def one_word(text: str) -> str:
    """Take an id or a domain name: no spaces, no slashes.

    Tenants and clients of Entra ID have such ids.  BadValueError for spaces, slashes
    and colons.
    """
    if text and not re.fullmatch(r"[A-Za-z0-9._-]{1,255}", text):
        raise BadValueError(
            f"{text!r} is no id",
            "Write it as the app registration shows it: letters, digits, dots and hyphens.",
        )
    return text


def any_url(text: str) -> str:
    """Take any URL with a scheme, as Apprise's are.

    Which services there are, and whether this one is right, only Apprise knows: it is
    asked in ``watcher check``.
    """
    example = "scheme://..., as Apprise's documentation names it for the service"
    parts = split_address(text, example)
    if not parts.scheme or "://" not in text:
        raise BadValueError("the address has no scheme", f"Write it as {example}.")
    return text


def path(text: str, base: Path) -> Path:
    """Give the path that ``text`` means, seen from the folder ``base``.

    A relative one is seen from the configuration's folder, ``~`` is the account's home.
    BadValueError where nobody's home is known by that name.
    """
    if not text.strip() or _CONTROL.search(text):
        raise BadValueError(
            f"{text!r} is no path", "Write the path of a file or folder."
        )
    try:
        # A home folder may be written ~, and pathlib raises for a user it cannot find
        return base / Path(text).expanduser()
    except RuntimeError:
        raise BadValueError(
            f"nobody's home folder is known as {text.partition('/')[0]!r}",
            "Write the path in full.",
        ) from None


def state_url(text: str, base: Path) -> str:
    """Give the URL of the state.

    A relative SQLite path is seen from ``base``, psycopg is the driver.
    """
    example = 'Write "sqlite:///state/watcher.db" or "postgresql+psycopg://user@host/database".'
    if text.startswith("sqlite:"):
        file = text.removeprefix("sqlite:///")
        # A state in memory would be empty at each run, and tell everything anew
        if file in (text, "", ":memory:") or file.startswith("file:"):
            raise BadValueError("the state's address names no file", example)
        if "?" in file:
            raise BadValueError(
                "the state's address has options", "Leave out everything from the ? on."
            )
        return f"sqlite:///{path(file, base).as_posix()}"
    parts = split_address(text, "sqlite:///state/watcher.db")
    if parts.scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise BadValueError(
            f'the state cannot live in "{parts.scheme or text}"', example
        )
    if len(parts.path) < len("/x"):
        raise BadValueError("the state's address names no database", example)
    return f"postgresql+psycopg:{text.split(':', 1)[1]}"


def one_line(text: str) -> str:
    """Take a text that fits into a header: one line of printable ASCII.

    BadValueError for a line break, which would begin a header of its own.
    """
    # A line break would begin a header of its own
    if _CONTROL.search(text) or not text.isascii():
        raise BadValueError(
            f"{text!r} does not fit into a header", "Write one line of ASCII."
        )
    return text.strip()


class LimitsTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How long a check may take, and how much memory: what passes a limit fails by name,
    and the rest goes on.
    """

    run: Annotated[
        str,
        Meta(
            description="How long a whole check may take, asking, sending and the site: "
            "then it ends, and the next one goes on where it stopped",
            examples=["25m"],
        ),
    ] = "25m"
    source: Annotated[
        str,
        Meta(
            description="How long all documents of one source may take; the next check "
            "asks for the rest",
            examples=["10m"],
        ),
    ] = "10m"
    document: Annotated[
        str,
        Meta(description="How long reading one document may take", examples=["60s"]),
    ] = "60s"
    document_megabytes: Annotated[
        int,
        Meta(
            description="How many MiB of memory that may take, on systems that can "
            "limit it (not Windows)",
            examples=[512],
            ge=128,
        ),
    ] = 512


def limits(table: LimitsTable, mistakes: Mistakes) -> Limits:
    """Check the limits; what is wrong is gathered in ``mistakes``."""
    given, usual = mistakes.table("limits"), Limits()
    return Limits(
        run=given.value("run", duration, usual.run, table.run),
        source=given.value("source", duration, usual.source, table.source),
        document=given.value("document", duration, usual.document, table.document),
        document_bytes=table.document_megabytes << 20,
    )
