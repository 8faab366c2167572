"""Writes the reference pages from the code itself.

Docs/commands.md, and the keys in docs/configuration.md (``make docs``).
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

from watcher.cli import app
from watcher.config.tables import schema

DOCS = Path(__file__).parents[1] / "docs"
SHARED = ("--config", "-v", "-q", "--log-json", "--help", "-h")
KEYS = "## Keys\n"

COMMANDS = """\
# Commands

`python -m watcher` is the same as `watcher`.
Every command has `--help`, and takes after its name:

| option | |
| --- | --- |
| `--config FILE` | the configuration file; where one is looked for without it: [configuration](configuration.md) |
| `-v` | say more, tracebacks too |
| `-q` | say errors only |
| `--log-json` | log lines as JSON objects |

What was asked for goes to standard output, all else to standard error.
On a terminal, lines of `status`, `show`, `build` and `inventory` are wrapped to its width.
`watcher --install-completion` has your shell complete commands and options.

| exit code | meaning |
| --- | --- |
| 0 | all is well |
| 1 | it ran, but a source or a delivery failed, each named with its cause and remedy; the next run tries again |
| 2 | wrong usage or configuration; nothing was touched |
| 3 | another run holds the state; nothing was touched |
| 130, 143 | it was interrupted (Ctrl-C) or terminated; the next run goes on from there |
"""


def commands_page() -> str:
    """Write the page of all commands."""
    return COMMANDS + "".join(
        section(name, command)
        for name, command in walk(typer.main.get_command(app), "watcher")
    )


def walk(
    command: Any,  # noqa: ANN401
    name: str,
) -> Iterator[tuple[str, Any]]:  # click's or typer's own class
    """Give every command below ``command`` with its whole name."""
    for word, below in getattr(command, "commands", {}).items():
        if hasattr(below, "commands"):
            yield from walk(below, f"{name} {word}")
        elif not below.hidden:
            yield f"{name} {word}", below


def section(name: str, command: Any) -> str:  # likewise  # noqa: ANN401
    """Write one command: what it does, an example, its arguments and own options."""
    own = [
        p
        for p in command.params
        if not set(p.opts) & set(SHARED) and not getattr(p, "hidden", False)
    ]
    rows = [f"| `{written(parameter)}` | {meaning(parameter)} |" for parameter in own]
    table = "\n".join(["| | |", "| --- | --- |", *rows, ""]) if rows else ""
    example = (command.epilog or "").removeprefix("Example: ")
    return (
        "\n".join(
            [
                f"\n## {name}\n",
                command.help.strip(),
                f"\n```sh\n{example}\n```\n",
                table,
            ]
        ).rstrip()
        + "\n"
    )


def written(parameter: Any) -> str:  # likewise  # noqa: ANN401
    """Write an option or argument as it is typed."""
    metavar = parameter.metavar or parameter.name.upper()
    if parameter.param_type_name == "argument":
        return cell(metavar)
    return ", ".join(parameter.opts) + (
        "" if parameter.is_flag else f" {cell(metavar)}"
    )


def meaning(parameter: Any) -> str:  # likewise  # noqa: ANN401
    """Say what a parameter is for, and which words it allows when they are few."""
    kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    words = (
        f" One of {', '.join(kind)}."
        if isinstance(kind, type) and issubclass(kind, StrEnum)
        else ""
    )
    return cell((getattr(parameter, "help", "") or "") + words)


def cell(text: str) -> str:
    """Fit a text into a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def configuration_page(now: str) -> str:
    """Replace the keys of the page as it is ``now``; what stands above them is written by hand."""
    made = schema()
    root = made["$defs"][made["$ref"].rpartition("/")[2]]
    tables = [
        table(name, described, made["$defs"])
        for name, described in root["properties"].items()
    ]
    return now.partition(KEYS)[0] + KEYS + "".join(tables)


def table(name: str, described: dict[str, Any], definitions: dict[str, Any]) -> str:
    """Write one table of the configuration and its keys."""
    repeated = described.get("type") == "array"
    reference = (
        described["items"] if repeated else described.get("allOf", [described])[0]
    )
    definition = definitions[reference["$ref"].rpartition("/")[2]]
    heading = f"[[{name}]]" if repeated else f"[{name}]"
    lines = [
        f"\n### {name}\n",
        f"`{heading}` {inspect.cleandoc(definition.get('description', ''))}".strip(),
        "",
        "| key | meaning | default | example |",
        "| --- | --- | --- | --- |",
    ]
    for key, value in definition["properties"].items():
        default = (
            toml(value["default"]) if value.get("default") not in (None, "", []) else ""
        )
        required = "**required**" if key in definition.get("required", ()) else default
        lines.append(
            f"| `{key}` | {cell(value.get('description', ''))} | {required} | "
            f"{' '.join(map(toml, value.get('examples', [])))} |"
        )
    return "\n".join(lines) + "\n"


def toml(value: object) -> str:
    """Write a value as in the file; JSON's texts, lists and Booleans are TOML's, too."""
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def pages() -> dict[Path, str]:
    """Give what each page should hold."""
    configuration = DOCS / "configuration.md"
    return {
        DOCS / "commands.md": commands_page(),
        configuration: configuration_page(configuration.read_text(encoding="utf-8")),
    }


def main() -> int:
    """Write the pages that are not so already."""
    for path, text in pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"{path.name} is written anew.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
