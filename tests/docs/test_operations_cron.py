"""The crontab line that leaves lasting failures to the operator's mail, run as it is written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.office import ADMINS, FEED, Office
from tests.servers import Reply, SourceServer

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(
    encoding="utf-8"
)
README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
LINES = re.findall(r"^7,37 \* \* \* \*  (.*last-errors.*)$", PAGE, re.MULTILINE)


def test_the_readme_and_operations_set_cron_up_alike() -> None:
    folders = [
        set(re.findall(r"cd (/\S+) && (\S+) run -q$", page, re.MULTILINE))
        for page in (README, PAGE)
    ]
    assert (
        folders
        == [{("/var/lib/watcher", "/opt/advisory-watcher/.venv/bin/watcher")}] * 2
    )
    made = [re.search(r"^useradd .*$", page, re.MULTILINE) for page in (README, PAGE)]
    assert made[0] is not None
    assert made[1] is not None
    assert made[0][0] == made[1][0]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no cron")
def test_a_source_that_is_down_is_silent_in_cron_and_a_wrong_configuration_is_not(
    tmp_path: Path,
) -> None:
    (line,) = LINES
    watcher = f"{sys.executable} -m watcher"
    command = line.replace("/opt/advisory-watcher/.venv/bin/watcher", watcher).replace(
        "/var/lib/watcher", str(tmp_path)
    )

    def said() -> str:
        done = subprocess.run(
            ["sh", "-c", command], capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    with SourceServer() as web:
        office = Office(tmp_path, web.play("/feed", Reply(status=403)), more=ADMINS)
        office.write()
        assert said() == ""
        assert "blog: the server answered 403 Forbidden" in (
            tmp_path / "last-errors"
        ).read_text(encoding="utf-8")
        web.play("/feed", Reply(FEED))
        assert said() == ""
        assert (tmp_path / "last-errors").read_text(encoding="utf-8") == ""
    office.more = "[nonsense]\n"
    office.write()
    assert "nonsense" in said()
    office.more = ADMINS
    office.write()
    (tmp_path / "state" / "watcher.db").write_bytes(b"overwritten" * 1000)
    assert "The state" in said(), "nobody but cron can tell of it"
