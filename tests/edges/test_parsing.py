"""A document that takes too long or too much ends its process, and nothing else."""

from __future__ import annotations

import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest

from tests.attacks import tried
from tests.fetching import NOW
from tests.sources import fixtures
from watcher import sources
from watcher.errors import ParseError
from watcher.kinds import SOURCE_KINDS
from watcher.parsing import TOO_MUCH, Parsed, Task, read_message, write_message
from watcher.parsing.__main__ import serve
from watcher.parsing.parsers import SMALL, Parsers
from watcher.records import Page, Watch
from watcher.settings import Limits

ALL = Watch(("*",))
ADDRESS = "https://support.example.org/help/5999001"
PIECE = b"<p>We wait.</p>"
LARGE = b"<h1>KB5999001</h1>" + PIECE * 1000
# What lxml and bs4 take many seconds for
HEAVY = b"<h1>KB5999001</h1>" + b"<p>a</p>" * 99_000
# Of which each step makes a copy
WORDS = b"<h1>KB5999001</h1><p>" + b"a " * 12_000_000
SHORT = Limits(document=timedelta(milliseconds=50))
SECOND = Limits(document=timedelta(seconds=1))
LITTLE = Limits(document_bytes=96 << 20)


def page(body: bytes) -> Page:
    return Page("articles", "KB5999001", ADDRESS, NOW, 200, body)


def program(text: str) -> tuple[str, ...]:
    """Give a program that stands for a parser: it has ``tasks``, ``answers`` and ``time``."""
    head = (
        "import sys, os, struct; tasks, answers = sys.stdin.buffer, sys.stdout.buffer; "
    )
    return (sys.executable, "-c", head + text)


NEVER = "threading = __import__('threading'); threading.Event().wait()"
# What a document does to its process: the limits, the program, what the failure says
DONE = {
    "it waits for ever": (SHORT, program(NEVER), "longer than 0.05 s"),
    "it turns for ever": (SHORT, program("any(iter(int, 1))"), "longer than 0.05 s"),
    "it answers a byte, and waits": (
        SHORT,
        program(f"answers.write(b'1'); answers.flush(); {NEVER}"),
        "longer than 0.05 s",
    ),
    "it ends": (Limits(), program("pass"), "broke off"),
    "it is killed": (Limits(), program("os.abort()"), "broke off"),
    "it answers without end": (
        Limits(),
        program("answers.write(struct.pack('>Q', 1 << 60)); answers.flush()"),
        "broke off",
    ),
    "it ends in the middle of its answer": (
        Limits(),
        program("answers.write(struct.pack('>Q', 100) + b'1')"),
        "broke off",
    ),
}


@tried("limits")
@pytest.mark.parametrize("case", DONE)
def test_what_a_document_does_to_its_process_is_a_failure_by_name(case: str) -> None:
    limits, stand_in, said = DONE[case]
    with (
        Parsers(limits, stand_in) as parsers,
        pytest.raises(ParseError, match=said) as error,
    ):
        parsers.parse("kb-article", page(LARGE), ALL)
    assert "[limits]" in error.value.remedy


@tried("limits")
@pytest.mark.parametrize("kind", ["kb-article", "issues-page", "build-table"])
def test_a_page_that_takes_too_long_is_ended_and_the_next_one_read(kind: str) -> None:
    with Parsers(SECOND) as parsers:
        with pytest.raises(ParseError, match="longer than 1 s"):
            parsers.parse(kind, page(HEAVY), ALL)
        # A busy machine may take a second to start the next process
        parsers._limits = Limits()
        snapshot = parsers.parse("kb-article", page(LARGE), ALL)
    assert snapshot == sources.parse("kb-article", page(LARGE), ALL)


@tried("limits")
@pytest.mark.posix
@pytest.mark.parametrize("kind", ["kb-article", "issues-page"])
def test_a_page_that_takes_too_much_memory_is_ended_and_the_next_one_read(
    kind: str,
) -> None:
    if sys.platform == "darwin":
        pytest.skip("macOS limits no process's memory")
    with Parsers(LITTLE) as parsers:
        with pytest.raises(ParseError, match="more than 96 MiB"):
            parsers.parse(kind, page(WORDS), ALL)
        snapshot = parsers.parse("kb-article", page(LARGE), ALL)
    assert snapshot.entries


