"""The questions of ``watcher init``: each answer is checked and tried out before the next."""

from __future__ import annotations

import json
import re
import socket
import tomllib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

import typer
from msgspec import Struct
from msgspec.structs import replace

from watcher import notifiers, report
from watcher.config import Settings
from watcher.config.load import read_settings
from watcher.config.mail_settings import PASSWORD, SECRET
from watcher.errors import ConfigurationError, DeliveryError, WatcherError
from watcher.mail import render
from watcher.notifiers import Receipt, smtp
from watcher.notifiers.microsoft import Tokens
from watcher.records import Letter, Message, Subscriber
from watcher.settings import NOBODY_NAMED, Mail
from watcher.text.words import words_of


@cache
def _words() -> dict[str, dict[str, str]]:
    text = files("watcher.setup").joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def say(sentence: str, /, **values: object) -> str:
    """Give the sentence ``table.key`` with its values filled in."""
    table, _, key = sentence.partition(".")
    return _words()[table][key].format(**values)


# Where mail servers take mail, in the order of RFC 8314 and 6409, then each other's
PORTS = (587, 465, 25)
# Seconds that a connection may take; a firewall that drops it says nothing
PATIENCE = 5.0


def open_port(host: str) -> int:
    """Give the first of the usual ports that ``host`` answers on.

    Raises ConfigurationError when there is no such host, or none of them is open.
    """
    _resolve(host)
    for port in PORTS:
        try:
            with socket.create_connection((host, port), PATIENCE):
                return port
        except OSError:
            continue
    raise ConfigurationError(
        say("error.closed", host=host, ports=", ".join(map(str, PORTS)))
    )


def _resolve(host: str) -> None:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        raise ConfigurationError(say("error.host", host=host)) from None


def sign_in(settings: Settings) -> str:
    """Do as before a message, and say what was agreed.

    Raises DeliveryError, ConfigurationError.
    """
    if not settings.mail.smtp.startswith("graph:"):
        return smtp.greet(settings)
    tokens = Tokens.of(settings)
    if tokens is None:
        raise ConfigurationError("graph:// needs tenant and client.")
    tokens.token(f"{tokens.oauth.graph}/.default")
    return f"{tokens.oauth.authority} gives a token"


def test_message(reader: Subscriber, settings: Settings, at: datetime) -> Message:
    """Compose the message that says that mail works."""
    words = words_of(settings.templates)
    letter = Letter(
        "operator",
        reader,
        subject=words.say("operator", "test"),
        lines=(words.say("operator", "test_text"),),
    )
    return render.message(letter, settings, at)


def send_test(settings: Settings, to: str, at: datetime) -> Receipt:
    """Send one test message to an address, as every message leaves."""
    message = test_message(Subscriber("test", (to,)), settings, at)
    with notifiers.connect(settings) as notifier:
        (receipt,) = notifier.send(message, [to])
    return receipt


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


class ProductSet(Struct, frozen=True):
    """What is offered under one name, and the patterns that it writes into ``products``."""

    name: str
    patterns: tuple[str, ...]


SETS = (
    ProductSet("Exchange Server", ("Exchange Server*",)),
    ProductSet("Windows Server", ("Windows Server*",)),
    ProductSet("SQL Server", ("SQL Server*",)),
    ProductSet("SharePoint Server", ("SharePoint*",)),
    ProductSet("everything", ("*",)),
    ProductSet("Windows 11 and 10", ("Windows 11*", "Windows 10*")),
    ProductSet("Microsoft 365 Apps and Office", ("Microsoft 365 Apps*", "Office*")),
    ProductSet(".NET", (".NET*",)),
    ProductSet("Microsoft Edge", ("Edge*",)),
)


class BackError(Exception):
    """The question before is asked again."""


