"""What an administrator names on the command line, and what was noted of it.

A kind of event, updates, or products.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from msgspec import Struct

from watcher.cli.call import now
from watcher.config.mistakes import nearest
from watcher.errors import ConfigurationError
from watcher.judgement import audience, normalize
from watcher.judgement.normalize.products import patterns_of
from watcher.kinds import EVENT_KINDS
from watcher.records import Kind, Update
from watcher.store import Store
from watcher.text import event_json

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


def find_kind(text: str) -> Kind | None:
    """Read a kind in any case, its words apart or not; None when it is none."""
    folded = "-".join(text.lower().replace("_", " ").split())
    return Kind(folded) if folded in set(Kind) else None


def read_kind(text: str) -> Kind:
    """Read a kind likewise.

    Raises:
        typer.BadParameter: it is none; the text says which may be meant.

    """
    found = find_kind(text)
    if found is None:
        raise typer.BadParameter(
            f'"{text}" is no kind of event.{_hint(text)} The kinds are: {", ".join(Kind)}.'
        )
    return found


def _hint(text: str) -> str:
    # "withdrawn", "recalled" and the like are what others call a kind
    words: dict[str, str] = {}
    for row in EVENT_KINDS.values():
        words |= dict.fromkeys((row.kind.value, *row.synonyms), row.kind.value)
    near = nearest(text, list(words))
    return f' Do you mean "{words[near]}"?' if near else ""


def find_updates(store: Store, identifier: str) -> tuple[Update, ...]:
    """Find the updates that an update id, KB article, CVE or build names, newest first."""
    found = store.update(identifier.strip().lower())
    if found:
        return (found,)
    names = [f"kb:{normalize.kb(identifier)}"]
    names += [f"cve:{cve}" for cve in normalize.cves_in(identifier)]
    # A build's name holds its product's family, for two products may count alike
    build = normalize.build(identifier)
    if build:
        families = {update.family.lower() for update in store.updates()}
        names += [f"build:{family}:{build}" for family in sorted(families)]
    return store.updates_for(names)


def require_updates(store: Store, identifier: str) -> tuple[Update, ...]:
    """Find them likewise.

    Raises:
        ConfigurationError: there is none.

    """
    found = find_updates(store, identifier)
    if not found:
        raise unknown_reference(identifier)
    return found


def unknown_reference(identifier: str) -> ConfigurationError:
    """Give the error of a reference that no update has."""
    return ConfigurationError(
        f'no update is known as "{identifier}". Name an update id, KB '
        "article, CVE or build of a watched product: see watcher events."
    )


def find_targets(store: Store, what: str) -> tuple[str, ...]:
    """Find what is meant.

    A kind, updates, or products.  Raises ConfigurationError that says what could be
    meant.
    """
    word = what.strip()
    if kind := find_kind(word):
        return (f"{audience.KIND}{kind}",)
    if updates := find_updates(store, word):
        return tuple(update.id for update in updates)
    targets = tuple(f"{audience.PRODUCT}{each}" for each in patterns_of(word))
    covering = tuple(each for each in targets if covered_products(store, each))
    if covering:
        return covering
    near = nearest(word, list(products(store)))
    hint = f' Do you mean "{near}"?' if near else ""
    raise ConfigurationError(
        f'no update, product or kind is known as "{what}".{hint} Name an '
        "update id, KB article, CVE or build (see watcher events), "
        f"a product as a shell pattern, or one of {', '.join(Kind)}."
    )


def covered_products(store: Store, target: str) -> tuple[str, ...]:
    """Name the known products that a target's pattern covers."""
    return tuple(name for name in products(store) if audience.covers((target,), name))


def products(store: Store) -> tuple[str, ...]:
    """Name the products of all updates."""
    names: set[str] = set()
    for update in store.updates():
        names.update(update.products)
        names.update(package.product for package in update.packages)
    # A package may name no product
    names.discard("")
    return tuple(sorted(names))


class Note(Struct, frozen=True):
    """What an administrator has noted, and what it means, in words."""

    target: str
    # Acknowledged, muted
    kind: str
    until: datetime | None
    line: str


def notes(store: Store) -> tuple[Note, ...]:
    """Give what has been noted and still holds."""
    found = []
    for target, time in sorted(store.acks().items()):
        line = (
            f"{audience.target_name(target)}: dealt with since {_minute(time)}, no "
            "reminders unless it is pulled again"
        )
        found.append(Note(target, "acknowledged", None, line))
    for target, until in sorted(store.mutes(now()).items()):
        name = audience.target_name(target)
        # `watcher ack --for` is kept as a mute of the reminders alone
        if target.startswith(audience.REMINDER):
            line = f"{name}: {reminders_text(until)}"
            found.append(Note(target, "acknowledged", until, line))
        else:
            line = f"{name}: muted {until_text(until)}"
            found.append(Note(target, "muted", until, line))
    return tuple(found)


def until_text(until: datetime | None) -> str:
    """Say until when something is muted."""
    return f"until {_minute(until)}" if until else "for good"


def reminders_text(until: datetime | None) -> str:
    """Say what becomes of reminders once something is acknowledged."""
    if until:
        return f"no reminders until {_minute(until)}"
    return "dealt with, no reminders unless it is pulled again"


def _minute(time: datetime) -> str:
    return f"{event_json.time(time)[:16].replace('T', ' ')}Z"
