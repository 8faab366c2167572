"""The commands, called in this process: what they print, and what they end with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
import typer
from msgspec.structs import replace
from typer.testing import CliRunner, Result

from tests.edges.ledger_samples import PRODUCT, SU, T0, event, fill, message
from watcher import __version__
from watcher.cli import app
from watcher.cli.call import Call, command
from watcher.cli.show import why_not
from watcher.records import (
    Confidence,
    Delivery,
    DeliveryState,
    Event,
    Kind,
    Outcome,
    Subscriber,
    Times,
)
from watcher.store import Store

Cli = Callable[..., Result]

# Two sources that are never asked here, so that status has something to say.
CONFIGURED = """
[watch]
builtin_sources = false
[[source]]
name = "builds"
kind = "build-table"
url = "https://example.org/builds/?key=${KEY}"
[[source]]
name = "msrc"
kind = "cvrf"
url = "https://example.org/msrc/"
[[subscriber]]
name = "admins"
to = ["a@example.org"]
[[subscriber]]
name = "careful"
to = ["c@example.org"]
kinds = ["pulled"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a watcher.toml, its state in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHER_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    monkeypatch.setenv("KEY", "secret-key-of-builds")
    (tmp_path / "watcher.toml").write_text(CONFIGURED, encoding="utf-8")
    return tmp_path


@pytest.fixture
def state(folder: Path) -> Iterator[Store]:
    """A state with something of everything."""
    with Store.open(f"sqlite:///{folder}/state/watcher.db") as store:
        fill(store)
        yield store


@pytest.fixture
def cli(folder: Path) -> Cli:
    """Call a command of ``watcher`` in the folder."""

    def call(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, list(words), input=stdin, prog_name="watcher")

    return call


def lines(result: Result) -> list[Any]:
    """Read what was printed as JSON lines."""
    return [json.loads(line) for line in result.stdout.splitlines()]


# --- every command --------------------------------------------------------------------

COMMANDS = [
    "run",
    "work",
    "send",
    "replay",
    "status",
    "doctor",
    "events",
    "show",
    "build",
    "inventory",
    "sources",
    "check",
    "init",
    "demo",
    "wording",
    "ack",
    "mute",
    "state export",
    "state import",
]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example_and_the_shared_options(
    cli: Cli, name: str
) -> None:
    said = cli(*name.split(), "--help")

    assert said.exit_code == 0
    assert (
        f"watcher {name}" in said.stdout.split("Example: ")[1]
        or f"| watcher {name}" in said.stdout
    )
    assert [
        option
        for option in ("--config FILE", "-v, ", "-q, ", "--log-json")
        if option not in said.stdout
    ] == []


def test_the_commands_are_listed_by_what_is_needed_most(cli: Cli) -> None:
    listed = [
        line.split()[0]
        for line in cli("--help").stdout.split("Commands:\n")[1].splitlines()
        if line.startswith("  ")
    ]

    assert listed[:12] == COMMANDS[:12]


def test_the_version_is_said(cli: Cli) -> None:
    assert cli("--version").stdout == f"watcher {__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        "bogus",
        "run --bogus",
        "replay x.warc.gz",
        "status -q -v",
        "events --since yesterday",
        "events --since 2024-13-01",
        "events --kind relased",
        "replay x.warc.gz --out y --every soon",
        "replay x.warc.gz --out y --from soon",
        "mute KB5044062 --for ever",
        "show",
        "run --source bilds",
        "sources bilds",
        "status --config gone.toml",
    ],
)
def test_wrong_usage_ends_with_2_and_touches_nothing(
    cli: Cli, folder: Path, words: str
) -> None:
    said = cli(*words.split())

    assert said.exit_code == 2
    assert said.stderr
    assert not said.stdout
    assert sorted(path.name for path in folder.iterdir()) == ["watcher.toml"]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("--config other.toml check", "watcher check --config other.toml"),
        ("-q run --source builds", "watcher run --source builds -q"),
        (
            "--config=other.toml mail test admins",
            "watcher mail test admins --config=other.toml",
        ),
        ("mail -v test admins", "watcher mail test admins -v"),
        ("state --log-json export out", "watcher state export out --log-json"),
    ],
)
def test_an_option_before_the_command_is_answered_with_the_line_that_was_meant(
    cli: Cli, words: str, meant: str
) -> None:
    said = cli(*words.split())
    assert said.exit_code == 2
    assert f"Options of a command belong after it: {meant}\n" in said.stderr


