"""The administrator's servers in words.

What each one's build is, how it stands, and what to do there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from watcher.judgement import lifecycle
from watcher.judgement.names import with_version
from watcher.judgement.server_steps import ServerStep, Step, step_now
from watcher.records import Event, Exposure, Offer
from watcher.text.plain import line
from watcher.text.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


# Of more servers those alike stand together
FEW = 8
ALIKE = 3


class ServerText(Struct, frozen=True):
    """One server: ``line`` says it all (``EX01 15.2.1544.13 = v1, pulled: install v2,
    KB5049233``).
    """

    name: str
    build: str
    # What the build is, and how good that is; "" where the message is not about that
    what: str
    fitness: str
    state: str
    todo: str
    line: str
    # There is something to do
    affected: bool
    # The build may hide a security update, which a note below the servers explains
    may_hide: bool = False
    # What ``line`` says after the name and the build: " = v1, pulled: install v2, KB5049233"
    said: str = ""


class ServerGroup(Struct, frozen=True):
    """Servers with one build of which one thing is said, or one server alone.

    ``line`` is of all of them (``8 servers with 15.2.1544.13 = v1, pulled: install v2,
    KB5049233``), and ``names`` who they are; of one server alone ``line`` names it.
    """

    line: str
    names: tuple[str, ...] = ()
    # How many names were left out
    more: int = 0
    servers: int = 1
    may_hide: bool = False


def grouped(
    texts: Sequence[ServerText], words: Words, most_names: int
) -> tuple[ServerGroup, ...]:
    """Put servers together of which the same is said, in the order of the first of each.

    Up to ``FEW`` servers each have a line of their own, and so do fewer than ``ALIKE``
    of which the same is said.  ``most_names`` are named in a group.
    """
    alike: dict[tuple[str, str], list[ServerText]] = {}
    for text in texts:
        alike.setdefault((text.build, text.said), []).append(text)
    groups: list[ServerGroup] = []
    for (build, said), same in alike.items():
        if len(texts) <= FEW or len(same) < ALIKE:
            groups += [ServerGroup(text.line, may_hide=text.may_hide) for text in same]
            continue
        called = words.say("label", "alike", count=len(same), build=build)
        names = tuple(text.name for text in same)
        more = max(0, len(names) - most_names)
        groups.append(
            ServerGroup(
                f"{called}{said}",
                names[:most_names],
                more,
                len(same),
                same[0].may_hide,
            )
        )
    return tuple(groups)


def server_texts(
    exposures: Iterable[Exposure],
    words: Words,
    update: str = "",
    vendor: str = "Microsoft",
) -> tuple[ServerText, ...]:
    """Write each server with what to do there now.

    The versions of ``update`` are named by their number alone.
    """
    return tuple(
        _server_text(
            ServerStep(exposure, step_now(exposure)), words, update, "", vendor
        )
        for exposure in exposures
    )


def event_server_texts(
    steps: Iterable[ServerStep], words: Words, event: Event, title: str, vendor: str
) -> tuple[ServerText, ...]:
    """Write each server with what an event asks there; ``title`` is its update's."""
    return tuple(
        _server_text(step, words, event.update.id, title, vendor) for step in steps
    )


def _server_text(
    found: ServerStep, words: Words, update: str, title: str, vendor: str
) -> ServerText:
    exposure = found.exposure
    name, build = line(exposure.server.name, 60), line(exposure.server.build, 40)
    # A build that was asked for by hand is its own name
    called = build if name == build else f"{name} {build}"
    step = found.step.value
    # `watcher build 15.2.1` has no inventory to blame for an unknown build
    if found.step is Step.UNKNOWN and exposure.server.name == exposure.server.build:
        step = f"{step}-asked"
    todo = words.say(
        "step",
        step,
        **_filled(exposure, update),
        title=title,
        vendor=vendor,
        Vendor=vendor,
    )
    what = state = stands = ""
    if found.of_installed:
        what, state = _what(exposure, words, update)
        if found.may_hide:
            todo = f"{todo}; {words.say('note', 'may_hide')}"
        stands = f" = {what}, {state}" if exposure.installed else f" = {state}"
    said = f"{stands}: {todo}"
    return ServerText(
        name,
        build,
        what,
        exposure.fitness.value,
        state,
        todo,
        f"{called}{said}",
        affected=found.is_affected,
        may_hide=found.of_installed and found.may_hide,
        said=said,
    )


def _what(exposure: Exposure, words: Words, update: str) -> tuple[str, str]:
    """Say which update a build is, and how good that is."""
    state = words.say("fitness", exposure.fitness.value)
    if exposure.installed is None:
        return words.say("fitness", "unknown"), state
    return named(exposure.installed, update, versioned=True), state


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
        _unless_named(line(offer.package.kb, 40), title),
    )
    return ", ".join(filter(None, texts))


def _offered(offer: Offer | None, update: str) -> str:
    """Write ``v2, KB5049233`` of the update that is spoken of, else its title.

    The build where there is no article.
    """
    if offer is None:
        return ""
    title = named(offer, update)
    article = _unless_named(line(offer.package.kb or offer.package.build, 40), title)
    return f"{title}, {article}" if article else title


def _unless_named(article: str, title: str) -> str:
    """Give an article, "" where a title names it: "... Windows Server 2022 (KB5046616)"."""
    return "" if article in title else article


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
        "inventory": exposure.server.inventory,
        "support": _support(exposure.product or exposure.server.product),
        "left_level": _left_level(exposure),
    }


def _support(product: str) -> dict[str, Any] | None:
    """Give until when a product is supported, None where that is not known."""
    support = lifecycle.support_of(product)
    if support is None:
        return None
    return {
        "product": support.product,
        "ends": support.ends.isoformat(),
        "url": support.url,
        "dated": support.dated.isoformat(),
        "editions": [
            {"name": each.name, "ends": each.ends.isoformat()}
            for each in support.editions
        ],
    }


def _left_level(exposure: Exposure) -> dict[str, Any] | None:
    """Give what gets security updates in place of a server's cumulative update."""
    left = exposure.left_level
    return {"newer": list(left.newer), "url": left.url} if left else None


def _offer(offer: Offer | None) -> dict[str, Any] | None:
    if offer is None:
        return None
    package = offer.package
    return {
        "id": offer.update,
        "title": offer.title,
        "type": offer.type,
        "version": offer.version,
        "released": offer.released and f"{offer.released:%Y-%m-%d}",
        "product": package.product,
        "build": package.build,
        "kb": package.kb,
        "esu": package.esu,
    }
