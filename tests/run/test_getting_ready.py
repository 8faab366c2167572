"""While a first check waits for the first answers, it gets ready what it will show."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.loopback import Asked
from tests.run.stage import HASTY, moment
from tests.servers import Reply, SourceServer
from tests.stories.pages import blog, post
from watcher import config
from watcher.config import Settings
from watcher.run.check import Report, check
from watcher.store import Store
from watcher.text import templates
from watcher.web.fetch import Fetcher

NEWS = blog(post(1, "Something else", "2024-11-01", "<p>Something else.</p>"))
FIRST = set(templates.FIRST)


@pytest.fixture(autouse=True)
def nothing_compiled() -> Iterator[None]:
    templates.of.cache_clear()
    yield
    templates.of.cache_clear()


def compiled(folder: Path | None = None) -> set[str]:
    """Name the templates that are compiled."""
    cache = templates.of(folder).cache
    assert cache is not None
    return {name for _, name in cache}


def settings_of(folder: Path, web: SourceServer) -> Settings:
    """Give the settings of a watcher of one blog with one subscriber."""
    file = folder / "watcher.toml"
    file.write_text(
        f"[watch]\nbuiltin_sources = false\n"
        f'[[source]]\nname = "blog"\nkind = "feed"\nurl = "{web.play("/blog", Reply(NEWS))}"\n'
        '[[subscriber]]\nname = "admins"\nto = ["admins@example.org"]\n',
        encoding="utf-8",
    )
    return config.load(file, {})


def checked(settings: Settings, time: str) -> Report:
    """Make a check with the live web."""
    with Store.open(settings.state) as store, Fetcher(HASTY) as live:
        return check(settings, store, live, moment(time))


class Holding(SourceServer):
    """Answers when all is ready, or when it has waited for long."""

    was_ready = False
    looks = 1000

    def next(self, asked: Asked) -> Reply:
        for _ in range(self.looks):
            self.was_ready = compiled() >= FIRST
            if self.was_ready:
                break
            threading.Event().wait(0.005)
        return super().next(asked)


def test_what_a_first_check_shows_is_compiled_while_it_waits(tmp_path: Path) -> None:
    with Holding() as web:
        report = checked(settings_of(tmp_path, web), "2024-11-12T06:00:00Z")
    assert (web.was_ready, report.failed) == (True, False)


def test_nothing_else_is_compiled_and_nothing_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(templates, "FIRST", ())
    with SourceServer() as web:
        checked(settings_of(tmp_path, web), "2024-11-12T06:00:00Z")
    assert compiled() == FIRST


def test_a_later_check_compiles_nothing(tmp_path: Path) -> None:
    with Holding() as web:
        settings = settings_of(tmp_path, web)
        checked(settings, "2024-11-12T06:00:00Z")
        templates.of.cache_clear()
        web.looks = 50
        checked(settings, "2024-11-12T18:00:00Z")
    assert compiled() == set()


def test_a_mistake_in_a_template_is_left_to_whoever_renders_it(tmp_path: Path) -> None:
    wrong = tmp_path / "own" / "mail"
    wrong.mkdir(parents=True)
    (wrong / "welcome.txt").write_text("{% if %}", encoding="utf-8")
    (wrong / "welcome.html").write_bytes(b"\xff")
    names = list(templates.compile_first(tmp_path / "own"))
    assert names == list(templates.FIRST)
    assert compiled(tmp_path / "own") == FIRST - {
        "mail/welcome.txt",
        "mail/welcome.html",
    }
