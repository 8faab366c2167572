"""Secrets, and how no part of one is shown: in logs, results, state, and mail.

A secret is masked as it is and as others write it: quoted for a URL, in base64, in JSON
or HTML, in lower case as a host's name.  A library that reads "p@ss/word" within an
address blames "word" alone: so what lies between the signs that divide an address is
masked, too, and the beginning of a secret where a text was cut.
"""

from __future__ import annotations

import base64
import functools
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus

from msgspec import Struct

# A shorter secret would turn half of any text into stars
SHORTEST_MASKED = 4
# What divides an address: readers stop there, and name what lies between
_DIVIDING = re.compile(r"[/?#@:\\\[\]%&=;\s]+")
# Of an address that is a secret as a whole, the pieces that look like tokens; "https"
# and "example" stand in every other line
_TOKEN = re.compile(r"(?=.*[0-9])[^/?#@:\\\[\]%&=;\s]{8,}")
# Pieces that are looked for together
_TOGETHER = 8
# Signs of a beginning that is looked for where a text was cut
_LONGEST_BEGINNING = 64
_CUT = r"(?=\s?…|\s?\.\.\.)"
# Before the first of these signs and after the scheme lie the name and the password
_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<login>[^/?#]*)@")
_PLACE = re.compile(r"\$\{([^}]*)\}")
_QUOTED = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*")


class Secret(Struct, frozen=True):
    """A text that never prints itself.

    ``name`` is the environment variable it came from; ``reveal`` hands it to the one
    who must know it.
    """

    name: str
    value: str

    def reveal(self) -> str:
        """Give the text itself."""
        return self.value

    def __repr__(self) -> str:
        """Show that there is something, not what."""
        return "***"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        """Show the same in an f-string, whatever its format."""
        return format(repr(self), format_spec)


def masked(text: str, secrets: Iterable[Secret]) -> str:
    """Put ``${NAME}`` in place of each of ``secrets`` in ``text``, and of their parts.

    Longest parts first, so that a secret within another one leaves nothing of it.
    """
    found = _masking(tuple((secret.name, secret.value) for secret in secrets))
    if found is None:
        return text
    return found.pattern.sub(lambda match: f"${{{found.names[match[0]]}}}", text)


def filled(text: str, value_of: Callable[[str], str]) -> str:
    """Put values in place of the ``${NAME}`` of an address.

    A value in a name's or a password's place is quoted, unless it is already: "p@ss/word"
    would otherwise lead to another host, and show it a part of the password.
    """
    login = _LOGIN.match(text)
    if login is None:
        return _PLACE.sub(lambda found: value_of(found[1]), text)

    def quoted(found: re.Match[str]) -> str:
        value = value_of(found[1])
        is_placeholder = value == found[0]
        return value if is_placeholder or _QUOTED.fullmatch(value) else quote(value, "")

    rest = _PLACE.sub(lambda found: value_of(found[1]), text[login.end() :])
    return f"{login['scheme']}{_PLACE.sub(quoted, login['login'])}@{rest}"


def in_login(text: str, name: str) -> bool:
    """Say whether ``${NAME}`` stands in an address's name or password.

    There a secret may stand, and is sent as authentication.
    """
    login = _LOGIN.match(text)
    return login is not None and f"${{{name}}}" in login["login"]


class _Masking(Struct, frozen=True):
    """What is looked for, and whose it is."""

    pattern: re.Pattern[str]
    names: dict[str, str]


@functools.lru_cache(maxsize=16)
def _masking(secrets: tuple[tuple[str, str], ...]) -> _Masking | None:
    names: dict[str, str] = {}
    cut: set[str] = set()
    for name, value in secrets:
        if len(value) < SHORTEST_MASKED:
            continue
        for form in _forms(value):
            names.setdefault(form, name)
        # Of an address it is the scheme and the host that many have
        first = value.find("://") + 3 + 2 * SHORTEST_MASKED if "://" in value else 0
        shortest = max(first, SHORTEST_MASKED)
        for end in range(shortest, min(len(value), _LONGEST_BEGINNING)):
            beginning = value[:end]
            if beginning not in names:
                names[beginning] = name
                cut.add(beginning)
    if not names:
        return None
    # The longest first: a part must not hide that more follows
    longest_first = sorted(names, key=len, reverse=True)
    patterns = [
        re.escape(form) + (_CUT if form in cut else "") for form in longest_first
    ]
    return _Masking(re.compile("|".join(patterns)), names)


def _forms(value: str) -> Iterator[str]:
    """Give a secret, and its parts, in all the ways they may be written."""
    for part in (value, *_parts(value)):
        for form in (
            part,
            quote(part),
            quote(part, safe=""),
            quote_plus(part),
            part.lower(),
            json.dumps(part)[1:-1],
            json.dumps(part, ensure_ascii=False)[1:-1],
            repr(part)[1:-1],
            part.encode("unicode_escape").decode("ascii"),
            html.escape(part),
            *_in_base64(part),
        ):
            if len(form) >= SHORTEST_MASKED:
                yield form


def _parts(value: str) -> Iterator[str]:
    """Give what a reader of addresses may take out of a secret: runs between two dividing signs."""
    if "-----BEGIN" in value:
        yield from (row for row in value.splitlines() if "-----" not in row)
        return
    if "://" in value:
        # A host with a dot is one that others have, too
        login, _, rest = value.partition("://")[2].rpartition("@")
        host, slash, path = rest.partition("/")
        named = "" if "." in host else host
        yield from _TOKEN.findall(f"{login} {named} {slash}{path}")
        return
    edges = [0]
    for found in _DIVIDING.finditer(value):
        edges += [found.start(), found.end()]
    edges.append(len(value))
    for number, start in enumerate(edges):
        for end in edges[number + 1 : number + 1 + _TOGETHER]:
            if SHORTEST_MASKED <= end - start < len(value):
                yield value[start:end]


def _in_base64(part: str) -> Iterator[str]:
    """Give what of a text is the same in base64 whatever stands before and after it."""
    content = part.encode("utf-8", "surrogatepass")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + content).decode("ascii")
        # The first letters hold bits of what is before, the last ones of what follows
        kept = encoded[(before * 8 + 5) // 6 : (before + len(content)) * 8 // 6]
        if len(kept) >= 2 * SHORTEST_MASKED:
            yield kept
