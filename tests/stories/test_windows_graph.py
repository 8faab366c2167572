"""Windows' products and known issues as Graph lists them, beside the pages that say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from tests.stories.learn import HEALTH, Issue, message_center, status_page
from tests.stories.telling import World
from watcher.config.source_settings import BUILTIN

GRAPH = next(source for source in BUILTIN if source.name == "windows-graph")
CLIENT = "Windows 11, version 24H2"
SERVER = "Windows Server 2025"
SECOND = "https://graph.microsoft.com/beta/admin/windows/updates/products?$skiptoken=2"
Listed = dict[str, Any]


def article(number: int) -> Listed:
    """An article as the list writes it, which is not how its reference does."""
    return {"Url": f"https://support.microsoft.com/help/{number}", "Id": f"KB{number}"}


def revision(build: str, day: str, number: int, name: str = "2031.02 B") -> Listed:
    release, _, update = build.partition(".")
    return {
        "id": f"10.0.{build}",
        "releaseDateTime": f"{day}T00:00:00Z",
        "osBuild": {
            "MajorVersion": 10,
            "MinorVersion": 0,
            "BuildNumber": int(release),
            "UpdateBuildRevision": int(update),
        },
        "catalogEntry": {"displayName": name, "shortName": name},
        "knowledgeBaseArticle": article(number),
    }


def issue(text: str, number: int = 5970003, **more: object) -> Listed:
    return {
        "id": "WI960002",
        "status": "investigating",
        "title": "Devices using a proxy might show limited connection status",
        "startDateTime": "2031-03-22T10:00:00-07:00",
        "lastUpdatedDateTime": "2031-03-22T16:14:07.1881817-07:00",
        "originatingKnowledgeBaseArticle": article(number),
        "resolvingKnowledgeBaseArticle": None,
        "knownIssueHistories": [
            {
                "createdDateTime": "2031-03-22T17:51:27.29Z",
                "body": {"content": text, "contentType": "html"},
            }
        ],
        **more,
    }


def product(name: str, *revisions: Listed, issues: tuple[Listed, ...] = ()) -> Listed:
    return {"id": name, "name": name, "revisions": revisions, "knownIssues": issues}


def listed(*products: Listed, following: str = "") -> bytes:
    more = {"@odata.nextLink": following} if following else {}
    return json.dumps({"value": products, **more}).encode()


FEB = revision("26100.7840", "2031-02-11", 5970002)
OOB = revision("26100.8039", "2031-03-21", 5970003, "2031.03 OOB")
LATE = revision("26100.8116", "2031-03-26", 5970004, "2031.03 D")
TEXT = (
    "Devices might show no internet.\n\nNext steps: We are presently investigating."
    "\n\nAffected platforms:\n    -  Client: Windows 11, version 24H2\n"
)


@pytest.fixture
def graph(world: World) -> World:
    """Graph lists February's update, which was read and is no news."""
    world.settings = replace(world.settings, sources=(replace(GRAPH, enabled=True),))
    world.watches("Windows 11*", "Windows Server 2025*")
    shown = listed(product(CLIENT, FEB), product(SERVER, FEB))
    assert world.at("2031-03-20 06:00", pages={GRAPH.url: shown}) == []
    assert world.failures == []
    return world


def at(world: World, time: str, *products: Listed, **pages: bytes) -> list[str]:
    shown = {GRAPH.url: listed(*products)} if products else {}
    return world.at(time, pages={**shown, **pages})


def test_an_update_of_two_releases_is_released_once(graph: World) -> None:
    said = at(
        graph, "2031-03-21 18:00", product(CLIENT, OOB, FEB), product(SERVER, OOB, FEB)
    )
    assert said == ["released windows-kb5970003 KB5970003"]
    packages = graph.update("windows-kb5970003").packages
    assert sorted(package.product for package in packages) == [
        "Windows 11 Version 24H2",
        "Windows Server 2025",
    ]


def test_an_issue_under_two_releases_is_told_once_and_again_when_it_is_resolved(
    graph: World,
) -> None:
    at(graph, "2031-03-21 18:00", product(CLIENT, OOB, FEB), product(SERVER, OOB, FEB))
    known = (issue(TEXT),)
    said = at(
        graph,
        "2031-03-22 18:00",
        product(CLIENT, OOB, FEB, issues=known),
        product(SERVER, OOB, FEB, issues=known),
    )
    assert said == ["known-issue windows-kb5970003 KB5970003"]
    assert at(graph, "2031-03-22 20:00") == []

    fixed = issue(
        TEXT, status="resolved", resolvingKnowledgeBaseArticle=article(5970004)
    )
    said = at(
        graph,
        "2031-03-26 20:00",
        product(CLIENT, OOB, FEB, issues=(fixed,)),
        product(SERVER, OOB, FEB, issues=(fixed,)),
    )
    assert [line.split()[0] for line in said] == ["known-issue"]
    assert "Status: Resolved by KB5970004." in " ".join(graph.last.guidance)
    assert graph.pulled == []


