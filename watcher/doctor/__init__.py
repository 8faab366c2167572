"""Looks the watcher over.

What is unwell or will be, each finding with an id, how grave it is, and what to do.

Nothing is changed.  Sources and mail server are asked unless told otherwise; no
message is sent.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from watcher.config import Settings
from watcher.config.load import usual_files
from watcher.doctor.mail import mail_server, sender
from watcher.doctor.sources import Finding, Severity, answers, past_checks
from watcher.errors import StateError, StateHeldError
from watcher.judgement import schedule
from watcher.mail import render
from watcher.plural import counted
from watcher.run import unseen
from watcher.run.fetch import Web
from watcher.sources import Parse
from watcher.sources import parse as parse_here
from watcher.store import Store
from watcher.store.address import address_of
from watcher.text import complaints as complaints_of

__all__ = ["Finding", "Severity", "answers", "findings", "mail_server", "sender"]

ROOM = 200_000_000
"""Bytes that should be free where state, site and outbox lie."""

YOUNGEST = 2025
"""A clock that shows an earlier year is wrong."""

AHEAD = timedelta(minutes=5)
# Intervals without a check
LATE = 3


def findings(
    settings: Settings,
    environ: Mapping[str, str],
    now: datetime,
    web: Web | None,
    parse: Parse = parse_here,
) -> Iterator[Finding]:
    """Look at everything, in one order.

    Without ``web`` neither sources nor mail server nor DNS are asked.  ``parse`` reads
    what sources answer.
    """
    yield from configuration(settings, environ)
    yield from secrets(environ)
    yield from clock(now)
    yield from state(settings, now)
    yield from folders(settings)
    if web is not None:
        yield from answers(settings, web, now, parse)
        yield from mail_server(settings)
        yield from sender(settings)


def configuration(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the file and the templates.

    That the file is valid is known when there are settings.
    """
    if settings.file is None:
        looked = ", ".join(str(file.absolute()) for file in usual_files(environ))
        text = f"there is no configuration: the built-in defaults hold; looked for {looked}"
        yield Finding(
            "config.default",
            Severity.WARNING,
            text,
            "Write one: watcher init. Or go to the folder where it is.",
        )
    else:
        yield Finding("config.file", Severity.WELL, f"{settings.file} is valid")
    problems = render.check(settings)
    yield from (
        Finding(
            "config.template", Severity.ERROR, str(problem), "Correct the template."
        )
        for problem in problems
    )
    if settings.publish_servers:
        text = (
            "the names and builds of your servers are published in "
            f"{settings.site}: its readers see which of them lack which update"
        )
        remedy = (
            "Let only your own people see the site, or take publish_servers out "
            "of [watch]: docs/security.md"
        )
        yield Finding("site.servers", Severity.WARNING, text, remedy)
    if settings.nobody_named:
        yield Finding(
            "config.nobody",
            Severity.WARNING,
            "nobody is told: there is no [[subscriber]]",
            "Add a [[subscriber]] with its addresses.",
        )


