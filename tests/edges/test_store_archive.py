"""The state as text: sorted, equal for equal states, and the same again after an import."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from scripts.manifest import manifest
from tests.attacks import tried
from tests.edges.ledger_samples import (
    HOUR,
    SU,
    T0,
    document,
    event,
    fill,
    message,
    stored,
    update,
)
from tests.edges.test_store_migrations import rows_of
from watcher.errors import StateError, StateRefusedError
from watcher.records import Outcome, Times
from watcher.store import EntryChanges, Store, archive

TABLES = {
    "absorbed",
    "acks",
    "deliveries",
    "documents",
    "entries",
    "events",
    "messages",
    "meta",
    "mutes",
    "remembered",
    "times",
    "updates",
}


def exported(store: Store, folder: Path) -> dict[str, bytes]:
    store.export(folder)
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def as_exported(folder: Path) -> None:
    """Make the manifest fit the files, as if they had been exported so."""
    text = manifest(folder)
    (folder / archive.MANIFEST).write_text(text, "utf-8", newline="\n")


def test_the_same_state_is_the_same_bytes_in_both_databases(
    sqlite_url: str, postgres_url: str, tmp_path: Path
) -> None:
    with Store.open(sqlite_url) as one, Store.open(postgres_url) as other:
        fill(one)
        fill(other)
        assert exported(one, tmp_path / "sqlite") == exported(
            other, tmp_path / "postgresql"
        )


def test_an_import_is_exported_to_the_same_bytes(store: Store, tmp_path: Path) -> None:
    with Store.open("sqlite://") as first:
        fill(first)
        first.seal(
            [
                (
                    replace(message(3), body=b"\xff no UTF-8 \x00\r\n"),
                    [("a@example.org", "mail")],
                )
            ],
            [],
        )
        wanted = exported(first, tmp_path / "first")
    store.import_(tmp_path / "first")
    assert exported(store, tmp_path / "second") == wanted
    assert {name.removesuffix(".jsonl") for name in wanted} == {
        *TABLES,
        archive.MANIFEST,
    }


def test_an_imported_state_answers_as_the_first_one_did(
    store: Store, tmp_path: Path
) -> None:
    second = store
    with Store.open("sqlite://") as first:
        fill(first)
        first.export(tmp_path / "text")
        second.import_(tmp_path / "text")
        assert (
            second.updates_for(["kb:KB5044062"])
            == first.updates_for(["kb:KB5044062"])
            != ()
        )
        assert second.suspicions("builds", "") == first.suspicions("builds", "") != ()
        assert second.entries("builds") == first.entries("builds")
        assert second.fingerprints("builds")["row 2"] == ""
        assert second.unsealed_events() == first.unsealed_events() != ()
        assert second.events_of("cve-2024-49040") == first.events_of(SU) != ()
        assert second.due_deliveries(T0) == first.due_deliveries(T0) != []
        assert second.messages_of(event="e2") == first.messages_of(event="e2") != []
        assert (second.acks(), second.mutes(), second.edition()) == (
            first.acks(),
            first.mutes(),
            first.edition(),
        )


def test_every_row_of_every_table_is_there_after_an_import_also_what_is_derived(
    store: Store, tmp_path: Path
) -> None:
    with Store.open("sqlite://") as first:
        fill(first)
        first.export(tmp_path)
        wanted = rows_of(first.connection)
    store.import_(tmp_path)
    assert rows_of(store.connection) == wanted
    assert [name for name, rows in wanted.items() if not rows] == [], (
        "the sample has nothing of a table"
    )


def test_a_state_goes_on_after_an_import(store: Store, tmp_path: Path) -> None:
    with Store.open("sqlite://") as first:
        fill(first)
        first.export(tmp_path)
    store.import_(tmp_path)
    store.record("msrc", outcome=Outcome(events=(event("e3"),)))
    store.seal([(message(7, ("e3",)), [("a@example.org", "mail")])], ["e3"])
    assert [each.id for each in store.events()] == ["e1", "e2", "e3"]
    assert store.messages()[-1] == message(7, ("e3",))


def test_check_times_are_in_a_file_of_their_own_which_need_not_be_kept(
    tmp_path: Path,
) -> None:
    with Store.open("sqlite://") as store:
        fill(store)
        before = exported(store, tmp_path)
        store.touch([Times("builds", "", T0 + HOUR, T0 + HOUR)])
        after = exported(store, tmp_path)
    assert {name for name in before if before[name] != after[name]} == {"times.jsonl"}
    (tmp_path / "times.jsonl").unlink()
    with Store.open("sqlite://") as again:
        again.import_(tmp_path)
        assert again.all_times() == ()
        assert set(again.documents("builds")) == {"", "2024-Nov", "kept"}


def test_a_file_whose_bytes_stay_is_not_written_again(tmp_path: Path) -> None:
    with Store.open("sqlite://") as store:
        fill(store)
        store.export(tmp_path)
        before = {file: file.stat().st_ino for file in tmp_path.iterdir()}
        store.record("msrc", outcome=Outcome(updates=(update(version=2),)))
        store.export(tmp_path)
    changed = {
        file.name for file in tmp_path.iterdir() if before[file] != file.stat().st_ino
    }
    assert changed == {"updates.jsonl", "meta.jsonl", archive.MANIFEST}


def test_every_line_is_a_json_object_with_sorted_keys_in_sorted_order(
    tmp_path: Path,
) -> None:
    with Store.open("sqlite://") as store:
        fill(store)
        store.export(tmp_path)
    for file in tmp_path.iterdir():
        for line in file.read_text("utf-8").splitlines():
            assert (
                json.dumps(
                    json.loads(line),
                    sort_keys=True,
                    ensure_ascii=False,
                    separators=(",", ":"),
                )
                == line
            )
    keys = [
        json.loads(line)["entry"]["key"]
        for line in (tmp_path / "entries.jsonl").read_text("utf-8").splitlines()
    ]
    assert keys == ["ROW 1", "Zeile ä", "row 1", "row 2", "CVE-2024-49040"], (
        "by code point, whatever the database's collation"
    )


def test_a_mails_text_can_be_read_in_the_diff(tmp_path: Path) -> None:
    with Store.open("sqlite://") as store:
        fill(store)
        store.export(tmp_path)
    first = json.loads((tmp_path / "messages.jsonl").read_text("utf-8").splitlines()[0])
    assert first["body"] == [
        "Message-ID: <1@example.org>",
        "Subject: no. 1",
        "",
        "Body 1",
        "",
    ]


@pytest.mark.parametrize(
    ("file", "line", "named"),
    [
        ("events.jsonl", b"<<<<<<< HEAD\n", "events.jsonl, line 1"),
        ("entries.jsonl", b'{"source":"x"}\n', "entries.jsonl, line 1"),
        ("updates.jsonl", b"\xff\xfe\n", "updates.jsonl, line 1"),
        (
            "deliveries.jsonl",
            b'{"message":"<none>","recipient":"a"}\n',
            "deliveries.jsonl does not fit",
        ),
        (
            "acks.jsonl",
            b'{"update":"a","time":"2024-11-12T18:00:00Z"}\n' * 2,
            "acks.jsonl does not fit",
        ),
        ("meta.jsonl", b'{"key":"form","value":"99"}\n', "form 99"),
    ],
)
def test_a_text_that_cannot_be_read_is_named_and_nothing_is_imported(
    store: Store, tmp_path: Path, file: str, line: bytes, named: str
) -> None:
    with Store.open("sqlite://") as first:
        first.record(
            "builds", documents=[document()], entries=[EntryChanges("", (stored(),))]
        )
        first.export(tmp_path / "text")
    (tmp_path / "text" / file).write_bytes(line)
    as_exported(tmp_path / "text")
    with pytest.raises(StateError, match=named):
        store.import_(tmp_path / "text")
    assert store.documents() == {}


def test_an_import_wants_an_empty_state_and_an_export(tmp_path: Path) -> None:
    with Store.open("sqlite://") as store:
        with pytest.raises(StateError, match=r"no exported state .* state export"):
            store.import_(tmp_path)
        store.export(tmp_path)
        store.import_(tmp_path)
        store.ack("a", T0)
        with pytest.raises(StateError, match=r"not empty \(it has acks\)"):
            store.import_(tmp_path)


def test_an_export_that_cannot_be_written_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        Store.open("sqlite://") as store,
        pytest.raises(StateError, match=r"cannot be exported to .*file"),
    ):
        store.export(tmp_path / "file" / "folder")


def test_what_a_killed_export_left_goes_and_what_another_writes_just_now_stays(
    store: Store, tmp_path: Path
) -> None:
    for name, age in ((".meta.jsonl.abandoned", 4000), (".meta.jsonl.young", 10)):
        (tmp_path / name).write_bytes(b"")
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    store.export(tmp_path)
    assert [path.name for path in tmp_path.glob(".*")] == [".meta.jsonl.young"]


def test_a_document_that_version_0_1_0_kept_unread_is_not_imported(
    tmp_path: Path,
) -> None:
    """Its next reading is its first: nothing in it is news."""
    with Store.open("sqlite://") as store:
        fill(store)
        store.export(tmp_path)
    file = tmp_path / "documents.jsonl"
    unread = '{"document":"blog","source":"builds","total":2,"unread":true,"url":""}\n'
    file.write_text(file.read_text("utf-8") + unread, "utf-8")
    as_exported(tmp_path)
    with Store.open("sqlite://") as store:
        store.import_(tmp_path)
        assert sorted(store.documents("builds")) == ["", "2024-Nov", "kept"]


@tried("state")
@pytest.mark.parametrize("table", sorted(TABLES - {archive.CHECK_TIMES}))
def test_a_file_that_is_missing_from_an_export_is_no_empty_table(
    store: Store, tmp_path: Path, table: str
) -> None:
    with Store.open("sqlite://") as first:
        fill(first)
        first.export(tmp_path)
    (tmp_path / f"{table}.jsonl").unlink()
    with pytest.raises(StateRefusedError, match=rf"{table}\.jsonl") as error:
        store.import_(tmp_path)
    assert error.value.exit_code == 2
    assert store.updates() == ()


def without_last_line(text: bytes) -> bytes:
    return b"".join(text.splitlines(keepends=True)[:-1])


def without_first_line(text: bytes) -> bytes:
    return b"".join(text.splitlines(keepends=True)[1:])


def with_a_line_twice(text: bytes) -> bytes:
    return text + text.splitlines(keepends=True)[-1]


def of_another_time(text: bytes) -> bytes:
    return text.replace(b"2024", b"2023").replace(b"a@", b"b@")


CHANGES = {
    "cut": without_last_line,
    "begun later": without_first_line,
    "longer": with_a_line_twice,
    "of another time": of_another_time,
}


@tried("state")
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("table", ["deliveries", "documents", "events", "messages"])
def test_a_file_of_an_export_that_was_cut_or_changed_is_refused(
    store: Store, tmp_path: Path, table: str, change: str
) -> None:
    """Cut deliveries are messages that nobody gets, or twice; cut events are told anew."""
    with Store.open("sqlite://") as first:
        fill(first)
        first.export(tmp_path)
    file = tmp_path / f"{table}.jsonl"
    whole = file.read_bytes()
    file.write_bytes(CHANGES[change](whole))
    assert file.read_bytes() != whole
    with pytest.raises(StateRefusedError, match=rf"{table}\.jsonl") as error:
        store.import_(tmp_path)
    assert error.value.exit_code == 2
    assert store.updates() == ()


@tried("state")
@pytest.mark.parametrize("table", sorted(TABLES - {archive.CHECK_TIMES, "meta"}))
def test_an_emptied_file_of_an_export_is_no_empty_table(
    store: Store, tmp_path: Path, table: str
) -> None:
    with Store.open("sqlite://") as first:
        fill(first)
        first.export(tmp_path)
    (tmp_path / f"{table}.jsonl").write_bytes(b"")
    with pytest.raises(StateRefusedError, match=rf"{table}\.jsonl"):
        store.import_(tmp_path)
    assert store.updates() == ()


def test_other_ends_of_lines_are_the_same_export(store: Store, tmp_path: Path) -> None:
    """Git on Windows may write them so."""
    with Store.open("sqlite://") as first:
        fill(first)
        first.export(tmp_path)
        wanted = first.updates()
    for file in tmp_path.glob("*.jsonl"):
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    store.import_(tmp_path)
    assert store.updates() == wanted


def test_the_manifest_of_a_merge_is_made_as_an_exports_is(tmp_path: Path) -> None:
    with Store.open("sqlite://") as store:
        fill(store)
        store.export(tmp_path)
    assert manifest(tmp_path).encode() == (tmp_path / archive.MANIFEST).read_bytes()


def test_an_export_whose_manifest_has_names_alone_is_read(
    store: Store, tmp_path: Path
) -> None:
    """As they were before there was a sum."""
    with Store.open("sqlite://") as first:
        fill(first)
        first.export(tmp_path)
        wanted = first.updates()
    tables = sorted(TABLES - {archive.CHECK_TIMES})
    names = json.dumps({"form": "2", "tables": tables})
    (tmp_path / archive.MANIFEST).write_text(names, "utf-8")
    store.import_(tmp_path)
    assert store.updates() == wanted


MANIFESTS = {
    "none": None,
    "empty": b"",
    "no JSON": b"<<<<<<< HEAD",
    "another form": b'{"form":"1","tables":["meta"]}',
    "fewer tables": b'{"form":"2","tables":["meta","documents"]}',
    "no tables": b'{"form":"2","tables":[]}',
    "a table that is none": b'{"form":"2","tables":["meta","../meta"]}',
    "something else in it": b'{"form":"2","tables":[],"more":1}',
}


@tried("state")
@pytest.mark.parametrize("case", MANIFESTS)
def test_an_export_with_a_wrong_manifest_is_refused(
    store: Store, tmp_path: Path, case: str
) -> None:
    with Store.open("sqlite://") as first:
        fill(first)
        first.export(tmp_path)
    manifest = MANIFESTS[case]
    (tmp_path / archive.MANIFEST).unlink()
    if manifest is not None:
        (tmp_path / archive.MANIFEST).write_bytes(manifest)
    with pytest.raises(StateRefusedError, match=r"manifest\.json"):
        store.import_(tmp_path)
    assert store.updates() == ()


@tried("state")
def test_an_emptied_list_of_values_is_no_export(store: Store, tmp_path: Path) -> None:
    with Store.open("sqlite://") as first:
        fill(first)
        first.export(tmp_path)
    (tmp_path / "meta.jsonl").write_bytes(b"")
    with pytest.raises(StateRefusedError, match="which form it has"):
        store.import_(tmp_path)


def test_an_export_of_the_version_before_has_no_manifest_and_is_read(
    store: Store, tmp_path: Path
) -> None:
    with Store.open("sqlite://") as first:
        fill(first)
        wanted = first.updates()
        first.export(tmp_path)
    (tmp_path / archive.MANIFEST).unlink()
    (tmp_path / "mutes.jsonl").unlink()
    values = (tmp_path / "meta.jsonl").read_text("utf-8")
    before = '"key":"form","value":'
    text = values.replace(f'{before}"2"', f'{before}"1"')
    (tmp_path / "meta.jsonl").write_text(text, "utf-8")
    store.import_(tmp_path)
    assert store.updates() == wanted
