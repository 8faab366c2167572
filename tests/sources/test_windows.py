"""Windows releases, as Microsoft's pages name them."""

from __future__ import annotations

import pytest

from watcher.records import Watch
from watcher.sources import windows


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Windows 11, version 24H2", ("Windows 11 Version 24H2",)),
        ("windows-11-24h2", ("Windows 11 Version 24H2",)),
        ("Windows 10 1809 and Windows 8.1", ("Windows 10 Version 1809", "Windows 8.1")),
        ("Windows 10 Enterprise LTSC 2019", ("Windows 10 Enterprise LTSC 2019",)),
        ("Windows Server, version 20H2", ("Windows Server, version 20H2",)),
        ("Windows Server 2012 R2", ("Windows Server 2012 R2",)),
        ("Windows 11; Windows 11", ("Windows 11",)),
        ("Windows 2000", ()),
        ("a window of 10 days", ()),
    ],
)
def test_a_release_has_one_name_however_a_page_spells_it(
    text: str, names: tuple[str, ...]
) -> None:
    assert windows.names_in(text) == names


@pytest.mark.parametrize(
    ("watched", "name", "concerned"),
    [
        ("Windows Server 2019", "Windows Server 2019", True),
        (
            "Windows 11 Version 24H2 for x64-based Systems",
            "Windows 11 Version 24H2",
            True,
        ),
        ("Windows Server 2012 R2", "Windows Server 2012", False),
        ("Exchange Server*", "Windows Server 2019", False),
    ],
)
def test_a_watched_edition_watches_its_release(
    watched: str, name: str, concerned: bool
) -> None:
    assert windows.concerns(Watch(products=(watched,)), name) == concerned


def test_a_pattern_of_editions_watches_their_release() -> None:
    watch = Watch(products=("Windows Server 2012 R2*", "Windows Server 2019 Data*"))
    assert windows.concerns(watch, "Windows Server 2019")
    assert not windows.concerns(watch, "Windows Server 2012")
