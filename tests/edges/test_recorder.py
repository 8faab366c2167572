"""What a run records can be relived, holds no secret, and is the same for the same answers."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.checker import Checker

from tests.fetching import NOW, impatient, outcome, wanted
from tests.servers import Fault, Reply, SourceServer, moved
from watcher.records import NotModified, Page, Validators
from watcher.web.fetch import Fetcher
from watcher.web.recording import Recorder, Recording, RecordingError

SECRETS = {"TOKEN": "s3cret/t0ken"}


@pytest.fixture(params=["r.warc", "deep/er/r.warc.gz"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def heads(file: Path) -> list[tuple[str, str, str]]:
    with file.open("rb") as stream:
        return [
            (
                one.rec_type,
                one.rec_headers.get_header("WARC-Target-URI") or "",
                one.rec_headers.get_header("WARC-Date"),
            )
            for one in ArchiveIterator(stream)
        ]


def test_what_is_fetched_can_be_relived(web: SourceServer, file: Path) -> None:
    web.play("/new", Reply(b"<rss/>" * 999, encoding="gzip", chunked=True, etag='"1"'))
    web.play("/feed", moved("/new"))
    web.play("/kb", Reply(b"gone", 404))
    documents = [
        wanted(web.url("/feed")),
        wanted(web.url("/kb"), kind="kb-article"),
        wanted(web.play("/out", Reply(status=403))),
    ]
    with Fetcher(impatient(), Recorder(file)) as fetcher:
        live = fetcher.get_all(documents, NOW, lambda found: found)
    recorded = Recording([file])
    assert recorded.dates() == (NOW,)
    relived = recorded.get_all(documents, NOW, lambda found: found)
    assert [type(found) for _, found in relived] == [type(found) for _, found in live]
    for (_, now), (_, then) in zip(live, relived, strict=True):
        if isinstance(now, Page) and isinstance(then, Page):
            assert (
                now.body,
                now.status,
                now.content_type,
                now.validators,
                now.url,
            ) == (then.body, then.status, then.content_type, then.validators, then.url)


def test_a_304_is_recorded_as_a_revisit(web: SourceServer, file: Path) -> None:
    url = web.play("/feed", Reply(b"x", etag='"1"'))
    with Fetcher(impatient(), Recorder(file)) as fetcher:
        for day in range(2):
            fetcher.get_all(
                [wanted(url, Validators('"1"') if day else Validators())],
                NOW + timedelta(days=day),
                type,
            )
    assert [kind for kind, _, _ in heads(file)] == ["warcinfo", "response", "revisit"]
    recording = Recording([file])
    assert recording.dates() == (NOW, NOW + timedelta(days=1))
    assert [
        found.body
        for _, found in recording.get_all(
            [wanted(url)], NOW + timedelta(days=2), lambda one: one
        )
        if isinstance(found, Page)
    ] == [b"x"]


def test_nothing_is_recorded_of_what_did_not_answer(
    web: SourceServer, file: Path
) -> None:
    outcome(web.play("/feed", Reply(fault=Fault.DROPPED)), None, Recorder(file))
    assert not file.exists()


def test_a_recording_is_a_valid_warc_of_whole_records(
    web: SourceServer, file: Path
) -> None:
    for body in (b"one", b"two"):  # the second run appends
        outcome(web.play("/feed", Reply(body)), None, Recorder(file))
    assert [kind for kind, _, _ in heads(file)] == ["warcinfo", "response", "response"]
    checked = Checker(type("Wanted", (), {"inputs": [str(file)], "verbose": False})())
    checked.process_all()
    assert checked.exit_value == 0


def test_no_secret_is_recorded(web: SourceServer, tmp_path: Path) -> None:
    file = tmp_path / "r.warc"
    web.play(
        "/new?key=s3cret/t0ken",
        Reply(
            b"x",
            headers={
                "Set-Cookie": "session=c00kie",
                "WWW-Authenticate": "x",
                "X-Echo": "s3cret/t0ken",
            },
        ),
    )
    web.play("/feed?key=s3cret/t0ken", moved("/new?key=s3cret/t0ken"))
    url = web.url("/feed?key=${TOKEN}").replace("//", "//anna:geheim@")
    outcome(wanted(url), impatient(secrets=SECRETS), Recorder(file, SECRETS))
    written = file.read_bytes()
    assert not [
        secret
        for secret in (b"s3cret", b"geheim", b"c00kie", b"YW5uYTpnZWhlaW0")
        if secret in written
    ]
    assert isinstance(
        Recording([file]).get_all([wanted(url)], NOW, lambda found: found)[0][1], Page
    )


def test_evidence_is_the_page_it_was(file: Path) -> None:
    page = Page(
        "blog",
        "",
        "https://blog.example.org/feed",
        NOW,
        200,
        b"<rss/>",
        "text/xml",
        Validators('"1"', "yesterday"),
    )
    with Recorder(file) as recorder:
        recorder.add(page)
    found = Recording([file]).get_all([wanted(page.url)], NOW, lambda one: one)[0][1]
    assert isinstance(found, Page)
    assert (
        found.body,
        found.status,
        found.content_type,
        found.validators,
        found.time,
    ) == (b"<rss/>", 200, "text/xml", page.validators, NOW)


def test_the_same_answers_give_the_same_bytes(tmp_path: Path) -> None:
    page = Page(
        "blog", "", "https://blog.example.org/feed", NOW, 200, b"<rss/>", "text/xml"
    )
    written = []
    for folder in ("a", "b"):
        Recorder(tmp_path / folder / "r.warc.gz").add(page)
        written.append((tmp_path / folder / "r.warc.gz").read_bytes())
    assert written[0] == written[1]


def test_the_date_is_the_run_s_in_utc(tmp_path: Path) -> None:
    page = Page(
        "blog",
        "",
        "https://blog.example.org/feed",
        NOW + timedelta(microseconds=5),
        599,
        b"x",
    )
    Recorder(tmp_path / "r.warc").add(page)
    assert heads(tmp_path / "r.warc")[1] == (
        "response",
        page.url,
        "2024-11-12T18:00:00.000005Z",
    )


def test_a_recording_that_cannot_be_written_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(RecordingError, match=r"r\.warc: cannot be written"):
        Recorder(tmp_path / "file" / "r.warc").add(
            Page("blog", "", "https://example.org/", NOW, 200, b"x")
        )


@pytest.mark.posix
def test_a_full_disk_leaves_whole_records(tmp_path: Path) -> None:
    import resource

    file = tmp_path / "r.warc"
    Recorder(file).add(Page("blog", "", "https://example.org/", NOW, 200, b"x"))
    before = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 1000, hard))
    try:
        with pytest.raises(RecordingError, match="Name another file, or make room"):
            Recorder(file).add(
                Page("blog", "", "https://example.org/", NOW, 200, b"x" * 5000)
            )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == before


@pytest.mark.skipif(
    not shutil.which("wget"),
    reason="wget is not installed (Debian: apt-get install wget)",
)
@pytest.mark.parametrize("compression", [[], ["--no-warc-compression"]])
def test_what_wget_records_can_be_relived(
    web: SourceServer, tmp_path: Path, compression: list[str]
) -> None:
    web.play("/new", Reply(b"<rss/>" * 999, encoding="gzip", chunked=True))
    urls = [web.play("/feed", moved("/new")), web.url("/none")]
    command = [
        "wget",
        "--quiet",
        "--no-proxy",
        "--header=Accept-Encoding: gzip",
        f"--warc-file={tmp_path / 'r'}",
        *compression,
    ]
    subprocess.run([*command, "-O", tmp_path / "out", *urls], check=False, cwd=tmp_path)
    recording = Recording([next(tmp_path.glob("r.warc*"))])
    found = recording.get_all(
        [wanted(url) for url in urls], recording.dates()[-1], lambda one: one
    )
    assert [
        one.body if isinstance(one, Page) else one.cause
        for _, one in found
        if not isinstance(one, NotModified)
    ] == [b"<rss/>" * 999, "the server answered 404 Not Found"]
