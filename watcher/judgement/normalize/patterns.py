"""Names of products as people write them, brought to the names that the watcher uses.

"Microsoft Exchange Server Subscription Edition*", "Exchange 2019*", "SQL 2022" and "Windows
11 24H2" are patterns for canonical names: "Exchange Server SE*", "Exchange Server 2019*",
"SQL Server 2022*" and "Windows 11 Version 24H2*".
"""

from __future__ import annotations

import re
from functools import lru_cache

from watcher.judgement.normalize.characters import fold
from watcher.judgement.normalize.products import product

_WILD = re.compile(r"[*?\[]")
_VENDOR = re.compile(r"^(?:microsoft|ms) (?=\S)", re.IGNORECASE)
# What people write, and how the name begins then; the first that fits.  Each leaves a
# canonical name as it is.
_SPELLED = (
    (r"exchange(?! (?:server|online))\b ?", "Exchange Server "),
    (r"exchange server (?:subscription edition|se)(?: rtm)?\b", "Exchange Server SE"),
    (r"(?:ms ?)?sql(?! server)(?: server)?\b ?", "SQL Server "),
    (r"mssql(?: server)?\b ?", "SQL Server "),
    (r"(?:windows )?server (?=20\d\d)", "Windows Server "),
    (r"win(?:dows)? ?(?:srv|server) (?=20\d\d)", "Windows Server "),
    (r"windows (?=20(?:08|12|16|19|22|25)\b)", "Windows Server "),
    (
        r"win(?:dows)? ?(1[01])\b,?(?: version)? (?=\d\d(?:\d\d|h\d))",
        r"Windows \1 Version ",
    ),
    (r"win ?(1[01])\b", r"Windows \1"),
    (
        r"windows server,? (?:version )?(?=(?:1[89]\d\d|2[0-3]h2)\b)",
        "Windows Server, version ",
    ),
    (
        r"sharepoint (?=20(?:16|19)\b|subscription edition|se\b)",
        "SharePoint Server ",
    ),
    (r"(?:dotnet|net(?= ?\d)) ?", ".NET "),
    (
        r"(?:office 365|m365|microsoft 365|365)(?: apps)?(?: for enterprise(?=\*?$))?",
        "365 Apps",
    ),
    (r"edge (?:chromium|stable)\b", "Edge"),
)
_RULES = tuple(
    (re.compile(rf"^{pattern}", re.IGNORECASE), name) for pattern, name in _SPELLED
)
_SHAREPOINT_SE = re.compile(r"^(SharePoint Server) SE\b", re.IGNORECASE)
_DOTNET = re.compile(r"^\.NET \d+$")
_EXCHANGE = "Exchange Server"
# "Exchange Server 2019 CU1" names that one, and "CU1*" ten others
_LEVEL = re.compile(r" (?:CU|RU|SP)\d+$|^[^.]+\d\.\d+$", re.IGNORECASE)
# R2 is a release of its own
_HAS_R2 = re.compile(
    r"^(?:Windows Server (?:2008|2012)|SQL Server 2008)$", re.IGNORECASE
)
# Of other vendors' names nobody knows what belongs to them
_FAMILIES = (
    "exchange server",
    "windows",
    "sql server",
    "sharepoint",
    ".net",
    "365 apps",
    "edge",
    "office",
    "visual studio",
    "dynamics 365",
)
# MSRC's records leave the vendor out of a name that begins with it
_APPS = "365 Apps"


@lru_cache(maxsize=1 << 10)
def patterns_of(text: str) -> tuple[str, ...]:
    """Return the shell patterns for canonical names that a written pattern stands for.

    One, in most cases; two where the sources have two names for one product, or where a
    name begins like another product's.
    """
    written = fold(text)
    wild = _WILD.search(written)
    begins = written[: wild.start()] if wild else written
    rest = written[wild.start() :] if wild else ""
    name = canonical(begins)
    if begins.endswith(" ") and name:
        name = f"{name} "
    if not rest and name:
        return _of_whole_name(name)
    return _with_vendor(f"{name}{rest}")


def _of_whole_name(name: str) -> tuple[str, ...]:
    """Return the patterns of a name that is written without any ``*``."""
    if _LEVEL.search(name) or not name.lower().startswith(_FAMILIES):
        return (name,)
    if _HAS_R2.match(name):
        return (name, f"{name} [!R]*")
    return _with_vendor(f"{name}*")


def _with_vendor(pattern: str) -> tuple[str, ...]:
    return (
        (f"Microsoft {pattern}", pattern) if pattern.startswith(_APPS) else (pattern,)
    )


def canonical(name: str) -> str:
    """Return the canonical name, or the beginning of one, that people write as ``name``."""
    plain = _VENDOR.sub("", fold(name))
    for rule, spelled in _RULES:
        renamed = rule.sub(spelled, plain, count=1)
        if renamed != plain:
            plain = renamed.strip()
            if not plain.startswith(_EXCHANGE):
                break
    plain = _SHAREPOINT_SE.sub(r"\1 Subscription Edition", plain)
    if _DOTNET.match(plain):
        plain = f"{plain}.0"
    if plain.startswith(f"{_EXCHANGE} "):
        plain = product(plain)
    return re.sub(r"(?<=Version )\d\dh\d", lambda found: found[0].upper(), plain)