def test_a_process_started_before_there_is_a_document_reads_the_first() -> None:
    with Parsers(Limits()) as parsers:
        parsers.start(["kb-article"])
        (started,) = parsers._all
        snapshot = parsers.parse("kb-article", page(LARGE), ALL)
        assert parsers._all == [started]
    assert snapshot.entries


def test_where_no_process_can_be_started_the_first_document_says_so() -> None:
    with Parsers(Limits(), (str(Path("not", "there")),)) as parsers:
        parsers.start(["kb-article"])
        with pytest.raises(ParseError, match="no process could be started"):
            parsers.parse("kb-article", page(LARGE), ALL)


def test_a_few_documents_wait_for_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.parsing.parsers.PATIENCE", 600.0)
    with Parsers(Limits()) as parsers, ThreadPoolExecutor(4) as threads:
        parsers.start(["kb-article"])
        read = partial(parsers.parse, "kb-article", page(LARGE), ALL)
        reading = [threads.submit(read) for _ in range(8)]
        assert all(each.result().entries for each in reading)
        assert len(parsers._all) == 1


@pytest.mark.posix
def test_a_large_document_lets_others_have_a_process_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each of two processes waits for the other one
    os.mkfifo(tmp_path / "meeting")
    monkeypatch.chdir(tmp_path)
    meets = program(
        "first = os.system('mkdir first 2> first.txt') == 0; "
        "open('meeting', 'rb' if first else 'wb')"
    )
    limits = Limits(document=timedelta(seconds=20))
    with Parsers(limits, meets) as parsers, ThreadPoolExecutor(2) as threads:
        read = partial(parsers.parse, "kb-article", page(LARGE), ALL)
        both = [threads.submit(read), threads.submit(read)]
        for each in both:
            with pytest.raises(ParseError, match="broke off"):
                each.result()


def answered(task: Task) -> Parsed:
    """Give what the process that parses answers, without starting it."""
    tasks, answers = io.BytesIO(), io.BytesIO()
    write_message(tasks, msgspec.msgpack.encode(task))
    tasks.seek(0)
    serve(tasks, answers, 3600, 1 << 40)
    answers.seek(0)
    message = read_message(answers, 1 << 40)
    assert message is not None
    return msgspec.msgpack.decode(message, type=Parsed)


def here(kind: str, each: Page) -> Parsed:
    try:
        return Parsed(sources.parse(kind, each, ALL))
    except ParseError as error:
        return Parsed(cause=error.cause, remedy=error.remedy)


@pytest.mark.parametrize("kind", SOURCE_KINDS)
def test_what_is_parsed_apart_is_what_is_parsed_here(kind: str) -> None:
    for path in fixtures.cases(kind):
        each = fixtures.page(path)
        assert answered(Task(kind, each, ALL)) == here(kind, each)
        assert repr(answered(Task(kind, each, ALL))) == repr(here(kind, each))


def test_a_parser_that_breaks_is_a_failure_by_name() -> None:
    parsed = answered(Task("no-such", page(LARGE), ALL))
    assert parsed != TOO_MUCH
    assert parsed.cause.startswith("the parser broke on it (ConfigurationError: ")


def test_a_process_that_parses_has_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHER_SMTP_PASSWORD", "hunter2-hunter2")
    # It answers with a failure whose cause is all that its environment holds
    tell = (
        "import msgspec; text = msgspec.msgpack.encode({'snapshot': None, 'cause': "
        "repr(os.environ), 'remedy': ''}); answers.write(struct.pack('>Q', len(text)) + text)"
    )
    with (
        Parsers(Limits(), program(tell)) as parsers,
        pytest.raises(ParseError) as error,
    ):
        parsers.parse("kb-article", page(LARGE), ALL)
    assert "PYTHONPATH" in error.value.cause
    assert "hunter2" not in error.value.cause
    assert "WATCHER" not in error.value.cause


def test_no_process_is_started_for_a_small_page_and_a_missing_program_is_named() -> (
    None
):
    with Parsers(Limits(), ("/no/such/program",)) as parsers:
        assert parsers.parse("kb-article", page(LARGE[:SMALL]), ALL).entries
        with pytest.raises(ParseError, match="no process could be started"):
            parsers.parse("kb-article", page(LARGE), ALL)
