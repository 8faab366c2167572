"""Opening a state: its schema, the one run that holds it, and what cannot be opened."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.edges.ledger_samples import T0, document, event, fill, update
from tests.edges.test_store_migrations import connected
from watcher.errors import StateError, StateHeldError
from watcher.records import Outcome
from watcher.store import Store, migrations
from watcher.store.address import address_of
from watcher.store.migrations import STEPS, VERSIONS, tables


def in_a_process(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    code = textwrap.dedent(program)
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )


def tables_of(url: str) -> set[str]:
    with connected(url) as connection:
        return tables(connection)


def test_the_steps_are_in_order_and_every_file_is_one_of_them() -> None:
    assert list(VERSIONS) == sorted(set(VERSIONS))
    folder = Path(migrations.__file__).parent
    assert {step.file for step in STEPS if step.file} == {
        file.name for file in folder.glob("*.sql")
    }


def test_what_was_written_is_there_when_it_is_opened_again(database_url: str) -> None:
    with Store.open(database_url) as store:
        fill(store)
        wanted = store.events(), store.updates(), store.due_deliveries(T0)
    with Store.open(database_url) as store:
        assert (store.events(), store.updates(), store.due_deliveries(T0)) == wanted


def test_a_second_run_is_refused_and_told_who_holds_the_state(
    database_url: str,
) -> None:
    program = "import sys; from watcher.store import Store; Store.open(sys.argv[1])"
    with Store.open(database_url) as store:
        fill(store)
        ran = in_a_process(program, database_url)
        assert ran.returncode != 0
        assert (
            f"StateHeldError: The state {store.address} is held by"
            in ran.stderr.splitlines()[-1]
        )
        assert f"process {os.getpid()} on " in ran.stderr.splitlines()[-1]
        with pytest.raises(StateHeldError, match="run again when that one has ended"):
            Store.open(database_url)
    assert in_a_process(program, database_url).returncode == 0


@pytest.mark.posix
def test_a_killed_run_holds_nothing(database_url: str) -> None:
    program = (
        "import os, signal, sys; from watcher.store import Store; s = "
        "Store.open(sys.argv[1]); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert in_a_process(program, database_url).returncode == -9
    wait_for(lambda: Store.open(database_url)).close()


def wait_for(open_: Callable[[], Store]) -> Store:
    """Open as soon as the server has noticed that the killed session ended."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with suppress(StateHeldError):
            return open_()
    return open_()


def test_one_may_read_and_note_beside_a_run(database_url: str) -> None:
    with (
        Store.open(database_url) as run,
        Store.open(database_url, hold=False) as beside,
    ):
        fill(run)
        assert beside.events() == run.events()
        beside.ack("a", T0)
        assert run.acks()["a"] == T0


def test_reading_a_state_that_is_not_there_creates_nothing(tmp_path: Path) -> None:
    with Store.open(
        f"sqlite:///{tmp_path / 'state' / 'watcher.db'}", hold=False
    ) as store:
        assert store.updates() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_schema_that_is_missing_is_made_for_a_reader_too(postgres_url: str) -> None:
    with Store.open(postgres_url, hold=False) as store:
        assert store.updates() == ()
        Store.open(postgres_url).close()


def test_a_rehearsal_works_and_leaves_nothing(
    database_url: str, tmp_path: Path
) -> None:
    with Store.open(database_url) as store:
        fill(store)
        with Store.open(database_url, rehearse=True) as rehearsed:
            rehearsed.record(
                "msrc",
                documents=[document(source="msrc")],
                outcome=Outcome(events=(event("e7"),), updates=(update(version=7),)),
            )
            assert [each.id for each in rehearsed.unsealed_events()] == ["e2", "e7"]
            with pytest.raises(StateError):
                rehearsed.seal([(rehearsed.messages()[0], [])], ["e7"])
            assert [each.id for each in rehearsed.unsealed_events()] == ["e2", "e7"]
        assert store.event("e7") is None
        assert store.documents("msrc") == {}


def test_a_rehearsal_on_nothing_leaves_nothing(
    database_url: str, tmp_path: Path
) -> None:
    with Store.open(database_url, rehearse=True) as rehearsed:
        fill(rehearsed)
        assert len(rehearsed.events()) == 2
    assert list(tmp_path.iterdir()) == []
    if not address_of(database_url).is_sqlite:
        assert tables_of(database_url) == set()


@pytest.mark.posix
def test_the_file_is_its_owners_only_and_settings_are_as_promised(
    tmp_path: Path,
) -> None:
    file = tmp_path / "new" / "watcher.db"
    with Store.open(f"sqlite:///{file}") as store, store.reading():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        pragmas = ("journal_mode", "foreign_keys", "busy_timeout")
        assert [
            store.connection.execute(f"PRAGMA {name}").fetchone() for name in pragmas
        ] == [("wal",), (1,), (15000,)]
    assert [each.name for each in file.parent.iterdir() if each.suffix != ".lock"] == [
        "watcher.db"
    ]


