"""``watcher inventory``: what an inventory says, and the scripts that write one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from watcher import report
from watcher.cli.build import listed, server_lines
from watcher.cli.call import Call, command
from watcher.judgement.server_status import exposures

SCRIPTS = Path(__file__).parents[1] / "powershell"


class ScriptKind(StrEnum):
    """What is asked: a script of ``watcher/powershell`` each."""

    EXCHANGE = "exchange"
    WINDOWS = "windows"
    SQL = "sql"
    SHAREPOINT = "sharepoint"


@command("inventory", "watcher inventory --script exchange > exchange.ps1")
def inventory(
    call: Call,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE]",
            help="A CSV file, Health Checker's XML, or a folder; none: the configured one.",
        ),
    ] = None,
    *,
    script: Annotated[
        ScriptKind | None,
        typer.Option(
            "--script", help="Print a PowerShell script that writes an inventory."
        ),
    ] = None,
) -> None:
    """Say what was read of an inventory.

    Of each server: its name, its product as the inventory names it, and its build; then
    what the build means. A line that cannot be read is named, and costs that line only.
    What Active Directory has of an Exchange server may hide a security update: --script
    exchange asks each server's ExSetup.exe.
    """
    if script is not None:
        path = SCRIPTS / f"{script.value}.ps1"
        report.write(path.read_text(encoding="utf-8").rstrip())
        return
    settings = call.settings()
    servers = listed(file or settings.inventory)
    report.write_prose(f"Servers read: {len(servers)}")
    for server in servers:
        owners = f", owned by {', '.join(server.owners)}" if server.owners else ""
        product = f", {server.product}" if server.product else ""
        asked = ", asked of ExSetup.exe" if server.exact else ""
        text = f"{server.name}: {server.build}{product}{owners}{asked}"
        report.write_prose(report.harmless(text))
    with call.store(settings) as store:
        updates = store.updates()
    if updates:
        report.write_prose("")
    for line in server_lines(exposures(servers, updates), settings) if updates else ():
        report.write_prose(report.harmless(line))
