"""``watcher sources NAME``.

What one source says at this moment, through its index to its newest document.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from typer.testing import CliRunner, Result

from tests.edges.ledger_samples import T0, update
from tests.servers import Reply, SourceServer
from watcher.cli import app
from watcher.records import Outcome, Package
from watcher.store import Store


def month(name: str, web: SourceServer) -> str:
    """Write a row of MSRC's index."""
    return (
        f'{{"ID": "{name}", "Alias": "{name}", "DocumentTitle": "{name} '
        'Security Updates", "Severity": null,'
        ' "InitialReleaseDate": "2024-11-12T08:00:00Z", '
        '"CurrentReleaseDate": "2024-11-14T08:00:00Z", "CvrfUrl": '
        f'"{web.url(f"/{name}")}"}}'
    )


def cvrf(name: str) -> Reply:
    """Play a month with one vulnerability of one watched product."""
    return Reply(
        f"""<?xml version="1.0" encoding="utf-8"?>
<cvrf:cvrfdoc xmlns:cvrf="http://www.icasi.org/CVRF/schema/cvrf/1.1" xmlns:prod="http://www.icasi.org/CVRF/schema/prod/1.1"
 xmlns:vuln="http://www.icasi.org/CVRF/schema/vuln/1.1">
<cvrf:DocumentTitle>{name}</cvrf:DocumentTitle><cvrf:DocumentType>Security Update</cvrf:DocumentType>
<cvrf:DocumentTracking><cvrf:Identification><cvrf:ID>{name}</cvrf:ID><cvrf:Alias>{name}</cvrf:Alias></cvrf:Identification>
<cvrf:Status>2</cvrf:Status><cvrf:Version>1.0</cvrf:Version>
<cvrf:InitialReleaseDate>2024-11-12T08:00:00Z</cvrf:InitialReleaseDate>
<cvrf:CurrentReleaseDate>2024-11-14T08:00:00Z</cvrf:CurrentReleaseDate></cvrf:DocumentTracking>
<prod:ProductTree>
<prod:FullProductName ProductID="1">Microsoft Exchange Server 2019 Cumulative Update 14</prod:FullProductName>
</prod:ProductTree>
<vuln:Vulnerability Ordinal="1"><vuln:Title>A spoofing vulnerability of {name}</vuln:Title><vuln:CVE>CVE-2024-10001</vuln:CVE>
<vuln:ProductStatuses><vuln:Status Type="3"><vuln:ProductID>1</vuln:ProductID></vuln:Status></vuln:ProductStatuses>
<vuln:RevisionHistory><vuln:Revision><cvrf:Number>1.0</cvrf:Number><cvrf:Date>2024-11-12T08:00:00</cvrf:Date>
<cvrf:Description>Information published.</cvrf:Description></vuln:Revision></vuln:RevisionHistory>
</vuln:Vulnerability></cvrf:cvrfdoc>""".encode()
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHER_CONFIG", raising=False)
    return tmp_path


def sources(folder: Path, config: str, *words: str) -> Result:
    """Call ``watcher sources`` with a configuration of these sources."""
    (folder / "watcher.toml").write_text(
        f"[watch]\nbuiltin_sources = false\n{config}", encoding="utf-8"
    )
    return CliRunner().invoke(app, ["sources", *words], prog_name="watcher")


def test_an_index_leads_to_its_newest_month(folder: Path) -> None:
    with SourceServer() as web:
        web.play(
            "/updates",
            Reply(
                f'{{"value": [{month("2024-Apr", web)}, {month("2024-May", web)}]}}'.encode(),
                content_type="application/json",
            ),
        )
        web.play("/2024-May", cvrf("2024-May"))
        web.play("/2024-Apr", cvrf("2024-Apr"))
        config = (
            f'[[source]]\nname = "msrc"\nkind = "cvrf"\nurl = "{web.url("/updates")}"\n'
        )
        newest = sources(folder, config, "msrc")
        named = sources(folder, config, "msrc", "--document", "2024-Apr")
        unknown = sources(folder, config, "msrc", "--document", "2024-Sep")

    assert newest.exit_code == 0, newest.stderr
    assert newest.stdout.startswith(
        "msrc 2024-May: 1 entry, 1 of them watched; it shows everything\n"
    )
    assert "A spoofing vulnerability of 2024-May  revision 1.0" in newest.stdout
    assert named.stdout.startswith("msrc 2024-Apr: 1 entry")
    assert (unknown.exit_code, unknown.stderr.splitlines()[-1]) == (
        2,
        'msrc leads to no document "2024-Sep". It leads to: 2024-Apr, 2024-May.',
    )


FOLLOWING = (
    '[[source]]\nname = "downloads"\nkind = "download"\nurl = '
    '"https://www.example.org/download/"\n'
)


def test_a_source_that_follows_updates_has_nothing_to_say_before_the_first_check(
    folder: Path,
) -> None:
    said = sources(folder, FOLLOWING, "downloads")

    assert said.exit_code == 2
    missing, remedy = said.stderr.splitlines()
    assert f"There is no state {folder}/state/watcher.db" in missing
    assert remedy == (
        "downloads follows the pages of young updates, and none is known "
        "yet. Start a check first: watcher run"
    )


def test_a_source_that_follows_updates_shows_the_page_of_the_newest(
    folder: Path,
) -> None:
    with SourceServer() as web:
        url = web.play(
            "/en-us/download/details.aspx?id=1",
            Reply(b"no page of the Download Center", content_type="text/html"),
        )
        newer, older = (
            Package("Exchange Server 2019 CU14", url=f"{address}")
            for address in (url, url.replace("id=1", "id=2"))
        )
        with Store.open(f"sqlite:///{folder}/state/watcher.db") as store:
            before = update(
                "exchange-server-2024-10-su",
                first_seen=T0 - timedelta(days=28),
                names=(),
                packages=(older,),
            )
            store.record(
                "msrc", outcome=Outcome(updates=(before, update(packages=(newer,))))
            )
        with time_machine.travel(T0):
            said = sources(
                folder,
                FOLLOWING.replace("https://www.example.org/", web.url()),
                "downloads",
            )

    assert len(web.asked("/en-us/download/details.aspx?id=1")) == 1
    assert said.exit_code == 1
    assert said.stderr.splitlines()[-1].startswith("downloads 1: ")
