"""Publishing: the site is the old one or the new one, never half of each, and what is the
same is not touched.
"""

from __future__ import annotations

import ctypes
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

import pytest

from tests.formats import lives
from tests.formats.lives import OLD_LIFE, PULLED_LIFE, WHOLE_LIFE
from watcher.site import folder
from watcher.site.folder import PublishError, is_there

ROOT = Path(__file__).parents[2]


def tree(site: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(site)): path.read_bytes()
        for path in site.rglob("*")
        if path.is_file()
    }


def inodes(site: Path) -> dict[str, tuple[int, int]]:
    return {
        str(p.relative_to(site)): (p.stat().st_ino, p.stat().st_mtime_ns)
        for p in site.rglob("*")
        if p.is_file()
    }


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A published site in which the update is pulled."""
    folder = tmp_path / "public"
    lives.site(folder, (PULLED_LIFE, OLD_LIFE))
    return folder


@pytest.fixture
def no_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a system that cannot exchange two folders in one step, as Windows."""

    def missing(*_: object, **__: object) -> NoReturn:
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", missing)


def test_everything_that_was_promised_is_there(site: Path) -> None:
    promised = {
        *(
            "index.html",
            "sources.html",
            "updates.html",
            "years/2030.html",
            "updates/exchange-server-2030-05-su.html",
        ),
        *(
            "events.atom",
            "events.rss",
            "events.json",
            "products/exchange-server-2030-cu2.atom",
            "updates.opml",
            "updates.json",
        ),
        *("status.json", "calendar.ics", "style.css", "site.js", "icon.svg"),
    }
    assert promised <= tree(site).keys()
    assert is_there(site)
    assert not is_there(site / "elsewhere")


def test_the_signs_that_a_life_is_drawn_with_are_explained_and_no_others(
    tmp_path: Path,
) -> None:
    lives.site(tmp_path, (WHOLE_LIFE, OLD_LIFE))
    text = (tmp_path / "updates/exchange-server-2030-05-su.html").read_text()
    drawn = set(re.findall(r'class="dot k-([\w-]+)[" ].*?<text[^>]*>(.)</text>', text))
    key = text.split('<p class="small key">')[1].split("</p>")[0]
    assert len(drawn) >= 3
    explained = re.findall(r'class="k-([\w-]+)">(.) [a-z-]+', key)
    assert len(explained) == len(set(explained))
    assert set(explained) == drawn


def test_a_site_is_the_same_bytes_wherever_and_whenever_it_is_made(
    site: Path, tmp_path: Path
) -> None:
    lives.site(tmp_path / "again", (PULLED_LIFE, OLD_LIFE))
    assert tree(tmp_path / "again") == tree(site)


def test_nothing_new_touches_nothing_but_the_status(site: Path) -> None:
    before = inodes(site)
    assert lives.site(site, (PULLED_LIFE, OLD_LIFE), now=lives.T0 + lives.DAY) == ()
    after = inodes(site)
    assert {name for name in before if before[name] != after[name]} == {"status.json"}


def test_only_what_changed_is_written(site: Path) -> None:
    before = inodes(site)
    changed = lives.site(site, (WHOLE_LIFE, OLD_LIFE))
    after = inodes(site)
    assert {name for name in after if before.get(name) != after[name]} == {
        *changed,
        "status.json",
    }
    untouched = {
        "updates/exchange-server-2030-02-su.html",
        "style.css",
        "sources.html",
        "calendar.ics",
    }
    assert untouched.isdisjoint(changed)
    assert "updates/exchange-server-2030-05-su.html" in changed


def test_the_folder_aside_follows_so_that_the_next_publishing_is_as_cheap(
    site: Path,
) -> None:
    for published in (
        (WHOLE_LIFE, OLD_LIFE),
        (PULLED_LIFE, OLD_LIFE),
        (WHOLE_LIFE,),
        (WHOLE_LIFE, OLD_LIFE),
    ):
        lives.site(site, published)
        assert tree(site) == {
            k: v
            for k, v in tree(site.with_name(".public.next")).items()
            if k != ".level"
        }


def test_a_page_that_is_no_longer_anybodys_goes(site: Path) -> None:
    changed = lives.site(site, (PULLED_LIFE,))
    assert "updates/exchange-server-2030-02-su.html" in changed
    assert not (site / "updates/exchange-server-2030-02-su.html").exists()


def test_files_of_others_beside_ours_stay_as_they_are(site: Path) -> None:
    (site / "CNAME").write_text("advisories.example.org")
    lives.site(site, (WHOLE_LIFE, OLD_LIFE))
    assert (site / "CNAME").read_text() == "advisories.example.org"
    (site / "CNAME").write_text("other.example.org")
    lives.site(site, (PULLED_LIFE, OLD_LIFE))
    assert (site / "CNAME").read_text() == "other.example.org"
    (site / "CNAME").unlink()
    lives.site(site, (WHOLE_LIFE, OLD_LIFE))
    assert not (site / "CNAME").exists()


