"""``watcher build``, servers in ``watcher status``, and the whole life in ``watcher show``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from tests.edges.ledger_samples import T0, event, message
from tests.unit.builders import NEW_KB, OLD_KB, SU, issue, package, update
from tests.unit.test_exposure import BACK, BEFORE, PULLED
from watcher.cli import app
from watcher.cli.show import disagreeing, why_not
from watcher.judgement import normalize
from watcher.records import (
    Delivery,
    DeliveryState,
    Document,
    Kind,
    Outcome,
    SourceState,
    Subscriber,
    Times,
)
from watcher.store import EntryChanges, Store, StoredEntry

Cli = Callable[..., Result]
INVENTORY = (
    '#TYPE Selected\r\n"Name","AdminDisplayVersion"\r\n"EX01","Version 15.2 '
    '(Build 1544.13)"\r\n"EX02","15.2.1544.14"\r\n'
)
CONFIGURED = """
[watch]
builtin_sources = false
inventory = "inventory.csv"
[[source]]
name = "builds"
kind = "build-table"
url = "https://example.org/builds/"
[[subscriber]]
name = "admins"
to = ["a@example.org"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with configuration and inventory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHER_CONFIG", raising=False)
    (tmp_path / "watcher.toml").write_text(CONFIGURED, encoding="utf-8")
    (tmp_path / "inventory.csv").write_text(INVENTORY, encoding="utf-16")
    return tmp_path


@pytest.fixture
def cli(folder: Path) -> Cli:
    """Call a command of ``watcher`` in the folder."""
    return lambda *words: CliRunner().invoke(app, list(words), prog_name="watcher")


@pytest.fixture
def state(folder: Path) -> Iterator[Store]:
    """A state in which November's update was pulled and is back."""
    with Store.open(f"sqlite:///{folder}/state/watcher.db") as store:
        store.record(
            "builds",
            outcome=Outcome(updates=(BEFORE, BACK)),
            times=[Times("builds", "", T0, T0)],
        )
        yield store


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


# --- build ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "15.2.1544.13",
            "15.2.1544.13 = Exchange Server November 2030 SU v1, pulled: install v2, KB9000002\n",
        ),
        (
            "15.02.1544.014",
            "15.2.1544.14 = Exchange Server November 2030 SU v2, good: nothing to do\n",
        ),
        (
            "9.9.9999.9",
            (
                "9.9.9999.9 = unknown build: no source tells of this build or "
                "its like: check how it is written\n"
            ),
        ),
        (
            "15.2.1544.12",
            (
                "15.2.1544.12 = unknown build: no source tells of this very "
                "build; the newest of its kind is "
            ),
        ),
    ],
)
def test_a_build_is_judged_in_a_line(
    cli: Cli, state: Store, words: str, said: str
) -> None:
    result = cli("build", words)

    assert result.exit_code == 0
    assert result.stdout.startswith(said)


def test_without_a_build_the_inventory_is_judged(cli: Cli, state: Store) -> None:
    said = cli("build")

    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "EX01 15.2.1544.13 = Exchange Server November 2030 SU v1, pulled: install v2, KB9000002",
        "EX02 15.2.1544.14 = Exchange Server November 2030 SU v2, good: nothing to do",
        (
            "Exchange Server 2019: support ended on 14 Oct 2025. No further updates, but "
            "for customers of extended security updates where there are some. "
            "https://learn.microsoft.com/lifecycle/products/exchange-server-2019"
        ),
    ]


def test_another_inventory_may_be_named_and_its_bad_lines_are(
    cli: Cli, state: Store, folder: Path
) -> None:
    (folder / "other.csv").write_text(
        "server;build\nA;15.2.1544.11\nB;?\n", encoding="utf-8"
    )

    said = cli("build", "15.2.1544.13", "--inventory", "other.csv", "--json")

    assert said.exit_code == 0
    assert [(found["server"], found["state"]) for found in objects(said)] == [
        ("15.2.1544.13", "pulled"),
        ("A", "newer-available"),
    ]
    assert 'other.csv: line 3: "?" of B is no build' in said.stderr


def test_a_newer_build_of_the_product_is_named(cli: Cli, state: Store) -> None:
    cu15 = update(
        "cu15",
        package("Exchange Server 2019 CU15", "", "15.2.1748.10"),
        type="CU",
        title="Exchange Server 2019 CU15",
        month="",
    )
    state.record("builds", outcome=Outcome(updates=(cu15,)))

    assert cli("build", "15.2.1544.14").stdout.splitlines()[1] == (
        "    newer of Exchange Server 2019: Exchange Server 2019 CU15 15.2.1748.10"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nonsense",), '"nonsense" is no build. Write it as 15.2.1544.13.'),
        (
            ("--inventory", "gone.csv"),
            "gone.csv: the inventory cannot be read (No such file or directory). Correct the path",
        ),
        (
            ("--inventory", "watcher.toml"),
            "watcher.toml: no column of servers and one of builds",
        ),
    ],
)
def test_what_cannot_be_judged_is_wrong_usage(
    cli: Cli, state: Store, words: tuple[str, ...], said: str
) -> None:
    result = cli("build", *words)

    assert result.exit_code == 2
    assert said in result.stderr