def test_an_option_that_no_command_follows_is_unknown(cli: Cli) -> None:
    said = cli("--config", "other.toml")
    assert (said.exit_code, said.stderr.splitlines()[-1]) == (
        2,
        "Error: No such option: --config",
    )


def test_a_misspelt_source_is_named_with_the_nearest(cli: Cli) -> None:
    assert (
        cli("sources", "bilds").stderr
        == 'there is no source "bilds". Do you mean "builds"?\n'
    )


def test_an_unknown_key_ends_with_2_and_names_file_line_and_remedy(
    cli: Cli, folder: Path
) -> None:
    (folder / "other.toml").write_text("[watch]\nprodcuts = []\n", encoding="utf-8")

    said = cli("status", "--config", "other.toml")

    assert said.exit_code == 2
    assert said.stderr == (
        'other.toml:2: watch.prodcuts: unknown key "prodcuts" in [watch]. Do '
        'you mean "products"?\n'
    )


def test_errors_are_json_where_the_log_is(cli: Cli) -> None:
    said = cli("status", "--config", "gone.toml", "--log-json")

    (line,) = said.stderr.splitlines()
    assert json.loads(line)["level"] == "error"
    assert json.loads(line)["message"].startswith("gone.toml: there is no such file")


def test_a_state_that_another_run_holds_ends_with_3(
    cli: Cli, state: Store, folder: Path
) -> None:
    said = cli("state", "import", "somewhere")

    assert said.exit_code == 3
    assert said.stderr


def test_a_mistake_of_ours_is_one_line_and_a_traceback_only_for_those_who_ask(
    cli: Cli,
) -> None:
    broken = typer.Typer()

    @command("broken", "watcher broken", broken)
    def divide(_call: Call) -> None:
        raise ZeroDivisionError("\x1b[2J")

    plain, verbose = CliRunner().invoke(broken, []), CliRunner().invoke(broken, ["-v"])

    assert plain.exit_code == verbose.exit_code == 1
    assert plain.stderr.splitlines() == [
        (
            "This is a mistake of the watcher's: ZeroDivisionError: \\x1b[2J. "
            "Please report it with what -v shows; CONTRIBUTING.md says where."
        )
    ]
    assert "Traceback (most recent call last)" in verbose.stderr


# --- check and init -------------------------------------------------------------------


def test_init_writes_what_check_finds_well_and_never_overwrites(
    cli: Cli, folder: Path
) -> None:
    first, again = (
        cli("init", "--config", "new/watcher.toml"),
        cli("init", "--config", "new/watcher.toml"),
    )

    assert first.exit_code == 0
    assert "Wrote new/watcher.toml" in first.stdout
    assert again.exit_code == 2
    assert again.stderr == (
        "new/watcher.toml: it exists already. Edit it, or name another file: "
        "watcher init --config FILE\n"
    )
    checked = cli("check", "--config", "new/watcher.toml")
    assert checked.exit_code == 0
    assert (
        "Told:     nobody, for there is no [[subscriber]]; messages are for "
        "administrators@localhost\n"
    ) in checked.stdout
    assert "for administrators@localhost." in (folder / "new/watcher.toml").read_text(
        encoding="utf-8"
    )
    assert cli("init").exit_code == 2
    assert (folder / "watcher.toml").read_text(encoding="utf-8") == CONFIGURED


def test_init_says_where_it_cannot_write(cli: Cli, folder: Path) -> None:
    (folder / "file").touch()

    said = cli("init", "--config", "file/watcher.toml")

    assert said.exit_code == 2
    assert "it cannot be written" in said.stderr


def test_check_says_what_the_configuration_comes_to(cli: Cli) -> None:
    said = cli("check")

    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "watcher.toml: all is well.",
        "Watched:  Exchange Server*",
        "Sources:  builds, msrc",
        "Told:     admins (at-once), careful (at-once)",
        f"Mail:     written to {Path.cwd() / 'outbox'}",
    ]


def test_check_names_file_and_line_of_a_template_that_is_wrong(
    cli: Cli, folder: Path
) -> None:
    (folder / "mine" / "mail").mkdir(parents=True)
    (folder / "mine" / "mail" / "event.txt").write_text(
        "fine\n{{ nonsense }\n", encoding="utf-8"
    )
    (folder / "watcher.toml").write_text(
        CONFIGURED.replace("[watch]", '[watch]\ntemplates = "mine"'), encoding="utf-8"
    )

    said = cli("check")

    assert said.exit_code == 2
    assert "mine/mail/event.txt:2: " in said.stderr


