"""``watcher demo``: November 2024 from the pages it ships, told once each, in one thread."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from watcher import demo
from watcher.cli import app

UPDATE = "exchange-server-2024-11-su"
# MSRC says so of one of its vulnerabilities
LIKELY = "exploitation more likely"


def relived(out: Path) -> Result:
    return CliRunner().invoke(app, ["demo", "--out", str(out)], prog_name="watcher")


def test_november_2024_is_released_pulled_and_re_released_once_each_in_one_thread(
    tmp_path: Path,
) -> None:
    shown = relived(tmp_path)

    told = [
        json.loads(line)
        for line in (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    turns = [event for event in told if event["kind"] in demo.STORY]
    assert shown.exit_code == 0
    assert [
        (
            event["time"],
            event["kind"],
            event["update"]["id"],
            event["update"]["version"],
        )
        for event in turns
    ] == [
        ("2024-11-12T18:00:00Z", "released", UPDATE, 1),
        ("2024-11-14T20:00:00Z", "pulled", UPDATE, 1),
        ("2024-11-27T18:12:00Z", "re-released", UPDATE, 2),
    ]
    assert turns[2]["update"]["kbs"] == ["KB5049233"]
    assert turns[2]["update"]["builds"] == [
        "15.1.2507.44",
        "15.2.1258.39",
        "15.2.1544.14",
    ]
    assert all(event["confidence"] == "confirmed" for event in told)

    printed = shown.stdout
    mails = list(demo.mails(tmp_path))
    assert [
        mail["Subject"] for _, mail in mails if mail["X-Watcher-Event"] in demo.STORY
    ] == [
        f"[RELEASED] Exchange Server November 2024 SU (KB5044062): {LIKELY}",
        "[PULLED] Exchange Server November 2024 SU (KB5044062)",
        f"[RE-RELEASED] Exchange Server November 2024 SU v2 (KB5049233): {LIKELY}",
    ]
    threads = demo.roots(
        mail for _, mail in mails if mail["X-Watcher-Event"] in demo.STORY
    )
    assert len(threads) == 1
    assert all(
        str(mail["Subject"]) in printed
        for _, mail in mails
        if mail["X-Watcher-Event"] in demo.STORY
    )
    assert all(event["summary"] in printed for event in turns)
    assert "WHAT TO DO NOW" in printed, "the mail of the pull is shown"


def test_a_demo_replaces_a_demo_and_nothing_else(tmp_path: Path) -> None:
    before = relived(tmp_path / "demo")
    assert relived(tmp_path / "demo").stdout == before.stdout

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "summer.jpg").touch()
    refused = relived(tmp_path / "photos")
    assert refused.exit_code == 2
    assert "holds something that no demo wrote" in refused.stderr
    assert [each.name for each in (tmp_path / "photos").iterdir()] == ["summer.jpg"]


def test_every_source_of_the_demo_adds_its_evidence_to_the_one_event(
    tmp_path: Path,
) -> None:
    recording = tmp_path / "november-2024.warc.gz"
    demo.record(demo.pages_folder(), recording)

    told = {event["kind"]: event for event in demo.relive(recording, tmp_path / "out")}

    def sources(kind: str) -> set[str]:
        return {piece["source"] for piece in told[kind]["evidence"]}

    assert sources("released") == {"msrc-cvrf", "exchange-blog", "exchange-builds"}
    assert sources("pulled") == {"msrc-cvrf", "exchange-blog"}
    assert sources("re-released") == {
        "msrc-cvrf",
        "exchange-blog",
        "exchange-builds",
        "exchange-issues",
    }
