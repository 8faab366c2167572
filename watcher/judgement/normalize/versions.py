"""Products with their version, as vendors write them: "ESXi 7.0 Update 3", "QTS 5.2.2.2950".

What is released under a version of its own is an update, though it has no KB article.
Which names are products is known from what is watched: its patterns name them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from watcher.judgement.normalize.characters import fold
from watcher.records import Watch

# A number alone names a product ("Exchange Server 2019", "vSphere 7"): a version has a
# dot, a level behind it, or is called one.
_LEVEL = (
    r"(?: (?:RTM )?(?:Update|Patch|Hotfix|SP|Service Pack|CU|Cumulative Update|RU"
    r"|Update Rollup|Maintenance Release|U|R|P|HF|MR) ?#?\d{1,3}[a-z]?(?![\w.]))"
)
_VERSION = (
    rf"(?:\d{{1,5}}(?:\.\d{{1,8}}){{0,4}}[a-z]?{_LEVEL}{{1,2}}"
    r"|\d{1,5}(?:\.\d{1,8}){1,4}(?:-\d{1,4}|[a-z]\d?)?"
    r"|version \d[\w.]{1,9})(?!\w|\.\d)"
)
_BEFORE = (
    r"(?P<before>(?:CU|Cumulative Update|Service Pack|SP|Update Rollup) ?#?\d{1,3})"
)
_WILD = re.compile(r"[*?\[]")
_SPELLED = (
    (re.compile(r"\b(?:cumulative update|cu) ?#?(?=\d)", re.IGNORECASE), "CU"),
    (re.compile(r"\b(?:service pack|sp) ?(?=\d)", re.IGNORECASE), "SP"),
    (re.compile(r"\b(?:update rollup|ru) ?(?=\d)", re.IGNORECASE), "RU"),
    (re.compile(r"\b(?:update|u) ?(?=\d)", re.IGNORECASE), "Update "),
    (re.compile(r" RTM\b"), ""),
)


def watched_versions_in(text: str, watch: Watch) -> tuple[str, ...]:
    """Return the watched versions that a text names, each in one spelling, in its order.

    A pattern names its product by how it begins: "ESXi*", "SQL Server 2022*".  Nothing is
    found for "*", which names none.
    """
    names = []
    for pattern in watch.products:
        begins = _WILD.split(pattern, maxsplit=1)[0].strip()
        names.append(re.sub(r" \d[\w.]*$", "", begins))
    found = versions_in(text, dict.fromkeys(filter(None, names)))
    return tuple(version for version in found if watch.wants(version))


def versions_in(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the versions of the products ``names`` that a text names, in its order.

    Each as one spelling: "Cumulative Update #7 for SQL Server 2019 RTM" and "SQL Server
    2019 CU7" are "SQL Server 2019 CU7".  Of two names that end in one version the
    shorter counts: "ESXi 7.0 Update 3" of "VMware ESXi 7.0 Update 3".
    """
    folded = fold(text)
    found: dict[int, tuple[int, str]] = {}
    for name in names:
        for match in _pattern(name).finditer(folded):
            start, end = match.span("name")[0], match.end()
            if end not in found or start > found[end][0]:
                found[end] = (start, _spelled(match))
    return tuple(dict.fromkeys(spelled for _, spelled in sorted(found.values())))


def is_version(name: str) -> bool:
    """Say whether a product's name is one with its version: "SQL Server 2019 CU7"."""
    return versions_in(name, (product_of(name),)) == (name,)


def product_of(version: str) -> str:
    """Return the product of a version's name: "SQL Server" of "SQL Server 2019 CU7"."""
    product = re.split(r" (?=\d)| version ", version, maxsplit=1)[0]
    return (
        version.split(" version ", maxsplit=1)[0] if " version " in version else product
    )


def version_name(version: str) -> str:
    """Return a version's name for comparing: "ESXi 7.0 Update 3" is "ESXi 7 Update 3"."""
    return re.sub(r"(?<=\d)\.0(?= update)", "", version.lower())


@lru_cache(maxsize=256)
def _pattern(name: str) -> re.Pattern[str]:
    escaped = re.escape(name).replace(r"\ ", r"\s")
    return re.compile(
        rf"(?:{_BEFORE} for (?:Microsoft )?)?(?<![\w.])(?P<name>{escaped}(?: [A-Z][\w+-]*){{0,3}}?"
        rf"(?: \d{{1,4}}(?=,? version ))?),? (?P<version>(?(before)\d{{4}}|{_VERSION}))",
        re.IGNORECASE if name.islower() else 0,
    )


def _spelled(match: re.Match[str]) -> str:
    version = match["version"]
    if match["before"]:
        version = f"{version} {match['before']}"
    for pattern, short in _SPELLED:
        version = pattern.sub(short, version)
    return f"{match['name']} {version}"
