"""``watcher ack`` and ``watcher mute``.

What an administrator has dealt with, and wants to hear no more of.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec import Struct

from watcher import report
from watcher.cli import kinds
from watcher.cli.calling import Call, command, length, now
from watcher.cli.telling import known
from watcher.errors import ConfigurationError
from watcher.judgement import audience
from watcher.kinds import EVENT_KINDS
from watcher.records import Kind
from watcher.text import event_json

if TYPE_CHECKING:
    from watcher.store import Store

What = Annotated[
    str,
    typer.Argument(
        metavar="WHAT",
        help="Update id, KB article, CVE or build; a product, as a shell pattern; or a kind.",
    ),
]
HowLong = Annotated[
    str | None, typer.Option("--for", metavar="LENGTH", help="Only for so long: 30d.")
]
Undo = Annotated[bool, typer.Option("--undo", help="Take it back.")]


class Note(Struct, frozen=True):
    """What an administrator has noted, and what it means, in words."""

    target: str
    # Acknowledged, muted
    kind: str
    until: datetime | None
    line: str


@command("ack", "watcher ack KB5044062")
def ack(
    call: Call, what: What, *, how_long: HowLong = None, undo: Undo = False
) -> None:
    """Note that an update, a product's pulled updates, or all pulled ones have been dealt with.

    No reminders.

    News of them is still sent.  When something of it is pulled again, reminders begin
    again; with --for they begin again after that time.
    """
    settings = call.settings()
    until = now() + length(how_long) if how_long else None
    with call.store(settings) as store:
        for target in targets(store, what):
            if undo:
                store.unack(target)
                store.unmute(f"{audience.REMINDER}{target}")
            elif until:
                store.mute(f"{audience.REMINDER}{target}", until)
            else:
                store.ack(target, now())
            then = "reminders are sent again" if undo else _no_reminders(until)
            report.write(report.harmless(f"{audience.target_name(target)}: {then}."))


@command("mute", "watcher mute KB5044062 --for 30d")
def mute(
    call: Call, what: What, *, how_long: HowLong = None, undo: Undo = False
) -> None:
    """Ask for no more mail about an update, products or a kind of event.

    Its events are recorded and published all the same.  A correction of what was told
    before is still sent. An event of several products is held back only when all of
    them are muted; pulled and exploited can be muted for a time only. What was not
    sent meanwhile is not sent later: see watcher events.
    """
    settings = call.settings()
    until = now() + length(how_long) if how_long else None
    with call.store(settings) as store:
        for target in targets(store, what):
            if undo:
                store.unmute(target)
                report.write(
                    report.harmless(
                        f"{audience.target_name(target)}: no longer muted, mail about "
                        "it is sent from now on."
                    )
                )
                continue
            _allow(target, until)
            store.mute(target, until)
            report.write(
                report.harmless(
                    f"{audience.target_name(target)}: muted {_until(until)}; {_held_back(store, target)}."
                )
            )


def _allow(target: str, until: datetime | None) -> None:
    """Refuse to mute for good what would hide every pull."""
    if until is None and (
        target
        in {
            f"{audience.KIND}{kind.value}"
            for kind, row in EVENT_KINDS.items()
            if row.alarming
        }
        or target == f"{audience.PRODUCT}*"
    ):
        raise ConfigurationError(
            f'"{audience.target_name(target)}" cannot be muted for good: no pull '
            "would be told any more. Say for how long, as in --for 7d, "
            "or take it out of the subscriber's kinds or products."
        )


def targets(store: Store, what: str) -> tuple[str, ...]:
    """Find what is meant.

    A kind, updates, or products.  Raises ConfigurationError that says what could be
    meant.
    """
    word = what.strip()
    if kind := kinds.find(word):
        return (f"{audience.KIND}{kind}",)
    if updates := known(store, word):
        return tuple(update.id for update in updates)
    target = f"{audience.PRODUCT}{word}"
    if covered(store, target):
        return (target,)
    near = f"{word}*"
    hint = (
        f' Do you mean the products "{near}"?'
        if covered(store, f"{audience.PRODUCT}{near}")
        else ""
    )
    raise ConfigurationError(
        f'no update, product or kind is known as "{what}".{hint} Name an '
        "update id, KB article, CVE or build (see watcher events), "
        f"a product as a shell pattern, or one of {', '.join(Kind)}."
    )


def covered(store: Store, target: str) -> tuple[str, ...]:
    """Name the known products that a target's pattern covers."""
    names = {
        product
        for update in store.updates()
        for product in (
            *update.products,
            *(package.product for package in update.packages),
        )
    }
    return tuple(
        sorted(name for name in names if name and audience.covers((target,), name))
    )


def _held_back(store: Store, target: str) -> str:
    if target.startswith(audience.PRODUCT):
        names = covered(store, target)
        shown = ", ".join(names[:4]) + (
            f" and {len(names) - 4} more" if len(names) > 4 else ""
        )
        return f"no mail about {shown}, but for events of other products, too, and corrections"
    if target.startswith(audience.KIND):
        return "no mail of this kind, whatever the product, but for corrections"
    return "no mail about it, but for corrections"


def _until(until: datetime | None) -> str:
    return f"until {_moment(until)}" if until else "for good"


def _no_reminders(until: datetime | None) -> str:
    return (
        f"no reminders until {_moment(until)}"
        if until
        else "dealt with, no reminders unless it is pulled again"
    )


def _moment(time: datetime) -> str:
    return f"{event_json.time(time)[:16].replace('T', ' ')}Z"


def notes(store: Store) -> tuple[Note, ...]:
    """Give what has been noted and still holds."""
    acked = [
        Note(
            target,
            "acknowledged",
            None,
            (
                f"{audience.target_name(target)}: dealt with since {_moment(time)}, no "
                "reminders unless it is pulled again"
            ),
        )
        for target, time in sorted(store.acks().items())
    ]
    muted = []
    for target, until in sorted(store.mutes(now()).items()):
        if target.startswith(audience.REMINDER):
            muted.append(
                Note(
                    target,
                    "acknowledged",
                    until,
                    f"{audience.target_name(target)}: {_no_reminders(until)}",
                )
            )
        else:
            muted.append(
                Note(
                    target,
                    "muted",
                    until,
                    f"{audience.target_name(target)}: muted {_until(until)}",
                )
            )
    return (*acked, *muted)