def test_nothing_to_judge_is_said_with_what_to_write(cli: Cli, folder: Path) -> None:
    (folder / "watcher.toml").write_text(
        CONFIGURED.replace("inventory =", "# inventory ="), encoding="utf-8"
    )

    said = cli("build")

    assert said.exit_code == 2
    assert said.stderr.startswith(
        "no build is named, and there is no inventory. Write: watcher build 15.2.1544.13"
    )


def test_before_the_first_check_no_build_is_known(cli: Cli) -> None:
    said = cli("build", "15.2.1544.13")

    assert said.exit_code == 0
    assert (
        "Nothing was read yet, so no build can be judged. Start a check first: watcher run"
        in said.stderr
    )
    assert said.stdout == ""


# --- status and check -----------------------------------------------------------------


def test_status_says_where_each_server_stands(cli: Cli, state: Store) -> None:
    with time_machine.travel(T0, tick=False):
        plain, found = cli("status"), objects(cli("status", "--json"))[0]

    assert plain.exit_code == 0
    assert (
        "EX01 15.2.1544.13 = Exchange Server November 2030 SU v1, pulled: install v2, KB9000002"
        in plain.stdout.splitlines()
    )
    assert [
        (server["server"], server["state"], server["todo"])
        for server in found["servers"]
    ] == [
        ("EX01", "pulled", "install v2, KB9000002"),
        ("EX02", "good", "nothing to do"),
    ]
    assert [
        server["newest"] and server["newest"]["kb"] for server in found["servers"]
    ] == [NEW_KB, None]


def test_an_inventory_that_is_gone_is_a_warning_of_status_and_a_mistake_for_check(
    cli: Cli, state: Store, folder: Path
) -> None:
    (folder / "inventory.csv").unlink()

    with time_machine.travel(T0, tick=False):
        status, check = cli("status", "--json"), cli("check")

    assert (status.exit_code, objects(status)[0]["servers"]) == (0, [])
    assert f"{folder}/inventory.csv: the inventory cannot be read" in status.stderr
    assert check.exit_code == 2
    assert f"{folder}/inventory.csv: the inventory cannot be read" in check.stderr


# --- show -----------------------------------------------------------------------------


def test_show_says_where_sources_disagree() -> None:
    table, blog, msrc = (
        SourceState("exchange-builds", "Nov24SUv2", 2),
        SourceState("exchange-blog", "Re-release", 2),
        SourceState("msrc-cvrf", "revision 1.0", 1),
    )

    assert disagreeing(replace(BACK, source_states=(blog, table, msrc))) == (
        "exchange-blog, exchange-builds have v2; msrc-cvrf still v1 (revision 1.0)"
    )
    assert disagreeing(replace(BACK, source_states=(blog, table))) == ""
    assert disagreeing(BACK) == ""


def test_show_tells_the_whole_life(cli: Cli, state: Store) -> None:
    row = replace(
        PULLED,
        names=(f"kb:{OLD_KB}",),
        source_states=(
            SourceState("builds", "Nov30SU", 1),
            SourceState("msrc", "revision 2.0", 2),
        ),
    )
    entry = issue("row", "Known since long", kbs=[OLD_KB])
    stored = StoredEntry(
        entry, normalize.fingerprint(entry), silent="a date was corrected"
    )
    told = event("e1", Kind.PULLED, update_id=SU)
    state.record(
        "builds",
        documents=[Document("builds", "", "https://example.org/builds/", accepted=T0)],
        entries=[EntryChanges("", (stored,))],
        outcome=Outcome(events=(told,), updates=(row,)),
    )
    reminder = message(7, (), SU, "reminder")
    state.seal([(reminder, [("a@example.org", "mail")])], [told])
    state.mark(
        Delivery(
            reminder.id,
            "a@example.org",
            state=DeliveryState.ACCEPTED,
            settled=T0 + timedelta(days=7),
        )
    )
    state.mute(SU)

    said = cli("show", OLD_KB)

    assert said.exit_code == 0
    lines = [line.strip() for line in said.stdout.splitlines()]
    assert "builds has it as v1: Nov30SU" in lines
    assert "The sources disagree: msrc has v2; builds still v1 (Nov30SU)" in lines
    assert f"{SU}: muted for good" in lines
    assert "not told: admins, for it is muted" in lines
    assert (
        f"reminded: admins, a@example.org by mail: accepted 2024-11-19 18:00Z, by {reminder.id}"
        in lines
    )
    assert "not told: builds, Known since long: a date was corrected" in lines


