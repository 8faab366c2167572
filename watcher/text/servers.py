"""The administrator's servers in words.

What each one's build is, how it stands, and what to do there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from watcher.judgement import server_status
from watcher.judgement.names import with_version
from watcher.judgement.server_status import Step
from watcher.records import Event, Exposure, Offer
from watcher.text.plain import line
from watcher.text.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable


class ServerText(Struct, frozen=True):
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


def server_texts(
    exposures: Iterable[Exposure],
    words: Words,
    event: Event | None = None,
    update: str = "",
    vendor: str = "Microsoft",
) -> tuple[ServerText, ...]:
    """Write each server.

    The versions of ``update`` (an event's by itself) are named by their number alone.
    """
    if event is not None:
        update = event.update.id
    return tuple(
        _server_text(exposure, words, event, update, vendor) for exposure in exposures
    )


def _server_text(
    exposure: Exposure, words: Words, event: Event | None, update: str, vendor: str
) -> ServerText:
    name, build = line(exposure.server.name, 60), line(exposure.server.build, 40)
    state = words.say("fitness", exposure.fitness.value)
    if exposure.installed:
        what = named(exposure.installed, update, versioned=True)
        stands = f"{what}, {state}"
    else:
        what = words.say("fitness", "unknown")
        stands = state
    todo = words.say(
        "step",
        _step(exposure, event),
        **_filled(exposure, update),
        vendor=vendor,
        Vendor=vendor,
    )
    # A build that was asked for by hand is its own name
    called = build if name == build else f"{name} {build}"
    return ServerText(
        name,
        build,
        what,
        exposure.fitness.value,
        state,
        todo,
        f"{called} = {stands}: {todo}",
    )


def _step(exposure: Exposure, event: Event | None) -> str:
    """Give the key of the sentence that says what to do."""
    step = server_status.step(exposure, event)
    by_hand = exposure.server.name == exposure.server.build
    # `watcher build 15.2.1` has no inventory to blame for an unknown build
    return f"{step}-asked" if step is Step.UNKNOWN and by_hand else step.value


def _filled(exposure: Exposure, update: str) -> dict[str, object]:
    """Give what the sentences of the table ``step`` may name."""
    installed = exposure.installed
    ahead = exposure.ahead if exposure.left is None else exposure.left
    if not update and installed:
        update = installed.update
    return {
        "product": line(exposure.product or exposure.server.product, 100),
        "newest": _offered(exposure.newest, update),
        "open": _offered(exposure.unrestricted, update),
        "ahead": offered(ahead) if ahead else "",
        "version": installed.latest if installed else 1,
    }


def offered(offer: Offer) -> str:
    """Name product, build, update and article of what lies in another branch, each once."""
    product, title = line(offer.package.product, 100), named(offer)
    texts = (
        f"{product} {line(offer.package.build, 40)}",
        "" if title == product else title,
        line(offer.package.kb, 40),
    )
    return ", ".join(filter(None, texts))


def _offered(offer: Offer | None, update: str) -> str:
    """Write ``v2, KB5049233`` of the update that is spoken of, else its title.

    The build where there is no article.
    """
    if offer is None:
        return ""
    article = line(offer.package.kb or offer.package.build, 40)
    return f"{named(offer, update)}, {article}"


def named(offer: Offer, update: str = "", *, versioned: bool = False) -> str:
    """Name an update with its version.

    ``versioned`` names the first version, too, where there are several.
    """
    if offer.update == update and offer.latest > 1:
        return f"v{offer.version}"
    title = line(offer.title or offer.update, 160)
    if versioned and offer.version == 1 and offer.latest > 1:
        return f"{title} v1"
    # "Update Rollup 8 v2" bears its version already
    if title.endswith(f" v{offer.version}"):
        return title
    return with_version(title, offer.version)


def public(exposure: Exposure, text: ServerText) -> dict[str, Any]:
    """Give the object of ``watcher build --json`` and of ``servers`` in ``watcher status --json``.

    It is not published.
    """
    return {
        "server": exposure.server.name,
        "build": exposure.server.build,
        "product": exposure.product or exposure.server.product,
        "state": exposure.fitness.value,
        "update": _offer(exposure.installed),
        "newest": _offer(exposure.newest),
        "unrestricted": _offer(exposure.unrestricted),
        "ahead": _offer(exposure.ahead),
        "todo": text.todo,
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
