"""The DNS, asked for texts (TXT records)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dns.exception
import dns.resolver

from watcher.errors import WatcherError

if TYPE_CHECKING:
    from dns.resolver import Resolver

# Seconds for one name, all servers together
PATIENCE = 5.0


def texts(name: str, resolver: Resolver | None = None) -> tuple[str, ...]:
    """Give the texts of a name, each joined of its parts; none where there is no such name.

    Raises WatcherError when the DNS gives no answer.
    """
    try:
        asked = resolver or dns.resolver.Resolver()
        found = asked.resolve(name, "TXT", lifetime=PATIENCE)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except dns.exception.DNSException as error:
        raise WatcherError(
            f"the DNS did not answer for {name} ({type(error).__name__})"
        ) from error
    return tuple(b"".join(text.strings).decode("utf-8", "replace") for text in found)
