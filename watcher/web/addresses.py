"""How near an address is to this machine, and why a page may not lead from far to near.

A server on the public internet that could send us to 127.0.0.1, to 169.254.169.254
(where clouds keep credentials) or into the office network would read with our eyes
(server-side request forgery).  What the configuration names itself is the
administrator's own word and may be anywhere.
"""

from __future__ import annotations

import re
import socket
from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# RFC 6052: the last 32 bits are an IPv4 address
_NAT64 = IPv6Network("64:ff9b::/96")


class Reach(IntEnum):
    """How far away an address is; a smaller number is nearer."""

    # This machine
    OWN = 0
    # This cable; also the clouds' metadata services
    LINK = 1
    # This organisation, and whatever else is not for the public internet
    PRIVATE = 2
    PUBLIC = 3


def reach(address: Address) -> Reach:
    """Say how far away ``address`` is; an IPv4 address wrapped in IPv6 counts as what it is."""
    if isinstance(address, IPv6Address):
        inner = _wrapped(address)
        if inner is not None:
            return reach(inner)
    if address.is_loopback or address.is_unspecified:
        return Reach.OWN
    if address.is_link_local:
        return Reach.LINK
    return (
        Reach.PUBLIC
        if address.is_global and not address.is_multicast
        else Reach.PRIVATE
    )


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    """Give the IPv4 address that an IPv6 one stands for: mapped, 6to4, Teredo's client or NAT64."""
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def allowed(origin: Address, target: Address) -> bool:
    """Say whether a page at ``origin`` may lead to ``target``.

    Never to somewhere nearer than itself.
    """
    return reach(target) >= reach(origin)


def literal(host: str) -> Address | None:
    """Read ``host`` as an address, ``localhost`` included; None for a name that needs a look-up."""
    name = host.strip("[]").partition("%")[0].rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return IPv4Address("127.0.0.1")
    try:
        return ip_address(name)
    except ValueError:
        return _old_form(name)


def _old_form(name: str) -> IPv4Address | None:
    """Read the forms that resolvers still take for an address.

    ``127.1``, ``0x7f000001``, ``2130706433``.
    """
    if not re.fullmatch(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", name):
        return None
    try:
        return IPv4Address(socket.inet_aton(name))
    except OSError:
        return None


def look_up(host: str, port: int) -> list[str]:
    """Resolve ``host`` to its addresses in the system's order of preference.

    Raises:
        socket.gaierror: the name is not known, or no name server answers.
        UnicodeError: the name cannot be one.

    """
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def reach_of(address: str) -> Reach:
    """Say how far away an address in text form is, its zone left out."""
    return reach(ip_address(address.partition("%")[0]))


def reach_of_host(host: str) -> Reach:
    """Say how far away ``host`` is.

    The farthest of its addresses, and PUBLIC when it is not known.
    """
    try:
        return max(reach_of(address) for address in look_up(host, 0))
    except (OSError, UnicodeError, ValueError):
        return Reach.PUBLIC
