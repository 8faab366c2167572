"""December 2014: one security update, three rollups, as MSRC's records of it say."""

from __future__ import annotations

from tests.stories.pages import Cve, Fix, Month, month

SU = "exchange-server-2014-12-su"
FIXES = (
    Fix("Microsoft Exchange Server 2007 Service Pack 3", "2996150"),
    Fix("Microsoft Exchange Server 2010 Service Pack 3", "2986475"),
    Fix("Microsoft Exchange Server 2013 Cumulative Update 6", "3011140"),
)
# The month before, so that December's is no first reading
OLD = month(
    "2014-Nov",
    Cve(
        "CVE-2014-0001",
        (Fix(FIXES[0].product, "2999999"),),
        revisions=(("1.0", "2014-11-11", "Published."),),
    ),
)
PUBLISHED = ("1.0", "2014-12-09", "Bulletin published.")
RELEASED = f"released {SU} KB2986475 KB2996150 KB3011140"


def december(*revisions: tuple[str, str, str]) -> Month:
    return month("2014-Dec", Cve("CVE-2014-6319", FIXES, revisions=revisions))
