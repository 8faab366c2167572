"""Release labels: which update a row's name, a title or a sentence speaks of.

"Exchange Server 2019 CU14 Nov24SUv2", "Re-release of November 2024 Exchange Server
Security Update packages" and "November 2024 V2 Security Update for Exchange" name one
update.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from watcher.judgement.normalize.products import EXCHANGE, family, product, products_in
from watcher.judgement.normalize.references import MONTH, MONTHS, fold
from watcher.records import Label

if TYPE_CHECKING:
    from datetime import datetime

_SHORT_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
# "Nov24SUv2", and drifted: "Dec2026SU", "Dec-26 SU", "Dec26OOB"
_TOKEN = re.compile(
    rf"(?P<month>{_SHORT_MONTH})[a-z]*[- ]?'?(?P<year>(?:20)?\d\d)[- ]?(?P<type>SU|HU|OOB)"
    r"(?!(?!v\d)[A-Z])",
    re.IGNORECASE,
)
_PHRASES = {
    "SU": r"Security(?: and Quality)? Updates?\b|(?-i:\bSUs?(?!(?!v\d)[A-Za-z]))",
    "HU": r"Hotfix(?: Updates?| packages?)?\b|(?-i:\bHUs?(?!(?!v\d)[A-Za-z]))",
    "CU": r"Cumulative Updates?\b|(?-i:\bCUs?\b)|Quarterly (?:Exchange )?(?:Server )?Updates?\b",
}
_PHRASE = re.compile(
    "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in _PHRASES.items()),
    re.IGNORECASE,
)
_MONTH_OF_YEAR = re.compile(
    rf"\b(?P<month>{MONTH})\.? *(?:\d{{1,2}}(?:st|nd|rd|th)?)?,? +(?P<year>20\d\d)\b|\b(?P<iso>20\d\d-\d\d)(?!\d)",
    re.IGNORECASE,
)
_MONTH_ALONE = re.compile(
    rf"\b(?P<month>{MONTH})\b(?!\.?,? *\d)(?=(?: \S+){{0,3}} (?:SUs?|HUs?|Updates?|Security|Hotfix|Cumulative)\b)",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"(?:\b|(?<=SU)|(?<=HU)|(?<=\d))-?(?:v|version )(?P<version>[1-9])(?![\w]|\.\d)",
    re.IGNORECASE,
)
_AGAIN = re.compile(r"\bre-?releas", re.IGNORECASE)
_RECALLED = re.compile(
    r"\((?:recalled|withdrawn|pulled|removed|retired|paused|no longer available)\b[^)]*\)",
    re.IGNORECASE,
)
_HALF_YEAR = re.compile(r"\(20\d\d ?H[12]\)")
_PLAIN_ROW = re.compile(
    r"(?:Microsoft )?Exchange (?:\d{4} )?Server (?:version )?\S+"
    r"(?: Standard Edition)?(?: (?:post-)?(?:SP|Service Pack) ?\d+)?(?: (?P<mark>RTM|Preview|Beta|Release Candidate)\b.*)?",
    re.IGNORECASE,
)
# Characters between a month or a version and the words "Security Update": a title's
# length
_REACH = 80


# Every copy of a table has the same rows again
@lru_cache(maxsize=1 << 12)
def label(text: str, near: datetime | None = None, assumed: str = "") -> Label | None:
    """Return the release label that a name, a title or a sentence speaks of.

    None when it speaks of none.

    ``near`` gives the year to "November Security Update": the newest November not
    after it.  ``assumed`` is the family of a text that names none, for a source that
    has one subject. A cumulative update is named by its ``product``; only where a text
    names none ("September 2021 Cumulative Updates") its label bears the month.
    """
    folded = _VERSIONLESS_EDITION.sub(r"\1", fold(text))
    dated = _dated(folded, near)
    if dated is None:
        return _named(folded)
    kind, month, start, end = dated
    about = products_in(folded) or (assumed,) * bool(assumed)
    exchange = tuple(name for name in about if family(name) == EXCHANGE)
    if not about and not _TOKEN.search(folded):
        return None
    named = [name for name in exchange if name != EXCHANGE]
    return Label(
        family=EXCHANGE if exchange or not about else family(about[0]),
        product=named[0] if len(named) == 1 else "",
        type=kind,
        month="" if kind == "CU" and len(named) == 1 and "CU" in named[0] else month,
        version=_version(folded, start, end),
        pulled=bool(_RECALLED.search(folded)),
    )


_VERSIONLESS_EDITION = re.compile(r"\bversion ([45]\.[05])\b", re.IGNORECASE)


def _dated(folded: str, near: datetime | None) -> tuple[str, str, int, int] | None:
    """Find an update that is named by its month.

    Its type, its month, and where in the text it stands.
    """
    token = _TOKEN.search(folded)
    if token:
        month = f"20{token['year'][-2:]}-{MONTHS[token['month'].lower()]:02d}"
        return token["type"].upper(), month, token.start(), token.end()
    for phrase in _PHRASE.finditer(folded):
        kind = str(phrase.lastgroup)
        found = _month_by(folded, phrase, near)
        if found:
            return (
                kind,
                found[0],
                min(found[1], phrase.start()),
                max(found[2], phrase.end()),
            )
    return None


def months_in(text: str, near: datetime | None = None) -> frozenset[str]:
    """Return the months of all updates that a text names by their month.

    ``near`` gives the year to those without.
    """
    folded = fold(text)
    tokens = {
        f"20{token['year'][-2:]}-{MONTHS[token['month'].lower()]:02d}"
        for token in _TOKEN.finditer(folded)
    }
    found = (_month_by(folded, phrase, near) for phrase in _PHRASE.finditer(folded))
    return frozenset(tokens | {each[0] for each in found if each})


def _month_by(
    folded: str, phrase: re.Match[str], near: datetime | None
) -> tuple[str, int, int] | None:
    reached = []
    for form in (_MONTH_OF_YEAR, _MONTH_ALONE):
        for match in form.finditer(folded):
            between = (
                folded[match.end() : phrase.start()]
                if match.start() < phrase.start()
                else folded[phrase.end() : match.start()]
            )
            month = _month(match, near)
            if month and len(between) <= _REACH and not re.search(r"[.!?;] ", between):
                after = match.start() >= phrase.end()
                reached.append(
                    (
                        (form is _MONTH_ALONE, after, len(between)),
                        (month, match.start(), match.end()),
                    )
                )
    return min(reached)[1] if reached else None


def _month(match: re.Match[str], near: datetime | None) -> str:
    groups = match.groupdict()
    if groups.get("iso"):
        return str(groups["iso"])
    number = MONTHS[groups["month"].lower()]
    if groups.get("year"):
        return f"{groups['year']}-{number:02d}"
    if near is None:
        return ""
    return f"{near.year if number <= near.month else near.year - 1}-{number:02d}"


def _version(folded: str, start: int, end: int) -> int:
    around = folded[max(0, start - _REACH) : end + _REACH]
    found = _VERSION.search(around)
    if found:
        return int(found["version"])
    return 2 if _AGAIN.search(folded[max(0, start - _REACH) : end]) else 1


def _is_named(folded: str) -> bool:
    return family(product(folded)) == EXCHANGE


def _named(folded: str) -> Label | None:
    """Label what is named by its number.

    Cumulative updates, rollups, service packs, first releases; Exchange's only.
    """
    if re.search(_PHRASES["SU"] + "|" + _PHRASES["HU"], folded, re.IGNORECASE):
        # An update of an unknown month, not the product it is for
        return None
    about = [name for name in products_in(folded) if family(name) == EXCHANGE]
    if len(about) > 1:
        return None
    if not about:
        return None
    name = product(folded) if _is_named(folded) else about[0]
    pulled = bool(_RECALLED.search(folded))
    for kind in ("RU", "CU"):
        if re.search(rf" {kind}\d", name):
            return Label(
                EXCHANGE,
                name,
                kind,
                version=_version(folded, 0, len(folded)),
                pulled=pulled,
            )
    if _HALF_YEAR.search(folded) or re.search(_PHRASES["CU"], folded, re.IGNORECASE):
        return Label(EXCHANGE, name if name != EXCHANGE else "", "CU", pulled=pulled)
    row = _PLAIN_ROW.fullmatch(_RECALLED.sub("", folded).strip())
    if row is None or name == EXCHANGE:
        return None
    mark = (row["mark"] or "").lower()
    kind = {"rtm": "RTM", "": "SP" if " SP" in name or "post-SP" in name else ""}.get(
        mark, "Preview"
    )
    return Label(EXCHANGE, name, kind, pulled=pulled) if kind else None
