"""A service provider watches for several: each organisation is told what is its own."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest

from tests.mailing import MailServer, Postbox, Received
from tests.run.stage import NEW_ROW, PAUSED, ROWS, Stage, november
from tests.servers import Reply, SourceServer
from tests.stories.pages import table
from watcher import config
from watcher.errors import ConfigurationError

CONTOSO = """
[[organisation]]
name = "contoso"
products = ["Exchange Server 2019*"]
inventory = "contoso.csv"
from = "Contoso IT <it@contoso.example.org>"
language = "de"
timezone = "Europe/Berlin"

[[organisation.subscriber]]
name = "admins"
to = ["anna@contoso.example.org", "otto@contoso.example.org"]
"""
FABRIKAM = """
[[organisation]]
name = "fabrikam"
inventory = "fabrikam.csv"

[[organisation.subscriber]]
name = "admins"
to = ["frida@fabrikam.example.org"]

[[organisation.subscriber]]
name = "board"
to = ["board@fabrikam.example.org"]
when = "daily 07:00"
"""
# Of another product: what happens to Exchange is nothing to them
NORTHWIND = """
[[organisation]]
name = "northwind"
products = ["SharePoint Server*"]

[[organisation.subscriber]]
name = "admins"
to = ["nina@northwind.example.org"]
"""
SERVERS = {
    "contoso": "server,product,build\nCONTOSO-EX1,Exchange Server 2019 CU14,15.2.1544.13\n",
    "fabrikam": "server,product,build\nFABRIKAM-EX7,Exchange Server 2019 CU14,15.2.1544.13\n",
}


class Provider(Stage):
    """The stage, watched for three organisations whose mail goes to a real server."""

    def __init__(
        self, web: SourceServer, server: MailServer, folder: Path, state: str
    ) -> None:
        super().__init__(web, folder, state)
        for name, text in SERVERS.items():
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        text = self.file.read_text("utf-8").partition("[[subscriber]]")[0]
        mail = f'[mail]\nfrom = "Provider <noc@provider.example.org>"\nsmtp = "{server.url}"\n'
        self.file.write_text(text + mail + CONTOSO + FABRIKAM + NORTHWIND, "utf-8")
        self.settings = config.load(self.file, {})
        self.postbox = server.postbox

    def live(self) -> list[Received]:
        """Relive release and pull; give what arrived after the welcomes."""
        self.check("2024-11-11T18:00:00Z")
        self.told("2024-11-12T18:00:00Z", november(), builds=table(NEW_ROW, *ROWS))
        before = len(self.postbox.messages)
        self.told("2024-11-14T18:00:00Z", november(PAUSED))
        return self.postbox.messages[before:]


@pytest.fixture
def provider(tmp_path: Path, database_url: str) -> Iterator[Provider]:
    with SourceServer() as web, MailServer(Postbox()) as server:
        yield Provider(web, server, tmp_path, database_url)


def whole(received: Received) -> str:
    """Give headers and texts of a message as its reader sees them."""
    read = email.message_from_bytes(received.body, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    parts = [f"Subject: {read['Subject']}", str(read)]
    texts = [part for part in read.walk() if part.get_content_maintype() == "text"]
    parts += [str(part.get_content()) for part in texts]
    return "\n".join(parts)


def test_a_pull_is_judged_once_and_told_to_each_organisation_in_its_language(
    provider: Provider,
) -> None:
    pulled = provider.live()

    assert [event for event in provider.events() if event.startswith("pulled")] == [
        "pulled exchange-server-2024-11-su KB5044062"
    ]
    letters = {tuple(each.recipients): whole(each) for each in pulled}
    # The board has its digest of the release in the same run
    assert set(letters) == {
        ("anna@contoso.example.org", "otto@contoso.example.org"),
        ("board@fabrikam.example.org",),
        ("frida@fabrikam.example.org",),
    }
    german = letters["anna@contoso.example.org", "otto@contoso.example.org"]
    english = letters[("frida@fabrikam.example.org",)]
    assert "Subject: [ZURÜCKGEZOGEN] Exchange Server November 2024 SU" in german
    assert "Subject: [PULLED] Exchange Server November 2024 SU" in english
    assert "your service provider runs" in " ".join(english.split())


def test_no_letter_of_one_organisation_names_anothers_servers_or_recipients(
    provider: Provider,
) -> None:
    provider.live()

    names = {
        "contoso": ("contoso",),
        "fabrikam": ("fabrikam",),
        "northwind": ("northwind",),
    }
    assert len(provider.postbox.messages) >= 7
    for received in provider.postbox.messages:
        (own,) = [name for name in names if f"@{name}." in received.recipients[0]]
        text = whole(received).lower()
        assert own in text
        for other in names.keys() - {own}:
            assert other not in text, received.recipients
    pulled = {each.recipients[0]: whole(each) for each in provider.postbox.messages}
    assert "CONTOSO-EX1" in pulled["anna@contoso.example.org"]
    assert "FABRIKAM-EX7" in pulled["frida@fabrikam.example.org"]


def test_each_organisation_is_written_to_by_its_own_sender(provider: Provider) -> None:
    provider.live()

    senders = {
        (each.recipients[0].partition("@")[2].partition(".")[0], each.sender)
        for each in provider.postbox.messages
    }
    assert senders == {
        ("contoso", "it@contoso.example.org"),
        ("fabrikam", "noc@provider.example.org"),
        ("northwind", "noc@provider.example.org"),
    }


def test_sources_are_asked_once_however_many_are_told(provider: Provider) -> None:
    provider.check("2024-11-11T18:00:00Z")

    assert len(provider.web.asked("/builds")) == 1
    assert len(provider.web.asked("/updates")) == 1


def test_an_organisation_hears_nothing_of_products_that_it_does_not_watch(
    provider: Provider,
) -> None:
    provider.live()

    to_northwind = [
        whole(each)
        for each in provider.postbox.messages
        if "nina@northwind.example.org" in each.recipients
    ]
    # Its welcome: what others watch is no part of it
    assert len(to_northwind) == 1
    assert "[WELCOME]" in to_northwind[0]
    assert "Exchange" not in to_northwind[0].replace("exchange", "")


FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>
<link>https://a.example.org/</link><item><guid>1</guid><title>{0}</title>
<link>https://a.example.org/1</link><pubDate>Sun, 10 Nov 2024 18:00:00 GMT</pubDate>
<description>{0} is available.</description></item></channel></rss>"""
SOURCE = """
[[source]]
name = "{name}"
kind = "feed"
url = "{url}"
"""


