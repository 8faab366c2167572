"""A fingerprint stays as long as an entry says the same, and changes when an
administrator might care.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from watcher.judgement.normalize import fingerprint
from watcher.records import Entry, Label, Package, Passage

DAY = datetime(2031, 11, 11, 8, tzinfo=UTC)
FIRST = Package(
    "Exchange Server 2019 CU15",
    "KB5999001",
    "15.2.1748.49",
    "https://www.microsoft.com/en-us/download/details.aspx?id=1",
    supersedes=("KB1", "KB2"),
)
SECOND = Package("Exchange Server SE", "KB5999001", "15.2.2562.46", size=1024)
ENTRY = Entry(
    key="CVE-2031-10001",
    title="Microsoft Exchange Server Spoofing Vulnerability",
    url="https://techcommunity.microsoft.com/t5/exchange-team-blog/slug/ba-p/4999001",
    published=DAY,
    updated=DAY,
    revision="1.0",
    cves=("CVE-2031-10001", "CVE-2031-10002"),
    kbs=("KB5999001", "KB5999002"),
    products=("Exchange Server 2019 CU15", "Exchange Server SE"),
    packages=(FIRST, SECOND),
    label=Label("Exchange Server", "", "SU", "2031-11"),
    passages=(
        Passage("faq", "Am I protected?\nSee https://example.org/a?utm_source=x."),
        Passage("revision 1.0", "Published.", DAY),
    ),
    exploited=False,
    disclosed=False,
    severity="Important",
    cvss=7.5,
    vector="CVSS:3.1/AV:N",
    available=True,
    links=("https://example.org/a", "https://example.org/b"),
)


@pytest.mark.parametrize(
    "same",
    [
        {"packages": (SECOND, FIRST)},
        {
            "packages": (
                replace(
                    FIRST,
                    build="15.02.1748.049",
                    url="http://www.microsoft.com/download/details.aspx?id=1",
                ),
                SECOND,
            )
        },
        {"packages": (replace(FIRST, supersedes=("KB2", "KB1")), SECOND)},
        {
            "products": ENTRY.products[::-1],
            "cves": ENTRY.cves[::-1],
            "kbs": ENTRY.kbs[::-1],
            "links": ENTRY.links[::-1],
        },
        {"passages": ENTRY.passages[::-1]},
        {
            "passages": (
                Passage(
                    "faq",
                    "Am\N{NO-BREAK SPACE}I protected? See  https://example.org/a.",
                ),
                ENTRY.passages[1],
            )
        },
        {
            "passages": (
                replace(
                    ENTRY.passages[0], text=ENTRY.passages[0].text + " 1,234 views"
                ),
                replace(ENTRY.passages[1]),
            )
        },
        {
            "url": "https://techcommunity.microsoft.com/blog/exchange/another-slug/4999001?WT.mc_id=x"
        },
        {
            "links": (
                "https://example.org/b?fbclid=1",
                "https://example.org/a#top",
                "https://example.org/a",
            )
        },
        {"title": "Microsoft  Exchange Server Spoofing\N{NO-BREAK SPACE}Vulnerability"},
        {"updated": None},
    ],
    ids=" ".join,
)
def test_churn_leaves_a_fingerprint_alone(same: dict[str, Any]) -> None:
    assert fingerprint(replace(ENTRY, **same)) == fingerprint(ENTRY)


CHANGES: dict[str, Any] = {
    "key": "CVE-2031-10009",
    "title": "Microsoft Exchange Server Remote Code Execution Vulnerability",
    "url": "https://techcommunity.microsoft.com/blog/4999002",
    "published": datetime(2031, 11, 12, 8, tzinfo=UTC),
    "revision": "1.1",
    "cves": ("CVE-2031-10001",),
    "kbs": (),
    "products": ("Exchange Server SE",),
    "packages": (FIRST, replace(SECOND, size=2048)),
    "label": Label("Exchange Server", "", "SU", "2031-11", version=2),
    "passages": (Passage("faq", "Am I protected? No."),),
    "withdrawn": True,
    "exploited": True,
    "disclosed": None,
    "severity": "Critical",
    "cvss": 9.8,
    "vector": "",
    "available": False,
    "links": ("https://example.org/c",),
}


# Their words stand in passages, their addresses in links
NO_CHANGE = {"updated", "tables", "anchors", "codes", "likely"}


@pytest.mark.parametrize(
    "name",
    [field.name for field in fields(Entry) if field.name not in NO_CHANGE],
)
def test_every_other_change_shows(name: str) -> None:
    assert fingerprint(replace(ENTRY, **{name: CHANGES[name]})) != fingerprint(ENTRY)


@pytest.mark.parametrize(
    "change",
    [
        {"kb": "KB5999003"},
        {"build": "15.2.1748.50"},
        {"url": "https://example.org/"},
        {"file": "a.exe"},
        {"size": 1},
        {"supersedes": ()},
        {"esu": True},
        {"version": 2},
        {"type": "SU"},
        {"product": "X"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_part_of_a_package_shows(change: dict[str, Any]) -> None:
    assert fingerprint(
        replace(ENTRY, packages=(replace(FIRST, **change), SECOND))
    ) != fingerprint(ENTRY)


@given(
    st.permutations(
        [FIRST, SECOND, replace(FIRST, size=3), replace(SECOND, build="odd")]
    )
)
def test_the_order_of_packages_never_shows(packages: list[Package]) -> None:
    expected = fingerprint(replace(ENTRY, packages=tuple(sorted(packages, key=repr))))
    assert fingerprint(replace(ENTRY, packages=tuple(packages))) == expected
