"""Says whether a tag may be released, and prints its section of the changelog.

Python scripts/release_notes.py v1.2.3.  Standard library only.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def notes(tag: str, root: Path) -> str:
    """Give the changelog's section of the version that ``tag`` names.

    Raises ValueError when program or changelog are not of that version.
    """
    version = tag.removeprefix("v")
    program = (root / "watcher" / "__init__.py").read_text(encoding="utf-8")
    if f'__version__ = "{version}"' not in program:
        raise ValueError(
            f"{tag} is not the version of watcher/__init__.py. Write it there, commit, "
            "and tag that commit."
        )
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]
    for section in heads:
        head, _, body = section.partition("\n")
        if head.partition(",")[0] != version:
            continue
        if not re.fullmatch(r"[\d.]+, \d{4}-\d\d-\d\d", head):
            raise ValueError(
                f'The changelog says "{head}". Write "{version}, " and the day of the '
                "release."
            )
        return body.strip() + "\n"
    raise ValueError(f'The changelog has no section "{version}, YYYY-MM-DD".')


if __name__ == "__main__":
    try:
        print(notes(sys.argv[1], ROOT), end="")
    except ValueError as error:
        sys.exit(str(error))