def test_show_names_the_file_that_proves_an_event(
    cli: Cli, state: Store, folder: Path
) -> None:
    (folder / "watcher.toml").write_text(
        CONFIGURED.replace("[watch]", '[watch]\nevidence = "proof"'), encoding="utf-8"
    )
    state.record("builds", outcome=Outcome(events=(event("e1", update_id=SU),)))
    assert "kept in" not in cli("show", SU).stdout
    (folder / "proof").mkdir()
    (folder / "proof" / "20241112T180000Z-builds.warc.gz").touch()

    assert (
        f"    kept in {folder}/proof/20241112T180000Z-builds.warc.gz"
        in cli("show", SU).stdout.splitlines()
    )


def test_a_muted_update_is_why_nobody_was_told() -> None:
    assert why_not(Subscriber("a", ()), event(), muted=True) == "for it is muted"
    assert (
        why_not(Subscriber("a", (), kinds=(Kind.PULLED,)), event(), muted=True)
        == "who does not ask for released"
    )


# --- ack and mute ---------------------------------------------------------------------


def test_what_is_acknowledged_by_its_build_is_its_update(
    cli: Cli, folder: Path
) -> None:
    with Store.open(f"sqlite:///{folder}/state/watcher.db") as store:
        row = replace(BACK, names=("build:exchange server:15.2.1544.13",))
        store.record("builds", outcome=Outcome(updates=(row,)))
    with time_machine.travel(T0, tick=False):
        assert (
            cli("ack", "15.02.1544.013").stdout
            == f"{SU}: dealt with, no reminders unless it is pulled again.\n"
        )
    with Store.open(f"sqlite:///{folder}/state/watcher.db", hold=False) as store:
        assert store.acks() == {SU: T0}


# --- gates ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "on", "code"),
    [
        ("15.2.1544.13", "pulled", 1),
        ("15.2.1544.13", "outdated,unknown", 0),
        ("15.2.1544.11", "outdated", 1),
        ("15.2.1544.11", "pulled", 0),
        ("9.9.9.9", "pulled,unknown", 1),
        ("15.2.1544.14", "pulled,outdated,unknown,suspected", 0),
    ],
)
def test_a_gate_fails_on_what_it_is_told_to(
    cli: Cli, state: Store, build: str, on: str, code: int
) -> None:
    assert cli("build", build, "--fail-on", on).exit_code == code


def test_a_gate_on_nothing_that_there_is_is_refused(cli: Cli, state: Store) -> None:
    said = cli("build", "15.2.1544.14", "--fail-on", "pulld")

    assert said.exit_code == 2
    assert "pulld" in said.stderr


# --- what was read of an inventory ------------------------------------------------------


def test_what_was_read_of_an_inventory_is_said(
    cli: Cli, state: Store, folder: Path
) -> None:
    rows = "server,exsetup,build,owner\nEX01,15.02.1544.013,,mail-team\nEX02,,what,\n"
    (folder / "other.csv").write_text(rows, encoding="utf-8")
    said = cli("inventory", "other.csv")

    assert said.exit_code == 0
    assert "Servers read: 1" in said.stdout
    assert "EX01: 15.2.1544.13, owned by mail-team, asked of ExSetup.exe" in said.stdout
    assert (
        "EX01 15.2.1544.13 = Exchange Server November 2030 SU v1, pulled" in said.stdout
    )
    assert "other.csv: line 3" in said.stderr


def test_the_files_of_a_folder_are_read_together_and_the_last_of_a_server_counts(
    cli: Cli, state: Store, folder: Path
) -> None:
    many = folder / "many"
    many.mkdir()
    for name, build in (("1", "15.2.1544.11"), ("2", "15.2.1544.13")):
        (many / f"{name}.csv").write_text(
            f"server,build\nEX01,{build}\n", encoding="utf-8"
        )
    (many / "3.xml").write_text("<html/>", encoding="utf-8")
    # What Health Checker writes of all servers, and what is no inventory
    (many / "HealthChecker-VulnerabilityReport-1.json").write_text(
        '{"Servers": [{"Name": "EX02", "BuildVersion": "15.2.1544.14", "Online": true}]}',
        encoding="utf-8",
    )
    (many / "ExchangeAllServersReport-1.html").write_text(
        "<html><table><tr><th>Server Name</th><th>EX03</th><tr><tr><td>Build Number</td>"
        "<td>15.02.1544.011</td><tr></table></html>",
        encoding="utf-8",
    )
    (many / "other.json").write_text("{}", encoding="utf-8")
    said = cli("inventory", "many")

    assert "EX01: 15.2.1544.13\n" in said.stdout
    assert "EX02: 15.2.1544.14, asked of ExSetup.exe\n" in said.stdout
    assert "EX03: 15.2.1544.11\n" in said.stdout
    assert "other.json" not in said.stderr
    assert "3.xml: this HTML is not what Health Checker writes" in said.stderr


@pytest.mark.parametrize("kind", ["exchange", "windows", "sql", "sharepoint"])
def test_a_script_writes_an_inventory_that_is_read(cli: Cli, kind: str) -> None:
    said = cli("inventory", "--script", kind)

    assert said.exit_code == 0
    assert "Export-Csv -Path $Path -NoTypeInformation" in said.stdout
    assert "Server " in said.stdout
