"""What people see: log lines, tables, progress; nothing of it obeys what a source says."""

from __future__ import annotations

import io
import json
import logging
import sys

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from watcher import report

EVIL = "\x1b]0;owned\x07\x1b[2Jred\u202etxt.exe\r\n2026-01-01 forged line\x9b31m\u2028"
HARMLESS = "\\x1b]0;owned\\x07\\x1b[2Jred\\u202etxt.exe\\r\\n2026-01-01 forged line\\x9b31m\\u2028"


class Terminal(io.StringIO):
    """A terminal, as far as a program asks."""

    def isatty(self) -> bool:
        return True


def test_what_drives_a_terminal_becomes_its_escape() -> None:
    assert report.harmless(EVIL) == HARMLESS
    assert report.harmless("two\nlines\tand\r", lines=True) == "two\nlines\tand\\r"
    assert report.harmless("Grüße, 更新 – “KB5044062”") == "Grüße, 更新 – “KB5044062”"


def test_a_result_fits_the_terminal_that_it_is_read_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    address = f"https://example.org/{'a-long-way/' * 10}"
    report.write_prose(f"  {'words that go on ' * 20}\n\nEX01 is good\n{address}")
    lines = terminal.getvalue().split("\n")

    assert lines[-3:] == ["EX01 is good", address, ""]
    *prose, empty = lines[:-3]
    assert empty == ""
    assert len(prose) > 4
    assert all(len(line) <= 80 for line in prose)
    # What belongs to the line above stands below its beginning
    assert prose[0].startswith("  words")
    assert all(line.startswith("    ") for line in prose[1:])


def test_a_result_stays_whole_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    text = "words that go on " * 20
    report.write_prose(text)

    assert capsys.readouterr().out == f"{text}\n"


@given(st.text())
def test_a_harmless_text_is_one_printable_line(text: str) -> None:
    shown = report.harmless(text)

    assert len(shown.splitlines()) <= 1
    assert not [sign for sign in shown if ord(sign) < 0x20 or 0x7F <= ord(sign) < 0xA0]


@time_machine.travel("2024-11-14T18:00:00.500Z", tick=False)
def test_a_log_line_cannot_be_forged(capsys: pytest.CaptureFixture[str]) -> None:
    report.log_to_stderr(0, as_json=False)
    report.LOG.warning("feed says %s", EVIL)

    assert (
        capsys.readouterr().err
        == f"2024-11-14 18:00:00Z warning feed says {HARMLESS}\n"
    )


@time_machine.travel("2024-11-14T18:00:00.500Z", tick=False)
def test_a_json_log_line_holds_the_text_as_it_was(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report.log_to_stderr(0, as_json=True)
    report.LOG.info("feed says %s", EVIL)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.isascii()
    assert json.loads(line) == {
        "time": "2024-11-14T18:00:00.500Z",
        "level": "info",
        "message": f"feed says {EVIL}",
    }


@pytest.mark.parametrize(
    ("loudness", "shown"),
    [(-1, ["error"]), (0, ["info", "error"]), (1, ["debug", "info", "error"])],
)
def test_loudness_decides_what_is_said(
    loudness: int, shown: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    report.log_to_stderr(loudness, as_json=True)
    for level in (logging.DEBUG, logging.INFO, logging.ERROR):
        report.LOG.log(level, "x")

    assert [
        json.loads(line)["level"] for line in capsys.readouterr().err.splitlines()
    ] == shown


@pytest.mark.parametrize("as_json", [False, True])
def test_a_secret_is_masked_in_text_and_traceback(
    as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    form = report.log_to_stderr(0, as_json=as_json)
    form.mask = lambda text: text.replace("hunter2", "${PASSWORD}")
    try:
        int("hunter2")
    except ValueError:
        report.LOG.exception("with hunter2")
    report.complain("hunter2 is wrong", form)

    said = capsys.readouterr().err
    assert "hunter2" not in said
    assert said.count("${PASSWORD}") >= 3
    assert "Traceback (most recent call last)" in said


def test_a_table_has_plain_columns_when_nobody_looks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report.write_table(
        ("source", "failures"), [("exchange-builds", "0"), ("a\x1bb", "12")]
    )

    assert (
        capsys.readouterr().out
        == "source           failures\nexchange-builds  0\na\\x1bb           12\n"
    )


def test_a_table_on_a_terminal_shows_brackets_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    report.write_table(("source", "title"), [("blog", "[red]not red[/red] \x1b[2J")])

    assert "[red]not red[/red] \\x1b[2J" in terminal.getvalue()


def test_a_result_is_harmless_and_its_json_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report.write("one\ntwo \x1b[2J")
    report.write_json({"b": 1, "a": "\u2028\x1b"})

    assert (
        capsys.readouterr().out
        == 'one\ntwo \\x1b[2J\n{"a": "\\u2028\\u001b", "b": 1}\n'
    )


def test_an_empty_table_is_its_head(capsys: pytest.CaptureFixture[str]) -> None:
    report.write_table(("a", "b"), [])

    assert capsys.readouterr().out == "a  b\n"


def test_progress_is_log_lines_without_a_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report.log_to_stderr(0, as_json=True)
    with report.progress(shown=True) as say:
        say("asking 100% \x1b")

    assert [
        json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()
    ] == ["asking 100% \x1b"]


def test_progress_on_a_terminal_is_one_moving_line_and_log_lines_stand_above(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    report.log_to_stderr(0, as_json=False)
    with report.progress(shown=True) as say:
        say("asking [bold]\x1b]0;x\x07")
        report.LOG.error("one source failed")

    assert "[bold]\\x1b]0;x\\x07" in terminal.getvalue()
    assert "one source failed" in terminal.getvalue()
    assert sys.stderr is terminal
