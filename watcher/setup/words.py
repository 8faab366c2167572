"""What ``watcher init`` says and asks: the sentences of words.toml."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files


@cache
def _words() -> dict[str, dict[str, str]]:
    text = files("watcher.setup").joinpath("words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def say(sentence: str, /, **values: object) -> str:
    """Give the sentence ``table.key`` with its values filled in."""
    table, _, key = sentence.partition(".")
    return _words()[table][key].format(**values)
