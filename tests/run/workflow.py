"""The steps of a workflow or of a composite action, run as GitHub runs them.

Shell, environment, conditions and outcomes.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "watch.yml"
PAGES = ROOT / ".github" / "workflows" / "pages.yml"
ACTION = ROOT / "action.yml"


def steps(file: Path) -> list[dict[str, Any]]:
    """List the steps of the action, or of the workflow's job that bears its name."""
    read = yaml.safe_load(file.read_text(encoding="utf-8"))
    job = read["runs"] if "runs" in read else read["jobs"][file.stem]
    listed = job["steps"]
    assert isinstance(listed, list)
    return listed


def defaults() -> dict[str, str]:
    """Give the action's inputs as they are when nobody sets them."""
    inputs = yaml.safe_load(ACTION.read_text(encoding="utf-8"))["inputs"]
    return {name: each["default"] for name, each in inputs.items()}


@dataclass
class Job:
    """A machine that runs the steps of ``file`` in ``folder``.

    ``known`` holds what expressions may name (``secrets.X``).
    """

    file: Path
    folder: Path
    environ: dict[str, str]
    known: dict[str, str]
    outcomes: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    failed: bool = False

    def run(self, *verbs: str) -> list[int | None]:
        """Run the steps whose script ends with these words.

        Give their exit codes, None for one that is left out.
        """
        return [self._step(verb) for verb in verbs]

    def _step(self, verb: str) -> int | None:
        (step,) = (
            step
            for step in steps(self.file)
            if str(step.get("run", "")).split()[-1:] == [verb]
        )
        name = step.get("id", verb)
        if not self._wanted(step.get("if", "success()")):
            self.outcomes[name] = "skipped"
            return None
        given = {key: self._value(value) for key, value in step.get("env", {}).items()}
        shell = (
            ["sh", "-e", "-c"] if step.get("shell") == "sh" else ["bash", "-e", "-c"]
        )
        answer = subprocess.run(
            [*shell, step["run"]],
            cwd=self.folder,
            env=self.environ | given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        self.said[verb] = answer.stdout + answer.stderr
        self.outcomes[name] = "failure" if answer.returncode else "success"
        self.failed |= answer.returncode != 0
        return answer.returncode

    def _wanted(self, condition: str) -> bool:
        """Judge a condition.

        Of the language no more than these files use, and whatever else is an error.
        """
        terms = condition.split(" && ")
        if "always()" not in terms and self.failed:
            return False
        return all(
            self._holds(term) for term in terms if term not in ("always()", "success()")
        )

    def _holds(self, term: str) -> bool:
        found = re.fullmatch(r"steps\.(\w+)\.outcome == '(\w+)'", term)
        assert found, term
        return self.outcomes.get(found[1]) == found[2]

    def _value(self, text: str) -> str:
        return re.sub(
            r"\$\{\{ ([\w.-]+) \}\}",
            lambda found: self._value(self.known[found[1]]),
            text,
        )
