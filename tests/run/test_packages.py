"""What is installed from a package, away from this tree, works.

And the source package holds what its tests and documents need.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
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
    built = subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert built.returncode == 0, built.stderr
    return folder


def shipped(*folders: str) -> set[str]:
    """Name what lies in folders of the tree."""
    found = (
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    return {path.relative_to(ROOT).as_posix() for path in found}


def test_the_wheel_holds_every_file_of_the_package_and_its_templates(
    packages: Path,
) -> None:
    (wheel,) = packages.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    wanted = shipped("watcher") | {f"watcher/{name}" for name in shipped("templates")}
    wanted |= {
        f"watcher/{name}" for name in shipped("demo") if name != "demo/README.md"
    }
    assert wanted - names == set()
    assert {
        name
        for name in names
        if "/" in name
        and name.partition("/")[0] != "watcher"
        and ".dist-info/" not in name
    } == set()


def test_the_source_package_holds_what_tests_documents_and_make_need(
    packages: Path,
) -> None:
    (source,) = packages.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = shipped(
        "watcher",
        "templates",
        "docs",
        "tests",
        "requirements",
        "scripts",
        "demo",
        "deploy",
        ".github",
    )
    wanted |= {
        "Makefile",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
        "action.yml",
        "pyproject.toml",
    }
    wanted |= {".containerignore", ".gitignore", "state/README.md"}
    assert wanted - names == set()


def test_what_the_container_copies_is_enough_to_build_the_same_wheel(
    packages: Path, tmp_path: Path
) -> None:
    (wheel,) = packages.glob("*.whl")
    recipe = (ROOT / "deploy" / "container" / "Containerfile").read_text(
        encoding="utf-8"
    )
    for sources, target in re.findall(
        r"^COPY (?!--from)(.+) (\S+)$", recipe, re.MULTILINE
    ):
        for source in sources.split():
            if (ROOT / source).is_dir():
                shutil.copytree(
                    ROOT / source,
                    tmp_path / target,
                    ignore=shutil.ignore_patterns("__pycache__"),
                )
            else:
                (tmp_path / target).parent.mkdir(exist_ok=True)
                shutil.copy(ROOT / source, tmp_path / target)
    words = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--directory",
        str(tmp_path / "dist"),
    ]
    built = subprocess.run(
        words, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert built.returncode == 0, built.stderr
    (other,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(other) as two:
        assert set(two.namelist()) == set(one.namelist())


def test_the_wheel_installed_by_pip_checks_away_from_its_source(
    packages: Path, tmp_path: Path
) -> None:
    """In an environment of its own.

    The libraries, which only an index could give, are those of this one.
    """
    (wheel,) = packages.glob("*.whl")
    fresh, elsewhere = tmp_path / "fresh", tmp_path / "elsewhere"
    elsewhere.mkdir()
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WATCHER_", "COV_", "COVERAGE", "PYTHON", "PIP_"))
    }
    environ = kept | {"NO_COLOR": "1", "PIP_CONFIG_FILE": os.devnull}

    def told(*words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            words,
            cwd=elsewhere,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    venv.create(fresh, with_pip=False)
    programs = fresh / ("Scripts" if os.name == "nt" else "bin")
    python = programs / Path(sys.executable).name
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "--disable-pip-version-check",
        "install",
        "--no-index",
        "--no-deps",
    )
    installed = told(*pip, wheel)
    assert installed.returncode == 0, installed.stderr
    paths = "import sysconfig; print(sysconfig.get_path('purelib'))"
    here = Path(told(python, "-c", paths).stdout.strip())
    (here / "libraries.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")

    assert told(
        python, "-c", "import watcher; print(watcher.__file__)"
    ).stdout.strip() == str(here / "watcher" / "__init__.py")
    with SourceServer() as web:
        Stage(web, elsewhere, "sqlite:///state/watcher.db")
        assert "watcher init" in told(programs / "watcher", "--help").stdout
        for words in (["run", "--dry-run"], ["run"]):
            ended = told(programs / "watcher", *words)
            assert ended.returncode == 0, (words, ended.stderr)
    assert {path.name for path in (elsewhere / "public").iterdir()} >= {
        "index.html",
        "style.css",
        "events.atom",
    }
    assert [path.name for path in (elsewhere / "outbox").iterdir()] == [
        "0001-welcome.eml"
    ]
