"""Where templates are found and how they are compiled: the user's before the shipped ones.

What is compiled is kept for the next run: it takes a quarter of a second, as long as
all else of a message.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from watcher import __version__
from watcher.text import chat, columns, marked

if TYPE_CHECKING:
    from jinja2 import BytecodeCache, Environment
    from jinja2.bccache import Bucket


def shipped_folder() -> Path:
    """Give the folder of the shipped templates.

    Inside the installed package, else beside it in the source tree.
    """
    package = Path(__file__).parents[1]
    inside = package / "templates"
    return inside if inside.is_dir() else package.parent / "templates"


@lru_cache(maxsize=8)
def of(folder: Path | None) -> Environment:
    """Give the environment of all templates; those of the user's ``folder`` go first."""
    from jinja2 import (
        ChoiceLoader,
        Environment,
        FileSystemLoader,
        StrictUndefined,
        select_autoescape,
    )

    own = [FileSystemLoader(folder)] if folder else []
    environment = Environment(
        loader=ChoiceLoader([*own, FileSystemLoader(shipped_folder())]),
        autoescape=select_autoescape(
            disabled_extensions=("txt",), default_for_string=True, default=True
        ),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=_compiled(),
    )
    environment.filters |= {
        "wrap": columns.wrap,
        "pairs": columns.pairs,
        "address": chat.address,
    }
    environment.filters |= {"linked": marked.linked, "lines": marked.lines}
    environment.globals |= {"table": columns.table, "grid": columns.grid}
    return environment


@lru_cache(maxsize=8)
def for_chat(folder: Path | None) -> Environment:
    """Give the environment of texts for chat, where each value is set apart from the
    template's own words.
    """
    # What is compiled for pages finalizes nothing
    return of(folder).overlay(finalize=chat.apart, bytecode_cache=None)


def _compiled() -> BytecodeCache | None:
    """Give where compiled templates are kept, in the user's own cache.

    None where there is no such folder that is ours alone.

    What lies there is run: nobody else may write it, as with Python's own compiled
    modules.
    """
    if sys.dont_write_bytecode:
        return None
    import platformdirs

    folder = (
        platformdirs.user_cache_path("watcher", appauthor=False)
        / f"templates-{__version__}"
    )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
    except (OSError, RuntimeError):
        # A service without a home
        return None
    if hasattr(os, "getuid") and (
        found.st_uid != os.getuid()
        or found.st_mode & 0o022
        or not os.access(folder, os.W_OK)
    ):
        return None
    from jinja2 import FileSystemBytecodeCache

    class Kept(FileSystemBytecodeCache):
        def load_bytecode(self, bucket: Bucket) -> None:
            try:
                super().load_bytecode(bucket)
            except Exception:  # noqa: BLE001 - whatever a spoiled file is taken for: the template is compiled again
                bucket.reset()

        def dump_bytecode(self, bucket: Bucket) -> None:
            # A full disk
            with suppress(OSError):
                super().dump_bytecode(bucket)

    return Kept(str(folder))
