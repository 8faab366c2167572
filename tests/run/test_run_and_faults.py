"""``watcher run`` against a server that plays the sources.

200s, 304s, changes, and every fault that a server can have.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.run.stage import (
    HASTY,
    NEW_ROW,
    PATHS,
    POSTS,
    ROWS,
    STORY,
    TOLD,
    Stage,
    moment,
    november,
    written,
)
from tests.servers import OUTAGE, Fault, Reply, SourceServer, bomb, refused
from tests.stories.pages import blog, month, table
from tests.stories.telling import line
from watcher.records import Failure, Source
from watcher.run.check import Report, check
from watcher.store import Store
from watcher.web.fetch import Fetcher

TIMES = "times.jsonl"


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        yield server


@pytest.fixture
def any_stage(web: SourceServer, tmp_path: Path, database_url: str) -> Stage:
    """A stage for each kind of database."""
    return Stage(web, tmp_path, database_url)


@pytest.fixture
def stage(web: SourceServer, tmp_path: Path) -> Stage:
    return Stage(web, tmp_path, "sqlite:///state/watcher.db")


@pytest.fixture
def released(stage: Stage) -> Stage:
    """November's update is out and told, and every source is known."""
    assert stage.told("2024-11-08T06:00:00Z") == []
    assert stage.told(*STORY[0]) == [TOLD[0]]
    stage.web.forget()
    return stage


def failures(report: Report) -> list[Failure]:
    return [failure for source in report.sources for failure in source.failures]


def test_from_200s_through_304s_to_changes(any_stage: Stage) -> None:
    stage = any_stage
    assert stage.told("2024-11-08T06:00:00Z") == []
    stage.web.forget()
    stage.check("2024-11-08T07:00:00Z")
    assert all("if-none-match" in asked.headers for asked in stage.web.requests)
    assert {asked.target for asked in stage.web.requests} == {
        *PATHS.values(),
        "/cvrf/2024-Oct",
    }
    for (time, document), said in zip(STORY, TOLD, strict=True):
        assert stage.told(time, document) == [said]
        assert stage.told(time.replace("18:", "19:")) == []
    assert stage.events() == TOLD


def test_a_check_in_which_nothing_changed_writes_only_check_times(
    any_stage: Stage,
) -> None:
    stage = any_stage
    stage.told("2024-11-08T06:00:00Z")
    for time, document in STORY:
        stage.told(time, document)
    stage.check("2024-11-27T18:30:00Z", publish=True)
    before, site, mails = (
        stage.exported(),
        written(stage.settings.site),
        written(stage.folder / "outbox"),
    )

    report = stage.check("2024-11-27T19:00:00Z", publish=True)

    after = stage.exported()
    assert (report.events, report.sent, report.failed) == ((), 0, False)
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == {TIMES}
    again = written(stage.settings.site)
    assert {name for name in site if site[name] != again[name]} <= {"status.json"}
    assert site.keys() == again.keys()
    assert written(stage.folder / "outbox") == mails


def test_the_same_pages_without_validators_are_nothing_either(stage: Stage) -> None:
    stage.told("2024-11-08T06:00:00Z")
    for path in (*PATHS.values(), "/cvrf/2024-Oct"):
        (last,) = stage.web._scripts[path]
        stage.web.play(path, replace(last, etag=""))
    stage.check("2024-11-08T07:00:00Z")
    before = stage.exported()

    stage.check("2024-11-08T08:00:00Z")

    after = stage.exported()
    assert {name for name in before if before[name] != after[name]} == {TIMES}


def slow(reply: Reply) -> Reply:
    return replace(reply, drip=0.2)