def test_a_welcome_lists_the_organisations_own_sources_and_no_other_customers(
    tmp_path: Path,
) -> None:
    """Which feeds a provider reads for others says who they are."""
    with SourceServer() as web, MailServer(Postbox()) as server:
        provider = Provider(web, server, tmp_path, f"sqlite:///{tmp_path / 'w.db'}")
        for name, title in (
            ("for-fabrikam", "Exchange Server 2019 CU14 Nov24SU"),
            ("for-somebody", "QTS 5.2.2.2950 build 20241114"),
            ("that-is-away", ""),
        ):
            page = Reply(FEED.format(title).encode()) if title else Reply(status=500)
            text = SOURCE.format(name=name, url=web.play(f"/{name}", page))
            with provider.file.open("a", encoding="utf-8") as file:
                file.write(text)
        provider.settings = config.load(provider.file, {})
        provider.check("2024-11-11T18:00:00Z")
        letters = {each.recipients[0]: whole(each) for each in server.postbox.messages}

    fabrikam = letters["frida@fabrikam.example.org"]
    northwind = letters["nina@northwind.example.org"]
    assert "for-fabrikam" in fabrikam
    for letter in letters.values():
        assert "[WELCOME]" in letter or "[WILLKOMMEN]" in letter
        assert "for-somebody" not in letter
        assert "that-is-away" not in letter
    assert "for-fabrikam" not in northwind
    assert "builds" in fabrikam


def test_mistakes_name_the_table_and_the_line(tmp_path: Path) -> None:
    file = tmp_path / "watcher.toml"
    file.write_text(
        CONTOSO
        + "\n"
        + FABRIKAM.replace("daily 07:00", "at seven").replace('"frida@', '"frida at ')
        + '\n[[organisation]]\nname = "Contoso"\n',
        encoding="utf-8",
    )

    with pytest.raises(ConfigurationError) as refused:
        config.load(file, {})

    said = str(refused.value).splitlines()
    lines = file.read_text("utf-8").splitlines()
    frida = 1 + next(at for at, text in enumerate(lines) if "frida" in text)
    seven = 1 + next(at for at, text in enumerate(lines) if "at seven" in text)
    assert said[0].startswith(f"{file}:{frida}: organisation[2].subscriber[1].to: ")
    assert said[1].startswith(f"{file}:{seven}: organisation[2].subscriber[2].when: ")
    assert any('there is an organisation "Contoso" already' in each for each in said)
    assert any("nobody would be told" in each for each in said)


def test_a_provider_may_hear_of_its_own_products_too(tmp_path: Path) -> None:
    file = tmp_path / "watcher.toml"
    file.write_text(
        '[watch]\nproducts = ["Windows Server 2022*"]\n'
        '[[subscriber]]\nname = "noc"\nto = ["noc@provider.example.org"]\n' + CONTOSO,
        encoding="utf-8",
    )

    settings = config.load(file, {})

    assert settings.watch.products == ("Windows Server 2022*", "Exchange Server 2019*")
    assert [reader.name for reader in settings.subscribers] == ["noc", "contoso/admins"]
    assert [each.watch.products for each in settings.each_organisation] == [
        ("Windows Server 2022*",),
        ("Exchange Server 2019*",),
    ]
    assert settings.of("contoso/admins").mail.sender.startswith("Contoso")
    assert settings.of("noc").watch.products == ("Windows Server 2022*",)