def secrets(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the files that hold secrets: nobody else may read them."""
    for name, value in sorted(environ.items()):
        if not (name.startswith("WATCHER_") and name.endswith("_FILE")):
            continue
        mode = _mode(Path(value))
        # On Windows rights are lists, which these bits do not show
        if mode is not None and mode & 0o077 and os.name == "posix":
            yield Finding(
                "secret.readable",
                Severity.WARNING,
                f"{name}: others may read {value} ({mode:03o})",
                f"chmod 600 {value}",
            )
        elif mode is not None:
            yield Finding("secret.file", Severity.WELL, f"{name}: {value}")


def clock(now: datetime) -> Iterator[Finding]:
    """Look at the clock."""
    if now.year < YOUNGEST:
        yield Finding(
            "clock.wrong",
            Severity.ERROR,
            f"the clock says {now:%Y-%m-%d}",
            "Set it, and keep it right with NTP.",
        )
    else:
        yield Finding("clock.year", Severity.WELL, f"{now:%Y-%m-%d %H:%M} UTC")


def state(settings: Settings, now: datetime) -> Iterator[Finding]:
    """Look at the state: can it be opened, is it whole, when was the last check."""
    where = address_of(settings.state)
    if where.file and not where.file.exists():
        yield _no_state(where.file)
        yield from _unseen(settings, None)
        return
    try:
        # Without holding it: a run that is due in the meantime must not fail for it
        with Store.open(settings.state, hold=False) as store:
            complaints = store.integrity()
            sources = (*past_checks(settings, store), *_unseen(settings, store))
            last = store.last_check()
            counts = store.delivery_counts()
    except StateHeldError as error:
        yield Finding(
            "state.held",
            Severity.WARNING,
            str(error),
            "Wait for the other run to end, and look again.",
        )
        return
    except StateError as error:
        yield Finding(
            "state.unusable",
            Severity.ERROR,
            str(error),
            "See docs/operations.md, State.",
        )
        return
    damaged = "Put a backup in its place: docs/operations.md, State."
    yield from (
        Finding("state.damaged", Severity.ERROR, f"{where}: {complaint}", damaged)
        for complaint in complaints
    )
    if not complaints:
        yield Finding("state.whole", Severity.WELL, f"{where} is whole")
    mode = _mode(where.file) if where.file else None
    if mode is not None and mode & 0o077 and os.name == "posix":
        yield Finding(
            "state.readable",
            Severity.WARNING,
            f"others may read {where} ({mode:03o}): it holds addresses",
            f"chmod 600 {where.file}",
        )
    if counts.given_up:
        yield Finding(
            "mail.given-up",
            Severity.WARNING,
            f"{counted(counts.given_up, 'delivery was', 'deliveries were')} given up",
            "See to whom: watcher status",
        )
    yield from _timely(settings, last, now)
    yield from sources


def _no_state(file: Path) -> Finding:
    return Finding(
        "state.none",
        Severity.WARNING,
        f"there is no state {file.absolute()} yet",
        "Start a check: watcher run. Or go to the folder where the state is. "
        "Then schedule it: docs/operations.md",
    )


def _unseen(settings: Settings, store: Store | None) -> Iterator[Finding]:
    """Look at the patterns of products: who watches what nobody names hears nothing."""
    for each in unseen.patterns(settings, store):
        (text,) = complaints_of.unseen([each])
        said, _, remedy = text.rpartition(". ")
        yield Finding("products.unseen", Severity.ERROR, said, remedy)


def _timely(
    settings: Settings, last: datetime | None, now: datetime
) -> Iterator[Finding]:
    """Say whether checks come as often as the sources ask for."""
    often = min(
        (source.every for source in settings.enabled_sources),
        default=timedelta(hours=1),
    )
    if last is None:
        yield Finding(
            "schedule.never",
            Severity.WARNING,
            "there was no check yet",
            "Start one: watcher run. Then schedule it: docs/operations.md",
        )
    # After a dead battery a clock may begin at its factory's date, or far ahead
    elif last > now + AHEAD:
        text = (
            f"the last check was at {last:%Y-%m-%d %H:%M}, which is yet to come: "
            "the clock has gone back"
        )
        yield Finding(
            "clock.back",
            Severity.ERROR,
            text,
            "Set the clock. Sources are asked all the same.",
        )
    elif now - last > LATE * often + schedule.SLACK:
        text = (
            f"the last check was at {last:%Y-%m-%d %H:%M}, and a source wants to "
            f"be asked every {often}"
        )
        yield Finding(
            "schedule.late",
            Severity.WARNING,
            text,
            "See whether the schedule still runs: cron, systemctl list-timers, Actions.",
        )
    else:
        yield Finding(
            "schedule.timely",
            Severity.WELL,
            f"the last check was at {last:%Y-%m-%d %H:%M}",
        )
    longest = settings.limits.run
    if longest > often:
        yield Finding(
            "schedule.longer",
            Severity.WARNING,
            f"a check may take {longest} (run in [limits]), and a source wants to be "
            f"asked every {often}: the next check may find the state held",
            f"Set run in [limits] below {often}, or ask less often.",
        )
    else:
        yield Finding(
            "schedule.bound",
            Severity.WELL,
            f"a check ends within {longest}, and the shortest `every` is {often}",
        )


def folders(settings: Settings) -> Iterator[Finding]:
    """Look at the places that are written to: rights and room."""
    where = address_of(settings.state)
    # A state in PostgreSQL has no folder here, and with a mail server there is no outbox
    wanted = {
        "state": where.file.parent if where.file else None,
        "site": settings.site,
        "evidence": settings.evidence,
    }
    wanted |= {
        "outbox": None if settings.mail.smtp else settings.mail.outbox,
        "metrics": settings.metrics.parent if settings.metrics else None,
    }
    for name, folder in wanted.items():
        if folder is None:
            continue
        # A folder that is made when it is needed: the rights are those of the one above
        there = folder.absolute()
        while not there.exists():
            there = there.parent
        free = shutil.disk_usage(there).free
        if not os.access(there, os.W_OK):
            yield Finding(
                "disk.rights",
                Severity.ERROR,
                f"{name}: {there} cannot be written",
                "Give the watcher's account write access to it.",
            )
        elif free < ROOM:
            yield Finding(
                "disk.full",
                Severity.WARNING,
                f"{name}: {free // 1_000_000} MB are free at {there}",
                "Make room; keep in [watch] limits the state.",
            )
        else:
            yield Finding("disk.room", Severity.WELL, f"{name}: {folder}")


def _mode(path: Path) -> int | None:
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
