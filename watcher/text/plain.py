"""Text that a source wrote, made harmless for a line of mail, a paragraph, a link or a
file name.

Everything a source says is untrusted: line breaks forge headings and headers, marks of
writing direction make a name read backwards, and a title can be 2,000 characters long.
"""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote, urlsplit

from msgspec import Struct

ELLIPSIS = "…"
LONGEST_LINK = 500
_SPACES = re.compile(r"\s+")
_UNSAFE_NAME = re.compile(r"[^a-z0-9.]+")
_DOTS = re.compile(r"\.{2,}")
_HOST = re.compile(r"[A-Za-z0-9.-]+")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ADDRESS = re.compile(r"https?://[^\s<>\"“”„«»]+")
_PATH = "/%:@-._~!$&*+,;="
_QUERY = _PATH + "?"
_BREAKS = {"\n", "\r", "\t", "\v", "\f", "\x85", "\u2028", "\u2029"}


def visible(text: str) -> str:
    """Drop what is not seen.

    Controls, marks of direction and joining, lone surrogates, unassigned code points.

    Line breaks of every kind become newlines.
    """
    # Most texts are so: nothing unseen, no space but U+0020
    if text.replace("\n", "").isprintable():
        return text
    return "".join(_seen(character) for character in text.replace("\r\n", "\n"))


def _seen(character: str) -> str:
    if character == "\t":
        return " "
    if character in _BREAKS:
        return "\n"
    return "" if unicodedata.category(character).startswith("C") else character


def clip(text: str, most: int) -> str:
    """Shorten ``text`` to at most ``most`` characters, at a word where one ends near.

    With an ellipsis behind it, which counts as two of them.
    """
    if len(text) <= most:
        return text
    cut = text[: max(most - 2, 1)]
    space = cut.rfind(" ")
    # Where no word ends in the last third (an address, Japanese), it is cut anywhere
    if space > len(cut) * 2 // 3:
        cut = cut[:space]
    return f"{cut.rstrip()} {ELLIPSIS}"


def line(text: str, most: int = 300) -> str:
    """Fold ``text`` into one harmless line of at most ``most`` characters."""
    return clip(_SPACES.sub(" ", visible(text[: 8 * most + 200])).strip(), most)


def paragraphs(text: str, most: int = 2000) -> tuple[str, ...]:
    """Split ``text`` at its line breaks into harmless lines, together at most ``most``
    characters.
    """
    found: list[str] = []
    left = most
    # Eight characters of markup and spaces for one that is read: more is not looked at
    for piece in visible(text[: 8 * most + 200]).split("\n"):
        folded = _SPACES.sub(" ", piece).strip()
        if not folded:
            continue
        if len(folded) > left:
            room = left > len(ELLIPSIS) + 1
            found.append(clip(folded, left) if room else ELLIPSIS)
            break
        found.append(folded)
        left -= len(folded)
    return tuple(found)


def link(url: str) -> str:
    """Give an http(s) address that is safe in text and in an attribute, "" for anything else.

    Addresses of more than 500 characters are nothing that a reader can judge, and mail
    programs break them.
    """
    if len(url) > LONGEST_LINK:
        return ""
    try:
        parts = urlsplit(url.strip())
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except ValueError:
        # A UnicodeError is one
        return ""
    if parts.scheme not in {"http", "https"} or not _HOST.fullmatch(host):
        return ""
    tail = f"?{quote(parts.query, safe=_QUERY)}" if parts.query else ""
    anchor = f"#{quote(parts.fragment, safe=_QUERY)}" if parts.fragment else ""
    # User and password are left out: "https://microsoft.com@example.org" misleads
    server = f"{host}:{port}" if port else host
    path = quote(parts.path, safe=_PATH)
    safe = _LONE_PERCENT.sub("%25", f"{parts.scheme}://{server}{path}{tail}{anchor}")
    return safe if len(safe) <= LONGEST_LINK else ""


class Address(Struct, frozen=True):
    """An address in a text, from ``start`` to ``end``: where a reader may follow it to."""

    start: int
    end: int
    url: str


def addresses(text: str) -> tuple[Address, ...]:
    """Find the addresses in a text that a reader may follow, in order.

    http and https alone.  An address that was cut short leads somewhere else, and is
    left as words.
    """
    found = []
    for match in _ADDRESS.finditer(text):
        written = match[0].rstrip(".,;:!?)]}'")
        end = match.start() + len(written)
        # The address as it is asked for, so that no letter of another script stands for
        # one of ours.  One that was cut short leads somewhere else
        if text[end:] != f" {ELLIPSIS}" and (url := link(written)):
            found.append(Address(match.start(), end, url))
    return tuple(found)


def file_name(text: str, most: int = 80) -> str:
    """Make a file name's part of ``text``.

    Lower case ASCII letters, digits, dots and hyphens; no leading dot.
    """
    # NFKD parts a letter from its accents, which are dropped: "Über" is "uber"
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    safe = _UNSAFE_NAME.sub("-", letters.lower())
    one_dot = _DOTS.sub(".", safe)
    return one_dot.strip("-.")[:most].rstrip("-.")
