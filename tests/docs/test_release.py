"""What a tag starts: built once, tested as built, published without a stored secret."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.release_notes import notes
from watcher import __version__

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
RELEASE = FOLDER / "release.yml"


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    assert isinstance(loaded, dict)
    return loaded


def needed(name: str) -> set[str]:
    """Name every job that has to end well before this one begins."""
    needs = jobs(RELEASE)[name].get("needs", [])
    direct = {needs} if isinstance(needs, str) else set(needs)
    return direct.union(*map(needed, direct))


def tree(folder: Path, version: str, changelog: str) -> Path:
    (folder / "watcher").mkdir()
    (folder / "watcher" / "__init__.py").write_text(f'__version__ = "{version}"\n')
    (folder / "CHANGELOG.md").write_text(changelog)
    return folder


def test_a_release_has_the_notes_of_its_version(tmp_path: Path) -> None:
    text = "# Changes\n\n## 1.2.0, 2030-05-14\n\n### Added\n\n- A.\n\n## 1.1.0, 2030-04-01\n\n- B.\n"
    assert notes("v1.2.0", tree(tmp_path, "1.2.0", text)) == "### Added\n\n- A.\n"


def test_the_program_is_of_a_version_whose_notes_bear_a_day() -> None:
    """So that whoever sets the tag of this version releases it."""
    assert notes(f"v{__version__}", ROOT).startswith("### Added\n")


@pytest.mark.parametrize(
    ("version", "head", "said"),
    [
        ("1.1.0", "1.2.0, 2030-05-14", "is not the version of watcher/__init__.py"),
        ("1.2.0", "1.2.0, not released yet", "the day of the release"),
        ("1.2.0", "1.1.0, 2030-04-01", "has no section"),
        ("1.2.0", "Unreleased", "has no section"),
    ],
)
def test_a_tag_before_its_notes_releases_nothing(
    tmp_path: Path, version: str, head: str, said: str
) -> None:
    folder = tree(tmp_path, version, f"# Changes\n\n## {head}\n\n- A.\n")
    with pytest.raises(ValueError, match=re.escape(said)):
        notes("v1.2.0", folder)


def test_the_script_that_the_workflow_calls_refuses_a_tag_of_another_version() -> None:
    script = str(ROOT / "scripts" / "release_notes.py")
    said = subprocess.run(
        [sys.executable, script, "v0.0.0"], capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout) == (1, "")
    assert "is not the version" in said.stderr


def test_what_is_published_was_built_once_and_tested_before() -> None:
    built = [
        name
        for name, job in jobs(RELEASE).items()
        if any("upload-artifact" in step.get("uses", "") for step in job["steps"])
    ]
    assert built == ["build"]
    for name in ("attest", "index", "image", "images", "page"):
        assert {"build", "test"} <= needed(name), name
        used = [step.get("uses", "") for step in jobs(RELEASE)[name]["steps"]]
        assert any("download-artifact" in each for each in used), name
        assert not any("checkout" in each for each in used), (
            f"{name} could publish something else than what was tested"
        )
    assert needed("page") >= {"index", "images"}


def test_the_wheel_is_tested_on_the_systems_and_pythons_of_ci() -> None:
    matrix = jobs(RELEASE)["test"]["strategy"]["matrix"]
    tested = {(os, python) for os in matrix["os"] for python in matrix["python"]}
    tested |= {(each["os"], each["python"]) for each in matrix["include"]}
    ci = jobs(FOLDER / "ci.yml")
    pythons = ci["test"]["strategy"]["matrix"]["python"]
    wanted = {(ci["test"]["runs-on"], python) for python in pythons}
    for step in ci["windows"]["steps"]:
        if "setup-python" in step.get("uses", ""):
            wanted.add((ci["windows"]["runs-on"], step["with"]["python-version"]))
    assert tested == wanted


def test_a_release_needs_no_stored_secret() -> None:
    text = RELEASE.read_text(encoding="utf-8")
    assert "secrets." not in text
    assert "password:" not in text
    identified = [
        name for name, job in jobs(RELEASE).items() if "id-token" in job["permissions"]
    ]
    assert identified == ["attest", "index", "images"]


def test_only_a_tag_that_is_a_version_makes_a_release() -> None:
    started = yaml.safe_load(RELEASE.read_text(encoding="utf-8"))[True]
    assert started == {"push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}}


@pytest.mark.parametrize(
    "path", [FOLDER / "ci.yml", RELEASE], ids=lambda path: path.stem
)
def test_a_private_copy_that_only_watches_runs_nothing_of_the_projects(
    path: Path,
) -> None:
    for name, job in jobs(path).items():
        waits = "needs" in job
        assert waits or "github.event.repository.private == false" in job["if"], name
