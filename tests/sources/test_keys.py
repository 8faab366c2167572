"""An entry's key outlives every edit of its content, and what churns changes nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources import fixtures
from watcher.judgement.normalize import fingerprint
from watcher.records import Entry
from watcher.sources import parser

BUILDS = fixtures.DATA / "build-table/exchange.html"
ISSUES = fixtures.DATA / "issues-page/four-columns.html"
MONTH = fixtures.DATA / "cvrf/november@2031-Nov.xml"
BLOG = fixtures.DATA / "feed/blog.xml"
GUIDE = fixtures.DATA / "feed/guide.xml"


def entries(path: Path, *edits: tuple[str, str]) -> dict[str, Entry]:
    text = path.read_text(encoding="utf-8")
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    snapshot = parser(path.parent.name)(
        fixtures.page(path, text.encode()), fixtures.watch(path)
    )
    return {entry.key: entry for entry in snapshot.entries}


def altered(path: Path, *edits: tuple[str, str]) -> set[str]:
    before, after = entries(path), entries(path, *edits)
    assert before.keys() == after.keys()
    return {
        key for key in before if fingerprint(before[key]) != fingerprint(after[key])
    }


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (BUILDS, "&nbsp;&nbsp;&nbsp;", ""),
        (BUILDS, "familyID=9FBD842E", "familyid=9fbd842e"),
        (
            BUILDS,
            "https://support.microsoft.com/help/",
            "http://support.microsoft.com/en-us/help/",
        ),
        (BUILDS, ">15.2.2562.046<", ">15.2.2562.46<"),
        (BUILDS, ">15.2.1748.48<", ">15.2.1748.048<"),
        (BUILDS, "<td>15.02.1748.084</td>", ""),
        (ISSUES, "9/11/2031", "9/12/2031"),
        (ISSUES, "4999002", "4999002?WT.mc_id=x"),
        (MONTH, "<cvrf:Number>619</cvrf:Number>", "<cvrf:Number>17</cvrf:Number>"),
        (MONTH, "familyid=11111111", "familyID=11111111"),
        (BLOG, "?WT.mc_id=x", ""),
        (
            BLOG,
            "/t5/exchange-team-blog/released-november-2031/ba-p/",
            "/blog/exchange/another-slug/",
        ),
        (GUIDE, 'Revision="10.1000000000"', 'Revision="10.1"'),
    ],
)
def test_drift_of_spelling_changes_nothing(path: Path, before: str, after: str) -> None:
    assert altered(path, (before, after)) == set()


@pytest.mark.parametrize(
    ("path", "before", "after", "key"),
    [
        (
            BUILDS,
            "forExchange Server 2007 SP3",
            "for Exchange Server 2007 SP3",
            "Exchange Server 2007 SP3 RU18",
        ),
        (
            BUILDS,
            "Exchange Server SE RTM Nov31SU<",
            "Exchange Server SE RTM Nov31SU (recalled)<",
            "Exchange Server SE Nov31SU",
        ),
        (BUILDS, "5.2.1748.49", "15.2.1748.50", "Exchange Server 2019 CU15 Nov31SU"),
        (
            BUILDS,
            "October 14, 2031",
            "October 15, 2031",
            "Exchange Server 2019 CU15 Oct31HU",
        ),
        (
            ISSUES,
            "follow the workaround in",
            "install what",
            (
                "2031-11 SU: an exception may be reported in event viewer after "
                "installing the november exchange secu"
            ),
        ),
        (ISSUES, "(CVE-2031-10001)</td>", "(CVE-2031-10001), again</td>", ""),
        (
            MONTH,
            "temporarily paused&lt;/em&gt;",
            "for ever paused&lt;/em&gt;",
            "CVE-2031-10001",
        ),
        (MONTH, "Exploited:No", "Exploited:Yes", "CVE-2031-10001"),
        (BLOG, "We have released", "We have paused", "4999001"),
        (GUIDE, "**Paused**", "**Available again**", "CVE-2031-10001"),
        (
            GUIDE,
            'Revision="10.1000000000"',
            'Revision="11.0000000000"',
            "CVE-2031-10001",
        ),
    ],
)
def test_an_edit_in_place_alters_that_entry_alone(
    path: Path, before: str, after: str, key: str
) -> None:
    if not key:  # an issue's own first words changed: it is another issue
        assert entries(path).keys() ^ entries(path, (before, after)).keys()
    else:
        assert altered(path, (before, after)) == {key}


def test_a_v2_under_the_same_name_leaves_the_first_rows_key_alone() -> None:
    row = (
        "<tr><td>Exchange Server 2019 CU15 (2025H1)</td><td>March 1, "
        "2025</td><td>15.2.1748.11</td><td></td></tr>"
    )
    after = entries(
        BUILDS,
        (
            "<tr><td>Exchange Server 2019 Preview",
            f"{row}<tr><td>Exchange Server 2019 Preview",
        ),
    )
    assert after.keys() - entries(BUILDS).keys() == {"Exchange Server 2019 CU15 #2"}
    assert after["Exchange Server 2019 CU15"].packages[0].build == "15.2.1748.10"
    assert after["Exchange Server 2019 CU15 #2"].packages[0].build == "15.2.1748.11"


def test_the_order_of_rows_changes_nothing() -> None:
    text = BUILDS.read_text(encoding="utf-8")
    start, end = (
        text.index("<tr><td>Update Rollup 8 v2"),
        text.index("<tr><td>Update Rollup 18"),
    )
    turned = text[start:end].splitlines()[::-1]
    assert altered(BUILDS, (text[start:end], "\n".join(turned) + "\n")) == set()