def test_check_prints_the_schema(cli: Cli) -> None:
    assert json.loads(cli("check", "--schema").stdout)["title"] == "watcher.toml"


# --- status ---------------------------------------------------------------------------


def test_status_before_the_first_check_is_unwell_and_writes_nothing(
    cli: Cli, folder: Path
) -> None:
    said = cli("status")

    assert said.exit_code == 1
    assert "builds: it was never read. Start a check: watcher run" in said.stderr
    assert not (folder / "state").exists()


def test_status_json_says_all_of_every_source(cli: Cli, state: Store) -> None:
    state.touch(
        [
            Times(
                "msrc",
                "2024-Nov",
                T0,
                None,
                3,
                "msrc 2024-Nov: 500 (https://example.org/?key=secret-key-of-builds). Wait.",
            )
        ]
    )

    said = cli("status", "--json")

    assert said.exit_code == 1
    (found,) = lines(said)
    assert [note["target"] for note in found.pop("notes")] == [SU, "cve-2024-1"]
    assert (len(found.pop("waiting")), found.pop("given_up")) == (3, [])
    assert found == {
        "unseen": [],
        "ok": False,
        "last_check": "2024-11-12T18:00:00Z",
        "late": True,
        "deliveries": {"waiting": 3, "refused": 0, "given_up": 0},
        "servers": [],
        "sources": [
            {
                "name": "builds",
                "kind": "build-table",
                "url": "https://example.org/builds/?key=${KEY}",
                "last_success": "2024-11-12T18:00:00Z",
                "last_change": "2024-11-12T18:00:00Z",
                "failures": 0,
                "failure": "",
                "documents": 3,
                "entries": 5,
                "moved": None,
                "silent": None,
            },
            {
                "name": "msrc",
                "kind": "cvrf",
                "url": "https://example.org/msrc/",
                "last_success": None,
                "last_change": None,
                "failures": 3,
                "failure": "msrc 2024-Nov: 500 (https://example.org/?key=${KEY}). Wait.",
                "documents": 0,
                "entries": 0,
                "moved": None,
                "silent": None,
            },
        ],
    }


@pytest.mark.parametrize(("hours", "code"), [(5, 0), (7, 1)])
def test_status_is_unwell_when_the_last_check_is_older_than_the_page_may_be(
    cli: Cli, state: Store, hours: int, code: int
) -> None:
    state.touch([Times("msrc", "", T0, T0)])

    with time_machine.travel(T0 + timedelta(hours=hours), tick=False):
        said = cli("status")

    assert said.exit_code == code
    assert ("The last check was at 2024-11-12 18:00" in said.stderr) is bool(code)


def test_status_is_well_when_every_source_is(cli: Cli, state: Store) -> None:
    state.touch([Times("msrc", "", T0, T0)])

    with time_machine.travel(T0, tick=False):
        said = cli("status")

    assert said.exit_code == 0
    assert said.stderr == ""
    assert [line.split()[0] for line in said.stdout.splitlines()][:4] == [
        "source",
        "builds",
        "msrc",
        "deliveries:",
    ]


def test_status_is_unwell_when_a_delivery_was_given_up(cli: Cli, state: Store) -> None:
    state.touch([Times("msrc", "", T0, T0)])
    state.mark(
        Delivery(
            "<1@example.org>",
            "a@example.org",
            state=DeliveryState.REFUSED,
            attempts=1,
            answer="550 no such user",
            settled=T0,
        )
    )

    said = cli("status", "--json")

    assert said.exit_code == 1
    assert lines(said)[0]["deliveries"] == {"waiting": 2, "refused": 1, "given_up": 1}
    assert "1 delivery was given up" in cli("status").stderr


# --- events, show, ack, mute ----------------------------------------------------------


def test_events_are_a_line_each_oldest_first(cli: Cli, state: Store) -> None:
    assert cli("events").stdout.splitlines() == [
        "2024-11-12 18:00Z  released  November 2024 SU (KB5044062): released it is",
        "2024-11-12 18:00Z  announced  November 2024 SU (KB5044062): announced it is",
    ]


