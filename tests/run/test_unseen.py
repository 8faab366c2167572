"""Whoever watches what no source names is told so, wherever they look."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest
import time_machine
from msgspec.structs import replace
from typer.testing import CliRunner

from tests.run.stage import Stage, november
from tests.servers import SourceServer
from watcher import config, doctor, report
from watcher.cli import app
from watcher.cli.check import summary
from watcher.cli.status import status_object
from watcher.config import Settings
from watcher.records import Watch
from watcher.run import unseen
from watcher.settings import Operator
from watcher.store import Store

NOW = datetime(2024, 11, 12, 18, 30, tzinfo=UTC)
MISTYPED = 'products of [watch]: "Exchnage Server*" matches none of the products'
OUTSIDE = (
    '"SQL Server 2019*" names nothing that is watched: watched is "Exchange Server*"'
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Sources that tell of Exchange Server and Windows."""
    with SourceServer() as web:
        yield Stage(web, tmp_path, f"sqlite:///{tmp_path / 'state.db'}")


def watching(stage: Stage, *products: str, of: tuple[str, ...] = ("*",)) -> Settings:
    """Watch products, with a subscriber of some of them."""
    (reader,) = stage.settings.subscribers
    readers = (replace(reader, products=of),)
    stage.settings = replace(stage.settings, watch=Watch(products), subscribers=readers)
    return stage.settings


