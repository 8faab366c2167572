"""Puts secrets into the addresses of the configuration, and into no other.

A document may not say where a secret is sent.

A page, an index, a list or a redirect whose address holds ``${NAME}`` asks for a value
of the environment, to be sent to a host of its own choice.  Such an address is
refused, and nothing is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from watcher.web import Wanted, urls
from watcher.web.failures import Trouble

# Whoever reads a URL leaves them out
_DROPPED = re.compile(r"[\t\r\n]")


def address(wanted: Wanted, secrets: Mapping[str, str]) -> str:
    """Give the address to ask, its secrets put in.

    Raises:
        Trouble: a document asks for a secret, or one that the configuration asks for is not set.
    """
    if begs(wanted):
        raise refused("a document, not the configuration, gives this address")
    unknown = urls.missing(_trusted(wanted), secrets)
    if unknown:
        raise Trouble(
            f"the address needs ${{{unknown}}}, which is not set",
            f"Set {unknown} in the environment.",
        )
    return known(wanted, secrets)


def known(wanted: Wanted, secrets: Mapping[str, str]) -> str:
    """Give the address with the secrets that may be put in.

    What a document wrote stays as it is.
    """
    trusted = _trusted(wanted)
    return urls.expand(trusted, secrets) + wanted.url[len(trusted) :]


def begs(wanted: Wanted) -> bool:
    """Say whether a document asks for a secret."""
    return asks(wanted.url[len(_trusted(wanted)) :])


def asks(text: str) -> bool:
    """Say whether part of an address holds ``${``, written as it is or in percent signs."""
    return "${" in unquote(_DROPPED.sub("", text))


def refused(given: str) -> Trouble:
    """Say that an address was not asked; ``given`` says who gives it."""
    return Trouble(
        f"{given}, and it asks for a secret by ${{...}}: none was put in, and nothing was asked",
        (
            "Find out who wrote it: a source does not need your secrets. If it "
            "is meant, give the address as the `url` of a source."
        ),
    )


def _trusted(wanted: Wanted) -> str:
    """Give the beginning of the address that the configuration wrote.

    All of a source's own address, else its folder.

    A token in a source's path is part of every address that is relative to it, and
    goes only where it goes anyway.
    """
    if wanted.url == wanted.source.url:
        return wanted.url
    folder = urls.folder(wanted.source.url)
    return folder if folder and wanted.url.startswith(folder) else ""
