"""URLs: secrets put in for the request and taken out for everybody's eyes; one spelling
for a look-up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, quote_plus, unquote, urlsplit, urlunsplit

_NAME = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_TELLING = re.compile(
    r"key|token|secret|pass|pwd|auth|sig|code|session|credential|jwt", re.IGNORECASE
)
# A KB number, a board's name, a date
_PLAIN = re.compile(r"[\w.:+-]{0,20}", re.ASCII)
# A shorter secret would turn half of any text into its name
_SHORTEST = 4
_PORTS = {"http": 80, "https": 443}


def missing(url: str, secrets: Mapping[str, str]) -> str:
    """Name the first ``${NAME}`` of ``url`` that no secret stands for; "" when there is none."""
    return next((name for name in _NAME.findall(url) if name not in secrets), "")


def expand(url: str, secrets: Mapping[str, str]) -> str:
    """Put the secrets in for their ``${NAME}``; unknown names stay."""
    return _NAME.sub(lambda found: secrets.get(found[1], found[0]), url)


def conceal(text: str, secrets: Mapping[str, str]) -> str:
    """Put ``${NAME}`` in place of every secret in ``text``, as it is or quoted for a URL.

    Longest first.
    """
    for name, value in sorted(secrets.items(), key=lambda item: -len(item[1])):
        if len(value) >= _SHORTEST:
            for form in {value, quote(value), quote(value, safe=""), quote_plus(value)}:
                text = text.replace(form, f"${{{name}}}")
    return text


def userinfo(url: str) -> tuple[str, str] | None:
    """Give name and password before the ``@``; None when there is neither."""
    before, at, _ = urlsplit(url).netloc.rpartition("@")
    name, _, password = before.partition(":")
    return (unquote(name), unquote(password)) if at else None


def without_userinfo(url: str) -> str:
    """Drop name and password, and the fragment, which never goes over the wire."""
    parts = urlsplit(url)
    return urlunsplit(
        parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment="")
    )


def folder(url: str) -> str:
    """Give the folder of ``url``, up to the last "/" of its path, without name and password; "" when it names no host or no path."""
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


def shown(url: str, secrets: Mapping[str, str]) -> str:
    """Give the form for failures and logs.

    The public one, query values that might be secret left out.
    """
    head, mark, query = public(url, secrets).partition("?")
    return head + mark + "&".join(_shown_field(field) for field in query.split("&"))


def _shown_field(field: str) -> str:
    name, equals, value = field.partition("=") if "=" in field else ("", "", field)
    harmless = bool(_PLAIN.fullmatch(value)) and not _TELLING.search(name)
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
        return f"{(parts.hostname or '').lower()}:{parts.port or _PORTS.get(parts.scheme.lower(), 0)}"
    except ValueError:
        return url


def host_name(url: str) -> str:
    """Give the host in lower case; "" when there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
