"""Roll-ups, security-only updates, .NET Framework and hotpatches, as MSRC's records have
them: each is told to whom it is offered.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.pages import Cve, Fix, month
from tests.stories.telling import World, text
from watcher.cli.build import server_objects
from watcher.run import servers

OLD_SERVER = "Windows Server 2012 R2"
NEW_SERVER = "Windows Server 2025"
FRAMEWORK = "Microsoft .NET Framework 4.8 on Windows Server 2012 R2"
CATALOG = "https://www.catalog.update.microsoft.com/Search.aspx?q=KB"
INVENTORY = """server,product,build,track
ROLLUP,Windows Server 2012 R2,6.3.9600.20246,
SECURITY,Windows Server 2012 R2,6.3.9600.20246,security-only
FRAMEWORK,.NET Framework 4.8 on Windows Server 2012 R2,4.8.4470,
HOT,Windows Server 2025,10.0.26100.2000,hotpatch
COLD,Windows Server 2025,10.0.26100.2000,
"""


def fix(product: str, kb: str, build: str, subtype: str) -> Fix:
    return Fix(product, kb, build, f"{CATALOG}{kb}", subtype=subtype)


def both(product: str, first: int, build: str) -> tuple[Fix, ...]:
    """A month's roll-up, and the update that has its security fixes alone."""
    return (
        fix(product, str(first), build, "Monthly Rollup"),
        fix(product, str(first + 1), build, "Security Only"),
    )


def cve(number: int, day: str, *fixes: Fix, note: str = "") -> Cve:
    revisions = [("1.0", day, "Information published.")]
    if note:
        revisions.append(("2.0", "2022-03-10", note))
    name = f"CVE-2022-{number}"
    return Cve(name, fixes, tuple(revisions), title="Windows Denial of Service")


FEBRUARY = (
    cve(10001, "2022-02-08", *both(OLD_SERVER, 5009001, "6.3.9600.20246")),
    cve(10002, "2022-02-08", *both(FRAMEWORK, 5009011, "4.8.04470")),
    cve(
        10003,
        "2022-01-11",
        fix(NEW_SERVER, "5009021", "10.0.26100.2000", "Security Update"),
    ),
)
MARCH = (
    cve(20001, "2022-03-08", *both(OLD_SERVER, 5010001, "6.3.9600.20296")),
    cve(20002, "2022-03-08", *both(FRAMEWORK, 5010011, "4.8.04488")),
    cve(
        20003,
        "2022-03-08",
        fix(NEW_SERVER, "5010021", "10.0.26100.2100", "Security Update"),
        fix(NEW_SERVER, "5010022", "10.0.26100.2090", "SecurityHotpatchUpdate"),
    ),
)


@pytest.fixture
def estate(world: World) -> World:
    world.watches("Windows*", ".NET*")
    path = world.folder / "inventory.csv"
    path.write_text(INVENTORY, encoding="utf-8")
    world.settings = replace(world.settings, inventory=path)
    world.at("2022-03-01 06:00", month("2022-Feb", *FEBRUARY))
    # One by one, or all of it were one digest
    for told in range(1, len(MARCH) + 1):
        world.at(f"2022-03-08 {18 + told}:00", month("2022-Mar", *MARCH[:told]))
    return world


def todo(world: World) -> dict[str, str]:
    judged = servers.exposures(world.settings, world.store)
    rows = server_objects(judged, world.settings)
    return {row["server"]: row["todo"] for row in rows}


def mail_of(world: World, kb: str) -> str:
    (found,) = (mail for mail in world.mails if kb in str(mail["Subject"]))
    return " ".join(text(found).split())


def test_each_server_is_offered_what_its_track_gets(estate: World) -> None:
    assert todo(estate) == {
        "ROLLUP": "install Windows KB5010001",
        "SECURITY": "install Windows KB5010002",
        "FRAMEWORK": "install .NET Framework KB5010011",
        "HOT": "install Windows KB5010022 (hotpatch)",
        "COLD": "install Windows KB5010021",
    }


def test_mail_of_a_track_names_its_servers_and_no_others(estate: World) -> None:
    concerned = {
        "KB5010001": {"ROLLUP"},
        "KB5010002": {"SECURITY"},
        "KB5010011": {"FRAMEWORK"},
        "KB5010022": {"HOT"},
        "KB5010021": {"COLD"},
    }
    every = set().union(*concerned.values())
    for kb, names in concerned.items():
        said = mail_of(estate, kb)
        listed = {name for name in every if f"* {name} " in said}
        assert listed == names, kb
    assert "security only, for servers that get no monthly roll-ups" in mail_of(
        estate, "KB5010002"
    )
    assert "hotpatch, for enrolled servers" in mail_of(estate, "KB5010022")


def test_a_pull_of_the_security_only_update_is_none_of_the_roll_up(
    estate: World,
) -> None:
    """One build for both, and each its own article."""
    pulled = cve(
        20001,
        "2022-03-08",
        *both(OLD_SERVER, 5010001, "6.3.9600.20296"),
        note="We have withdrawn security update KB5010002.",
    )
    said = estate.at("2022-03-10 19:00", month("2022-Mar", pulled, *MARCH[1:]))
    told = [line for line in said if not line.startswith("revised")]
    assert told == ["pulled windows-kb5010002 KB5010002"]
    now = todo(estate)
    assert now["ROLLUP"] == "install Windows KB5010001"
    assert "KB5010002" not in now["SECURITY"]
