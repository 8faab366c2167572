"""The administrator's servers in words.

What each one's build is, how it stands, and what to do there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from watcher.judgement import server_status
from watcher.judgement.names import with_version
from watcher.text.plain import line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watcher.records import Event, Exposure, Offer
    from watcher.text.words import Words


class Place(Struct, frozen=True):
    """One server: ``line`` says it all (``EX01 15.2.1544.13 = v1, pulled: install v2,
    KB5049233``).
    """

    name: str
    build: str
    what: str
    fitness: str
    state: str
    todo: str
    line: str


def places(
    known: Iterable[Exposure],
    words: Words,
    event: Event | None = None,
    update: str = "",
    vendor: str = "Microsoft",
) -> tuple[Place, ...]:
    """Write each server.

    The versions of ``update`` (an event's by itself) are named by their number alone.
    """
    return tuple(
        _place(each, words, event, event.update.id if event else update, vendor)
        for each in known
    )


def _place(
    known: Exposure, words: Words, event: Event | None, update: str, vendor: str
) -> Place:
    name, build = line(known.server.name, 60), line(known.server.build, 40)
    what = (
        named(known.installed, update, versioned=True)
        if known.installed
        else words.say("fitness", "unknown")
    )
    state = words.say("fitness", known.fitness.value)
    step = server_status.step(known, event)
    # By hand: no inventory is to blame
    asked = (
        "-asked"
        if step == "unknown" and known.server.name == known.server.build
        else ""
    )
    todo = words.say(
        "step", f"{step}{asked}", **_filled(known, update), vendor=vendor, Vendor=vendor
    )
    stands = f"{what}, {state}" if known.installed else state
    return Place(
        name,
        build,
        what,
        known.fitness.value,
        state,
        todo,
        f"{name} {build} = {stands}: {todo}"
        if name != build
        else f"{build} = {stands}: {todo}",
    )


def _filled(known: Exposure, update: str) -> dict[str, object]:
    """Give what the sentences of the table ``step`` may name."""
    installed, ahead = (
        known.installed,
        known.ahead if known.left is None else known.left,
    )
    update = update or (installed.update if installed else "")
    return {
        "product": line(known.product or known.server.product, 100),
        "newest": _offered(known.newest, update),
        "open": _offered(known.unrestricted, update),
        "ahead": offered(ahead) if ahead else "",
        "version": installed.latest if installed else 1,
    }


def offered(offer: Offer) -> str:
    """Name product, build, update and article of what lies in another branch, each once."""
    product, title = line(offer.package.product, 100), named(offer)
    parts = (
        f"{product} {line(offer.package.build, 40)}",
        "" if title == product else title,
        line(offer.package.kb, 40),
    )
    return ", ".join(filter(None, parts))


def _offered(offer: Offer | None, update: str) -> str:
    """Write ``v2, KB5049233`` of the update that is spoken of, else its title.

    The build where there is no article.
    """
    if offer is None:
        return ""
    return ", ".join(
        (named(offer, update), line(offer.package.kb or offer.package.build, 40))
    )


def named(offer: Offer, update: str = "", *, versioned: bool = False) -> str:
    """Name an update with its version.

    ``versioned`` names the first version, too, where there are several.
    """
    if offer.update == update and offer.latest > 1:
        return f"v{offer.version}"
    title = line(offer.title or offer.update, 160)
    if versioned and offer.version == 1 and offer.latest > 1:
        return f"{title} v1"
    return (
        title
        if title.endswith(f" v{offer.version}")
        else with_version(title, offer.version)
    )


def public(known: Exposure, place: Place) -> dict[str, Any]:
    """Give the object of ``watcher build --json`` and of ``servers`` in ``watcher status --json``.

    It is not published.
    """
    return {
        "server": known.server.name,
        "build": known.server.build,
        "product": known.product or known.server.product,
        "state": known.fitness.value,
        "update": _offer(known.installed),
        "newest": _offer(known.newest),
        "unrestricted": _offer(known.unrestricted),
        "ahead": _offer(known.ahead),
        "todo": place.todo,
    }


def _offer(offer: Offer | None) -> dict[str, Any] | None:
    if offer is None:
        return None
    package = offer.package
    return {
        "id": offer.update,
        "title": offer.title,
        "version": offer.version,
        "product": package.product,
        "build": package.build,
        "kb": package.kb,
        "esu": package.esu,
    }