DTD = b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
ENTITIES = DTD + b'<rss version="2.0"><channel><title>&b;</title></channel></rss>'
WHOLE = table(NEW_ROW, *ROWS)
FAULTS: dict[str, tuple[str, Reply, str]] = {
    "no answer": ("builds", Reply(fault=Fault.SILENT), "stopped answering"),
    "a body that drips": (
        "builds",
        slow(Reply(WHOLE, fault=Fault.DRIP_BODY)),
        "took longer",
    ),
    "a connection that is reset": ("builds", Reply(fault=Fault.RESET), "connection"),
    "a connection that ends": ("builds", Reply(fault=Fault.DROPPED), "connection"),
    "429 with Retry-After": (
        "builds",
        Reply(status=429, headers={"Retry-After": "120"}),
        "429",
    ),
    "500": ("builds", Reply(status=500), "500"),
    "503 with a date": (
        "builds",
        Reply(status=503, headers={"Retry-After": "Fri, 15 Nov 2024 18:00:00 GMT"}),
        "503",
    ),
    "404": ("builds", Reply(status=404), "404"),
    "a truncated body": ("builds", Reply(WHOLE, fault=Fault.TRUNCATED), ""),
    "a gzip bomb": ("builds", bomb(2 << 20), "1 MiB"),
    "an outage page with 200": ("builds", Reply(OUTAGE, content_type="text/html"), ""),
    "an empty body": ("builds", Reply(b""), "empty"),
    "a table without rows": ("builds", Reply(table()), ""),
    "an outage page for a feed": ("blog", Reply(OUTAGE, content_type="text/html"), ""),
    "a feed that is cut off": ("blog", Reply(blog(*POSTS)[:900]), ""),
    "an empty but valid feed": ("blog", Reply(blog()), "empty"),
    "a shrunken feed": ("blog", Reply(blog(*POSTS[:4])), "4 entries"),
    "XML with entities": ("blog", Reply(ENTITIES), "entities"),
    "an outage page for the issues": (
        "issues",
        Reply(OUTAGE, content_type="text/html"),
        "",
    ),
    "an index that is none": ("msrc", Reply(b'{"message": "internal error"}'), ""),
    "an empty index": ("msrc", Reply(b'{"value": []}'), "empty"),
    "another month's document": (
        "2024_Nov",
        Reply(month("2024-Nov", calls_itself="2024-Dec", linux=9).body),
        "2024-Dec",
    ),
    "an older copy": ("2024_Nov", Reply(november(linux=17).body), "older"),
    "a shrunken copy": (
        "2024_Nov",
        Reply(month("2024-Nov", linux=2).body),
        "2 entries",
    ),
    "a month that is cut off": ("2024_Nov", Reply(november().body[:700]), "cut off"),
    "a month with entities": ("2024_Nov", Reply(DTD + november().body), "entities"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_a_named_failure_of_that_source_alone_and_its_end_is_no_news(
    released: Stage, fault: str
) -> None:
    stage = released
    name, reply, words = FAULTS[fault]
    source, document = (name, "") if name in PATHS else ("msrc", name.replace("_", "-"))
    if fault == "an older copy":  # older than one that has a revision and entries more
        stage.told(
            "2024-11-13T18:00:00Z",
            november(
                ("1.1", "2024-11-13", "This is an informational change only."), linux=20
            ),
        )
    before = stage.exported()
    good = dict(stage.web._scripts)
    stage.show(**{name: reply})
    patient = (
        replace(HASTY, read_timeout=0.4, deadline=1.0)
        if "answer" in fault or "drips" in fault
        else HASTY
    )

    report = stage.check("2024-11-14T06:00:00Z", patient)

    (failure,) = failures(report)
    assert (failure.source, failure.document) == (source, document)
    assert words in failure.cause
    assert failure.remedy
    assert report.failed
    assert {each.name for each in report.sources} == set(PATHS)
    assert report.events == ()
    assert_only_doubted(before, stage.exported(), source, document)

    stage.web._scripts.update(good)
    recovered = stage.check("2024-11-14T08:00:00Z")
    assert (recovered.failed, recovered.events) == (False, ())
    with Store.open(stage.settings.state, hold=False) as store:
        assert store.times(source, document).failures == 0


def assert_only_doubted(
    before: dict[str, bytes], after: dict[str, bytes], source: str, document: str
) -> None:
    """Assert that the state is as it was but for check times, and for the validators of a
    copy that is in doubt.
    """
    changed = {name for name in after if before.get(name) != after[name]}
    # Whose sum the manifest has
    assert changed <= {TIMES, "documents.jsonl", "manifest.json"}
    old, new = (
        [json.loads(text) for text in export["documents.jsonl"].splitlines()]
        for export in (before, after)
    )
    different = [row for row in new if row not in old]
    assert all(
        (row["source"], row["document"]) == (source, document) for row in different
    )
    assert all(not any(row.get("validators", {}).values()) for row in different)


def test_a_source_that_nobody_listens_at_is_named(released: Stage) -> None:
    with refused() as url:
        released.moved("builds", url)
        report = released.check("2024-11-14T06:00:00Z")
    (failure,) = failures(report)

    assert failure.source == "builds"
    assert "refused" in failure.cause


def test_progress_says_which_sources_failed_and_of_which_a_part_did(
    stage: Stage,
) -> None:
    stage.show(builds=Reply(status=404), **{"2024_Oct": Reply(status=404)})
    said: list[str] = []
    with Store.open(stage.settings.state) as store, Fetcher(HASTY) as web:
        check(
            stage.settings,
            store,
            web,
            moment("2024-11-08T06:00:00Z"),
            publish=False,
            say=said.append,
        )

    assert {
        "builds: failed",
        "msrc: 2 documents, 1 of them failed",
        "blog: 1 document",
    } <= set(said)


def test_progress_is_silent_of_sources_that_have_nothing_to_follow_yet(
    stage: Stage,
) -> None:
    (builds,) = (source for source in stage.settings.sources if source.name == "builds")
    stage.settings = replace(
        stage.settings,
        sources=(builds, Source("pages", "kb-article", stage.web.url("/help/"))),
    )
    stage.show(builds=Reply(status=404))
    said: list[str] = []
    with Store.open(stage.settings.state) as store, Fetcher(HASTY) as web:
        check(
            stage.settings,
            store,
            web,
            moment("2024-11-08T06:00:00Z"),
            publish=False,
            say=said.append,
        )

    assert said == ["asking 1 document of 1 source", "builds: failed"]


def test_other_sources_tell_their_news_while_one_fails(released: Stage) -> None:
    released.show(STORY[1][1], builds=Reply(status=500), blog=Reply(OUTAGE))

    report = released.check(STORY[1][0])

    assert [line(event) for event in report.events] == [TOLD[1]]
    assert {failure.source for failure in failures(report)} == {"builds", "blog"}


def test_a_suspect_copys_validators_are_dropped_so_that_304s_do_not_pin_it(
    released: Stage,
) -> None:
    """An ETag stored with a rejected body would be answered with 304 from then on."""
    released.told("2024-11-14T06:00:00Z", blog=blog(*POSTS[:4]))
    released.web.forget()

    report = released.check("2024-11-14T07:00:00Z")

    assert "if-none-match" not in released.web.asked("/blog")[0].headers
    assert [failure.source for failure in failures(report)] == ["blog"]


def test_a_month_in_utf_16_with_a_wrong_declaration_is_read(stage: Stage) -> None:
    stage.told("2024-11-08T06:00:00Z")
    body = ('<?xml version="1.0" encoding="utf-8"?>' + november().body.decode()).encode(
        "utf-16"
    )

    stage.show(november())
    stage.web.play("/cvrf/2024-Nov", Reply(body))

    assert [line(event) for event in stage.check(STORY[0][0]).events] == [TOLD[0]]


def test_a_rehearsal_touches_nothing_in_any_database(any_stage: Stage) -> None:
    stage = any_stage
    stage.told("2024-11-08T06:00:00Z")
    before, mails = stage.exported(), written(stage.folder / "outbox")
    stage.show(STORY[0][1])

    with (
        Store.open(stage.settings.state, rehearse=True) as store,
        Fetcher(HASTY) as web,
    ):
        report = check(
            stage.settings, store, web, moment(STORY[0][0]), force=True, dry_run=True
        )

    assert [line(event) for event in report.events] == [TOLD[0]]
    assert stage.exported() == before
    assert written(stage.folder / "outbox") == mails
