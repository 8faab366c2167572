"""A product is named once: "Exchange Server 2016 CU23", not "Exchange Server 2016" beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.stories.pages import CU14, CU23, SE, Cve, Fix, blog, month, post, table
from tests.stories.telling import World, text
from watcher.judgement.packages import exact_products
from watcher.run.publish import publish_site
from watcher.text import event_json

SEPTEMBER = month(
    "2026-Sep",
    Cve(
        "CVE-2026-0002",
        (Fix(SE, "5121608"), Fix(CU14, "5121610"), Fix(CU23, "5121611")),
        revisions=(("1.0", "2026-09-08", "Information published."),),
    ),
)
AUGUST_ROW = (
    "Exchange Server SE RTM Aug26SU",
    "August 11, 2026",
    "15.2.2562.46",
    "KB5121573",
)
OLDER = post(4519000, "Some earlier post", "2026-08-20", "<p>Hello.</p>")
V2 = post(
    4561718,
    "Released: September 2026 V2 Exchange Server Security Updates",
    "2026-10-02",
    "<p>Microsoft has released Version 2 (V2) of September 2026 Security Updates (SUs) "
    "for vulnerabilities found in:</p><ul><li>Exchange Server Subscription Edition (SE)"
    "</li><li>Exchange Server 2019</li><li>Exchange Server 2016</li></ul>",
)
EXACT = ["Exchange Server 2016 CU23", "Exchange Server 2019 CU14", "Exchange Server SE"]
# The line alone, without the level that is meant
LINE = re.compile(r"Exchange Server (?:2016|2019)(?! CU)")


def test_a_post_that_names_lines_is_told_of_their_levels(
    world: World, tmp_path: Path
) -> None:
    world.at("2026-09-01 06:00", table=table(AUGUST_ROW), blog=blog(OLDER))
    world.at("2026-09-08 20:00", SEPTEMBER)
    assert world.at("2026-10-02 17:00", blog=blog(V2, OLDER)) == [
        "re-released exchange-server-2026-09-su v2"
    ]
    event = world.last
    assert list(event.update.products) == EXACT
    assert not LINE.search(event.summary)
    shown = json.loads(event_json.line(event))
    assert shown["update"]["products"] == EXACT

    # The vendor's own words below may name what they like
    mail = text(world.mail("re-released"))
    told, quoted, _ = mail.partition("Microsoft has released Version 2")
    assert quoted
    assert not LINE.search(told)

    settings = replace(world.settings, site=tmp_path / "site")
    now = datetime(2026, 10, 2, 17, tzinfo=UTC)
    publish_site(settings, world.store, now, once=True)
    update = world.update("exchange-server-2026-09-su")
    assert list(update.products) == EXACT
    front = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert not LINE.search(front)
    feeds = sorted(each.stem for each in (tmp_path / "site" / "products").iterdir())
    assert feeds == [name.lower().replace(" ", "-") for name in EXACT]


def test_a_level_that_is_known_later_is_no_further_product(world: World) -> None:
    """A post offers an article for Exchange Server 2016, the table names its CU23."""
    world.at("2026-09-01 06:00", table=table(AUGUST_ROW), blog=blog(OLDER))
    urgent = post(
        4570000,
        "An update for Exchange Server 2016 is available",
        "2026-09-20",
        "<p>Microsoft has released KB5130001 for Exchange Server 2016.</p>",
    )
    told = world.at("2026-09-20 17:00", blog=blog(urgent, OLDER))
    assert [line.partition(" ")[0] for line in told] == ["released"]
    row = (
        "Exchange Server 2016 CU23 Sep26HU",
        "September 20, 2026",
        "15.1.2507.74",
        "KB5130001",
    )
    assert world.at("2026-09-20 19:00", table=table(row, AUGUST_ROW)) == []
    (update,) = [
        each
        for each in world.store.updates()
        if any(package.kb == "KB5130001" for package in each.packages)
    ]
    assert [package.product for package in update.packages] == [EXACT[0]]
    assert update.products == (EXACT[0],)


def test_who_asks_for_a_line_hears_of_its_levels(world: World) -> None:
    (admins,) = world.settings.subscribers
    reader = replace(admins, products=("Exchange Server 2016",))
    world.settings = replace(world.settings, subscribers=(reader,))
    world.at("2026-09-01 06:00", table=table(AUGUST_ROW), blog=blog(OLDER))
    world.at("2026-09-08 20:00", SEPTEMBER)
    world.at("2026-10-02 17:00", blog=blog(V2, OLDER))
    assert world.mail("re-released")


LINES = ("Exchange Server 2016", "Exchange Server 2019", "Exchange Server SE")
LEVELS = ("", " CU14", " CU23", " SP3", " SP3 RU8", " RTM")
NAMES = st.sets(
    st.builds("{}{}".format, st.sampled_from(LINES), st.sampled_from(LEVELS))
)


@given(NAMES)
def test_no_line_stands_beside_its_level(names: Iterable[str]) -> None:
    kept = exact_products(names)
    for name in kept:
        assert not any(other.startswith(f"{name} ") for other in kept)
    # Nothing is left out but what a more exact name stands for
    for name in names:
        assert any(other == name or other.startswith(f"{name} ") for other in kept)


def test_a_bare_name_of_another_family_may_be_a_product_of_its_own() -> None:
    names = ("SQL Server 2019", "SQL Server 2019 CU25")
    assert exact_products(names) == names
