"""``watcher doctor``.

Each thing that is unwell has its finding, with an id, how grave it is, and a remedy.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import pytest
from dns.resolver import Resolver
from msgspec.structs import replace
from typer.testing import CliRunner

from tests.mailing import MailServer, Postbox, free_port
from tests.servers import OUTAGE, Reply, SourceServer, moved
from watcher import config, doctor, report
from watcher.cli import app
from watcher.config import Settings
from watcher.doctor import Finding, Severity
from watcher.doctor.mail import texts as dns_texts
from watcher.records import Delivery, DeliveryState, Document, Message, Times
from watcher.settings import NOBODY_NAMED
from watcher.sources import parse
from watcher.store import Store
from watcher.web import FetchSettings
from watcher.web.fetch import Fetcher

NOW = datetime(2030, 11, 12, 18, 0, tzinfo=UTC)
FEED = b'<rss version="2.0"><channel><title>b</title><item><title>t</title></item></channel></rss>'


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    file = tmp_path / "watcher.toml"
    source = (
        '[[source]]\nname = "blog"\nkind = "feed"\nurl = "http://127.0.0.1:9/feed"\n'
    )
    file.write_text(
        (
            f"[watch]\nbuiltin_sources = false\n{source}[[subscriber]]\nname = "
            '"admins"\nto = ["admins@example.org"]\n'
        ),
        encoding="utf-8",
    )
    return config.load(file, {})


def looked_over(settings: Settings, now: datetime = NOW) -> dict[str, Finding]:
    return {finding.id: finding for finding in doctor.findings(settings, {}, now, None)}


def unwell(found: dict[str, Finding]) -> set[str]:
    return {
        name for name, finding in found.items() if finding.severity is not Severity.WELL
    }


def test_published_servers_are_a_warning(settings: Settings, tmp_path: Path) -> None:
    assert "site.servers" not in looked_over(settings)
    found = looked_over(
        replace(settings, inventory=tmp_path / "inventory.csv", publish_servers=True)
    )["site.servers"]
    assert found.severity is Severity.WARNING
    assert "which of them lack which update" in found.text


def touch(settings: Settings, at: datetime) -> None:
    with Store.open(settings.state) as store:
        store.touch([Times("blog", "", at, at)])


def test_a_watcher_that_checks_in_time_has_nothing_but_its_outbox(
    settings: Settings,
) -> None:
    touch(settings, NOW - timedelta(minutes=5))
    assert unwell(looked_over(settings)) == set()
    assert unwell(
        {finding.id: finding for finding in doctor.mail_server(settings)}
    ) == {"mail.outbox"}


def test_every_finding_that_is_not_well_has_a_remedy(settings: Settings) -> None:
    found = looked_over(
        replace(settings, file=None, subscribers=(NOBODY_NAMED,)),
        NOW.replace(year=1970),
    )
    assert {"config.default", "config.nobody", "clock.wrong", "state.none"} <= unwell(
        found
    )
    assert [name for name in unwell(found) if not found[name].remedy] == []


def test_a_file_without_a_subscriber_tells_nobody(settings: Settings) -> None:
    assert settings.file is not None
    text = settings.file.read_text(encoding="utf-8").partition("[[subscriber]]")[0]
    settings.file.write_text(text, encoding="utf-8")
    assert "config.nobody" not in looked_over(settings)
    assert "config.nobody" in looked_over(config.load(settings.file, {}))


def test_a_schedule_that_has_stopped_is_seen(settings: Settings) -> None:
    touch(settings, NOW - timedelta(days=2))
    assert unwell(looked_over(settings)) == {"schedule.late"}


def test_a_clock_that_has_gone_back_is_seen(settings: Settings) -> None:
    touch(settings, NOW + timedelta(days=1))
    assert looked_over(settings)["clock.back"].severity is Severity.ERROR


def test_a_damaged_state_is_an_error_and_stays_as_it_is(
    settings: Settings, tmp_path: Path
) -> None:
    touch(settings, NOW)
    file = tmp_path / "state" / "watcher.db"
    file.write_bytes(file.read_bytes()[:4096] + bytes(4096) + file.read_bytes()[8192:])
    before = file.read_bytes()
    found = looked_over(settings)
    assert found.keys() & {"state.damaged", "state.unusable"}
    assert file.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="this system has no POSIX modes")
def test_a_state_and_a_secret_that_others_may_read_are_told(
    settings: Settings, tmp_path: Path
) -> None:
    touch(settings, NOW)
    (tmp_path / "state" / "watcher.db").chmod(0o644)
    assert "chmod 600" in looked_over(settings)["state.readable"].remedy
    password = tmp_path / "password"
    password.write_text("x")
    password.chmod(0o640)
    (finding,) = doctor.secrets({"WATCHER_SMTP_PASSWORD_FILE": str(password)})
    assert (finding.id, finding.severity) == ("secret.readable", Severity.WARNING)
    password.chmod(0o600)
    (finding,) = doctor.secrets({"WATCHER_SMTP_PASSWORD_FILE": str(password)})
    assert finding.severity is Severity.WELL


def test_deliveries_given_up_are_told(settings: Settings) -> None:
    touch(settings, NOW)
    with Store.open(settings.state) as store:
        message = Message(
            "<1@example.org>",
            NOW,
            "released",
            "admins",
            "",
            "s",
            (),
            b"Message-ID: <1@example.org>\r\n\r\n",
        )
        store.seal([(message, [("a@example.org", "mail")])])
        store.mark(
            Delivery(
                message.id, "a@example.org", state=DeliveryState.REFUSED, settled=NOW
            )
        )
    assert unwell(looked_over(settings)) == {"mail.given-up"}


def test_a_full_disk_is_told_before_it_is_full(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(settings, NOW)
    monkeypatch.setattr(doctor, "ROOM", 1 << 60)
    assert unwell(looked_over(settings)) == {"disk.full"}


def test_each_source_is_asked(settings: Settings) -> None:
    with SourceServer() as web, Fetcher(FetchSettings(attempts=1)) as fetcher:
        (source,) = settings.sources
        good = replace(source, name="good", url=web.play("/feed", Reply(FEED)))
        gone = replace(source, name="gone", url=web.url("/gone"))
        twin = replace(source, name="twin", url=web.url("/twin"))
        other = replace(source, name="other", url=web.play("/other", Reply(OUTAGE)))
        far = replace(source, name="far", url=web.play("/far", moved("/feed", 301)))
        sources = (good, gone, twin, other, far)
        found = list(
            doctor.answers(replace(settings, sources=sources), fetcher, NOW, parse)
        )
        new = web.url("/feed")
    assert [(finding.id, finding.text.split(":")[0]) for finding in found] == [
        ("source.answers", "good answers"),
        ("source.answers", "far answers"),
        ("source.moved", "far"),
        ("source.fails", "gone, twin"),
        ("source.unreadable", "other"),
    ]
    assert found[2].remedy == f'Write url = "{new}" into its [[source]].'


def test_what_the_state_knows_of_sources_is_told_without_asking_them(
    settings: Settings,
) -> None:
    failing = Times(
        "blog",
        "",
        NOW,
        NOW - timedelta(hours=1),
        3,
        "blog: no (https://b). Wait.",
        "no",
        "Wait.",
    )
    with Store.open(settings.state) as store:
        store.touch([failing])
    assert unwell(looked_over(settings)) == {"source.failing"}
    (source,) = settings.sources
    quiet = replace(settings, sources=(replace(source, silent=timedelta(days=45)),))
    with Store.open(settings.state) as store:
        store.record(
            "blog",
            documents=[Document("blog", "", "", newest=NOW - timedelta(days=46))],
            times=[Times("blog", "", NOW, NOW)],
        )
    found = looked_over(quiet)
    assert unwell(found) == {"source.silent"}
    assert (
        "blog: it answers, but the newest that it shows is of 2030-09-27 18:00Z"
        in found["source.silent"].text
    )


@pytest.fixture
def zone() -> Iterator[tuple[dict[str, list[str]], Resolver]]:
    """A DNS server on loopback, its texts by name, and a resolver that asks it.

    What it does not hold is no name.
    """
    texts: dict[str, list[str]] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def serve() -> None:
            while (asked := server.recvfrom(4096))[0] != b"end":
                question = dns.message.from_wire(asked[0])
                name = question.question[0].name.to_text(omit_final_dot=True)
                answer = dns.message.make_response(question)
                if name == "broken.example.org":
                    answer.set_rcode(dns.rcode.SERVFAIL)
                elif name not in texts:
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                elif texts[name]:
                    written = [
                        " ".join(f'"{part}"' for part in text.split("|"))
                        for text in texts[name]
                    ]
                    answer.answer.append(
                        dns.rrset.from_text(
                            question.question[0].name, 60, "IN", "TXT", *written
                        )
                    )
                server.sendto(answer.to_wire(), asked[1])

        thread = threading.Thread(target=serve)
        thread.start()
        resolver = Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], server.getsockname()[1]
        yield texts, resolver
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", server.getsockname())
        thread.join()


def sent_as(settings: Settings, sender: str, selector: str = "") -> Settings:
    return replace(
        settings,
        mail=replace(
            settings.mail,
            smtp="smtp://127.0.0.1:9",
            sender=sender,
            dkim_selector=selector,
        ),
    )


def test_the_dns_is_asked_for_what_it_says_of_the_sender(
    settings: Settings, zone: tuple[dict[str, list[str]], Resolver]
) -> None:
    texts, resolver = zone
    texts |= {
        # One text of two parts
        "mail.example.org": ["something else", "v=spf1 |mx -all"],
        "k1._domainkey.mail.example.org": ["v=DKIM1; k=rsa; p=MIGf"],
        "_dmarc.example.org": ["v=DMARC1; p=reject"],  # above the sender's own domain
        "_dmarc.mail.example.org": [],  # a name without texts
    }
    ask = partial(dns_texts, resolver=resolver)
    found = list(
        doctor.sender(
            sent_as(settings, "Watcher <watcher@mail.example.org>", "k1"), ask
        )
    )
    assert [(finding.id, finding.severity) for finding in found] == [
        ("mail.spf", Severity.WELL),
        ("mail.dkim", Severity.WELL),
        ("mail.dmarc", Severity.WELL),
    ]
    assert found[0].text == "SPF: mail.example.org: v=spf1 mx -all"
    assert found[2].text == "DMARC: example.org has the policy reject"
    bare = [
        finding.id
        for finding in doctor.sender(sent_as(settings, "watcher@other.example"), ask)
    ]
    assert bare == ["mail.spf-none", "mail.dkim-unasked", "mail.dmarc-none"]


def test_a_dns_that_gives_no_answer_is_one_warning(
    settings: Settings, zone: tuple[dict[str, list[str]], Resolver]
) -> None:
    ask = partial(dns_texts, resolver=zone[1])
    (finding,) = doctor.sender(sent_as(settings, "watcher@broken.example.org"), ask)
    assert (finding.id, finding.severity) == ("mail.dns", Severity.WARNING)
    assert "the DNS did not answer for broken.example.org" in finding.text


def test_a_sender_of_no_domain_is_told_and_nothing_is_asked(settings: Settings) -> None:
    (finding,) = doctor.sender(sent_as(settings, "watcher@localhost"))
    assert finding.id == "mail.sender-local"
    # Messages become files: nobody judges their sender
    assert list(doctor.sender(settings)) == []


def test_the_mail_server_is_greeted_and_nothing_is_sent(settings: Settings) -> None:
    plain = MailServer(Postbox())
    plain.start()
    try:
        found = list(
            doctor.mail_server(
                replace(settings, mail=replace(settings.mail, smtp=plain.url))
            )
        )
    finally:
        plain.stop()
    assert [finding.id for finding in found] == ["mail.ready", "mail.open"]
    assert plain.postbox.messages == []


def test_a_mail_server_that_is_away_is_an_error(settings: Settings) -> None:
    away = f"smtp://127.0.0.1:{free_port()}?timeout=5"
    (finding,) = doctor.mail_server(
        replace(settings, mail=replace(settings.mail, smtp=away))
    )
    assert (finding.id, finding.severity) == ("mail.refused", Severity.ERROR)
    assert "127.0.0.1" in finding.text


def test_the_command_names_each_finding_and_ends_with_1_for_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (report.LOG.handlers[:], report.LOG.level, report.LOG.propagate)
    monkeypatch.chdir(settings.file.parent if settings.file else ".")
    touch(settings, datetime.now(UTC))
    answer = CliRunner().invoke(
        app, ["doctor", "--offline", "--json"], prog_name="watcher"
    )
    found = [json.loads(line) for line in answer.stdout.splitlines()]
    assert answer.exit_code == 0
    assert {"config.file", "state.whole", "schedule.timely"} <= {
        finding["id"] for finding in found
    }
    assert all(
        finding.keys() == {"id", "severity", "text", "remedy"} for finding in found
    )
    touch(settings, datetime.now(UTC) + timedelta(days=400))
    assert (
        CliRunner().invoke(app, ["doctor", "--offline"], prog_name="watcher").exit_code
        == 1
    )
    report.LOG.handlers[:], report.LOG.level, report.LOG.propagate = before


def test_nothing_is_changed_by_looking(settings: Settings, tmp_path: Path) -> None:
    touch(settings, NOW)
    with sqlite3.connect(tmp_path / "state" / "watcher.db") as database:
        before = list(database.iterdump())
    database.close()
    names = sorted(path.name for path in tmp_path.rglob("*"))
    looked_over(settings)
    with sqlite3.connect(tmp_path / "state" / "watcher.db") as database:
        assert list(database.iterdump()) == before
    database.close()
    assert sorted(path.name for path in tmp_path.rglob("*")) == names