def test_a_folder_with_a_folder_of_others_is_written_file_by_file(
    site: Path, tmp_path: Path
) -> None:
    (site / ".git").mkdir()
    (site / ".git" / "HEAD").write_text("ref")
    place = site.stat().st_ino
    lives.site(site, (WHOLE_LIFE,))
    lives.site(tmp_path / "new", (WHOLE_LIFE,))
    assert tree(site) == tree(tmp_path / "new") | {".git/HEAD": b"ref"}
    assert site.stat().st_ino == place


@pytest.mark.usefixtures("no_exchange")
def test_a_system_without_exchange_swaps_in_three_steps(
    site: Path, tmp_path: Path
) -> None:
    lives.site(site, (WHOLE_LIFE, OLD_LIFE))
    lives.site(tmp_path / "new", (WHOLE_LIFE, OLD_LIFE))
    assert tree(site) == tree(tmp_path / "new")
    assert not site.with_name(".public.old").exists()


@pytest.mark.usefixtures("no_exchange")
def test_a_run_that_was_killed_between_two_names_is_made_good_by_the_next(
    site: Path, tmp_path: Path
) -> None:
    site.rename(site.with_name(".public.old"))
    assert not is_there(site)
    assert lives.site(site, (PULLED_LIFE, OLD_LIFE)) == ()
    lives.site(tmp_path / "new", (PULLED_LIFE, OLD_LIFE))
    assert tree(site) == tree(tmp_path / "new")


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux exchanges two folders so"
)
def test_linux_exchanges_in_one_step(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    (other / "inside").mkdir(parents=True)
    assert folder._exchanged_at_once(one, other)
    assert (one / "inside").is_dir()
    assert not folder._exchanged_at_once(one, tmp_path / "missing")


def test_a_symbolic_link_to_the_site_stays_one(site: Path, tmp_path: Path) -> None:
    link = tmp_path / "www"
    link.symlink_to(site)
    lives.site(link, (WHOLE_LIFE, OLD_LIFE))
    assert link.is_symlink()
    assert b"re-released" in (site / "index.html").read_bytes()


def test_a_site_that_cannot_be_written_is_told_with_its_remedy_and_stays(
    site: Path, tmp_path: Path
) -> None:
    before = tree(site)
    aside = site.with_name(".public.next")
    (aside / ".index.html.new").mkdir()  # what the next front page is written to first
    (aside / ".index.html.new" / "x").touch()
    with pytest.raises(
        PublishError, match=r"cannot be written .*What is published stays; make room"
    ):
        lives.site(site, (WHOLE_LIFE, OLD_LIFE))
    assert tree(site) == before
    (tmp_path / "file").touch()
    with pytest.raises(PublishError, match=r"file.*cannot be written"):
        lives.site(tmp_path / "file" / "public")


def test_the_status_alone_is_written_in_place(site: Path) -> None:
    before = tree(site)
    folder.publish(site, (), b"{}\n")
    assert tree(site) == before | {"status.json": b"{}\n"}
    assert (site / "status.json").read_bytes() == b"{}\n"


def test_a_site_relived_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for name in ("first", "again"):
        folder.publish(
            tmp_path / "site",
            [("index.html", name.encode())],
            b"{}",
            folder.WHOLE,
            once=True,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["site"]


def test_an_old_id_leads_to_the_update_that_has_it_now(tmp_path: Path) -> None:
    lives.site(
        tmp_path / "public",
        moved=(("cve-2030-10001", WHOLE_LIFE.update.id), ("gone", "nobody")),
    )
    page = (tmp_path / "public/updates/cve-2030-10001.html").read_text()
    assert 'url=../updates/exchange-server-2030-05-su.html"' in page
    assert not (tmp_path / "public/updates/gone.html").exists()


KILLED = """
import sys
from pathlib import Path
from watcher.site.folder import WHOLE, publish
site = Path(sys.argv[1])
names = ["index.html", *(f"updates/{number}.html" for number in range(60))]
turn = 0
print("ready", flush=True)
while True:
    turn += 1
    publish(site, [(name, f"{turn} {name}".encode() * 50) for name in names], b"{}", WHOLE)
"""


@pytest.mark.posix
def test_a_kill_at_any_moment_leaves_one_site_whole(tmp_path: Path) -> None:
    site = tmp_path / "public"
    chance = random.Random(7)
    for _ in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(site)], cwd=ROOT, stdout=subprocess.PIPE
        ) as run:
            assert run.stdout is not None
            run.stdout.readline()
            deadline = time.monotonic() + chance.uniform(0.005, 0.25)
            while time.monotonic() < deadline:
                os.sched_yield()
            run.send_signal(signal.SIGKILL)
        # The status is written beside itself, and the next run takes what was begun
        found = {
            name: body
            for name, body in (tree(site) if site.exists() else {}).items()
            if name not in {"status.json", ".status.json.new"}
        }
        assert len({body.split(b" ")[0] for body in found.values()}) <= 1
        assert len(found) in {0, 61}
        assert all(body.count(b".html") == 50 for body in found.values())
