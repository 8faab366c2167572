"""Every file that a watcher writes bears a name that Windows takes, whatever its sources
are called and say.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from tests.run.stage import STORY, Stage
from tests.servers import Reply, SourceServer

RESERVED = re.compile(
    r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE
)
FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]|[. ]$')
LONGEST_PATH = 200  # below the watcher's folder: Windows takes 259 characters in all
NAMES = ("nul", "AUX", "com1", "a" * 64, "x.y")
TITLES = (
    "CON",
    "aux",
    "a:b<c>|?*",
    "LPT1.txt",
    "..\\..\\evil",
    "ends with a dot.",
    "x" * 400,
    "KB5099999 for NUL",
    "CVE-2024-99999 con",
)


def forbidden(paths: list[Path]) -> list[str]:
    """Say which of these paths Windows would refuse, or take for one another."""
    found = [
        f"{path}: {part}"
        for path in paths
        for part in path.parts
        if RESERVED.fullmatch(part) or FORBIDDEN.search(part)
    ]
    found += [f"{path} is too long" for path in paths if len(str(path)) > LONGEST_PATH]
    folded = [str(path).casefold() for path in paths]
    return found + [
        f"{path} stands twice but for case"
        for path in set(folded)
        if folded.count(path) > 1
    ]


def feed(*titles: str) -> Reply:
    items = "".join(
        f"<item><title><![CDATA[{title}]]></title><guid>{number}</guid></item>"
        for number, title in enumerate(titles)
    )
    return Reply(
        f'<rss version="2.0"><channel><title>b</title>{items}</channel></rss>'.encode()
    )


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A watcher of sources that Windows would not like as files; they have told everything once."""
    tmp_path = tmp_path_factory.mktemp("watcher")
    with SourceServer() as web:
        told = (
            '[[subscriber]]\nname = "con"\nto = ["a@example.org"]\nkinds = '
            '["news", "announced", "released", "pulled", "re-released"]\n'
        )
        odd = "".join(
            f'[[source]]\nname = "{name}"\nkind = "feed"\nurl = "{web.url(f"/odd/{name}")}"\n'
            for name in NAMES
        )
        stage = Stage(
            web,
            tmp_path,
            "sqlite:///state/watcher.db",
            f'evidence = "state/evidence"\nmetrics = "state/w.prom"\n{told}{odd}',
        )
        for name in NAMES:
            web.play(f"/odd/{name}", feed("First"))
        stage.check("2024-11-08T06:00:00Z", publish=True)
        for number, name in enumerate(NAMES):
            web.play(
                f"/odd/{name}",
                feed(
                    *(f"{title} {number or ''}".rstrip() for title in TITLES), "First"
                ),
            )
        for time, document in STORY:
            stage.show(document)
            stage.check(time, publish=True, record=tmp_path / "state" / "all.warc.gz")
        stage.exported()
    return stage


def test_windows_takes_every_name_of_a_file(stage: Stage) -> None:
    written = [
        path.relative_to(stage.folder) for path in sorted(stage.folder.rglob("*"))
    ]
    assert {path.parts[0] for path in written} >= {
        "state",
        "outbox",
        "public",
        "export",
    }
    assert len([path for path in written if path.parts[0] == "outbox"]) > 5
    assert len([path for path in written if path.match("public/updates/*.html")]) > 1
    assert [path for path in written if path.match("state/evidence/current/*/*")]
    assert forbidden(written) == []


@pytest.mark.skipif(os.name != "posix", reason="this system has no POSIX modes")
def test_what_holds_addresses_or_shows_what_is_watched_is_for_the_owner_only_and_the_site_for_everybody(
    stage: Stage,
) -> None:
    def modes(*patterns: str) -> set[int]:
        return {
            stat.S_IMODE(path.stat().st_mode)
            for pattern in patterns
            for path in stage.folder.glob(pattern)
        }

    assert modes("state/watcher.db", "outbox/*", "export/*") == {0o600}
    assert modes("state/evidence") == {0o700}
    assert all(mode & 0o444 == 0o444 for mode in modes("public/*", "public/*/*"))


@pytest.mark.parametrize(
    "name", ["con.html", "Aux", "a:b", "what?", "end.", "lpt9.txt", "x" * 300]
)
def test_what_windows_refuses_is_found(name: str) -> None:
    assert forbidden([Path("public") / name])


def test_names_that_differ_in_case_only_are_found() -> None:
    assert forbidden([Path("a/B"), Path("A/b")])
