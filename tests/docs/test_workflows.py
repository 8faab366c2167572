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
    # A file of this very commit needs no pin
    uses = re.findall(r"uses: (?!\./)(.*)", path.read_text(encoding="utf-8"))
    assert uses
    assert [
        line
        for line in uses
        if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*", line)
    ] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=names)
def test_a_workflow_may_do_nothing_and_each_job_only_what_it_names(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert all(
        "permissions" in job and ("timeout-minutes" in job or "uses" in job)
        for job in workflow["jobs"].values()
    )


def test_the_tests_run_on_every_python_that_the_package_promises() -> None:
    import tomllib

    project = tomllib.loads(
        (FOLDER.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    )["project"]
    promised = [
        c.rsplit(" ", 1)[1]
        for c in project["classifiers"]
        if re.fullmatch(r"Programming Language :: Python :: 3\.\d+", c)
    ]
    assert (
        load(FOLDER / "ci.yml")["jobs"]["test"]["strategy"]["matrix"]["python"]
        == promised
    )


def test_a_check_is_scheduled_at_an_odd_minute_and_never_cut_short_by_the_next() -> (
    None
):
    workflow = load(FOLDER / "watch.yml")
    (schedule,) = workflow[True]["schedule"]  # YAML 1.1 reads the key "on" as a Boolean
    assert int(schedule["cron"].split()[0]) % 5 != 0
    assert workflow["concurrency"] == {"group": "watch", "cancel-in-progress": False}


def test_the_site_is_deployed_to_pages_only_where_it_is_asked_for_from_what_was_pushed() -> (
    None
):
    jobs = load(FOLDER / "watch.yml")["jobs"]
    assert jobs["pages"]["uses"] == "./.github/workflows/pages.yml"
    assert "vars.PUBLISH_PAGES == 'true'" in jobs["pages"]["if"]
    assert "needs.watch.outputs.sealed == 'success'" in jobs["pages"]["if"]
    assert jobs["watch"]["outputs"] == {"sealed": "${{ steps.seal.outcome }}"}
    page = load(FOLDER / "pages.yml")
    assert set(page[True]) == {"workflow_call", "workflow_dispatch"}
    (job,) = page["jobs"].values()
    granted = {"contents": "read", "pages": "write", "id-token": "write"}
    assert job["permissions"] == jobs["pages"]["permissions"] == granted
    (hand_over,) = [
        step for step in job["steps"] if "upload-pages-artifact" in step.get("uses", "")
    ]
    assert hand_over["with"] == {"path": "${{ steps.site.outputs.site }}"}


SECRET_NAME = re.compile(r"\bWATCHER_[A-Z]+_[A-Z]+\b|(?<=\$\{)[A-Z]+_URL(?=\})")


@pytest.mark.parametrize("name", ["watch", "pages"])
def test_every_documented_secret_reaches_each_step_that_reads_the_configuration(
    name: str,
) -> None:
    """Without an edit: a secret that does not exist is empty, and counts as not set."""
    pages = [
        *(FOLDER.parents[1] / "docs").glob("*.md"),
        FOLDER.parents[1] / "README.md",
    ]
    documented = {
        found.removesuffix("_FILE")
        for page in pages
        for found in SECRET_NAME.findall(page.read_text(encoding="utf-8"))
    }
    assert documented >= {"WATCHER_SMTP_PASSWORD", "WATCHER_CLIENT_SECRET", "TEAMS_URL"}
    steps = load(FOLDER / f"{name}.yml")["jobs"][name]["steps"]
    reading = [step for step in steps if "watch.sh" in step.get("run", "")]
    assert reading
    for step in reading:
        given = step["env"]
        assert documented - set(given) == set(), step["name"]
        assert all(given[name] == f"${{{{ secrets.{name} }}}}" for name in given)


def test_secrets_are_given_to_single_steps_only() -> None:
    for path in WORKFLOWS:
        workflow = load(path)
        outer = [
            workflow.get("env", {}),
            *(job.get("env", {}) for job in workflow["jobs"].values()),
        ]
        assert "secrets." not in str(outer)


def steps(path: Path) -> list[dict[str, Any]]:
    found = load(path)
    listed = (
        found["runs"]["steps"] if "runs" in found else found["jobs"]["watch"]["steps"]
    )
    assert isinstance(listed, list)
    return listed


@pytest.mark.parametrize(
    "path", [FOLDER / "watch.yml", FOLDER.parents[1] / "action.yml"], ids=names
)
def test_what_is_to_be_sent_is_pushed_before_and_what_was_sent_after_also_when_a_step_failed(
    path: Path,
) -> None:
    words = [
        (step["run"].split()[-1], step.get("if", ""))
        for step in steps(path)
        if ".sh" in step.get("run", "")
    ]
    fetched, sealed = (
        "always() && steps.state.outcome == 'success'",
        "always() && steps.seal.outcome == 'success'",
    )
    assert words == [
        ("fetch", ""),
        ("check", ""),
        ("seal", fetched),
        ("send", sealed),
        ("receipts", sealed),
        ("push", sealed),
    ]


@pytest.mark.parametrize(
    "path", [FOLDER / "watch.yml", FOLDER.parents[1] / "action.yml"], ids=names
)
def test_no_step_has_both_the_token_and_a_password(path: Path) -> None:
    named = [set(step.get("env", {})) for step in steps(path)]
    assert [
        names for names in named if {"GITHUB_TOKEN", "WATCHER_SMTP_PASSWORD"} <= names
    ] == []
    assert any("WATCHER_SMTP_PASSWORD" in names for names in named)


def test_the_action_pins_what_it_uses_and_puts_no_expression_into_a_script() -> None:
    text = (FOLDER.parents[1] / "action.yml").read_text(encoding="utf-8")
    assert re.fullmatch(
        r"[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*", re.findall(r"uses: (.*)", text)[0]
    )
    assert [
        step["run"]
        for step in steps(FOLDER.parents[1] / "action.yml")
        if "${{" in step.get("run", "")
    ] == []


def test_ten_lines_make_another_repository_watch() -> None:
    page = (FOLDER.parents[1] / "docs" / "operations.md").read_text(encoding="utf-8")
    (sample,) = re.findall(r"```yaml\n(on: .*?)```", page, re.DOTALL)
    assert len(sample.splitlines()) == 10
    workflow = yaml.safe_load(sample)
    (job,) = workflow["jobs"].values()
    checkout, watch = job["steps"]
    assert checkout["uses"].startswith("actions/checkout@")
    assert re.fullmatch(r"OWNER/advisory-watcher@[0-9a-f]{40}", watch["uses"])
    inputs = load(FOLDER.parents[1] / "action.yml")["inputs"]
    assert watch["with"].keys() <= inputs.keys()
    assert all("default" in each for each in inputs.values()), (
        "an input that nobody sets has no value"
    )
    assert (job["permissions"], workflow["concurrency"]) == (
        {"contents": "write"},
        "watch",
    )


def test_known_weaknesses_are_asked_for_of_what_is_locked() -> None:
    ran = [
        step.get("run") for step in load(FOLDER / "ci.yml")["jobs"]["audit"]["steps"]
    ]
    assert "make audit PYTHON=python" in ran
    makefile = (FOLDER.parents[1] / "Makefile").read_text(encoding="utf-8")
    assert re.search(
        r"^\t.*pip-audit --requirement requirements/run\.txt --require-hashes",
        makefile,
        re.MULTILINE,
    )
