"""What is installed from a package, away from this tree, works; and the source package holds what its tests and documents need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.run.stage import Stage
from tests.servers import SourceServer

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build both packages, without a network, by what the lock installs."""
    folder = tmp_path_factory.mktemp("dist")
    words = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    built = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert built.returncode == 0, built.stderr
    return folder


def shipped(*folders: str) -> set[str]:
    """Name what lies in folders of the tree."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT).as_posix() for path in found}


def test_the_wheel_holds_every_file_of_the_package_and_its_templates(packages: Path) -> None:
    (wheel,) = packages.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    wanted = shipped("watcher") | {f"watcher/{name}" for name in shipped("templates")}
    assert wanted - names == set()
    assert {name for name in names if "/" in name and name.partition("/")[0] != "watcher" and ".dist-info/" not in name} == set()


def test_the_source_package_holds_what_tests_documents_and_make_need(packages: Path) -> None:
    (source,) = packages.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = shipped("watcher", "templates", "docs", "tests", "requirements", "scripts", "demo", "deploy", ".github")
    wanted |= {"Makefile", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "action.yml", "pyproject.toml"}
    wanted |= {".containerignore", ".gitignore", "state/README.md"}
    assert wanted - names == set()


def test_the_wheel_checks_away_from_its_source(packages: Path, tmp_path: Path) -> None:
    (wheel,) = packages.glob("*.whl")
    installed, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.unpack_archive(wheel, installed, "zip")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WATCHER_", "COV_", "COVERAGE", "PYTHON"))}
    environ = kept | {"PYTHONPATH": str(installed), "NO_COLOR": "1"}

    def watcher(*words: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "watcher", *words]
        return subprocess.run(line, cwd=elsewhere, env=environ, capture_output=True, text=True, check=False, timeout=120)

    where = [sys.executable, "-c", "import watcher; print(watcher.__file__)"]
    assert str(installed) in subprocess.run(where, cwd=elsewhere, env=environ, capture_output=True, text=True, check=True).stdout
    with SourceServer() as web:
        Stage(web, elsewhere, "sqlite:///state/watcher.db")
        assert "watcher init" in watcher("--help").stdout
        for words in (["run", "--dry-run"], ["run"]):
            ended = watcher(*words)
            assert ended.returncode == 0, (words, ended.stderr)
    assert {path.name for path in (elsewhere / "public").iterdir()} >= {"index.html", "style.css", "events.atom"}
    assert [path.name for path in (elsewhere / "outbox").iterdir()] == ["0001-welcome.eml"]