class Interview(Struct, frozen=True):
    """Where the questions are asked: for which file, with which environment.

    ``check`` tries each answer out.
    """

    file: Path
    environ: Mapping[str, str]
    check: bool = True

    def run(self, answers: Answers) -> Answers:
        """Ask everything; what ``answers`` hold already is offered."""
        report.write(say("say.begin", file=self.file))
        position = 0
        while position < len(steps := self._steps(answers)):
            try:
                answers = steps[position](answers)
                position += 1
            except BackError:
                position = max(position - 1, 0)
        return answers

    def _steps(self, answers: Answers) -> list[Callable[[Answers], Answers]]:
        """The questions in their order; files in the outbox need no sender of their own."""
        sender = [self._sender] if answers.smtp else []
        return [self._products, self._mail, *sender, self._recipients]

    def _products(self, answers: Answers) -> Answers:
        report.write("\n" + say("say.products"))
        for number, each in enumerate(SETS, 1):
            report.write(f"  {number}  {each.name}")
        while True:
            typed = ask("products", _numbered(answers.products))
            found = replace(answers, products=_patterns(typed))
            if self._settings(found) is not None:
                return found

    def _mail(self, answers: Answers) -> Answers:
        ways = {
            "server": self._server,
            "microsoft": self._microsoft,
            "files": self._files,
        }
        report.write("\n" + say("say.mail"))
        chosen = choose("mail", tuple(ways), 2 if answers.tenant else 1)
        return ways[chosen](answers)

    def _files(self, answers: Answers) -> Answers:
        return replace(answers, smtp="", tenant="", client="", sender="", secret="")

    def _server(self, answers: Answers) -> Answers:
        while True:
            typed = ask("server", answers.smtp)
            try:
                address = server_address(typed, look=self.check)
            except ConfigurationError as error:
                report.write(say("say.failed", why=error))
                if not keep():
                    continue
                address = server_address(typed, look=False)
            user = ask("user", "", empty=True)
            if user:
                scheme, _, rest = address.partition("://")
                address = f"{scheme}://{quote(user, safe='')}@{rest}"
            found = replace(answers, smtp=address, tenant="", client="", secret="")
            if user:
                found = replace(found, secret=self._secret(PASSWORD, "password"))
            if self._tried(found):
                return found

    def _microsoft(self, answers: Answers) -> Answers:
        report.write(say("say.microsoft"))
        while True:
            mailbox = ask("mailbox", "")
            found = replace(
                answers,
                smtp=f"graph://{mailbox}",
                tenant=ask("tenant", answers.tenant),
                client=ask("client", answers.client),
            )
            found = replace(found, secret=self._secret(SECRET, "client_secret"))
            if self._tried(found):
                return found

    def _secret(self, name: str, question: str) -> str:
        """Ask for a secret, unless the environment has it: then "" stands for it."""
        for variable in (name, f"{name}_FILE"):
            if self.environ.get(variable):
                report.write(say("say.from_environment", name=variable))
                return ""
        secret = secret_file(self.file, name).name
        report.write(say("say.login", file=self.file.name, secret=secret))
        return ask(question, "", hidden=True)

    def _sender(self, answers: Answers) -> Answers:
        while True:
            typed = ask("sender", answers.sender or likely_sender(answers))
            found = replace(answers, sender=typed)
            if self._settings(found) is not None:
                return found

    def _recipients(self, answers: Answers) -> Answers:
        while True:
            typed = ask("to", ", ".join(answers.to))
            found = replace(answers, to=listed(typed))
            if self._settings(found) is not None:
                return found

    def _settings(self, answers: Answers) -> Settings | None:
        """Read the answers as the file would be read; what is wrong is said, and None given."""
        try:
            return settings_so_far(answers, self.file, self.environ)
        except ConfigurationError as error:
            report.write(say("say.wrong", why=error))
            return None

    def _tried(self, answers: Answers) -> bool:
        """Sign in as before a message, and say how that went; whether the answers stay."""
        settings = self._settings(answers)
        if settings is None or not self.check:
            return settings is not None
        try:
            what = sign_in(settings)
        except WatcherError as error:
            why = error.answer if isinstance(error, DeliveryError) else str(error)
            report.write(settings.masked(say("say.failed", why=why)))
            return keep()
        report.write(settings.masked(say("say.works", what=what)))
        return True


def ask(name: str, default: str, *, hidden: bool = False, empty: bool = False) -> str:
    """Ask one question of the words file.  Raises BackError when "<" is typed."""
    while True:
        answer = typer.prompt(
            say(f"ask.{name}"),
            default="" if hidden else default,
            show_default=bool(default) and not hidden,
            hide_input=hidden,
            prompt_suffix=": ",
        )
        text = str(answer).strip()
        if text == "<":
            raise BackError
        if text or empty:
            return text


def choose(name: str, choices: Sequence[str], default: int) -> str:
    """List choices by number, and ask for one."""
    for number, choice in enumerate(choices, 1):
        report.write(f"  {number}  {say(f'choice.{choice}')}")
    while True:
        typed = ask(name, str(default))
        if typed.isdecimal() and 1 <= int(typed) <= len(choices):
            return choices[int(typed) - 1]


def keep() -> bool:
    """Ask whether what did not work is kept all the same."""
    kept = ask("again", "", empty=True).lower() == "k"
    if kept:
        report.write(say("say.kept"))
    return kept


def secret_file(file: Path, name: str) -> Path:
    """Name the file for a secret that was typed: beside the configuration."""
    names = {PASSWORD: "smtp-password", SECRET: "client-secret"}
    return file.absolute().parent / names[name]


def server_address(typed: str, *, look: bool) -> str:
    """Make an address of what was typed: a host, host:port, or the address itself.

    ``look`` finds a port that is open where none was named.  Raises ConfigurationError.
    """
    if "://" in typed:
        return typed
    host, colon, port = typed.rpartition(":")
    if not colon or not re.fullmatch(r"\d{1,5}", port):
        host = typed
        port = str(open_port(host)) if look else "587"
    scheme = "smtps" if port == "465" else "smtp"
    return f"{scheme}://{host}:{port}"


def listed(typed: str) -> tuple[str, ...]:
    """Read several answers between commas."""
    return tuple(each.strip() for each in typed.split(",") if each.strip())


def _patterns(typed: str) -> tuple[str, ...]:
    """Read numbers of the offered sets, and patterns."""
    found: list[str] = []
    for each in listed(typed):
        number = int(each) if each.isdecimal() else 0
        if 1 <= number <= len(SETS):
            found += SETS[number - 1].patterns
        else:
            found.append(each)
    return tuple(dict.fromkeys(found))


def _numbered(patterns: tuple[str, ...]) -> str:
    """Write patterns as they may be typed: the number of the set that they are, else themselves."""
    for number, each in enumerate(SETS, 1):
        if each.patterns == patterns:
            return str(number)
    return ", ".join(patterns)


def likely_sender(answers: Answers) -> str:
    """Guess the sender: who logs in, else "watcher" of the mail server's domain."""
    _, _, place = answers.smtp.partition("://")
    user, at, host = place.rpartition("@")
    address = user.replace("%40", "@") if at and not answers.tenant else place
    if "@" not in address:
        domain = host.partition(":")[0].partition("?")[0].partition(".")[2]
        # Of an address in figures no domain can be guessed
        if not re.search(r"\.[a-z]", f".{domain}", re.IGNORECASE):
            domain = "example.org"
        address = f"watcher@{domain}"
    return f"Advisory Watcher <{address}>"
