"""Pieces of a page, each between two comments with its name, so that the next publishing
can take over those that stay.

``<!--exchange-server-2024-11-su--><tr>…</tr><!--/-->``: what a source said cannot pass
for such a comment, for it is escaped.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"<!--([a-zA-Z0-9-]+)-->")
_STOP = "<!--/-->"


def block(name: str, html: str) -> str:
    """Name a piece of HTML; ``name`` is made of ``[a-zA-Z0-9-]``."""
    return f"<!--{name}-->{html.strip()}{_STOP}"


def read(page: bytes) -> dict[str, str]:
    """Give the pieces of a published page by their names, each with its comments."""
    found: dict[str, str] = {}
    for piece in page.decode("utf-8", "replace").split(_STOP)[:-1]:
        name = _NAME.search(piece)
        if name is not None:
            found[name[1]] = piece[name.start() :] + _STOP
    return found
