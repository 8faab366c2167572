"""No part of a secret is shown, wherever it stands and whatever fails.

Random secrets with odd signs in every place where one may stand; servers that refuse,
say back what they were told, or are not there.  Nothing that the commands print, log,
keep or send holds four signs of one in a row.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from msgspec import Struct
from typer.testing import Result

from tests.attacks import tried
from tests.mailing import MailServer, Postbox, free_port
from tests.office import ADMINS, FEED, Office
from tests.servers import Reply, SourceServer
from tests.services import Posted, Service

# Four of them stand in no text of ours by chance
LETTERS = "xqzjvkXQZJVK"
ODD = "@:/?#[]%&=+;,!$'()*\"\\<>^`{|}~ \tüß漢"
TIMES = [f"2030-05-14T{hour:02}:00:00+00:00" for hour in range(5, 23)]


class Echo(Service):
    """Answers with what it was told, and refuses."""

    def answer(self, posted: Posted) -> tuple[int, bytes]:
        said = f"{posted.path} {dict(posted.headers)} ".encode() + posted.body
        return 500, said


class EchoingPostbox(Postbox):
    """Refuses a login, and says back what it was tried with."""

    def authenticate(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        mechanism: str,
        credentials: Any,
    ) -> AuthResult:
        said = credentials.password.decode("utf-8", "replace")
        words = " ".join(said.split()).encode("ascii", "replace").decode()
        return AuthResult(success=False, handled=False, message=f"535 {words} is wrong")


class World(Struct):
    """What an office talks to."""

    web: SourceServer
    hook: Echo
    ca: str
    mail: MailServer
    closed: int


def in_smtp_password(office: Office, world: World) -> None:
    office.mail = f'ca_bundle = "{world.ca}"'
    office.environ = {"WATCHER_SMTP_USER": "w", "WATCHER_SMTP_PASSWORD": SECRET}
    office.smtp = world.mail.url


def in_smtp_user(office: Office, world: World) -> None:
    in_smtp_password(office, world)
    office.environ = {"PW": SECRET, "WATCHER_SMTP_PASSWORD": SECRET}
    office.smtp = world.mail.url.replace("://", "://${PW}@")


def in_client_secret(office: Office, world: World) -> None:
    office.smtp = "graph://watcher@example.org"
    office.mail = ""
    office.sender = (
        'w@example.org"\ntenant = "t"\nclient = "c"\n'
        f'authority = "https://127.0.0.1:{world.closed}"\n'
        f'graph = "https://127.0.0.1:{world.closed}'
    )
    office.environ = {"WATCHER_CLIENT_SECRET": SECRET}


def in_certificate(office: Office, world: World) -> None:
    in_client_secret(office, world)
    office.environ = {
        "WATCHER_CLIENT_CERTIFICATE": (
            f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"
            f"-----BEGIN CERTIFICATE-----\n{SECRET}\n-----END CERTIFICATE-----\n"
        )
    }


def source(form: str) -> Callable[[Office, World], None]:
    def configure(office: Office, world: World) -> None:
        office.environ = {"PW": SECRET}
        office.feed = form.format(port=world.hook.port, closed=world.closed)

    return configure


def channel(form: str) -> Callable[[Office, World], None]:
    def configure(office: Office, world: World) -> None:
        office.environ = {"PW": SECRET}
        url = form.format(port=world.hook.port, closed=world.closed)
        office.more = (
            f'[[channel]]\nname = "teams"\nurl = "{url}"\n'
            '[[subscriber]]\nname = "chat"\nchannels = ["teams"]\n' + ADMINS
        )

    return configure


def in_whole_channel(office: Office, world: World) -> None:
    channel("${{HOOK}}")(office, world)
    url = f"json://w:{SECRET}@127.0.0.1:{world.hook.port}/{SECRET}?x={SECRET}"
    office.environ = {"HOOK": url}


def heartbeat(form: str) -> Callable[[Office, World], None]:
    def configure(office: Office, world: World) -> None:
        office.environ = {"PW": SECRET}
        url = form.format(port=world.hook.port, closed=world.closed)
        office.more = f'{ADMINS}[heartbeat]\nurl = "{url}"\n'

    return configure


def in_state(form: str) -> Callable[[Office, World], None]:
    def configure(office: Office, world: World) -> None:
        office.environ = {"PW": SECRET}
        office.database = form.format(closed=world.closed)

    return configure


def in_proxy(form: str) -> Callable[[Office, World], None]:
    def configure(office: Office, world: World) -> None:
        proxy = form.format(closed=world.closed, secret=SECRET)
        office.environ = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "NO_PROXY": ""}
        office.environ |= {"http_proxy": proxy, "https_proxy": proxy, "no_proxy": ""}
        office.feed = "http://feeds.example/feed"
        channel("json://hook.example:80/x")(office, world)
        office.environ.pop("PW", None)
        office.more += '[heartbeat]\nurl = "http://beat.example/x"\n'
        office.environ |= {"HTTP_PROXY": proxy}

    return configure


# Stands for the secret until it is chosen
SECRET = "\0secret\0"
PLACES: dict[str, Callable[[Office, World], None]] = {
    "the mail password": in_smtp_password,
    "the mail user": in_smtp_user,
    "a client secret": in_client_secret,
    "a certificate": in_certificate,
    "a source's password": source("http://w:${{PW}}@127.0.0.1:{port}/feed"),
    "a source's name": source("http://${{PW}}@127.0.0.1:{closed}/feed"),
    "a source's path": source("http://127.0.0.1:{port}/x/${{PW}}/feed"),
    "a source's query": source("http://127.0.0.1:{port}/feed?key=${{PW}}"),
    "a source's host": source("http://${{PW}}.example/feed"),
    "a source's port": source("http://127.0.0.1:${{PW}}/feed"),
    "a source's whole address": source("${{PW}}"),
    "a channel's password": channel("json://w:${{PW}}@127.0.0.1:{port}/x"),
    "a channel's path": channel("json://127.0.0.1:{port}/${{PW}}/x"),
    "a channel's host": channel("json://${{PW}}/x"),
    "a channel that is away": channel("json://w:${{PW}}@127.0.0.1:{closed}/x"),
    "a channel by mail": channel(
        "mailto://w:${{PW}}@127.0.0.1:{closed}?to=a@example.org"
    ),
    "a channel's whole address": in_whole_channel,
    "a channel that is none": channel("${{PW}}"),
    "the heartbeat's path": heartbeat("http://127.0.0.1:{port}/${{PW}}"),
    "the heartbeat's host": heartbeat("http://${{PW}}/x"),
    "the heartbeat's password": heartbeat("http://w:${{PW}}@127.0.0.1:{closed}/x"),
    "the database's password": in_state(
        "postgresql+psycopg://w:${{PW}}@127.0.0.1:{closed}/db"
    ),
    "the database's user": in_state(
        "postgresql+psycopg://${{PW}}@127.0.0.1:{closed}/db"
    ),
    "the database's name": in_state(
        "postgresql+psycopg://w@127.0.0.1:{closed}/${{PW}}"
    ),
    "the database's option": in_state(
        "postgresql+psycopg://w@127.0.0.1:{closed}/db?password=${{PW}}"
    ),
    "the database's wrong option": in_state(
        "postgresql+psycopg://w@127.0.0.1:{closed}/db?x=${{PW}}"
    ),
    "a proxy's password": in_proxy("http://w:{secret}@127.0.0.1:{closed}"),
    "a proxy's name": in_proxy("http://{secret}@127.0.0.1:{closed}"),
    "a proxy without a scheme": in_proxy("w:{secret}@127.0.0.1:{closed}"),
}
COMMANDS = (
    ("check", "-v"),
    ("run", "-v"),
    ("run", "--force", "--log-json", "-v"),
    ("status", "--json"),
    ("doctor",),
    ("mail", "test", "one@example.org", "-v"),
    ("mail", "test", "teams", "-v"),
)
# The suite tries one secret a place, make soak three
SEEDS = (0, *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(1, 3)))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with (
        SourceServer() as web,
        Echo() as hook,
        MailServer(EchoingPostbox(), tls=context, auth=True) as mail,
    ):
        web.play("/feed", Reply(FEED))
        yield World(web, hook, str(tmp_path / "ca.pem"), mail, free_port())


def secrets(seed: int) -> str:
    """Make up a secret."""
    chance = random.Random(seed)
    long = chance.randrange(8, 24)
    parts = [
        "".join(chance.choices(LETTERS, k=chance.randrange(1, 7))) + chance.choice(ODD)
        for _ in range(long // 4)
    ]
    return "".join(parts) + "".join(chance.choices(LETTERS, k=5))


def shown(secret: str, text: str) -> set[str]:
    """Give the runs of four signs of a secret that stand in a text."""
    runs = {secret[at : at + 4] for at in range(len(secret) - 3)}
    # Four that are quoted, spaces, or nothing but odd signs tell nobody anything
    letters = {run for run in runs if sum(sign in LETTERS for sign in run) >= 3}
    return {run for run in letters if run in text}


def kept(folder: Path) -> str:
    """Give all that lies in a folder but the configuration."""
    texts = []
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.name not in {"watcher.toml", "ca.pem"}:
            texts.append(f"{file.relative_to(folder)} ")
            texts.append(file.read_bytes().decode("utf-8", "replace"))
    return "\n".join(texts)


@tried("shown")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_part_of_a_secret_is_shown_wherever_it_stands(
    tmp_path: Path, world: World, place: str, seed: int
) -> None:
    secret = secrets(len(place) * 100 + seed)
    folder = tmp_path / "office"
    folder.mkdir()
    office = Office(folder, world.web.url("/feed"), mail='evidence = "state/evidence"')
    office.more += '[operator]\nto = ["ops@example.org"]\nfailures = 1\n'
    PLACES[place](office, world)
    if "operator" not in office.more:
        office.more += '[operator]\nto = ["ops@example.org"]\nfailures = 1\n'
    office.environ = {
        name: value.replace(SECRET, secret) for name, value in office.environ.items()
    }
    said = []
    for at, words in zip(TIMES, COMMANDS, strict=False):
        result: Result = office.call(at, *words)
        assert result.exit_code in {0, 1, 2}
        said.append(f"{words}: {result.stdout} {result.stderr}")
    output = "\n".join(said)
    assert shown(secret, output) == set(), output
    assert shown(secret, kept(folder)) == set()
