"""``watcher build``.

Is a build good today, what is newer, what is to be done; and the same for every server
of an inventory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from watcher import report
from watcher.cli.call import Call, command, end_with_failure, now
from watcher.config import Settings
from watcher.errors import ConfigurationError
from watcher.inventory import build_of
from watcher.judgement import server_status
from watcher.judgement.newest_build import product_line
from watcher.records import Exposure, Fitness, Server
from watcher.run.servers import read as read_inventory
from watcher.text.servers import offered, public, server_texts
from watcher.text.words import support_texts, words_of

# What --fail-on names
FAILING = {
    "pulled": {Fitness.PULLED},
    "suspected": {Fitness.SUSPECTED},
    "outdated": {Fitness.NEWER, Fitness.REPLACED},
    "unknown": {Fitness.UNKNOWN},
}


@command("build", "watcher build 15.2.1544.13")
def build(
    call: Call,
    builds: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[BUILD]", help="Builds in any form; none: the inventory's."
        ),
    ] = None,
    *,
    inventory: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Servers from this CSV file, not the configured one."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line.")
    ] = False,
    fail_on: Annotated[
        str,
        typer.Option(
            metavar="STATES",
            help="End with 1 where a build is pulled, suspected, outdated or unknown.",
        ),
    ] = "",
) -> None:
    """Say whether a build is good today.

    Of each build: the update and version that it is, whether that is pulled, what is
    newer, and what to do. With --inventory, or without any BUILD, that is said of
    every server of an inventory.

    With --json each line has server, build, product, state (good, newer-available,
    replaced, pulled, suspected-pulled, unknown), update, newest, unrestricted and
    ahead (each null or id, title, type, version, released, product, build, kb, esu),
    todo, inventory (the file of a subscriber's own that names it, or ""), support (null or
    product, ends, url and dated of the vendor's page, and editions, each with name and
    ends) and left_level (null, or the newer cumulative updates that get security updates
    in its place, and the vendor's url).

    A gate of a deployment says what stops it: --fail-on pulled,unknown ends with 1 where
    one of the builds is so.
    """
    failing = _failing(fail_on)
    settings = call.settings()
    servers = [_server(written) for written in builds or ()]
    if inventory or not servers:
        servers += listed(inventory or settings.inventory)
    with call.store(settings) as store:
        updates = store.updates()
    # "unknown" of every build would read as if none of them were good
    if not updates:
        report.LOG.warning(
            "Nothing was read yet, so no build can be judged. Start a check first: watcher run"
        )
    exposures = server_status.exposures(servers, updates)
    if as_json:
        for row in server_objects(exposures, settings):
            report.write_json(row)
    elif updates:
        for line in server_lines(exposures, settings):
            report.write_prose(report.harmless(line))
    end_with_failure(failed=any(each.fitness in failing for each in exposures))


def _failing(written: str) -> set[Fitness]:
    """Read what --fail-on names, parted by commas."""
    failing: set[Fitness] = set()
    for name in filter(None, (part.strip().lower() for part in written.split(","))):
        if name not in FAILING:
            raise typer.BadParameter(
                f'--fail-on knows no "{name}". Known: {", ".join(FAILING)}.'
            )
        failing |= FAILING[name]
    return failing


def _server(written: str) -> Server:
    found = build_of(written)
    if not found:
        raise typer.BadParameter(f'"{written}" is no build. Write it as 15.2.1544.13.')
    return Server(found, found)


def listed(path: Path | None) -> tuple[Server, ...]:
    """Read an inventory, and say which of its lines are wrong.

    Raises ConfigurationError when there is none.
    """
    if path is None:
        raise ConfigurationError(
            "no build is named, and there is no inventory. Write: watcher "
            "build 15.2.1544.13, or --inventory FILE, or [watch] inventory."
        )
    found = read_inventory(path)
    # One mistyped line of four hundred servers hides none of the others
    for text in found.complaints:
        report.LOG.warning("%s: %s. The other lines count.", path, text)
    return found.servers


def server_objects(
    exposures: Iterable[Exposure], settings: Settings
) -> list[dict[str, Any]]:
    """Give what --json says of servers; also the field ``servers`` of ``watcher status --json``."""
    judged = tuple(exposures)
    texts = server_texts(judged, words_of(settings.templates))
    return [public(each, text) for each, text in zip(judged, texts, strict=True)]


def server_lines(exposures: Iterable[Exposure], settings: Settings) -> Iterator[str]:
    """Write a line for each server, and one more for a newer build of its product that is
    not due yet; below them what a build may hide, and whose support ends.
    """
    judged = tuple(exposures)
    words = words_of(settings.templates)
    texts = server_texts(judged, words)
    inventory = ""
    for each, text in zip(judged, texts, strict=True):
        if each.server.inventory != inventory:
            inventory = each.server.inventory
            yield f"{inventory}:"
        yield text.line
        if each.ahead is not None and not each.overtaken:
            yield f"    newer of {product_line(each.product)}: {offered(each.ahead)}"
    if any(text.may_hide for text in texts):
        yield words.say("note", "may_hide_below")
    products = [each.product or each.server.product for each in judged]
    left = [each.left_level for each in judged]
    for said, url in support_texts(products, now(), words, left):
        yield f"{said} {url}"
