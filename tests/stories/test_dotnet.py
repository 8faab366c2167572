""".NET's releases: replaced, issued again, gone for an hour, and what only looks like it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.stories.telling import Shown, Status, World
from watcher.judgement import advice
from watcher.records import Source

MISSING = Status(404)
BASE = "https://builds.dotnet.microsoft.com/dotnet/release-metadata"
INDEX, CHANNEL = f"{BASE}/releases-index.json", f"{BASE}/10.0/releases.json"


def release(
    version: str, date: str, *sdks: str, cves: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Write a release as it stands in a channel's file."""
    parts = [{"version": sdk, "version-display": sdk, "files": []} for sdk in sdks]
    return {
        "release-date": date,
        "release-version": version,
        "security": bool(cves),
        "cve-list": [{"cve-id": cve, "cve-url": ""} for cve in cves],
        "release-notes": f"https://github.com/dotnet/core/blob/main/{version}.md",
        "runtime": {"version": version, "version-display": version, "files": []},
        "sdk": parts[0],
        "sdks": parts,
        "windowsdesktop": None,
    }


def channel(*releases: dict[str, Any]) -> bytes:
    file = {
        "channel-version": "10.0",
        "latest-release": releases[0]["release-version"],
        "support-phase": "active",
        "releases": releases,
    }
    return json.dumps(file).encode()


def index() -> bytes:
    rows = [
        {
            "channel-version": version,
            "latest-release": f"{version}.3",
            "support-phase": phase,
            "releases.json": f"{BASE}/{version}/releases.json",
        }
        for version, phase in (("10.0", "active"), ("7.0", "eol"))
    ]
    return json.dumps({"releases-index": rows}).encode()


THREE = release("10.0.3", "2031-02-10", "10.0.103")
TWO = release("10.0.2", "2031-01-13", "10.0.102")
CVES = ("CVE-2031-10001",)
FOUR = release("10.0.4", "2031-03-10", "10.0.200", "10.0.104", cves=CVES)
FIVE = release("10.0.5", "2031-03-05", "10.0.201", "10.0.105")
OUT = "released net-10-0-4"


RAW = "https://raw.githubusercontent.com/dotnet/core/main/release-notes/10.0"
KNOWN = f"{RAW}/known-issues.md"
OF_DEBUGGERS = """# .NET 10 Known Issues

You may encounter some known issues.

## Debugger crashes on macOS when using VS Code with .NET 10.0.4

We have a known issue in .NET 10.0.4 that causes the debugger to crash when debugging \
applications on macOS using Visual Studio Code.

### Resolution

An out-of-band (OOB) .NET 10.0.5 release is scheduled for March 12. **You will only need \
to install this patch if you are on macOS using VS Code for debugging.**
"""
NOTES = """# .NET 10.0.5 - March 12, 2031

We are releasing .NET 10.0.5 as an out-of-band (OOB) update to address a regression \
introduced in .NET 10.0.4

.NET 10.0.4 introduced a regression that causes the debugger to crash when debugging \
applications on macOS using Visual Studio Code.

The .NET 10.0.5 release is available for download. The latest 10.0 release is always \
listed at [.NET 10.0 Releases](../README.md).

10.0 SDKs that include 10.0.5 runtimes:

* [10.0.201][10.0.201]

## Downloads

| | SDK Installer |
| --- | --- |
| macOS | [x64][dotnet-sdk-osx-x64.pkg] |

```console
# The version of the SDK
$ dotnet --version
```

### Notable Changes

.NET 10.0.5 release carries non-security fixes.

## Feedback
"""


def noted(release: dict[str, Any]) -> dict[str, Any]:
    """Have a release name its notes where the repository has them."""
    version = release["release-version"]
    address = "https://github.com/dotnet/core/blob/main/release-notes/10.0"
    return release | {"release-notes": f"{address}/{version}/{version}.md"}


@pytest.fixture
def dotnet(world: World) -> World:
    """10.0.4 is out, and was told of."""
    source = Source("dotnet-releases", "dotnet-releases", INDEX)
    world.settings = replace(world.settings, sources=(source,))
    world.watches(".NET 10*")
    old = {INDEX: index(), CHANNEL: channel(THREE, TWO)}
    assert world.at("2031-03-01 06:00", pages=old) == []
    assert shows(world, "2031-03-10 18:00", FOUR, THREE, TWO) == [OUT]
    assert world.event("released").update.cves == CVES
    return world


def shows(world: World, time: str, *releases: dict[str, Any]) -> list[str]:
    said = world.at(time, pages={CHANNEL: channel(*releases)})
    assert world.failures == []
    return said


def test_a_release_that_is_gone_for_an_hour_is_neither_pulled_nor_back(
    dotnet: World,
) -> None:
    """March 2026: 10.0.5 came and 10.0.4 was gone, for 70 minutes."""
    said = shows(dotnet, "2031-03-12 17:16", FIVE, THREE, TWO)
    assert said == ["released net-10-0-5"]
    assert shows(dotnet, "2031-03-12 18:27", FIVE, FOUR, THREE, TWO) == []
    moved = FIVE | {"release-date": "2031-03-12"}
    said = shows(dotnet, "2031-03-12 19:23", moved, FOUR, THREE, TWO)
    assert said == ["revised net-10-0-5"]
    assert dotnet.at("2031-03-14 19:23") == []
    assert dotnet.pulled == []


