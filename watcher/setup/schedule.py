"""A check every half hour by what this machine has for it, and the way back.

Cron and systemd are those of the account that asks: no rights of others are needed.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from msgspec import Struct

from watcher.config.mail_settings import CERTIFICATE, PASSWORD, SECRET
from watcher.errors import ConfigurationError, WatcherError
from watcher.setup.interview import say

# Odd minutes, as everywhere: at full hours every schedule of the world asks
CRON_TIMES = "7,37 * * * *"
SECRETS = (PASSWORD, SECRET, CERTIFICATE)
UNIT = "advisory-watcher"
TASK = "Advisory Watcher"


class Job(Struct, frozen=True):
    """What is started: a check by ``config``; ``files`` name secrets by their variable."""

    config: Path
    files: Mapping[str, str]

    @property
    def words(self) -> list[str]:
        """The command; the interpreter of this very installation, wherever it lies."""
        program = Path(sys.executable)
        # On Windows the one without a console: a window would flash up every half hour
        silent = program.with_name("pythonw.exe")
        if sys.platform == "win32" and silent.exists():
            program = silent
        return [
            str(program),
            "-m",
            "watcher",
            "run",
            "-q",
            "--config",
            str(self.config),
        ]


def job(config: Path, environ: Mapping[str, str], typed: Mapping[str, Path]) -> Job:
    """Give the job of a configuration; ``typed`` are the files of secrets that were typed.

    Raises ConfigurationError where a secret is in this shell's environment alone.
    """
    files = {f"{name}_FILE": str(path) for name, path in typed.items()}
    for name in SECRETS:
        variable = f"{name}_FILE"
        if variable in files:
            continue
        if environ.get(variable):
            files[variable] = str(Path(environ[variable]).absolute())
        elif environ.get(name):
            raise ConfigurationError(say("error.secret_unfiled", name=name))
    return Job(config.absolute(), files)


def available() -> tuple[str, ...]:
    """Name what could start checks here, the likeliest first."""
    if sys.platform == "win32":
        return ("task",)
    found = []
    if shutil.which("crontab"):
        found.append("cron")
    if (
        shutil.which("systemctl")
        and not _ended("systemctl", "--user", "show-environment").why
    ):
        found.append("systemd")
    return tuple(found)


def install(kind: str, what: Job) -> None:
    """Start the job every half hour from now on; one of before, of the same
    configuration, is replaced.

    Raises WatcherError when that cannot be done.
    """
    cache = {part.lower() for part in Path(sys.prefix).parts} & {".cache", "cache"}
    if cache:
        raise ConfigurationError(say("error.cached", place=sys.prefix, kind=kind))
    INSTALL[kind](what)


def remove(config: Path) -> tuple[str, ...]:
    """Take back what ``install`` did for a configuration, and name what that was."""
    return tuple(
        kind for kind, taken_back in REMOVE.items() if taken_back(config.absolute())
    )


class _Ended(Struct, frozen=True):
    """How a program of the system ended: what it said, and why it failed ("" if not)."""

    said: str
    why: str


def _ended(*words: str, text: str | None = None) -> _Ended:
    try:
        ended = subprocess.run(  # noqa: S603 - fixed words, none of them from a source
            words,
            input=text,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return _Ended("", str(error))
    if ended.returncode == 0:
        return _Ended(ended.stdout, "")
    why = " ".join((ended.stderr or ended.stdout).split())
    return _Ended(ended.stdout, why or f"exit code {ended.returncode}")


def _run(*words: str, text: str | None = None) -> None:
    why = _ended(*words, text=text).why
    if why:
        raise WatcherError(say("error.no_scheduler", kind=words[0], why=why))


def _refuse_another(kind: str, config: Path) -> None:
    """There is one timer, and one task: that of another configuration is left alone."""
    raise ConfigurationError(
        say("error.other_schedule", kind=say(f"choice.{kind}"), file=config)
    )


# --- cron -----------------------------------------------------------------------------


def _crontab() -> list[str]:
    """Read the account's crontab; one that is not there yet is empty.

    Raises WatcherError when it cannot be read: what is written next would replace it.
    """
    ended = _ended("crontab", "-l")
    # Vixie's cron, macOS and cronie say the one, busybox the other
    empty = ("no crontab", "no such file")
    if ended.why and not any(words in ended.why.lower() for words in empty):
        raise WatcherError(say("error.no_scheduler", kind="crontab", why=ended.why))
    return [] if ended.why else ended.said.splitlines()


def _mark(config: Path) -> str:
    return f"# watcher init: {config}"


def _cron(what: Job) -> None:
    secrets = [f"{name}={shlex.quote(file)}" for name, file in what.files.items()]
    command = " ".join([*secrets, shlex.join(what.words)])
    # cron reads % as the end of the command
    line = f"{CRON_TIMES} {command} {_mark(what.config)}".replace("%", r"\%")
    kept = _without(_crontab(), what.config)
    _run("crontab", "-", text="\n".join([*kept, line]) + "\n")


def _without(lines: list[str], config: Path) -> list[str]:
    mark = _mark(config).replace("%", r"\%")
    return [line for line in lines if not line.endswith(mark)]


def _cron_removed(config: Path) -> bool:
    if not shutil.which("crontab"):
        return False
    lines = _crontab()
    kept = _without(lines, config)
    if kept == lines:
        return False
    _run("crontab", "-", text="".join(f"{line}\n" for line in kept))
    return True


# --- systemd --------------------------------------------------------------------------


def _units() -> tuple[Path, Path]:
    import platformdirs

    folder = platformdirs.user_config_path() / "systemd" / "user"
    return folder / f"{UNIT}.service", folder / f"{UNIT}.timer"


def _quoted(text: str) -> str:
    # systemd.syntax(7): the percent sign begins a specifier, the dollar sign a variable
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("%", "%%").replace("$", "$$") + '"'


def _systemd(what: Job) -> None:
    service, timer = _units()
    if service.exists() and not _is_of(service, what.config):
        _refuse_another("systemd", what.config)
    environment = [
        f"Environment={_quoted(f'{name}={file}').replace('$$', '$')}"
        for name, file in what.files.items()
    ]
    service.parent.mkdir(parents=True, exist_ok=True)
    service.write_text(
        "\n".join(
            (
                _mark(what.config),
                "[Unit]",
                "Description=Advisory Watcher: one check",
                "",
                "[Service]",
                "Type=oneshot",
                f"ExecStart={' '.join(map(_quoted, what.words))}",
                "SuccessExitStatus=3",
                *environment,
                "TimeoutStartSec=30min",
                "UMask=0077",
                "",
            )
        ),
        encoding="utf-8",
    )
    timer.write_text(
        "[Unit]\nDescription=Advisory Watcher: a check twice an hour\n\n"
        "[Timer]\nOnCalendar=*:07,37\nRandomizedDelaySec=120\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n",
        encoding="utf-8",
    )
    _run("systemctl", "--user", "daemon-reload")
    _run("systemctl", "--user", "enable", "--now", timer.name)


def _is_of(service: Path, config: Path) -> bool:
    return _mark(config) in service.read_text(encoding="utf-8").splitlines()


def _systemd_removed(config: Path) -> bool:
    service, timer = _units()
    if not service.exists() or not _is_of(service, config):
        return False
    _run("systemctl", "--user", "disable", "--now", timer.name)
    service.unlink()
    timer.unlink(missing_ok=True)
    _run("systemctl", "--user", "daemon-reload")
    return True


# --- Windows --------------------------------------------------------------------------

# The form of MS-TSCH, 2.5.  What stands here is what schtasks has no option for: by its
# own defaults a task waits for mains, and may run beside itself for three days
DEFINITION = """\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Source>{source}</Source>
    <Description>Advisory Watcher: a check every half hour. {mark}</Description>
    <Documentation>{variables}</Documentation>
  </RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Enabled>true</Enabled>
      <StartBoundary>2024-01-01T00:07:00</StartBoundary>
      <Repetition><Interval>PT30M</Interval></Repetition>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author">
      <LogonType>InteractiveToken</LogonType>
      <RunLevel>LeastPrivilege</RunLevel>
    </Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <ExecutionTimeLimit>PT30M</ExecutionTimeLimit>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>{command}</Command>
      <Arguments>{arguments}</Arguments>
      <WorkingDirectory>{folder}</WorkingDirectory>
    </Exec>
  </Actions>
