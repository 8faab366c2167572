"""Addresses: how near they are, the secrets in them, one spelling for a look-up.

How near: a server on the public internet that could send us to 127.0.0.1, to
169.254.169.254 (where clouds keep credentials) or into the office network would read
with our eyes (server-side request forgery).  What the configuration names itself is
the administrator's own word and may be anywhere.

Secrets: they are put into the addresses of the configuration, and into no other, for a
document may not say where a secret is sent.  A page, an index, a list or a redirect
whose address holds ``${NAME}`` asks for a value of the environment, to be sent to a
host of its own choice.  Such an address is refused, and nothing is asked.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from enum import IntEnum
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)
from urllib.parse import quote, quote_plus, unquote, urlsplit, urlunsplit

from msgspec import Struct

from watcher.settings import filled
from watcher.web import FetchError, Wanted

Address = IPv4Address | IPv6Address

# RFC 6052 and RFC 7915 (SIIT): the last 32 bits are an IPv4 address
_TRANSLATED = (IPv6Network("64:ff9b::/96"), IPv6Network("::ffff:0:0:0/96"))
# RFC 4291: the same, long deprecated, and still read by some systems
_COMPATIBLE = IPv6Network("::/96")
# RFC 8215: translated by this organisation, in a form of its choice
_LOCALLY_TRANSLATED = IPv6Network("64:ff9b:1::/48")
# The relays of 6to4: anybody's nearest (RFC 7526), and public to Python
_RELAYS = IPv4Network("192.88.99.0/24")
# All that was ever given out for the public internet (IANA); Python takes much else for
# it, such as the segments of an own network (5f00::/16, RFC 9602)
_GIVEN_OUT = IPv6Network("2000::/3")
_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_PROXY = re.compile(
    r"(?:[a-z][a-z0-9+.-]*://)?"
    r"(?:[^@/?#\\\[\]\x00-\x20\x7f]*@)?"
    r"(?:\[[0-9a-f:.%]+\]|[^\[\]@:/?#\\%\x00-\x20\x7f]+)(?::[0-9]{1,5})?/?",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(
    r"key|token|secret|pass|pwd|auth|sig|code|session|credential|jwt", re.IGNORECASE
)
# A KB number, a board's name, a date
_PLAIN = re.compile(r"[\w.:+-]{0,20}", re.ASCII)
# A shorter secret would turn half of any text into its name
_SHORTEST = 4
_PORTS = {"http": 80, "https": 443}
# Whoever reads a URL leaves them out
_DROPPED = re.compile(r"[\t\r\n]")


# --- How near an address is ------------------------------------------------------------


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
    if address.is_loopback or address.is_unspecified:
        return Reach.OWN
    if isinstance(address, IPv6Address):
        # Python takes fec0::/10, the private networks of before 2004, for public
        if address.is_site_local:
            return Reach.PRIVATE
        if address in _LOCALLY_TRANSLATED:
            return min(Reach.PRIVATE, *map(reach, _locally_translated(address)))
        inner = _wrapped(address)
        if inner is not None:
            return reach(inner)
    if address.is_link_local:
        return Reach.LINK
    is_public = address.is_global and not address.is_multicast
    if isinstance(address, IPv6Address):
        is_public = is_public and address in _GIVEN_OUT
    elif address in _RELAYS:
        is_public = False
    return Reach.PUBLIC if is_public else Reach.PRIVATE


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    """Give the IPv4 address that an IPv6 one stands for.

    Mapped, translated, compatible, 6to4 or Teredo's client.
    """
    if address in _COMPATIBLE or any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def _locally_translated(address: IPv6Address) -> tuple[IPv4Address, IPv4Address]:
    """Give the two IPv4 addresses that such an address may stand for (RFC 6052, 2.2)."""
    packed = address.packed
    return IPv4Address(packed[6:8] + packed[9:11]), IPv4Address(packed[12:])


def allowed(origin: Address, target: Address) -> bool:
    """Say whether a page at ``origin`` may lead to ``target``.

    Never to somewhere nearer than itself.
    """
    return reach(target) >= reach(origin)


def literal(host: str) -> Address | None:
    """Read ``host`` as an address, ``localhost`` included; None for a name that needs a look-up.

    Old forms count, too: "0x7f.1" and "2130706433" are 127.0.0.1 to some libraries, and
    a filter that takes them for names lets them in.
    """
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
    """Say how far away an address in text form is, its zone left out.

    ValueError for what is none: a socket gives no such.
    """
    return reach(ip_address(address.partition("%")[0]))


def reach_of_host(host: str) -> Reach:
    """Say how far away ``host`` is.

    The farthest of its addresses, and PUBLIC when it is not known.
    """
    try:
        return max(reach_of(address) for address in look_up(host, 0))
    except (OSError, UnicodeError, ValueError):
        return Reach.PUBLIC


# --- Reading an address ----------------------------------------------------------------

_ADDRESS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:(?P<login>[^/?#]*)@)?"
    # A backslash, a percent sign or a control sign in a host means one host to one
    # reader and another to the next: http://127.0.0.1\@advisories.example/
    r"(?P<host>\[[0-9a-f:.]+\]|[^\[\]@:/?#\\%\x00-\x20\x7f]+)"
    r"(?::(?P<port>[0-9]{0,5}))?"
    r"(?P<rest>(?:[/?][^#\x00-\x1f\x7f]*)?)"
    r"(?:#.*)?",
    re.IGNORECASE | re.DOTALL,
)
# To one reader 0127.0.0.1 is 87.0.0.1, and to a proxy, which looks it up itself, 127.0.0.1
_OCTAL = re.compile(r"(?=(?:.*\.)?0[0-9])[0-9.]+")
_FORM_REMEDY = "Correct the source's `url`: it must begin with https:// or http:// and name a host."


class Target(Struct, frozen=True):
    """An address read once: what is checked of it is what is sent.

    ``url`` has neither name, password nor fragment.
    """

    url: str
    scheme: str
    host: str
    port: int
    login: tuple[str, str] | None = None

    @property
    def server(self) -> tuple[str, str, int]:
        """Whom it asks: what a name and a password are for."""
        return self.scheme, self.host, self.port


def read(url: str) -> Target:
    """Read an address that can be asked.

    Raises:
        FetchError: it is none of http or https, names no host, or could be read in two ways.

    """
    found = _ADDRESS.fullmatch(url)
    if found is None:
        scheme = url.partition(":")[0].lower() if ":" in url else ""
        if scheme in _PORTS and "://" in url:
            raise FetchError("the address is no URL", _FORM_REMEDY)
        raise FetchError(
            f"an address of the form {scheme[:20] or '?'}: cannot be asked",
            _FORM_REMEDY,
        )
    scheme, host = found["scheme"].lower(), found["host"].lower()
    if _OCTAL.fullmatch(host):
        raise FetchError("the address can be read in two ways", _FORM_REMEDY)
    port = int(found["port"] or _PORTS[scheme])
    if port > 65535:
        raise FetchError("the address is no URL", _FORM_REMEDY)
    netloc = f"{host}:{port}" if found["port"] else host
    name, _, password = (found["login"] or "").partition(":")
    login = (unquote(name), unquote(password)) if found["login"] is not None else None
    return Target(
        url=f"{scheme}://{netloc}{found['rest']}",
        scheme=scheme,
        host=host.strip("[]"),
        port=port,
        login=login,
    )


# --- The secrets of the configuration ---------------------------------------------------


def with_secrets(wanted: Wanted, secrets: Mapping[str, str]) -> str:
    """Give the address to ask, its secrets put in.

    Raises:
        FetchError: a document asks for a secret, or one that the configuration asks for is not set.
    """
    if asks_for_secret(wanted):
        raise secret_refused("a document, not the configuration, gives this address")
    unknown = missing(_trusted(wanted), secrets)
    if unknown:
        raise FetchError(
            f"the address needs ${{{unknown}}}, which is not set",
            f"Set {unknown} in the environment.",
        )
    return with_own_secrets(wanted, secrets)


def with_own_secrets(wanted: Wanted, secrets: Mapping[str, str]) -> str:
    """Give the address with the secrets that may be put in.

    What a document wrote stays as it is.
    """
    trusted = _trusted(wanted)
    return expand(trusted, secrets) + wanted.url[len(trusted) :]


def asks_for_secret(wanted: Wanted) -> bool:
    """Say whether a document asks for a secret."""
    return holds_placeholder(wanted.url[len(_trusted(wanted)) :])


def holds_placeholder(text: str) -> bool:
    """Say whether part of an address holds ``${``, written as it is or in percent signs."""
    return "${" in unquote(_DROPPED.sub("", text))


def secret_refused(given: str) -> FetchError:
    """Say that an address was not asked; ``given`` says who gives it."""
    return FetchError(
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
    own_folder = folder(wanted.source.url)
    return own_folder if own_folder and wanted.url.startswith(own_folder) else ""


def missing(url: str, secrets: Mapping[str, str]) -> str:
    """Name the first ``${NAME}`` of ``url`` that no secret stands for; "" when there is none."""
    return next((name for name in _NAME.findall(url) if name not in secrets), "")


def expand(url: str, secrets: Mapping[str, str]) -> str:
    """Put the secrets in for their ``${NAME}``; unknown names stay."""
    return filled(url, lambda name: secrets.get(name, f"${{{name}}}"))


def is_proxy(url: str) -> bool:
    """Say whether a proxy's address can be read in one way: odd signs of its password quoted."""
    return _PROXY.fullmatch(url) is not None


def conceal(text: str, secrets: Mapping[str, str]) -> str:
    """Put ``${NAME}`` in place of every secret in ``text``, as it is or quoted for a URL.

    Longest first.
    """
    for name, value in sorted(secrets.items(), key=lambda item: -len(item[1])):
        if len(value) >= _SHORTEST:
            for form in {value, quote(value), quote(value, safe=""), quote_plus(value)}:
                text = text.replace(form, f"${{{name}}}")
    return text


def without_userinfo(url: str) -> str:
    """Drop name and password, and the fragment, which never goes over the wire."""
    parts = urlsplit(url)
    return urlunsplit(
        parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
    )


def folder(url: str) -> str:
    """Give the folder of ``url``, up to the last "/" of its path.

    Without name and password; "" when it names no host or no path.
    """
    try:
        parts = urlsplit(without_userinfo(url))
    except ValueError:
        return ""
    path = parts.path[: parts.path.rfind("/") + 1]
    return (
        urlunsplit((parts.scheme, parts.netloc, path, "", ""))
        if parts.scheme and parts.netloc and path
        else ""
    )


def public(url: str, secrets: Mapping[str, str]) -> str:
    """Give the form of ``url`` that may be stored: no name, no password, no known secret."""
    try:
        return without_userinfo(conceal(url, secrets))
    except ValueError:
        return conceal(url, secrets)


def for_log(url: str, secrets: Mapping[str, str]) -> str:
    """Give the form for failures and logs.

    The public one, query values that might be secret left out.
    """
    head, mark, query = public(url, secrets).partition("?")
    return head + mark + "&".join(_field_for_log(field) for field in query.split("&"))


def _field_for_log(field: str) -> str:
    name, equals, value = field.partition("=") if "=" in field else ("", "", field)
    harmless = bool(_PLAIN.fullmatch(value)) and not _SECRET_NAME.search(name)
    return field if harmless or _NAME.fullmatch(value) else f"{name}{equals}***"


def normal(url: str) -> str:
    """Give one spelling for equal addresses.

    Scheme and host in lower case, no default port, no fragment, a path.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    netloc = host if port in (None, _PORTS.get(scheme)) else f"{host}:{port}"
    return urlunsplit((scheme, netloc, parts.path.rstrip("/") or "/", parts.query, ""))


def host_key(url: str) -> str:
    """Give host and port, the name under which one server is asked politely."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme.lower(), 0)
    except ValueError:
        return url
    return f"{(parts.hostname or '').lower()}:{port}"


def host_name(url: str) -> str:
    """Give the host in lower case; "" when there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