def welcome(settings: Settings) -> str:
    with Store.open(settings.state, hold=False) as store:
        (found,) = store.messages(kind="welcome")
    message = email.message_from_bytes(found.body, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    assert body is not None
    return " ".join(str(body.get_content()).split())


def test_a_mistyped_product_is_told_by_run_welcome_status_and_doctor(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = watching(stage, "Exchnage Server*")
    stage.show(november())
    (warning,) = stage.check("2024-11-12T18:00:00Z").warnings
    assert warning.startswith(MISTYPED)
    assert 'Do you mean "Exchange Server"' in warning

    text = welcome(settings)
    assert 'Nothing is known of "Exchnage Server*"' in text
    assert "Names like it: Exchange Server" in text
    assert "is pulled." not in text

    with Store.open(settings.state, hold=False) as store:
        found = unseen.patterns(settings, store)
    assert "nothing that it watches can be seen" in summary(settings, found)
    assert "all is well" not in summary(settings, found)
    checks = [each.id for each in doctor.state(settings, NOW)]
    assert "products.unseen" in checks


def test_a_subscriber_outside_of_the_watch_is_told_so_and_gets_no_all_clear(
    stage: Stage,
) -> None:
    settings = watching(stage, "Exchange Server*", of=("SQL Server 2019*",))
    (warning,) = stage.check("2024-11-12T18:00:00Z").warnings
    assert OUTSIDE in warning
    text = welcome(settings)
    assert '"SQL Server 2019*" is not watched here' in text
    assert "Nothing that is watched is pulled" not in text


def test_what_sees_something_is_not_told_and_nothing_is_written_for_it(
    stage: Stage,
) -> None:
    settings = watching(stage, "Exchange Server*", of=("Exchange Server 2019*",))
    assert stage.check("2024-11-12T18:00:00Z").warnings == ()
    assert "Nothing that is watched is pulled." in welcome(settings)
    with Store.open(settings.state, hold=False) as store:
        before = store.metas("")
    stage.check("2024-11-12T19:00:00Z")
    with Store.open(settings.state, hold=False) as store:
        assert store.metas("") == before


def test_no_surface_calls_it_well_that_nothing_can_be_seen(stage: Stage) -> None:
    """A page that says "nothing is pulled" of products that nobody knows is believed."""
    settings = watching(stage, "Exchnage Server*")
    reader = settings.subscribers[0]
    settings = replace(settings, operator=Operator(reader, quiet=True))
    stage.settings = settings
    stage.show(november())
    report = stage.check("2024-11-12T18:00:00Z", publish=True)
    assert report.blind

    page = (settings.site / "index.html").read_text(encoding="utf-8")
    assert "Nothing that is watched here can be seen" in page
    assert "Nothing is known of “Exchnage Server*”" in page
    assert "Names like it: Exchange Server" in page
    assert "Nothing is pulled" not in page
    status = json.loads((settings.site / "status.json").read_bytes())
    assert (status["well"], status["unseen"]) == (False, ["Exchnage Server*"])

    with Store.open(settings.state, hold=False) as store:
        standing = status_object(settings, store)
        subjects = {message.subject for message in store.messages(kind="operator")}
    assert not standing["ok"]
    assert '[OPERATOR] No source names "Exchnage Server*"' in subjects
    assert not any("All is quiet" in subject for subject in subjects)
    # Each is told once
    stage.check("2024-11-12T19:00:00Z")
    with Store.open(settings.state, hold=False) as store:
        again = {message.subject for message in store.messages(kind="operator")}
    assert again == subjects


def test_a_page_says_what_of_the_watch_it_cannot_see(stage: Stage) -> None:
    settings = watching(stage, "Exchange Server*", "Shraepoint*")
    stage.show(november())
    assert not stage.check("2024-11-12T18:00:00Z", publish=True).blind
    page = (settings.site / "index.html").read_text(encoding="utf-8")
    assert "Among what can be seen, nothing is pulled" in page
    assert "Nothing is known of “Shraepoint*”" in page

    # Put right, it is an all-clear again, whatever the sources did not change
    watching(stage, "Exchange Server*")
    stage.check("2024-11-12T19:00:00Z", publish=True)
    page = (settings.site / "index.html").read_text(encoding="utf-8")
    assert "Nothing is pulled right now" in page
    assert "Shraepoint" not in page


def test_what_a_reader_of_their_own_cannot_see_is_on_no_page(stage: Stage) -> None:
    settings = watching(stage, "Exchange Server*", of=("SQL Server 2019*",))
    stage.show(november())
    stage.check("2024-11-12T18:00:00Z", publish=True)
    page = (settings.site / "index.html").read_text(encoding="utf-8")
    assert "Nothing is pulled right now" in page
    assert "SQL Server" not in page


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of one's own, and a log that is as before afterwards."""
    monkeypatch.chdir(tmp_path)
    log = report.LOG
    kept = (log.handlers[:], log.level, log.propagate)
    yield tmp_path
    log.handlers[:], log.level, log.propagate = kept


def run(*words: str) -> tuple[int, str]:
    with time_machine.travel(NOW, tick=False):
        said = CliRunner().invoke(app, list(words))
    return said.exit_code, " ".join((said.stdout + said.stderr).split())


def test_check_and_status_tell_of_it_before_any_check(work: Path) -> None:
    text = '[watch]\nproducts = ["Exchnage Server*", "SQL 2022"]\n'
    (work / "watcher.toml").write_text(text, encoding="utf-8")
    code, said = run("check")
    assert code == 0
    assert MISTYPED in said
    assert "not all that it names can be seen" in said
    assert "Watched: Exchnage Server*, SQL Server 2022*" in said
    code, said = run("status")
    assert code == 1
    assert MISTYPED in said


def test_everyday_names_are_all_well(work: Path) -> None:
    names = ("Exchange 2019*", "Microsoft SQL Server 2022", "Windows 11 24H2")
    text = f"[watch]\nproducts = {list(names)}\n".replace("'", '"')
    text += '[[subscriber]]\nname = "dba"\nto = ["dba@example.org"]\n'
    text += 'products = ["SQL 2022"]\n'
    (work / "watcher.toml").write_text(text, encoding="utf-8")
    code, said = run("check")
    assert code == 0
    assert "all is well" in said
    settings = config.load(work / "watcher.toml", {})
    assert settings.watch.products == (
        "Exchange Server 2019*",
        "SQL Server 2022*",
        "Windows 11 Version 24H2*",
    )
    on = {source.name for source in settings.sources if source.enabled}
    assert {"exchange-builds", "sql-2022-builds", "windows-11-releases"} <= on
    assert not on & {"sql-2019-builds", "windows-server-releases"}