def test_events_json_is_the_public_object(cli: Cli, state: Store) -> None:
    first, _ = lines(cli("events", "--json"))

    assert (first["schema"], first["id"], first["kind"], first["update"]["id"]) == (
        1,
        "e1",
        "released",
        SU,
    )


def test_events_are_chosen_by_kind_time_and_product(cli: Cli, state: Store) -> None:
    def ids(*words: str) -> list[str]:
        return [found["id"] for found in lines(cli("events", "--json", *words))]

    assert ids("--kind", "announced") == ["e2"]
    assert ids("--product", "exchange server 2019*") == ["e1", "e2"]
    assert ids("--product", "SharePoint*") == []
    assert ids("--since", "2024-11-12") == ["e1", "e2"]
    assert ids("--since", "2024-11-12T18:00:01Z") == []
    with time_machine.travel(T0 + timedelta(days=6)):
        assert ids("--since", "7d") == ["e1", "e2"]
        assert ids("--since", "5d") == []


def test_a_suspected_event_says_so_and_no_text_drives_the_terminal(
    cli: Cli, state: Store
) -> None:
    evil = replace(
        event("e3", Kind.PULLED),
        confidence=Confidence.SUSPECTED,
        summary="gone\x1b[2J\nforged",
    )
    state.record("builds", outcome=Outcome(events=(evil,)))

    assert cli("events", "--kind", "pulled").stdout == (
        "2024-11-12 18:00Z  pulled (suspected)  November 2024 SU "
        "(KB5044062): gone\\x1b[2J\\nforged\n"
    )


@pytest.mark.parametrize("identifier", [SU, "KB5044062", "5044062", "CVE-2024-49040"])
def test_show_tells_an_updates_life(cli: Cli, state: Store, identifier: str) -> None:
    state.mark(
        Delivery(
            "<1@example.org>",
            "a@example.org",
            state=DeliveryState.ACCEPTED,
            attempts=1,
            answer="250 ok",
            settled=T0,
        )
    )

    said = cli("show", identifier)

    assert said.exit_code == 0
    told = said.stdout.splitlines()
    assert told[0] == f"November 2024 SU ({SU})"
    assert f"  products: {PRODUCT}" in told
    assert (
        f"  {SU}: dealt with since 2024-11-12 18:00Z, no reminders unless it is pulled again"
        in told
    )
    assert "  2024-11-12 18:00Z  released: released it is" in told
    assert "    msrc: added 2024-11-12 18:00Z, https://example.org/msrc" in told
    assert "      after:  temporarily paused" in told
    assert (
        "    told: admins, a@example.org by mail: accepted 2024-11-12 18:00Z "
        "(250 ok), by <1@example.org>"
    ) in told
    assert "    not told: careful, who does not ask for released" in told


def test_show_says_why_what_was_seen_led_to_no_event(cli: Cli, state: Store) -> None:
    said = cli("show", "15.2.1544.13")

    assert said.exit_code == 0
    assert "builds: November 2024 SU" in said.stdout
    assert "  No event: a date was corrected." in said.stdout


def test_show_says_what_is_muted(cli: Cli, state: Store) -> None:
    state.mute("windows-kb5046617", None)

    assert (
        "  windows-kb5046617: muted for good"
        in cli("show", "windows-kb5046617").stdout.splitlines()
    )


@pytest.mark.parametrize(
    ("subscriber", "told", "why"),
    [
        (Subscriber("a", ()), event(kind=Kind.NEWS), "who does not ask for news"),
        (
            Subscriber("a", (), suspected=False),
            replace(event(kind=Kind.PULLED), confidence=Confidence.SUSPECTED),
            "who asks for confirmed events only",
        ),
        (
            Subscriber("a", (), products=("Windows*",)),
            event(),
            "whose products (Windows*) are others",
        ),
        (
            Subscriber("a", (), when="daily 07:00"),
            event(),
            "whose next digest is yet to come (daily 07:00)",
        ),
        (
            Subscriber("a", ()),
            event(kind=Kind.CORRECTED),
            "who was not told of what it corrects",
        ),
        (
            Subscriber("a", ()),
            event(),
            "who was not subscribed then, or whose message is still to be made by the next run",
        ),
    ],
)
def test_why_somebody_was_not_told(
    subscriber: Subscriber, told: Event, why: str
) -> None:
    assert why_not(subscriber, told) == why


