"""Publishing follows the ledger.

What a check changed is published, and comes to the same as publishing everything.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as profile
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.formats import lives
from tests.formats.lives import BACK, ISSUE, PULLED, RELEASED, T0, WHOLE_LIFE
from watcher.config import Settings
from watcher.errors import ConfigurationError
from watcher.records import (
    Absorption,
    Document,
    Event,
    EventEvidence,
    Kind,
    Outcome,
    State,
    Times,
    Update,
)
from watcher.run import publish, sample_site
from watcher.run.publish import publish_site
from watcher.site import lists
from watcher.store import Store


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "status.json"
    }


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(lives.SETTINGS, site=tmp_path / "public")


@pytest.fixture
def ledger(sqlite_url: str) -> Iterator[Store]:
    with Store.open(sqlite_url) as store:
        yield store


def told(store: Store, settings: Settings, outcome: Outcome) -> int:
    """Record an outcome as a check does, and publish what it changed.

    Give how many files that were.
    """
    before = publish.basis(settings, store, T0)
    store.record("msrc-cvrf", outcome=outcome)
    return publish_site(settings, store, T0, before, publish.Touched.by([outcome]))


def whole(store: Store, settings: Settings, aside: Path) -> dict[str, bytes]:
    """Give what publishing everything would give."""
    shutil.rmtree(aside, ignore_errors=True)
    published = store.meta(publish.PUBLISHED)
    publish_site(replace(settings, site=aside), store, T0, once=True)
    # Or the next step would be looked through as a whole
    store.set_meta(publish.PUBLISHED, published)
    return tree(aside)


def update_of(event: Event, state: State = State.RELEASED, version: int = 1) -> Update:
    return lives.update(state, version, event.update.id, products=event.update.products)


OTHER = replace(
    RELEASED,
    id="other",
    update=replace(
        RELEASED.update, id="windows-kb7", title="Windows KB7", products=("Windows",)
    ),
)
NEWS = replace(
    RELEASED,
    id="news",
    kind=Kind.NEWS,
    update=replace(RELEASED.update, id="a-post", title="A post", products=()),
)


MANY = 20  # updates of a year, instead of 200: each of them is a page to be made


def forty(turn: int) -> Outcome:
    """Tell forty events of four updates and two products."""
    told = [
        replace(
            (RELEASED, PULLED, ISSUE, BACK)[number // 4 % 4],
            id=f"{turn}-{number:02}",
            time=T0 + timedelta(days=20 * turn, hours=number),
            update=replace(
                RELEASED.update,
                id=f"some-{number % 4}",
                products=(lives.CU2 if number % 2 else "Windows",),
            ),
        )
        for number in range(40)
    ]
    return Outcome(
        events=tuple(told), updates=tuple(update_of(event) for event in told[:4])
    )


STEPS = {
    "released": Outcome(events=(RELEASED,), updates=(update_of(RELEASED),)),
    "pulled": Outcome(events=(PULLED,), updates=(update_of(PULLED, State.PULLED),)),
    "issue": Outcome(events=(ISSUE,), updates=(update_of(ISSUE, State.PULLED),)),
    "back": Outcome(events=(BACK,), updates=(update_of(BACK, version=2),)),
    "other": Outcome(events=(OTHER,), updates=(update_of(OTHER),)),
    "news": Outcome(events=(NEWS,)),
    "evidence": Outcome(
        evidence=(
            EventEvidence(RELEASED.id, lives.proof("kb-articles", after="More.")),
        )
    ),
    "quiet": Outcome(updates=(lives.OLD_LIFE.update,)),
    "of another product": Outcome(
        updates=(
            replace(
                lives.OLD_LIFE.update, products=("Exchange Server 2031",), packages=()
            ),
        )
    ),
    "another year": Outcome(
        updates=(lives.update(name="old", released=T0 - timedelta(days=900)),)
    ),
    "doubted": Outcome(updates=(lives.update(suspicions=(lives.suspicion(),)),)),
    "announced": Outcome(
        events=(
            replace(lives.event(Kind.ANNOUNCED, update="cve-2030-10001"), id="ann"),
        ),
        updates=(
            lives.update(
                State.ANNOUNCED, name="cve-2030-10001", released=None, packages=()
            ),
        ),
    ),
    "absorbed": Outcome(
        updates=(update_of(RELEASED),),
        absorbed=(Absorption("cve-2030-10001", RELEASED.update.id),),
    ),
    "many": Outcome(events=lives.many(180).events, updates=(lives.update(),)),
    "crowd": Outcome(
        updates=tuple(
            lives.update(name=f"crowd-{n}", released=T0 - n * timedelta(hours=12))
            for n in range(MANY - 1)
        )
    ),
    "dated anew": Outcome(
        updates=(replace(update_of(RELEASED), released=T0 - timedelta(days=40)),)
    ),
    "old evidence": Outcome(
        evidence=tuple(
            EventEvidence(f"1-{n:02}", lives.proof("cisa-kev", after="Seen."))
            for n in (3, 41)
        )
    ),
    **{f"forty {turn}": forty(turn) for turn in range(1, 6)},
}


@profile(max_examples=12)
@given(st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=7))
def test_what_each_check_publishes_comes_to_the_same_as_publishing_everything(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("law")
    settings = replace(lives.SETTINGS, site=folder / "public")
    with Store.open(f"sqlite:///{folder / 'state.db'}") as store:
        told(store, settings, Outcome())
        for step in steps:
            told(store, settings, STEPS[step])
        assert tree(settings.site) == whole(store, settings, folder / "whole"), steps
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "steps",
    [
        [
            "forty 1",
            "forty 2",
            "forty 3",
            "old evidence",
            "forty 4",
            "released",
            "old evidence",
            "evidence",
            "forty 5",
        ],
        [
            "released",
            "crowd",
            "other",
            "news",
            "pulled",
            "dated anew",
            "another year",
            "back",
        ],
        ["announced", "other", "absorbed", "doubted", "pulled", "absorbed"],
        ["quiet", "released", "of another product", "quiet", "dated anew"],
    ],
    ids=["archives", "months", "absorbed", "products"],
)
def test_a_long_story_is_published_step_by_step_as_it_would_be_at_once(
    ledger: Store,
    settings: Settings,
    tmp_path: Path,
    steps: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lists, "MOST", MANY)
    told(ledger, settings, Outcome())
    for number, step in enumerate(steps):
        told(ledger, settings, STEPS[step])
        assert tree(settings.site) == whole(ledger, settings, tmp_path / "whole"), (
            steps[: number + 1]
        )


SERVERS = "server,build\nMBX1,15.4.1544.13\nMBX2,15.4.1544.9\nMBX3,15.4.1258.38\n"


@pytest.fixture
def open_settings(settings: Settings, tmp_path: Path) -> Settings:
    """Settings by which servers are published."""
    (tmp_path / "inventory.csv").write_text(SERVERS)
    return replace(settings, inventory=tmp_path / "inventory.csv", publish_servers=True)


def naming(settings: Settings) -> dict[str, list[str]]:
    """Give the published files that name a server, each with those that it names."""
    found = {
        name: [server for server in ("MBX1", "MBX2", "MBX3") if server.encode() in body]
        for name, body in tree(settings.site).items()
    }
    return {name: servers for name, servers in found.items() if servers}


def test_published_servers_follow_every_check_as_if_all_were_published_anew(
    ledger: Store, open_settings: Settings, tmp_path: Path
) -> None:
    told(ledger, open_settings, Outcome())
    for step in (
        "quiet",
        "released",
        "announced",
        "absorbed",
        "pulled",
        "issue",
        "doubted",
        "other",
        "dated anew",
        "back",
    ):
        told(ledger, open_settings, STEPS[step])
        kept = ledger.meta("published_servers")
        assert tree(open_settings.site) == whole(
            ledger, open_settings, tmp_path / "whole"
        ), step
        assert ledger.meta("published_servers") == kept
    page = (open_settings.site / "updates/exchange-server-2030-05-su.html").read_text()
    assert page.count("install v2, KB9000002") == 3


def test_one_more_update_rewrites_the_page_of_another_on_which_a_server_stands_otherwise(
    ledger: Store, open_settings: Settings
) -> None:
    told(ledger, open_settings, STEPS["quiet"])
    old = open_settings.site / "updates/exchange-server-2030-02-su.html"
    assert "nothing to do" in old.read_text()
    told(ledger, open_settings, STEPS["released"])
    assert "install Exchange Server May 2030 SU, KB9000001" in old.read_text()


def test_a_changed_inventory_rewrites_the_pages_that_it_concerns_and_no_other(
    ledger: Store, open_settings: Settings, tmp_path: Path
) -> None:
    crowd = tuple(
        lives.update(name=f"other-{number}", products=("Windows",), packages=())
        for number in range(5)
    )
    told(ledger, open_settings, Outcome(updates=(*crowd, lives.OLD_LIFE.update)))
    told(ledger, open_settings, STEPS["released"])
    old, new = (
        "updates/exchange-server-2030-02-su.html",
        "updates/exchange-server-2030-05-su.html",
    )
    assert naming(open_settings) == {old: ["MBX2"], new: ["MBX1", "MBX2", "MBX3"]}
    assert open_settings.inventory is not None
    open_settings.inventory.write_text(SERVERS.replace("15.4.1544.9", "15.4.1544.13"))
    assert told(ledger, open_settings, Outcome()) == 2
    assert naming(open_settings) == {new: ["MBX1", "MBX2", "MBX3"]}
    open_settings.inventory.write_text(open_settings.inventory.read_text() + "\n")
    assert told(ledger, open_settings, Outcome()) == 0
    open_settings.inventory.unlink()
    assert told(ledger, open_settings, Outcome()) == 1
    assert naming(open_settings) == {}


def test_published_servers_are_taken_back_as_soon_as_they_are_not_to_be_published(
    ledger: Store, settings: Settings, open_settings: Settings
) -> None:
    told(ledger, settings, STEPS["released"])
    before = tree(settings.site)
    assert naming(settings) == {}
    assert told(ledger, open_settings, Outcome()) == 1
    assert naming(settings) != {}
    assert told(ledger, settings, Outcome()) == 1
    assert tree(settings.site) == before
    assert ledger.meta("published_servers") == ""


def test_a_new_event_touches_the_files_that_show_it(
    ledger: Store, settings: Settings
) -> None:
    told(
        ledger,
        settings,
        Outcome(
            updates=tuple(lives.update(name=f"update-{number}") for number in range(30))
        ),
    )
    told(ledger, settings, STEPS["other"])
    before = {path: path.stat().st_ino for path in settings.site.rglob("*")}
    changed = told(ledger, settings, STEPS["released"])
    after = {
        str(path.relative_to(settings.site))
        for path in settings.site.rglob("*")
        if path.is_file() and before.get(path) != path.stat().st_ino
    }
    assert changed == len(after - {"status.json"})
    assert {name for name in after if "/" in name} == {
        "updates/exchange-server-2030-05-su.html",
        "products/exchange-server-2030-cu2.atom",
        "products/exchange-server-2030-cu1.atom",
        "years/2030.html",
        "years/2030.json",
    }


def test_a_check_that_learns_nothing_writes_the_status_only(
    ledger: Store, settings: Settings
) -> None:
    told(ledger, settings, STEPS["released"])
    before = {
        path: path.stat().st_ino for path in settings.site.rglob("*") if path.is_file()
    }
    assert told(ledger, settings, Outcome()) == 0
    assert [
        path.name for path, inode in before.items() if path.stat().st_ino != inode
    ] == ["status.json"]


def test_what_a_killed_run_left_unpublished_the_next_publishes(
    ledger: Store, settings: Settings, tmp_path: Path
) -> None:
    told(ledger, settings, STEPS["released"])
    # And killed before it was published
    ledger.record("msrc-cvrf", outcome=STEPS["pulled"])
    assert told(ledger, settings, STEPS["news"]) > 0
    assert "is pulled right now" in (settings.site / "index.html").read_text()
    assert tree(settings.site) == whole(ledger, settings, tmp_path / "whole")


def test_a_site_that_was_deleted_or_spoiled_is_made_anew(
    ledger: Store, settings: Settings, tmp_path: Path
) -> None:
    told(ledger, settings, STEPS["released"])
    shutil.rmtree(settings.site)
    assert told(ledger, settings, Outcome()) > 0
    (settings.site / "updates.json").write_text("{}")
    told(ledger, settings, STEPS["news"])
    assert tree(settings.site) == whole(ledger, settings, tmp_path / "whole")


def test_a_product_that_no_update_concerns_any_more_has_no_feed(
    ledger: Store, settings: Settings
) -> None:
    told(ledger, settings, STEPS["quiet"])
    feed = settings.site / "products" / "exchange-server-2020-cu9.atom"
    assert feed.is_file()
    told(ledger, settings, STEPS["of another product"])
    assert not feed.exists()
    assert "Exchange Server 2020 CU9" not in (settings.site / "index.html").read_text()


def test_an_update_that_is_dated_anew_leaves_the_list_on_which_it_was(
    ledger: Store, settings: Settings
) -> None:
    told(ledger, settings, STEPS["released"])
    told(ledger, settings, STEPS["another year"])
    old = settings.site / "years" / "2027.json"
    assert old.is_file()
    moved = lives.update(name="old", released=T0 - timedelta(days=1))
    told(ledger, settings, Outcome(updates=(moved,)))
    assert not old.exists()
    assert b'"old"' in (settings.site / "years" / "2030.json").read_bytes()


def test_what_an_older_version_kept_of_its_publishing_is_not_followed(
    ledger: Store, settings: Settings, tmp_path: Path
) -> None:
    told(ledger, settings, STEPS["released"])
    ledger.set_meta(publish.PUBLISHED, "7 0123456789abcdef -")
    (settings.site / "updates" / "nobodys.html").write_text("")
    told(ledger, settings, STEPS["news"])
    assert tree(settings.site) == whole(ledger, settings, tmp_path / "whole")


def test_other_settings_and_templates_are_published_at_once(
    ledger: Store, settings: Settings, tmp_path: Path
) -> None:
    told(ledger, settings, STEPS["released"])
    own = tmp_path / "templates" / "site"
    own.mkdir(parents=True)
    (own / "style.css").write_text("body { color: black; }\n")
    assert told(ledger, replace(settings, templates=own.parent), Outcome()) == 1
    assert (settings.site / "style.css").read_text() == "body { color: black; }\n"


def test_the_names_of_entries_stay_when_the_site_moves(
    ledger: Store, settings: Settings
) -> None:
    told(ledger, settings, STEPS["released"])
    first = json.loads((settings.site / "events.json").read_text())["items"][0]
    told(ledger, replace(settings, base_url="https://other.example.org/"), Outcome())
    second = json.loads((settings.site / "events.json").read_text())["items"][0]
    assert (
        first["id"]
        == second["id"]
        == "tag:advisories.example.org,2030-05-14:event/released0"
    )
    assert second["url"].startswith("https://other.example.org/")


def test_an_event_that_is_known_already_is_counted_once(
    ledger: Store, settings: Settings, tmp_path: Path
) -> None:
    told(ledger, settings, STEPS["released"])
    told(ledger, settings, STEPS["other"])
    told(ledger, settings, STEPS["released"])
    assert tree(settings.site) == whole(ledger, settings, tmp_path / "whole")


def test_the_status_knows_when_each_source_was_asked_and_what_is_pulled(
    ledger: Store, settings: Settings
) -> None:
    document = Document(
        "msrc-cvrf",
        "",
        "https://api.example.org/updates",
        accepted=T0 - timedelta(days=1),
    )
    ledger.record(
        "msrc-cvrf",
        documents=[document],
        outcome=STEPS["pulled"],
        times=[Times("msrc-cvrf", "", T0, T0)],
    )
    publish_site(replace(settings, stale_after=timedelta(hours=26)), ledger, T0)
    read = json.loads((settings.site / "status.json").read_text())
    assert read["valid_until"] == "2030-05-15T20:00:00Z"
    assert [entry["id"] for entry in read["pulled"]] == [WHOLE_LIFE.update.id]
    assert read["sources"][0]["succeeded"] == "2030-05-14T18:00:00Z"
    assert read["sources"][0]["changed"] == "2030-05-13T18:00:00Z"


def test_a_wrong_template_of_the_page_is_named_by_file_and_line(
    settings: Settings, ledger: Store, tmp_path: Path
) -> None:
    own = tmp_path / "templates"
    (own / "site").mkdir(parents=True)
    wrong = own / "site" / "entry.html"
    mine = replace(settings, templates=own)
    assert sample_site.complaints(settings) == ()
    wrong.write_text("<p>fine</p>\n{{ story.nothing }}\n")
    (found,) = sample_site.complaints(mine)
    assert found.startswith(f"{wrong}:2: ")
    ledger.record("msrc-cvrf", outcome=STEPS["released"])
    with pytest.raises(ConfigurationError, match="watcher check"):
        publish_site(mine, ledger, T0)
    assert not settings.site.exists()


def test_wrong_words_are_named_by_their_file(
    settings: Settings, tmp_path: Path
) -> None:
    words = tmp_path / "templates" / "mail" / "words" / "en.toml"
    words.parent.mkdir(parents=True)
    words.write_text("[kind\n")
    (found,) = sample_site.complaints(
        replace(settings, templates=tmp_path / "templates")
    )
    assert found.startswith(str(words))
