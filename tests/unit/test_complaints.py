"""What is wrong with sources, in lines: each source named, each cause once."""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec.structs import replace

from watcher.judgement.source_health import Problem, ProblemKey, ProblemKind
from watcher.plural import counted
from watcher.records import Failure, Times
from watcher.text import complaints

NOW = datetime(2030, 5, 14, 18, tzinfo=UTC)
FIRST = Failure(
    "blog",
    "",
    "https://a.example.org/",
    NOW,
    "the host's name could not be resolved",
    "Correct the DNS.",
)
SECOND = replace(
    FIRST, source="msrc", document="2030-May", url="https://b.example.org/"
)
THIRD = replace(FIRST, source="kev", url="https://b.example.org/kev", asked=False)
OTHER = replace(FIRST, source="other", cause="the connection was refused")


def test_failures_of_one_cause_are_one_line_that_names_each() -> None:
    line, other = complaints.failures([FIRST, OTHER, SECOND, THIRD])
    assert (
        line
        == "blog, msrc 2030-May, kev: the host's name could not be resolved. Correct the DNS."
    )
    assert other == str(OTHER)


def test_what_fails_still_is_grouped_likewise() -> None:
    times = [
        Times("blog", "", NOW, None, 2, str(FIRST), FIRST.cause, FIRST.remedy),
        Times("well", ""),
    ]
    assert complaints.still_failing(times) == (str(FIRST),)
    again = replace(times[0], source="msrc", document="2030-May")
    assert complaints.still_failing([*times, again]) == (
        "blog, msrc 2030-May: the host's name could not be resolved. Correct the DNS.",
    )
    # Written before causes were kept
    old = [
        replace(each, cause="", remedy="", failure=each.source)
        for each in (times[0], again)
    ]
    assert complaints.still_failing(old) == ("blog", "msrc")


def test_a_silent_source_is_said_to_be_so_by_its_rhythm() -> None:
    assert complaints.silence(
        Problem(
            ProblemKey(ProblemKind.SILENT, "msrc"),
            ProblemKind.SILENT,
            "msrc",
            "2030-05",
            since=NOW,
        )
    ) == (
        "it has shown nothing new of 2030-05, though Microsoft's monthly hour was 2030-05-14 18:00Z"
    )
    assert "2030-05-14 18:00Z, longer ago than silent" in complaints.silence(
        Problem(
            ProblemKey(ProblemKind.OVERDUE, "blog"),
            ProblemKind.OVERDUE,
            "blog",
            since=NOW,
        )
    )


def test_a_source_that_moved_is_told_with_what_to_write() -> None:
    assert (
        complaints.moved("https://new.example.org/")[1]
        == 'Write url = "https://new.example.org/" into its [[source]].'
    )


def test_what_is_counted_agrees_with_its_number() -> None:
    assert [counted(number, "entry", "entries") for number in (0, 1, 2)] == [
        "0 entries",
        "1 entry",
        "2 entries",
    ]
    assert counted(2, "source") == "2 sources"
