"""The scripts that write an inventory: what they write is read.

There is no PowerShell here: that they run was not tried.  Held is what can be seen in
their text.
"""

from __future__ import annotations

import re

import pytest

from watcher.cli.inventory import SCRIPTS, ScriptKind
from watcher.inventory import parse
from watcher.records import Server

SCRIPT = {
    kind: (SCRIPTS / f"{kind.value}.ps1").read_text(encoding="ascii")
    for kind in ScriptKind
}
# A server as each of them writes it, and what it is then
WRITTEN = {
    ScriptKind.EXCHANGE: (
        {
            "Server": "EX01",
            "AdminDisplayVersion": "Version 15.2 (Build 1544.4)",
            "ExSetup": "15.02.1544.014",
        },
        Server("EX01", "15.2.1544.14", exact=True),
    ),
    ScriptKind.WINDOWS: (
        {
            "Server": "WEB01",
            "Product": "Windows Server 2022",
            "Build": "10.0.20348.2849",
            "Hotpatch": "True",
        },
        Server("WEB01", "10.0.20348.2849", "Windows Server 2022", track="hotpatch"),
    ),
    ScriptKind.SQL: (
        {
            "Server": "SQL02\\REPORTS",
            "Product": "SQL Server 2022",
            "Build": "16.0.4145.4",
        },
        Server("SQL02\\REPORTS", "16.0.4145.4", "SQL Server 2022"),
    ),
    ScriptKind.SHAREPOINT: (
        {
            "Server": "SP01",
            "Product": "SharePoint Server Subscription Edition",
            "Build": "16.0.17928.20238",
        },
        Server("SP01", "16.0.17928.20238", "SharePoint Server Subscription Edition"),
    ),
}


@pytest.mark.parametrize("kind", list(ScriptKind))
def test_what_a_script_writes_is_read(kind: ScriptKind) -> None:
    cells, expected = WRITTEN[kind]
    columns = re.findall(
        r"^ {8}(\w+) +=", SCRIPT[kind].rpartition("$rows =")[2], re.MULTILINE
    ) or re.findall(r"^ {12}(\w+) +=", SCRIPT[kind], re.MULTILINE)
    # As Export-Csv of Windows PowerShell writes it
    rows = [columns, [cells[name] for name in columns]]
    written = "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)

    assert set(columns) == set(cells)
    assert parse(written.encode("utf-8-sig")).servers == (expected,)


@pytest.mark.parametrize("kind", list(ScriptKind))
def test_a_server_that_cannot_be_reached_stops_no_other(kind: ScriptKind) -> None:
    assert "catch" in SCRIPT[kind]
    assert "Write-Warning" in SCRIPT[kind]


@pytest.mark.parametrize("kind", list(ScriptKind))
def test_each_script_says_what_it_does_and_its_braces_close(kind: ScriptKind) -> None:
    text = SCRIPT[kind]
    code = re.sub(r'"[^"\n]*"|#[^\n]*', "", text.partition("#>")[2])

    assert text.startswith("<#\n.SYNOPSIS\n")
    for opening, closing in ("{}", "()", "[]"):
        assert code.count(opening) == code.count(closing)