@pytest.mark.parametrize(
    "content",
    [b"This is a letter, not a database." * 100, b"SQLite format 3\0" + b"\x07" * 5000],
)
def test_a_damaged_file_is_named_with_a_way_out(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "watcher.db"
    file.write_bytes(content)
    with pytest.raises(
        StateError, match=r"watcher\.db does not work: .* state import"
    ) as caught:
        Store.open(f"sqlite:///{file}")
    assert "held" not in str(caught.value)
    assert file.read_bytes() == content
    with pytest.raises(StateError, match="does not work"):
        Store.open(f"sqlite:///{file}", hold=False)


def test_a_newer_schema_is_left_alone(database_url: str) -> None:
    Store.open(database_url).close()
    with connected(database_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for hold in (True, False):
        with pytest.raises(StateError, match=r"newer version .*schema 9999"):
            Store.open(database_url, hold=hold)


def test_another_programs_tables_are_left_alone(database_url: str) -> None:
    with connected(database_url) as connection:
        connection.execute("CREATE TABLE events (id integer)")
    with pytest.raises(StateError, match=r"did not make \(events\)"):
        Store.open(database_url)
    assert tables_of(database_url) == {"events"}


def test_a_read_only_server_is_refused_at_once(postgres_url: str) -> None:
    Store.open(postgres_url).close()
    with pytest.raises(StateError, match=r"read-only.*primary"):
        Store.open(f"{postgres_url}&options=-cdefault_transaction_read_only%3Don")


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Root may write everything: act as a user who may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no POSIX modes")
@pytest.mark.parametrize(
    ("of_file", "of_folder"), [(0o444, 0o777), (0o444, 0o555), (0o000, 0o777)]
)
def test_a_read_only_file_is_refused_at_once(of_file: int, of_folder: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder, file = Path(name), Path(name) / "watcher.db"
        Store.open(f"sqlite:///{file}").close()
        (folder / "watcher.db.lock").unlink()
        file.chmod(of_file)
        folder.chmod(of_folder)
        # Their own, but closed to themselves: that of another user is refused for that
        for each in (folder, file) if os.geteuid() == 0 else ():
            os.chown(each, 65534, 65534)
        with (
            as_somebody_else(),
            pytest.raises(
                StateError, match=r"watcher\.db (cannot be|does not work).*write access"
            ),
        ):
            Store.open(f"sqlite:///{file}")
        folder.chmod(0o700)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("attempt to write a readonly database", "write access"),
        ("database or disk is full", "Free some space"),
        ("could not extend file: No space left on device", "Free some space"),
        ("database disk image is malformed", "state import"),
        ("database is locked", "Close it"),
        ("cannot execute INSERT in a read-only transaction", "primary server"),
        ("permission denied for schema public", "Grant it"),
        ('database "x" does not exist', "Create it"),
        ("password authentication failed for user", "PGPASSWORD"),
        # A server's disk is not looked at, as SQLite's is
        ("disk I/O error", "Restore it from a backup"),
        ("something unheard of", "check the database"),
    ],
)
def test_what_a_database_says_becomes_a_remedy(said: str, remedy: str) -> None:
    error = address_of("postgresql://watcher:s3cret@db.example.org/state").explain(
        sqlite3.OperationalError(f"{said}\n  s3cret")
    )
    assert remedy in str(error)
    assert str(error).startswith(
        f"The state postgresql+psycopg://watcher@db.example.org/state does not work: {said} ***. "
    )


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        StateError, match=r"watcher\.db cannot be written.*write access"
    ):
        Store.open(f"sqlite:///{tmp_path / 'file' / 'watcher.db'}")
    (tmp_path / "watcher.db").mkdir()
    with pytest.raises(StateError, match=r"watcher\.db cannot be"):
        Store.open(f"sqlite:///{tmp_path / 'watcher.db'}")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_an_unreachable_server_is_named_without_its_password(scheme: str) -> None:
    with pytest.raises(
        StateError, match=r"127\.0\.0\.1:1/state does not work: .*Check host and port"
    ) as caught:
        Store.open(f"{scheme}://watcher:s3cret@127.0.0.1:1/state?sslpassword=s4cret")
    assert "s3cret" not in str(caught.value)
    assert "s4cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "state.db",
        "mysql://root:s3cret@db/x",
        "oracle+cx://s3cret@x",
        "",
        "postgresql://a:s3cret@h:port/x",
        "sqlite:///file:x?mode=ro&uri=true",
    ],
)
def test_an_address_that_is_none_is_refused_with_the_forms_that_are(url: str) -> None:
    with pytest.raises(StateError, match=r"sqlite:///state/watcher\.db") as caught:
        Store.open(url)
    assert "s3cret" not in str(caught.value)


def test_a_file_changed_by_hand_is_named_by_what_cannot_be_read(tmp_path: Path) -> None:
    file = tmp_path / "watcher.db"
    with Store.open(f"sqlite:///{file}") as store:
        fill(store)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE events SET record = '{}'")
    connection.close()
    with (
        Store.open(f"sqlite:///{file}") as store,
        pytest.raises(StateError, match=r"record \(Event\) that cannot be read.*id"),
    ):
        store.events()
