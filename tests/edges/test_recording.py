"""A recording answers as the web did at a moment; the moment is an argument."""

from __future__ import annotations

import gzip
import hashlib
import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.fetching import wanted
from tests.recordings import Kept, chunked, deflated, gzipped, write
from watcher.records import Failure, Page, Validators
from watcher.web import Outcome, Wanted
from watcher.web.recording import Recording, RecordingError

FEED = "https://blog.example.org/feed"
BODY = b"<rss>released</rss>"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ask(recording: Recording, document: Wanted | str, now: str) -> Outcome | None:
    one = wanted(document) if isinstance(document, str) else document
    found = recording.get_all([one], at(now), lambda outcome: outcome)
    return found[0][1] if found else None


def body(recording: Recording, document: Wanted | str, now: str) -> bytes:
    found = ask(recording, document, now)
    assert isinstance(found, Page), found
    return found.body


def failure(recording: Recording, document: Wanted | str, now: str) -> Failure:
    found = ask(recording, document, now)
    assert isinstance(found, Failure), found
    return found


@pytest.fixture(params=["r.warc", "r.warc.gz"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


NOVEMBER = (
    Kept(
        FEED,
        "2024-11-12T18:00:00Z",
        b"released",
        headers=("Content-Type: text/xml", 'ETag: "1"', "Last-Modified: yesterday"),
    ),
    Kept(FEED, "2024-11-14T18:00:00Z", b"pulled"),
    Kept("https://example.org/other", "2024-11-14T18:00:00Z", b"other"),
    Kept(FEED, "2024-11-27T18:00:00.5Z", b"re-released"),
)


@pytest.mark.parametrize(
    ("now", "answer"),
    [
        ("2024-11-12T18:00:00", b"released"),
        ("2024-11-14T17:59:59", b"released"),
        ("2024-11-14T18:00:00", b"pulled"),
        ("2024-11-27T18:00:00", b"pulled"),
        ("2024-11-27T18:00:01", b"re-released"),
        ("2030-01-01T00:00:00", b"re-released"),
    ],
)
def test_a_url_answers_with_its_newest_record_not_later_than_the_clock(
    tmp_path: Path, name: str, now: str, answer: bytes
) -> None:
    assert body(Recording([write(tmp_path / name, NOVEMBER)]), FEED, now) == answer


def test_records_may_stand_in_any_order(tmp_path: Path) -> None:
    for order in itertools.permutations(NOVEMBER):
        recording = Recording([write(tmp_path / "r.warc", order)])
        assert [
            body(recording, FEED, now)
            for now in ("2024-11-13", "2024-11-15", "2024-11-28")
        ] == [b"released", b"pulled", b"re-released"]


def test_the_dates_of_all_responses_are_the_clock(tmp_path: Path, name: str) -> None:
    recording = Recording([write(tmp_path / name, reversed(NOVEMBER))])
    assert recording.dates() == (
        at("2024-11-12T18:00"),
        at("2024-11-14T18:00"),
        at("2024-11-27T18:00:00.5"),
    )


def test_a_page_bears_the_clock_s_time_and_what_the_record_says(tmp_path: Path) -> None:
    with Recording([write(tmp_path / "r.warc", NOVEMBER)]) as recording:
        found = ask(recording, wanted(FEED, document="x"), "2024-11-13T00:00:00")
    sha256 = hashlib.sha256(b"released").hexdigest()
    assert found == Page(
        "blog",
        "x",
        FEED,
        at("2024-11-13"),
        200,
        b"released",
        "text/xml",
        Validators('"1"', "yesterday"),
        sha256,
    )
    assert found.sha256 == sha256


def test_a_url_without_a_record_yet_is_left_out(tmp_path: Path) -> None:
    recording = Recording([write(tmp_path / "r.warc", NOVEMBER)])
    documents = [
        wanted("https://example.org/never"),
        wanted(FEED),
        wanted("https://example.org/other"),
        wanted("http://[::1"),
    ]
    assert recording.get_all(documents, at("2024-11-13"), type) == [
        (documents[1], Page)
    ]


def test_several_files_are_merged_by_date_and_the_last_of_equals_counts(
    tmp_path: Path,
) -> None:
    first = write(tmp_path / "a.warc.gz", [NOVEMBER[3], NOVEMBER[0]])
    second = write(
        tmp_path / "b.warc", [NOVEMBER[1], Kept(FEED, "2024-11-12T18:00:00Z", b"again")]
    )
    recording = Recording([first, second])
    assert [
        body(recording, FEED, now) for now in ("2024-11-13", "2024-11-15", "2024-11-28")
    ] == [b"again", b"pulled", b"re-released"]


@pytest.mark.parametrize(
    ("recorded", "asked"),
    [
        ("https://Blog.Example.org/feed", FEED),
        ("https://blog.example.org:443/feed", FEED),
        ("https://blog.example.org/feed/", FEED),
        (FEED, "https://blog.example.org/feed/"),
        ("https://example.org", "https://example.org/"),
        ("http://example.org:80/?a=1", "HTTP://EXAMPLE.org/?a=1"),
        (FEED, FEED + "#top"),
        (FEED, FEED.replace("//", "//anna:geheim@")),
        (f"<{FEED}>", FEED),  # so wget writes it
        ("https://[2001:DB8::1]:443/", "https://[2001:db8::1]/"),
    ],
)
def test_one_address_has_several_spellings(
    tmp_path: Path, recorded: str, asked: str
) -> None:
    found = ask(
        Recording(
            [write(tmp_path / "r.warc", [Kept(recorded, "2024-11-12T18:00:00Z", b"x")])]
        ),
        asked,
        "2024-11-13",
    )
    assert isinstance(found, Page)
    assert "geheim" not in found.url


@pytest.mark.parametrize(
    "other",
    [
        "https://blog.example.org/Feed",
        FEED + "?a=1",
        "https://blog.example.org:444/feed",
        "http://blog.example.org/feed",
    ],
)
def test_another_address_says_nothing(tmp_path: Path, other: str) -> None:
    assert (
        ask(
            Recording(
                [
                    write(
                        tmp_path / "r.warc", [Kept(other, "2024-11-12T18:00:00Z", b"x")]
                    )
                ]
            ),
            FEED,
            "2024-11-13",
        )
        is None
    )


def test_the_exact_address_is_taken_before_another_spelling(tmp_path: Path) -> None:
    records = [
        Kept(FEED + "/", "2024-11-13T18:00:00Z", b"other"),
        Kept(FEED, "2024-11-12T18:00:00Z", b"exact"),
    ]
    assert (
        body(Recording([write(tmp_path / "r.warc", records)]), FEED, "2024-11-14")
        == b"exact"
    )


@pytest.mark.parametrize("version", ["WARC/1.0", "WARC/1.1"])
@pytest.mark.parametrize(
    ("headers", "written"),
    [
        ((), BODY),
        (("Transfer-Encoding: chunked",), chunked(BODY)),
        (("Content-Encoding: gzip",), gzipped(BODY)),
        (("Content-Encoding: deflate",), deflated(BODY)),
        (
            ("Transfer-Encoding: chunked", "Content-Encoding: gzip"),
            chunked(gzipped(BODY)),
        ),
        # Decoded when it was kept, the header left
        (("Content-Encoding: gzip",), BODY),
        (("Content-Encoding: identity",), BODY),
    ],
)
def test_bodies_are_read_without_chunks_and_compression(
    tmp_path: Path, name: str, version: str, headers: tuple[str, ...], written: bytes
) -> None:
    records = [
        Kept(FEED, "2024-11-12T18:00:00Z", written, headers=headers, version=version),
        NOVEMBER[1],
    ]
    assert (
        body(Recording([write(tmp_path / name, records)]), FEED, "2024-11-13") == BODY
    )


def test_other_records_are_passed_over(tmp_path: Path, name: str) -> None:
    others = [
        Kept(
            "",
            "2024-11-01T00:00:00Z",
            b"software: wget\r\n",
            type="warcinfo",
            http=False,
        ),
        Kept(FEED, "2024-11-02T00:00:00Z", type="request", status="x"),
        Kept(FEED, "2024-11-03T00:00:00Z", b"x: y", type="metadata", http=False),
        Kept(
            "urn:pageinfo:x", "2024-11-04T00:00:00Z", b"{}", type="resource", http=False
        ),
        Kept(
            "dns:example.org", "2024-11-05T00:00:00Z", b"x", type="response", http=False
        ),
    ]
    others[1] = Kept(
        FEED,
        "2024-11-02T00:00:00Z",
        b"GET /feed HTTP/1.1\r\nHost: blog.example.org\r\n\r\n",
        type="request",
        http=False,
    )
    recording = Recording([write(tmp_path / name, [*others, NOVEMBER[0]])])
    assert recording.dates() == (at("2024-11-12T18:00"),)


def test_a_resource_is_a_page(tmp_path: Path) -> None:
    assert (
        body(
            Recording(
                [
                    write(
                        tmp_path / "r.warc",
                        [
                            Kept(
                                FEED,
                                "2024-11-12T18:00:00Z",
                                b"x",
                                type="resource",
                                http=False,
                            )
                        ],
                    )
                ]
            ),
            FEED,
            "2024-11-13",
        )
        == b"x"
    )


def revisit(
    date: str, *extra: str, url: str = FEED, http: bool = True, status: str = "200 OK"
) -> Kept:
    return Kept(url, date, type="revisit", extra=extra, http=http, status=status)


ORIGINAL = Kept(
    "https://example.org/copy",
    "2024-11-10T00:00:00Z",
    b"original",
    extra=("WARC-Payload-Digest: sha1:ABC",),
    id="<urn:uuid:0>",
)


@pytest.mark.parametrize("http", [True, False])
@pytest.mark.parametrize(
    "extra",
    [
        ("WARC-Refers-To: <urn:uuid:0>",),
        (
            "WARC-Refers-To-Target-URI: https://example.org/copy",
            "WARC-Refers-To-Date: 2024-11-10T00:00:00Z",
        ),
        ("WARC-Payload-Digest: sha1:ABC",),
    ],
)
def test_a_revisit_answers_with_the_body_it_refers_to(
    tmp_path: Path, name: str, http: bool, extra: tuple[str, ...]
) -> None:
    records = [
        revisit("2024-11-12T00:00:00Z", *extra, http=http),
        NOVEMBER[1],
        ORIGINAL,
    ]
    assert (
        body(Recording([write(tmp_path / name, records)]), FEED, "2024-11-13")
        == b"original"
    )


def test_a_revisit_without_a_name_repeats_the_last_copy_of_its_url(
    tmp_path: Path,
) -> None:
    recording = Recording(
        [write(tmp_path / "r.warc", [*NOVEMBER, revisit("2024-11-20T00:00:00Z")])]
    )
    assert body(recording, FEED, "2024-11-21") == b"pulled"


def test_a_revisit_of_what_lies_in_another_file_says_so(tmp_path: Path) -> None:
    recording = Recording(
        [
            write(
                tmp_path / "r.warc",
                [revisit("2024-11-12T00:00:00Z", "WARC-Payload-Digest: sha1:XYZ")],
            )
        ]
    )
    assert (
        failure(recording, FEED, "2024-11-13").remedy
        == "Name the other recording, too."
    )


@pytest.mark.parametrize("kind", ["response", "revisit"])
def test_a_recorded_304_confirms_the_last_copy(tmp_path: Path, kind: str) -> None:
    same = Kept(
        FEED, "2024-11-20T00:00:00Z", type=kind, status="304 Not Modified", headers=()
    )
    recording = Recording([write(tmp_path / "r.warc", [*NOVEMBER, same])])
    assert body(recording, FEED, "2024-11-21") == b"pulled"
    assert at("2024-11-20") in recording.dates()
    assert (
        ask(Recording([write(tmp_path / "alone.warc", [same])]), FEED, "2024-11-21")
        is None
    )


def test_a_recorded_404_is_a_404(tmp_path: Path) -> None:
    recording = Recording(
        [
            write(
                tmp_path / "r.warc",
                [Kept(FEED, "2024-11-12T18:00:00Z", b"gone", "404 Not Found")],
            )
        ]
    )
    assert (
        failure(recording, FEED, "2024-11-13").cause
        == "the server answered 404 Not Found"
    )
    gone = ask(recording, wanted(FEED, kind="download"), "2024-11-13")
    assert isinstance(gone, Page)
    assert (gone.status, gone.body) == (404, b"gone")


@pytest.mark.parametrize(
    "status",
    [
        "500 Oops",
        "503 Service Unavailable",
        "403 Forbidden",
        "204 No Content",
        "302 Found",
    ],
)
def test_a_recorded_failure_is_a_failure_at_its_date_only(
    tmp_path: Path, status: str
) -> None:
    recording = Recording(
        [
            write(
                tmp_path / "r.warc",
                [Kept(FEED, "2024-11-13T00:00:00Z", b"x", status), *NOVEMBER],
            )
        ]
    )
    assert body(recording, FEED, "2024-11-12T23:00:00") == b"released"
    assert failure(recording, FEED, "2024-11-13").cause.startswith(
        f"the server answered {status[:3]}"
    )
    assert body(recording, FEED, "2024-11-15") == b"pulled"


@pytest.mark.parametrize(
    "location", ["/new", "https://blog.example.org/new", "//blog.example.org/new"]
)
def test_recorded_redirects_are_followed_within_the_recording(
    tmp_path: Path, location: str
) -> None:
    moved = Kept(
        FEED,
        "2024-11-12T00:00:00Z",
        b"",
        "301 Moved",
        headers=(f"Location: {location}",),
    )
    recording = Recording(
        [
            write(
                tmp_path / "r.warc",
                [
                    moved,
                    Kept(
                        "https://blog.example.org/new", "2024-11-13T00:00:00Z", b"new"
                    ),
                ],
            )
        ]
    )
    assert ask(recording, FEED, "2024-11-12") is None
    assert body(recording, FEED, "2024-11-13") == b"new"


def test_a_recorded_circle_ends(tmp_path: Path) -> None:
    circle = Kept(
        FEED, "2024-11-12T00:00:00Z", b"", "302 Found", headers=("location: /feed",)
    )
    assert (
        failure(
            Recording([write(tmp_path / "r.warc", [circle])]), FEED, "2024-11-13"
        ).cause
        == "more than 5 redirects"
    )


@pytest.mark.parametrize("nonsense", ["http://[::1", "http://example.org:99999/"])
def test_addresses_that_are_none_lead_nowhere(tmp_path: Path, nonsense: str) -> None:
    moved = Kept(
        FEED,
        "2024-11-12T00:00:00Z",
        b"",
        "302 Found",
        headers=(f"Location: {nonsense}",),
    )
    recording = Recording(
        [
            write(
                tmp_path / "r.warc",
                [
                    moved,
                    Kept("http://example.org:99998/", "2024-11-12T00:00:00Z", b"x"),
                ],
            )
        ]
    )
    assert ask(recording, FEED, "2024-11-13") is None


def test_too_large_a_recorded_body_is_a_failure(tmp_path: Path) -> None:
    bomb = Kept(
        FEED,
        "2024-11-12T00:00:00Z",
        gzipped(bytes(100_000)),
        headers=("Content-Encoding: gzip",),
    )
    recording = Recording([write(tmp_path / "r.warc.gz", [bomb])], max_bytes=50_000)
    assert "larger" in failure(recording, FEED, "2024-11-13").cause


def test_a_body_whose_encoding_cannot_be_read_is_a_failure(tmp_path: Path) -> None:
    strange = Kept(
        FEED, "2024-11-12T00:00:00Z", b"x", headers=("Content-Encoding: strange",)
    )
    assert (
        "(strange)"
        in failure(
            Recording([write(tmp_path / "r.warc.gz", [strange])]), FEED, "2024-11-13"
        ).cause
    )


def test_bodies_beyond_what_is_kept_are_read_again(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watcher.web.recording._KEPT", 20)
    recording = Recording([write(tmp_path / name, NOVEMBER)])
    for _ in range(2):
        answers = [
            body(recording, FEED, now)
            for now in ("2024-11-13", "2024-11-15", "2024-11-28")
        ]
        assert answers == [b"released", b"pulled", b"re-released"]
    assert recording._bodies._size <= 20


# --- what is no recording -------------------------------------------------------------


def refused(paths: Iterable[Path]) -> str:
    with pytest.raises(RecordingError) as error:
        Recording(paths)
    return str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert refused([tmp_path / "none.warc"]).startswith(
        f"{tmp_path / 'none.warc'}: cannot be read: No such file"
    )


@pytest.mark.parametrize(
    "content",
    [
        b"<!DOCTYPE html><html>",
        b"\x00\x01\x02" * 99,
        gzip.compress(b"{}", mtime=0),
        b"WARC/1.1\r\nnonsense\r\n\r\n",
    ],
)
def test_a_file_that_is_no_warc_is_refused_with_its_name(
    tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "r.warc.gz"
    file.write_bytes(content)
    assert str(file) in refused([file])


def test_an_empty_file_and_one_without_responses_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.warc"
    file.write_bytes(b"")
    assert "holds no response" in refused([file])
    assert "holds no response" in refused(
        [
            write(
                file,
                [
                    Kept(
                        "", "2024-11-01T00:00:00Z", b"x: y", type="warcinfo", http=False
                    )
                ],
            )
        ]
    )


@pytest.mark.parametrize("cut", [5, 60, 200, 300])
def test_a_file_that_ends_in_the_middle_is_refused_with_the_offset(
    tmp_path: Path, name: str, cut: int
) -> None:
    file = write(tmp_path / name, NOVEMBER)
    whole = file.read_bytes()
    start = len(
        write(
            tmp_path / "first.warc.gz"
            if name.endswith("gz")
            else tmp_path / "first.warc",
            NOVEMBER[:3],
        ).read_bytes()
    )
    file.write_bytes(whole[: min(start + cut, len(whole) - 20)])
    assert f"{file}: offset {start}: " in refused([file])


def test_a_damaged_record_is_refused_with_the_offset(tmp_path: Path) -> None:
    file = write(tmp_path / "r.warc.gz", NOVEMBER)
    content = bytearray(file.read_bytes())
    content[60:70] = bytes(10)
    file.write_bytes(content)
    assert f"{file}: offset 0: " in refused([file])


def test_a_wrong_length_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.warc"
    file.write_bytes(
        b"".join(record.written() for record in NOVEMBER).replace(
            b"released\r\n\r\nWARC", b"released and more\r\n\r\nWARC", 1
        )
    )
    assert f"{file}: offset " in refused([file])


def test_one_gzip_over_many_records_is_refused_with_a_remedy(tmp_path: Path) -> None:
    file = tmp_path / "r.warc.gz"
    file.write_bytes(gzip.compress(b"".join(record.written() for record in NOVEMBER)))
    assert "warcio recompress" in refused([file])


@pytest.mark.parametrize("date", ["", "yesterday", "2024-13-01T00:00:00Z"])
def test_a_record_without_a_date_is_refused(tmp_path: Path, date: str) -> None:
    assert "offset 0: " in refused(
        [write(tmp_path / "r.warc", [Kept(FEED, date, b"x")])]
    )


def test_an_arc_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.arc"
    head = b"1 0 Example\nURL IP-address Archive-date Content-type Archive-length\n\n"
    file.write_bytes(
        b"filedesc://r.arc 127.0.0.1 20241112180000 text/plain %d\n%b\n"
        % (len(head), head)
    )
    assert "of arc, not of WARC" in refused([file])