def test_a_pull_stands_in_the_sentences_of_an_issue(graph: World) -> None:
    at(graph, "2031-03-26 18:00", product(CLIENT, LATE, FEB))
    removed = issue(
        "Some devices fail to start. KB5970004 has been removed and will not be "
        "re-offered from Windows Update, WSUS or Microsoft Update Catalog.",
        5970004,
    )
    said = at(graph, "2031-03-27 18:00", product(CLIENT, LATE, FEB, issues=(removed,)))
    assert said == ["pulled windows-kb5970004 KB5970004"]


def test_a_build_that_is_not_listed_any_more_says_nothing(graph: World) -> None:
    at(graph, "2031-03-26 18:00", product(CLIENT, LATE, OOB, FEB))
    assert at(graph, "2031-03-27 18:00", product(CLIENT, OOB, FEB)) == []
    assert at(graph, "2031-03-29 18:00") == []
    # And nothing of what comes back
    assert at(graph, "2031-03-30 18:00", product(CLIENT, LATE, OOB, FEB)) == []
    assert graph.store.suspected_sources() == set()


def test_what_moves_to_the_next_page_is_no_news(graph: World) -> None:
    """A product that comes above pushes the others on."""
    client, server = product(CLIENT, OOB, FEB), product(SERVER, OOB, FEB)
    at(graph, "2031-03-21 18:00", client, server)
    above = product(
        "Windows 10, version 22H2", revision("19045.6001", "2031-03-21", 5970008)
    )
    pages = {
        GRAPH.url: listed(above, client, following=SECOND),
        SECOND: listed(server),
    }
    moved = graph.at("2031-03-22 18:00", pages=pages)
    assert [line for line in moved if not line.startswith("revised")] == []
    assert graph.failures == []
    # A page that the list does not have any more is not asked for, and fails nobody
    del graph.web.shown[SECOND]
    assert at(graph, "2031-03-23 18:00", above, client, server) == []
    assert graph.failures == []


def test_the_next_page_is_read_whatever_the_first_one_says(graph: World) -> None:
    """A first page that is as it was leads on all the same."""
    client, server = product(CLIENT, FEB), product(SERVER, FEB)
    first = {GRAPH.url: listed(client, following=SECOND)}
    assert graph.at("2031-03-20 18:00", pages={**first, SECOND: listed(server)}) == []
    later = {SECOND: listed(product(SERVER, OOB, FEB))}
    said = graph.at("2031-03-21 18:00", pages=later)
    assert said == ["released windows-kb5970003 KB5970003"]


def test_a_list_that_goes_on_elsewhere_is_a_failure_and_changes_nothing(
    graph: World,
) -> None:
    elsewhere = "https://graph.example.net/beta/admin/windows/updates/products"
    shown = listed(product(CLIENT, OOB, FEB), following=elsewhere)
    pages = {GRAPH.url: shown, elsewhere: listed(product(SERVER, OOB, FEB))}
    assert graph.at("2031-03-21 18:00", pages=pages) == []
    (failure,) = graph.failures
    assert failure == (
        'windows-graph: the list goes on at another host: "https://graph.example.net"'
    )


def test_what_the_pages_of_release_health_told_graph_does_not_tell_again(
    graph: World,
) -> None:
    health = next(source for source in BUILTIN if source.name == "windows-health")
    sources = (*graph.settings.sources, replace(health, enabled=True))
    graph.settings = replace(graph.settings, sources=sources)
    center, status = health.url, f"{HEALTH}status-windows-11-24h2"
    notice = ("1900", "March 3, 2031", "Reminder: end of servicing", "It ends.")
    pages = {center: message_center(notice), status: status_page(CLIENT)}
    at(graph, "2031-03-20 18:00", **pages)
    at(graph, "2031-03-21 18:00", product(CLIENT, OOB, FEB))

    told = Issue(
        "1506", issue(TEXT)["title"], "Devices might show no internet.", "5970003"
    )
    said = at(
        graph,
        "2031-03-22 18:00",
        product(CLIENT, OOB, FEB, issues=(issue(TEXT),)),
        **{status: status_page(CLIENT, told)},
    )
    assert said == ["known-issue windows-kb5970003 KB5970003"]