@pytest.mark.parametrize("command", ["show", "ack", "mute"])
def test_what_is_not_known_is_said(cli: Cli, state: Store, command: str) -> None:
    said = cli(command, "KB1111111")

    assert said.exit_code == 2
    assert said.stderr.startswith(
        (
            'no update is known as "KB1111111". Name',
            'no update, product or kind is known as "KB1111111". Name',
        )
    )


def test_ack_and_mute_are_kept(cli: Cli, folder: Path) -> None:
    with Store.open(f"sqlite:///{folder}/state/watcher.db") as store:
        fill(store)
    with time_machine.travel(T0, tick=False):
        assert (
            cli("ack", "KB5044062").stdout
            == f"{SU}: dealt with, no reminders unless it is pulled again.\n"
        )
        assert (
            cli("mute", "KB5044062", "--for", "30d").stdout
            == f"{SU}: muted until 2024-12-12 18:00Z; no mail about it, but for corrections.\n"
        )
    assert (
        cli("mute", "KB5046617").stdout
        == "windows-kb5046617: muted for good; no mail about it, but for corrections.\n"
    )
    with Store.open(f"sqlite:///{folder}/state/watcher.db", hold=False) as store:
        assert store.acks()[SU] == T0
        assert store.mutes()[SU] == datetime(2024, 12, 12, 18, tzinfo=UTC)
        assert store.mutes()["windows-kb5046617"] is None


# --- state ----------------------------------------------------------------------------


def test_a_state_goes_out_as_text_and_comes_back(cli: Cli, folder: Path) -> None:
    with Store.open(f"sqlite:///{folder}/state/watcher.db") as store:
        fill(store)
        store.seal([(message(3), [])])
    assert cli("state", "export", "text").exit_code == 0
    (folder / "other.toml").write_text(
        '[watch]\nstate = "sqlite:///other.db"\n', encoding="utf-8"
    )
    assert cli("state", "import", "text", "--config", "other.toml").exit_code == 0
    assert cli("state", "export", "again", "--config", "other.toml").exit_code == 0

    written = {path.name: path.read_bytes() for path in (folder / "text").iterdir()}
    assert written == {
        path.name: path.read_bytes() for path in (folder / "again").iterdir()
    }
    assert "events.jsonl" in written


def test_an_import_without_an_export_is_refused(cli: Cli, folder: Path) -> None:
    said = cli("state", "import", "nothing")

    assert said.exit_code == 2
    assert "There is no exported state in nothing" in said.stderr


# --- wording --------------------------------------------------------------------------


def test_wording_says_kind_rule_and_words(cli: Cli) -> None:
    said = cli("wording", stdin="We have paused the rollout of this update.")

    assert said.exit_code == 0
    assert said.stdout.startswith("pulled: rule ")
    assert "We have paused the rollout of this update." in said.stdout


def test_wording_json_answers_each_note(cli: Cli, folder: Path) -> None:
    notes = [
        {"id": "1", "text": "We have paused the rollout of this update."},
        {"id": 2, "text": "Corrected a link. This is an informational change only."},
    ]
    (folder / "notes.jsonl").write_text(
        "\n\n".join(map(json.dumps, notes)), encoding="utf-8"
    )

    first, second = lines(cli("wording", "notes.jsonl", "--json"))

    assert (first["id"], first["kinds"]) == ("1", ["pulled"])
    assert set(first["because"][0]) == {"kind", "rule", "words"}
    assert second == {"id": 2, "kinds": [], "because": []}


def test_an_informational_change_says_nothing(cli: Cli) -> None:
    assert (
        cli("wording", "-", stdin="Corrected a link.").stdout
        == "Nothing that an administrator must be told: an informational change.\n"
    )


def test_wording_names_the_line_that_is_no_note_and_answers_none(cli: Cli) -> None:
    said = cli("wording", "--json", stdin='{"id": 1, "text": "x"}\n{"id": 2}\n')

    assert said.exit_code == 2
    assert said.stdout == ""
    assert said.stderr.startswith("standard input:2: it is no object with id and text.")


def test_wording_reads_utf_8_only(cli: Cli, folder: Path) -> None:
    (folder / "note.txt").write_bytes("für".encode("latin-1"))

    assert cli("wording", "note.txt").exit_code == 2
    assert cli("wording", "gone.txt").stderr == (
        "gone.txt: it cannot be read (No such file or directory). Correct "
        "the path or the file's rights.\n"
    )
