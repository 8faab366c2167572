"""The workflows keep to the rules that make them safe to copy."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parents[2] / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))


def load(path: Path) -> dict[Any, Any]:
    loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def names(paths: Path) -> str:
    return paths.stem


@pytest.mark.parametrize("path", WORKFLOWS, ids=names)
def test_every_action_is_pinned_to_a_commit_and_names_its_version(path: Path) -> None:
    uses = re.findall(r"uses: (.*)", path.read_text(encoding="utf-8"))
    assert uses
    assert [line for line in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*", line)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=names)
def test_a_workflow_may_do_nothing_and_each_job_only_what_it_names(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert all("permissions" in job and "timeout-minutes" in job for job in workflow["jobs"].values())


def test_the_tests_run_on_every_python_that_the_package_promises() -> None:
    import tomllib

    project = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    promised = [c.rsplit(" ", 1)[1] for c in project["classifiers"] if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", c)]
    assert load(FOLDER / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"] == promised


def test_a_check_is_scheduled_at_an_odd_minute_and_never_cut_short_by_the_next() -> None:
    workflow = load(FOLDER / "watch.yml")
    (schedule,) = workflow[True]["schedule"]  # YAML 1.1 reads the key "on" as a Boolean
    assert int(schedule["cron"].split()[0]) % 5 != 0
    assert workflow["concurrency"] == {"group": "watch", "cancel-in-progress": False}


def test_secrets_are_given_to_single_steps_only() -> None:
    for path in WORKFLOWS:
        workflow = load(path)
        outer = [workflow.get("env", {}), *(job.get("env", {}) for job in workflow["jobs"].values())]
        assert "secrets." not in str(outer)


def test_the_state_is_pushed_also_after_a_check_that_failed() -> None:
    steps = load(FOLDER / "watch.yml")["jobs"]["watch"]["steps"]
    push = next(step for step in steps if "push" in step.get("run", ""))
    assert push["if"] == "always() && steps.state.outcome == 'success'"