def test_a_release_that_another_number_replaces_is_suspected_after_a_day(
    dotnet: World,
) -> None:
    """August 2021: 2.1.29 was gone for good, and 2.1.30 stood in its place."""
    shows(dotnet, "2031-03-19 23:05", FIVE, THREE, TWO)
    assert dotnet.at("2031-03-20 20:00") == []
    assert dotnet.at("2031-03-20 23:30") == ["pulled? net-10-0-4"]
    assert dotnet.at("2031-03-21 23:30") == []
    assert dotnet.pulled == []


def test_an_sdk_that_is_issued_again_is_told_without_its_runtime(dotnet: World) -> None:
    """May 2025: SDKs 8.0.410 and 8.0.313 for a missed fix; 8.0.16 stood twice."""
    again = release("10.0.4", "2031-03-22", "10.0.202", "10.0.200", "10.0.104")
    (said,) = shows(dotnet, "2031-03-22 17:54", again, FOUR, THREE, TWO)
    assert said == "re-released net-10-0-4 v2"
    assert [package.build for package in dotnet.last.packages] == ["10.0.202"]
    assert shows(dotnet, "2031-03-22 18:16", again, THREE, TWO) == []


def test_what_leaves_at_the_end_of_a_cut_list_is_nothing(dotnet: World) -> None:
    assert shows(dotnet, "2031-03-11 18:00", FOUR, THREE) == []
    assert dotnet.at("2031-03-13 18:00") == []


def test_broken_json_is_a_failure_and_its_end_no_news(dotnet: World) -> None:
    """Four times from 2019 to 2024, for ten minutes to sixteen hours."""
    broken = channel(FOUR, THREE, TWO)[:-40]
    assert dotnet.at("2031-03-11 06:00", pages={CHANNEL: broken}) == []
    assert "no whole JSON" in dotnet.failures[0]
    assert shows(dotnet, "2031-03-11 07:00", FOUR, THREE, TWO) == []


def test_a_preview_is_no_update(dotnet: World) -> None:
    preview = release("10.0.0-rc.1", "2031-03-11", "10.0.100-rc.1.23455.8")
    assert shows(dotnet, "2031-03-11 18:00", FOUR, THREE, TWO, preview) == []


def test_a_release_that_is_for_one_system_says_so_first(dotnet: World) -> None:
    """March 2026: 10.0.5 was for debuggers on macOS; nobody else had to install it."""
    dotnet.at(
        "2031-03-11 06:00",
        pages={CHANNEL: channel(noted(FOUR), THREE, TWO), KNOWN: b"# .NET 10\n"},
    )
    assert dotnet.failures == []
    said = dotnet.at("2031-03-11 16:48", pages={KNOWN: OF_DEBUGGERS.encode()})
    assert said == ["known-issue net-10-0-4"]
    assert "only need to install this patch if you are on macOS" in " ".join(
        dotnet.last.guidance
    )

    notes = f"{RAW}/10.0.5/10.0.5.md"
    said = dotnet.at(
        "2031-03-12 17:16",
        pages={
            CHANNEL: channel(noted(FIVE), noted(FOUR), THREE, TWO),
            notes: NOTES.encode(),
        },
    )
    assert said == ["released net-10-0-5"]
    assert dotnet.last.guidance[0].startswith(
        "We are releasing .NET 10.0.5 as an out-of-band (OOB) update to address"
    )
    assert advice.keys(dotnet.last) == ("only-if-affected",)
    # What each release's notes say is no guidance
    assert not any("available for download" in text for text in dotnet.last.guidance)
    assert dotnet.at("2031-03-12 18:16") == []


def test_notes_that_are_not_there_yet_are_no_failure(dotnet: World) -> None:
    pages: dict[str, Shown] = {
        CHANNEL: channel(noted(FIVE), noted(FOUR), THREE, TWO),
        f"{RAW}/10.0.5/10.0.5.md": MISSING,
        KNOWN: MISSING,
    }
    assert dotnet.at("2031-03-12 17:16", pages=pages) == ["released net-10-0-5"]
    assert dotnet.failures == []


def test_what_fixes_a_vulnerability_is_for_everybody(dotnet: World) -> None:
    secure = FIVE | {"cve-list": [{"cve-id": "CVE-2031-20001", "cve-url": ""}]}
    notes = {f"{RAW}/10.0.5/10.0.5.md": NOTES.encode()}
    listed = {CHANNEL: channel(noted(secure), FOUR, THREE, TWO)}
    assert dotnet.at("2031-03-12 17:16", pages=listed | notes) == [
        "released net-10-0-5"
    ]
    assert "only-if-affected" not in advice.keys(dotnet.last)


def test_notes_of_another_release_are_a_failure(dotnet: World) -> None:
    other = NOTES.replace("# .NET 10.0.5 -", "# .NET 9.0.5 -").encode()
    pages = {
        CHANNEL: channel(noted(FIVE), FOUR, THREE, TWO),
        f"{RAW}/10.0.5/10.0.5.md": other,
    }
    dotnet.at("2031-03-12 17:16", pages=pages)
    (failure,) = dotnet.failures
    assert failure.startswith(
        "dotnet-releases 10.0.5 notes: this is not the notes of .NET 10.0.5"
    )
