"""Product names in one spelling, from whatever form a source uses, and the family that a
product belongs to.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from watcher.judgement.normalize.references import fold
from watcher.records import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator


EXCHANGE = "Exchange Server"

_EDITION = r"(?:20\d\d(?!\d)|[45]\.[05]|SE(?![A-Za-z])|Subscription Edition)"
_NUMBERED = {
    "SP": r"(?:SP|Service Pack) ?(\d{1,2})(?![\d.])",
    "CU": r"(?:CU|Cumulative Update) ?(\d{1,3})(?![\d.])",
    "RU": r"(?:RU|(?:Update )?Rollup) ?(\d{1,2})(?![\d.])",
}
# What follows a product's name where a pattern is more exact than the name
_EDITION_OR_LEVEL = re.compile(
    r"v?\d|[*?\[(]|(?:version|for|se|rtm)\b|(?:cu|sp|ru) ?[\d*?\[]"
    r"|(?:datacenter|enterprise|essentials|standard|professional|subscription)\b",
    re.IGNORECASE,
)
_LEVELS = {
    name: re.compile(pattern, re.IGNORECASE) for name, pattern in _NUMBERED.items()
}
_LEVEL = r"(?:(?:SP|CU|RU|Service Pack|Cumulative Update|Update Rollup) ?\d{1,3}(?![\d.])|RTM)"
_SERVER = re.compile(
    rf"Exchange (?:Server )?(?:\(?version )?(?P<edition>{_EDITION})", re.IGNORECASE
)
_MENTION = re.compile(
    rf"(?:(?P<before>(?:CU|RU|Cumulative Update|Update Rollup) ?\d{{1,3}}) ?(?:-?v\d )?for (?:Microsoft )?)?"
    rf"Exchange (?:Server )?(?P<edition>{_EDITION})(?: Server)?(?: \(SE\))?(?P<levels>(?:[ ,]*{_LEVEL})*)",
    re.IGNORECASE,
)
_FURTHER = re.compile(
    rf" ?(?:,|/|&|\band\b|\bor\b) ?(?:(?:and|or|&) )?(?:(?P<edition>{_EDITION})(?P<levels>(?: {_LEVEL})*)|(?P<level>{_LEVEL}))",
    re.IGNORECASE,
)
_UNVERSIONED = re.compile(
    r"\bExchange (?:Servers?|Team|On-Prem\w*|Security|Hotfix|Cumulative|SUs?|HUs?|CUs?|Updates?)\b",
    re.IGNORECASE,
)

_OFFICE = "Office|365 Apps|Excel|Word|Outlook|PowerPoint|Visio|Project|Access|Publisher|OneNote"
_FAMILIES = (
    (re.compile(r"Exchange Server\b"), EXCHANGE),
    (
        re.compile(r".* on (?:Azure Linux|CBL[ -]Mariner)\b.*", re.IGNORECASE),
        "Azure Linux",
    ),
    (
        re.compile(
            r"Windows(?: Server)?(?:,? version\b| \d| RT\b| Vista\b| XP\b|$)",
            re.IGNORECASE,
        ),
        "Windows",
    ),
    (re.compile(r"SharePoint\b"), "SharePoint"),
    (re.compile(rf"(?:{_OFFICE})\b"), "Office"),
    (re.compile(r"Edge\b"), "Edge"),
    (re.compile(r"Dynamics 365\b"), "Dynamics 365"),
)
_END_OF_FAMILY = re.compile(
    r",? (?:for|on|version|in|and|RTM|Preview)\b.*|,? v?\d.*| ?\(.*| - .*",
    re.IGNORECASE,
)
_OTHERS_IN_PROSE = re.compile(
    r"\b(?:Windows Server(?:,? version)? ?\d\w*(?: R2)?|Windows Server|Windows 1[01]|SharePoint (?:Server )?(?:\d{4}|Subscription Edition)"
    r"|SharePoint(?: Server)?|SQL Server(?: \d{4})?|(?:Microsoft )Office(?: \d{4})?|(?:Microsoft )Edge|(?:Microsoft )Outlook(?: \d{4})?"
    r"|Dynamics 365|Visual Studio(?: Code| \d{4})?|Skype for Business(?: Server)?(?: \d{4})?|Azure DevOps Server(?: \d{4})?)\b"
    r"|(?<!\w)\.NET(?: Framework| Core)?(?: \d[\d.]*\d)?(?!\w)"
)

_OTHERS = (
    "Windows ",
    "SharePoint",
    "SQL Server",
    "Office",
    "Edge",
    "Outlook",
    "Dynamics 365",
    "Visual Studio",
    "Skype",
    "DevOps",
    ".NET",
)


# Every copy of a document has the same products again
@lru_cache(maxsize=1 << 12)
def product(name: str) -> str:
    """Return the canonical name of one product.

    "Microsoft Exchange Server 2010 Service Pack 3 Update Rollup 31" and "Update Rollup
    31 for Exchange Server 2010 SP3" are "Exchange Server 2010 SP3 RU31"; release
    labels, "RTM", "(2024H1)" and "v2" are no part of a product's name. Of other
    products only "Microsoft" and surplus spaces go.
    """
    folded = fold(name)
    if re.fullmatch(r"(?:Microsoft )?Exchange(?: Server)?", folded, re.IGNORECASE):
        return EXCHANGE
    spelled = re.sub(
        r"\bExchange (20\d\d) Server\b",
        r"Exchange Server \1",
        folded,
        flags=re.IGNORECASE,
    )
    found = _SERVER.search(spelled)
    if not found:
        plain = re.sub(r"^Microsoft (?=\S)", "", folded)
        return re.sub(
            r"\(Server Core installation\)",
            "(Server Core installation)",
            plain,
            flags=re.IGNORECASE,
        )
    levels = spelled[: found.start()] + " " + spelled[found.end() :]
    return _exchange(found["edition"], levels)


@lru_cache(maxsize=1 << 12)
def family(product: str) -> str:
    """Return the family of a product.

    "Exchange Server", "Windows", "Office", else the first words of its name.
    """
    name = re.sub(r"^Microsoft (?=\S)", "", fold(product))
    for pattern, title in _FAMILIES:
        if pattern.match(name):
            return title
    return _END_OF_FAMILY.sub("", name, count=1).strip() or name


def is_linux(product: str) -> bool:
    """Say whether this is one of the Linux packages that MSRC lists by the thousand."""
    return family(product) == "Azure Linux"


def concerns(watch: Watch, name: str, *, linux: bool = False) -> bool:
    """Say whether a product is watched, or may be.

    A name without its edition or its level concerns a watch for one of them: KEV says
    "Exchange Server" where ``watch`` says "Exchange Server 2019*", and prose says
    "Exchange Server 2016" of its Cumulative Update 23.
    """
    if watch.wants(name, linux=linux):
        return True
    start = f"{name.lower()} "
    for pattern in watch.products:
        if not pattern.lower().startswith(start):
            continue
        # Windows Server 2012 R2 is another product than Windows Server 2012
        if name == family(name) or _EDITION_OR_LEVEL.match(pattern, len(start)):
            return True
    return False


def products_in(text: str) -> tuple[str, ...]:
    """Return the products that prose names, in its order.

    An Exchange Server of no edition only when there is none with one.
    """
    folded = fold(text)
    found: list[str] = []
    if "exchange" in folded.lower():
        found.extend(_exchanges_in(folded))
        if not found and _UNVERSIONED.search(folded):
            found.append(EXCHANGE)
    if any(name in folded for name in _OTHERS):
        found.extend(product(match[0]) for match in _OTHERS_IN_PROSE.finditer(folded))
    return tuple(dict.fromkeys(found))


def _exchanges_in(folded: str) -> Iterator[str]:
    position = 0
    while mention := _MENTION.search(folded, position):
        edition, position = mention["edition"], mention.end()
        yield _exchange(edition, f"{mention['before'] or ''} {mention['levels']}")
        while further := _FURTHER.match(folded, position):
            edition, position = further["edition"] or edition, further.end()
            yield _exchange(edition, further["levels"] or further["level"] or "")


def _exchange(edition: str, levels: str) -> str:
    words = [EXCHANGE, edition if edition[0].isdigit() else "SE"]
    for level, pattern in _LEVELS.items():
        found = pattern.search(levels)
        if found:
            after = (
                "post-"
                if re.search(r"post-$", levels[: found.start()], re.IGNORECASE)
                else ""
            )
            words.append(f"{after}{level}{int(found[1])}")
    if re.search(r"\bPreview\b", levels, re.IGNORECASE):
        words.append("Preview")
    return " ".join(words)
