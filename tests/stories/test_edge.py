"""Microsoft Edge's known issues: rows without id or date, reworded and cut off at times."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.stories.learn import grid, page
from tests.stories.telling import World
from watcher.config.source_settings import BUILTIN

URL = next(source.url for source in BUILTIN if source.name == "edge-issues")
HEAD = ("Version", "Symptom", "Workaround", "Comment")
PROXY = (
    "220",
    (
        "When starting Microsoft Edge with an external address (for example, "
        "<code>http://www.example.com</code>), it opens the page directly with HTTPS."
    ),
    "Deploy the policy <strong>AutomaticHttpsDefault</strong>.",
    "",
)
REWORDED = (
    "220",
    (
        "When Microsoft Edge starts with an external address (for example, "
        "<code>http://www.example.com</code>), it directly opens the page with HTTPS."
    ),
    *PROXY[2:],
)
KYBER = ("224", "Specific HTTPS websites are no longer accessible.", "Disable it.", "")
SHA1 = ("219", "Signature algorithms using SHA-1 were removed.", "Enable them.", "")
EXTENSIONS = (
    "230",
    (
        "Starting with Microsoft Edge Stable version 230.0.2849.46, some browser extensions "
        "are no longer working."
    ),
    "Roll back Microsoft Edge to version 229.0.2792.89.",
    "This is under investigation.",
)
FIXED = (
    *EXTENSIONS[:3],
    "This issue is fixed in Microsoft Edge stable release 230.0.2849.56.",
)
START_PAGES = (
    "230",
    (
        "Starting with Microsoft Edge Stable version 230.0.2849.46, custom start pages "
        "appear to be stuck."
    ),
    "Use the command line.",
    "",
)


def issues(*rows: tuple[str, ...]) -> bytes:
    return page("Microsoft Edge known issues", grid(HEAD, *rows))


@pytest.fixture
def edge(world: World) -> World:
    """The page has old issues, which were read and are no news."""
    source = next(source for source in BUILTIN if source.url == URL)
    world.settings = replace(world.settings, sources=(source,))
    world.watches("Edge*")
    assert shows(world, "2031-10-01 06:00", KYBER, PROXY, SHA1) == []
    return world


def shows(world: World, time: str, *rows: tuple[str, ...]) -> list[str]:
    said = world.at(time, pages={URL: issues(*rows)})
    assert world.failures == []
    return said


def test_a_new_issue_is_told_of_its_build_with_what_to_do(edge: World) -> None:
    """October 2024: extensions, since 130.0.2849.46."""
    said = shows(edge, "2031-10-23 06:00", EXTENSIONS, KYBER, PROXY, SHA1)
    assert said == ["known-issue edge-230-0-2849-46"]
    assert "Roll back Microsoft Edge to version 229.0.2792.89" in " ".join(
        edge.last.guidance
    )
    said = shows(edge, "2031-10-24 06:00", FIXED, KYBER, PROXY, SHA1)
    assert said == ["known-issue edge-230-0-2849-46"]
    assert "230.0.2849.56" in " ".join(edge.last.guidance)
    assert edge.pulled == []


def test_the_fix_of_an_issue_that_was_there_at_the_first_check_is_told(
    edge: World,
) -> None:
    """No row has a date: only what names another build than before goes on."""
    fixed = (*KYBER[:2], "Update to version 224.0.2478.51.", "")
    assert shows(edge, "2031-10-02 06:00", fixed, PROXY, SHA1) == [
        "known-issue edge-224"
    ]
    assert "new guidance" in edge.last.summary


def test_a_second_issue_of_a_build_is_told_of_the_same(edge: World) -> None:
    shows(edge, "2031-10-23 06:00", EXTENSIONS, KYBER, PROXY, SHA1)
    every = (START_PAGES, EXTENSIONS, KYBER, PROXY, SHA1)
    said = shows(edge, "2031-10-24 06:00", *every)
    assert said == ["known-issue edge-230-0-2849-46"]
    assert "start pages" in edge.last.summary
    assert edge.at("2031-10-25 06:00") == []


def test_a_row_that_is_reworded_is_no_other_issue(edge: World) -> None:
    """August 2024: "When starting Microsoft Edge" became "When Microsoft Edge starts"."""
    assert shows(edge, "2031-10-02 06:00", KYBER, REWORDED, SHA1) == []


def test_a_table_that_is_cut_off_is_a_failure_and_its_end_no_news(edge: World) -> None:
    """August 2024: five issues were gone, for some minutes."""
    shows(edge, "2031-10-23 06:00", EXTENSIONS, KYBER, PROXY, SHA1)
    assert edge.at("2031-10-23 13:48", pages={URL: issues(EXTENSIONS)}) == []
    assert "1 entry" in edge.failures[0]
    assert shows(edge, "2031-10-23 14:05", EXTENSIONS, KYBER, PROXY, SHA1) == []


def test_an_issue_that_is_taken_out_is_nothing(edge: World) -> None:
    assert shows(edge, "2031-10-02 06:00", KYBER, PROXY) == []
    assert edge.at("2031-10-05 06:00") == []
