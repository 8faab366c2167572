"""A letter in short, for channels.

What a chat service could take for a mention, a link or formatting is taken apart.

Services differ: Slack reads ``<!channel>``, Discord and Teams ``@everyone``, most of
them Markdown.  A zero-width space after ``@`` and other signs in place of the rest
leave the words as they are read, and nothing to click but our own link.
"""

from __future__ import annotations

import re

from markupsafe import Markup

from watcher.text.plain import clip, link

LONGEST = 1500
"""Characters of a text: Discord takes 2,000, ntfy 4,096."""

MOST_LINES = 12
"""Events that a digest names."""

_APART = str.maketrans(
    {
        "@": "@\u200b",
        "<": "‹",
        ">": "›",
        "`": "'",
        "[": "(",
        "]": ")",
        "*": "∗",
        "|": "¦",
    }
)

# Services make a link of "https://…" and of "www.example.org/x" that stands bare: after
# a scheme's colon and a dot before a letter; builds hold digits alone
_BARE = re.compile(r":(?=//)|(?<=[\w-])\.(?=[^\W\d_])")


def apart(value: object) -> object:
    """Take apart what a template puts into a text; an address that ``address`` made stays.

    A zero-width space, or another sign in place of one that services read as a mention
    or a link.
    """
    if isinstance(value, Markup):
        return value
    return _BARE.sub("\\g<0>\u200b", str(value).translate(_APART))


def address(url: str) -> Markup:
    """Let an http(s) address stand as it is, but for what ends a link; "" for anything else.

    What ends a link or begins a mention in some service is written by its number.
    """
    return Markup(link(url).replace("*", "%2A").replace("@", "%40"))  # noqa: S704 - link() has quoted it


def tidy(text: str) -> str:
    """Leave out empty lines, and shorten what is long; its last line, a link, stays whole.

    At most ``LONGEST`` letters: services cut or refuse what is longer.
    """
    rows = list(filter(None, map(str.strip, text.split("\n"))))
    last = ""
    # A link that is cut leads nowhere
    if rows and rows[-1].startswith("http"):
        last = f"\n{rows.pop()}"
    return clip("\n".join(rows), LONGEST - len(last)) + last
