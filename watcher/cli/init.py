"""``watcher init``: where one begins."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from watcher import report
from watcher.cli.call import Call, command
from watcher.errors import ConfigurationError


@command("init", "watcher init --config /etc/watcher/watcher.toml")
def init(call: Call) -> None:
    """Write a commented watcher.toml.

    It is written here or where --config says; an existing file is left alone.
    """
    file = call.config or Path("watcher.toml")
    text = files("watcher.config").joinpath("sample.toml").read_text(encoding="utf-8")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # "x" fails where a file is: nobody's configuration is written over
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except OSError as error:
        cause = f"it cannot be written ({error.strerror})"
        remedy = "Name another file"
        if file.exists():
            cause = "it exists already"
            remedy = "Edit it, or name another file"
        raise ConfigurationError(
            f"{file}: {cause}. {remedy}: watcher init --config FILE"
        ) from error
    report.write(
        f"Wrote {file}. Edit it, then try: watcher check, and watcher run --dry-run"
    )
