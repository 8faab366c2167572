"""What is laid out for systemd, containers and Windows keeps to the rules that make it
safe to copy.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "deploy"
SERVICE = FOLDER / "systemd" / "advisory-watcher.service"


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)
def test_systemd_finds_no_fault_with_the_units(tmp_path: Path) -> None:
    units = shutil.copytree(FOLDER / "systemd", tmp_path / "units")
    service = units / SERVICE.name
    service.write_text(
        service.read_text(encoding="utf-8").replace(
            "/opt/advisory-watcher/.venv/bin/watcher", "/bin/true"
        ),
        encoding="utf-8",
    )
    words = ["systemd-analyze", "verify", *map(str, sorted(units.iterdir()))]
    answer = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_the_service_may_write_to_its_own_folder_only() -> None:
    said = dict(
        re.findall(r"^(\w+)=(.*)$", SERVICE.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert (
        said["ProtectSystem"],
        said["ProtectHome"],
        said["NoNewPrivileges"],
        said["CapabilityBoundingSet"],
    ) == ("strict", "yes", "yes", "")
    assert (said["DynamicUser"], said["UMask"], said["SuccessExitStatus"]) == (
        "yes",
        "0077",
        "3",
    )


def test_the_container_runs_as_nobody_special_and_installs_by_hash() -> None:
    text = (FOLDER / "container" / "Containerfile").read_text(encoding="utf-8")
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users == ["10001:10001"]
    assert text.index("USER ") < text.index("ENTRYPOINT")
    assert "--require-hashes" in text
    copied = [
        source
        for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", text, re.MULTILINE)
        for source in sources.split()
    ]
    assert [source for source in copied if not (FOLDER.parent / source).exists()] == []
    allowed = (
        (FOLDER.parent / ".containerignore").read_text(encoding="utf-8").splitlines()
    )
    assert [source for source in copied if f"!{source}" not in allowed] == []


def test_the_script_for_windows_names_no_account_in_english_and_keeps_its_program_from_it() -> (
    None
):
    # Windows PowerShell reads other letters by the code page
    text = (FOLDER / "windows" / "schedule.ps1").read_text(encoding="ascii")
    code = "\n".join(line.partition("# ")[0] for line in text.splitlines())
    assert (
        re.findall(
            "NT AUTHORITY|LOCAL SERVICE|BUILTIN|Administrators|SYSTEM|Users", code
        )
        == []
    )
    assert set(re.findall(r"S-1-5-[0-9-]+", code)) == {
        "S-1-5-19",
        "S-1-5-32-544",
        "S-1-5-18",
    }
    assert (
        code.index("Grant $Folder 'M'")
        < code.index("Grant \"$Folder\\.venv\" 'RX'")
        < code.index("Register-ScheduledTask")
    )
    assert "-MultipleInstances IgnoreNew" in code