</Task>
"""


def _source(config: Path) -> str:
    # A path with an umlaut comes back from schtasks in the console's code page
    digest = hashlib.sha256(str(config).encode()).hexdigest()
    return f"watcher-init-{digest[:16]}"


def _found_task() -> str:
    """Give the definition of the task that is there, "" when there is none."""
    if not shutil.which("schtasks"):
        return ""
    return _ended("schtasks", "/Query", "/TN", TASK, "/XML").said


def _task(what: Job) -> None:
    found = _found_task()
    if found and _source(what.config) not in found:
        _refuse_another("task", what.config)
    for name, file in what.files.items():
        _run("setx", name, file)
    program, *arguments = what.words
    definition = DEFINITION.format(
        source=_source(what.config),
        mark=escape(_mark(what.config).removeprefix("# ")),
        variables=" ".join(what.files),
        command=escape(program),
        arguments=escape(subprocess.list2cmdline(arguments)),
        folder=escape(str(what.config.parent)),
    )
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "task.xml"
        task.write_text(definition, encoding="utf-16")
        _run("schtasks", "/Create", "/F", "/TN", TASK, "/XML", str(task))


def _task_removed(config: Path) -> bool:
    found = _found_task()
    if _source(config) not in found:
        return False
    _run("schtasks", "/Delete", "/F", "/TN", TASK)
    for secret in SECRETS:
        variable = f"{secret}_FILE"
        if variable in found:
            # Of setx there is no way back but this
            _run("reg", "delete", r"HKCU\Environment", "/F", "/V", variable)
    return True


INSTALL = {"cron": _cron, "systemd": _systemd, "task": _task}
REMOVE = {"cron": _cron_removed, "systemd": _systemd_removed, "task": _task_removed}
