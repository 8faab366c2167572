"""Release labels: which update a row's name, a title or a sentence speaks of.

"Exchange Server 2019 CU14 Nov24SUv2", "Re-release of November 2024 Exchange Server
Security Update packages" and "November 2024 V2 Security Update for Exchange" name one
update.  Titles of other languages are brought to English first: a feed that is served by
the reader's country calls it "Veröffentlicht: Sicherheitsupdates für Exchange Server
(November 2024)".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from msgspec import Struct

from watcher.judgement.normalize.characters import fold
from watcher.judgement.normalize.dates import MONTH, MONTHS
from watcher.judgement.normalize.products import EXCHANGE, family, product, products_in
from watcher.records import Label

_ENGLISH_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
# January to December: German, French, Spanish, Italian, Dutch, Portuguese, Polish, Czech
_MONTHS = (
    "januar januari janvier enero gennaio janeiro styczeń stycznia leden ledna",
    "februar februari février febrero febbraio fevereiro luty lutego únor února",
    "märz maerz mars marzo maart março marzec marca březen března",
    "avril abril aprile kwiecień kwietnia duben dubna",
    "mai mayo maggio mei maio maj maja květen května",
    "juni juin junio giugno junho czerwiec czerwca červen června",
    "juli juillet julio luglio julho lipiec lipca červenec července",
    "août agosto augustus sierpień sierpnia srpen srpna",
    "septembre septiembre setiembre settembre setembro wrzesień września září",
    "oktober octobre octubre ottobre outubro październik października říjen října",
    "novembre noviembre novembro listopad listopadu listopada",
    "dezember décembre diciembre dicembre dezembro grudzień grudnia prosinec prosince",
)
_MONTH_NUMBERS = {
    name: number
    for number, names in enumerate(_MONTHS, start=1)
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTH_NUMBERS, key=len, reverse=True))
# "noviembre de 2024"
_TRANSLATED_MONTH = re.compile(
    rf"(?<!\w)(?P<month>{_MONTH})(?: del?| di)? (?P<year>20\d\d)(?!\d)", re.IGNORECASE
)
_JAPANESE_MONTH = re.compile(r"(?P<year>20\d\d) ?年 ?(?P<month>1[0-2]|0?[1-9]) ?月")
_TRANSLATED_SECURITY_UPDATE = (
    r"sicherheits-?(?:updates?|aktualisierung(?:en)?|patch(?:es)?)"
    r"|mises? à jour de (?:la )?sécurité"
    r"|actualizaci(?:ón|ones) de seguridad"
    r"|aggiornament[io] (?:della |di |per la )?(?:sicurezza|protezione)"
    r"|beveiligings-?updates?"
    r"|atualizaç(?:ão|ões) de segurança"
    r"|aktualizacj[aeię] zabezpieczeń"
    r"|aktualizac[eí] zabezpečení"
    r"|セキュリティ(?:更新(?:プログラム)?|アップデート)"
)
_TRANSLATED_CUMULATIVE_UPDATE = (
    r"kumulative[sn]? (?:updates?|aktualisierung(?:en)?)"
    r"|mises? à jour cumulatives?"
    r"|actualizaci(?:ón|ones) acumulativas?"
    r"|aggiornament[io] cumulativ[io]"
    r"|cumulatieve updates?"
    r"|atualizaç(?:ão|ões) cumulativas?"
    r"|aktualizacj[aeię] zbiorcz[aeych]{1,3}"
    r"|kumulativní aktualizac[eí]"
    r"|累積更新(?:プログラム)?"
)
_TRANSLATED_HOTFIX_UPDATE = r"hotfix-?(?:updates?|aktualisierung(?:en)?)"
_TRANSLATED_AGAIN = (
    r"(?:erneute?|neuerliche) (?:veröffentlichung|bereitstellung)"
    r"|(?:wieder|neu)veröffentlichung|erneut veröffentlicht"
    r"|republication|réédition|republicación|ripubblicazione|republicação"
)
_NAMES = (
    ("Security Update", _TRANSLATED_SECURITY_UPDATE),
    ("Cumulative Update", _TRANSLATED_CUMULATIVE_UPDATE),
    ("Hotfix Update", _TRANSLATED_HOTFIX_UPDATE),
    ("Re-release", _TRANSLATED_AGAIN),
)
_NAMED = tuple(
    (english, re.compile(rf"(?<![^\W\d_])(?:{names})(?![^\W\d_])", re.IGNORECASE))
    for english, names in _NAMES
)


def in_english(title: str) -> str:
    """Return a folded title with its months and kinds of updates in English.

    What is English already stays as it is.
    """
    for english, names in _NAMED:
        title = names.sub(english, title)
    title = _TRANSLATED_MONTH.sub(
        lambda found: _english(_MONTH_NUMBERS[found["month"].lower()], found["year"]),
        title,
    )
    return _JAPANESE_MONTH.sub(
        lambda found: f" {_english(int(found['month']), found['year'])} ", title
    )


def _english(month: int, year: str) -> str:
    return f"{_ENGLISH_MONTHS[month - 1]} {year}"


_SHORT_MONTH = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
# "Nov24SUv2", and drifted: "Dec2026SU", "Dec-26 SU", "Dec26OOB"
_TOKEN = re.compile(
    rf"(?P<month>{_SHORT_MONTH})[a-z]*[- ]?'?(?P<year>(?:20)?\d\d)[- ]?"
    r"(?P<type>SU|HU|OOB)(?!(?!v\d)[A-Z])",
    re.IGNORECASE,
)
_SECURITY_UPDATE = (
    r"Security(?: and Quality)? Updates?\b|(?-i:\bSUs?(?!(?!v\d)[A-Za-z]))"
)
_HOTFIX_UPDATE = r"Hotfix(?: Updates?| packages?)?\b|(?-i:\bHUs?(?!(?!v\d)[A-Za-z]))"
_CUMULATIVE_UPDATE = (
    r"Cumulative Updates?\b|(?-i:\bCUs?\b)"
    # So called in titles until 2021: "June 2021 Quarterly Exchange Updates"
    r"|Quarterly (?:Exchange )?(?:Server )?Updates?\b"
)
_PHRASE = re.compile(
    rf"(?P<SU>{_SECURITY_UPDATE})|(?P<HU>{_HOTFIX_UPDATE})|(?P<CU>{_CUMULATIVE_UPDATE})",
    re.IGNORECASE,
)
_SU_OR_HU = re.compile(rf"{_SECURITY_UPDATE}|{_HOTFIX_UPDATE}", re.IGNORECASE)
_CU = re.compile(_CUMULATIVE_UPDATE, re.IGNORECASE)
_DAY = r"(?:\d{1,2}(?:st|nd|rd|th)?)?"
_MONTH_OF_YEAR = re.compile(
    rf"\b(?P<month>{MONTH})\.? *{_DAY},? +(?P<year>20\d\d)\b"
    r"|\b(?P<iso>20\d\d-\d\d)(?!\d)",
    re.IGNORECASE,
)
# "after application of November SU": the year is that of the text
_FULL_DATE = re.compile(
    rf"\b{MONTH}\.? \d{{1,2}}(?:st|nd|rd|th)?, 20\d\d", re.IGNORECASE
)
_MONTH_ALONE = re.compile(
    rf"\b(?P<month>{MONTH})\b(?!\.?,? *\d)"
    r"(?=(?: \S+){0,3} (?:SUs?|HUs?|Updates?|Security|Hotfix|Cumulative)\b)",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"(?:\b|(?<=SU)|(?<=HU)|(?<=\d))-?(?:v|version )(?P<version>[1-9])(?![\w]|\.\d)",
    re.IGNORECASE,
)
# "Exchange Server version 5.5 SP4" is no fifth version of anything
_EDITION_CALLED_VERSION = re.compile(r"\bversion ([45]\.[05])\b", re.IGNORECASE)
_AGAIN = re.compile(r"\bre-?releas", re.IGNORECASE)
# "Update Rollup 8 v1 for Exchange Server 2010 SP3 (recalled)", December 2014
_RECALLED = re.compile(
    r"\((?:recalled|withdrawn|pulled|removed|retired|paused|no longer available)\b"
    r"[^)]*\)",
    re.IGNORECASE,
)
# "An update for Exchange Server 2019 CU15" is installed on that one, and does not make it
_UPDATE_FOR = re.compile(
    r"(?<!Cumulative )(?<!Quarterly )\b(?:updates?|fix(?:es)?|hotfix(?:es)?|patch(?:es)?)"
    r"(?: \w+)? (?:for|to) (?:Microsoft )?Exchange",
    re.IGNORECASE,
)
# A half year makes the row a cumulative update: "Exchange Server 2019 CU14 (2024H1)"
_HALF_YEAR = re.compile(r"\(20\d\d ?H[12]\)")
_PLAIN_ROW = re.compile(
    r"(?:Microsoft )?Exchange (?:\d{4} )?Server (?:version )?\S+"
    r"(?: Standard Edition)?(?: (?:post-)?(?:SP|Service Pack) ?\d+)?"
    r"(?: (?P<mark>RTM|Preview|Beta|Release Candidate)\b.*)?",
    re.IGNORECASE,
)
_TYPES_OF_MARKS = {"rtm": "RTM"}
# Of a product's name in one spelling
_LEVEL = re.compile(r" (?P<type>RU|CU)\d")
_SERVICE_PACK = re.compile(r" (?:post-)?SP")
_END_OF_SENTENCE = re.compile(r"[.!?;] ")
# Characters between a month or a version and the words "Security Update": a title's
# length
_REACH = 80


class NamedMonth(Struct, frozen=True):
    """A month that a text names, and where: "2024-11" of "November 2024"."""

    month: str
    start: int
    end: int
    # Its year is guessed
    alone: bool


class Subject(Struct, frozen=True):
    """Whose update a text speaks of; ``product`` is "" when it is several products'."""

    family: str
    product: str = ""


class MonthlyName(Struct, frozen=True):
    """The name of an update that bears a type and a month, and where it stands."""

    type: str
    month: str
    start: int
    end: int


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
    folded = _EDITION_CALLED_VERSION.sub(r"\1", in_english(fold(text)))
    name = next(_monthly_names(folded, near), None)
    if name is None:
        return _numbered_label(folded)
    return _monthly_label(folded, name, assumed)


def months_in(text: str, near: datetime | None = None) -> frozenset[str]:
    """Return the months of all updates that a text names by their month.

    ``near`` gives the year to those without.
    """
    folded = in_english(fold(text))
    return frozenset(name.month for name in _monthly_names(folded, near))


def type_in(text: str) -> str:
    """Return SU or HU where a name says so without its month: "... CU15 Hotfix"; else ""."""
    for phrase in _PHRASE.finditer(fold(text)):
        if phrase.lastgroup in {"SU", "HU"}:
            return str(phrase.lastgroup)
    return ""


def _monthly_names(folded: str, near: datetime | None) -> Iterator[MonthlyName]:
    """Give the updates that are named by their month.

    Those with a short name come first: "Nov24SUv2", then "November 2024 Security Update".
    """
    for token in _TOKEN.finditer(folded):
        month = f"20{token['year'][-2:]}-{_number(token):02d}"
        yield MonthlyName(token["type"].upper(), month, *token.span())
    for phrase in _PHRASE.finditer(folded):
        named = _nearest_month(folded, phrase, near)
        if named:
            start = min(named.start, phrase.start())
            end = max(named.end, phrase.end())
            yield MonthlyName(str(phrase.lastgroup), named.month, start, end)


def _monthly_label(folded: str, name: MonthlyName, assumed: str) -> Label | None:
    subject = _subject(folded, assumed)
    if subject is None:
        return None
    month = name.month
    version = _version(folded, name.start, name.end)
    # Of September 2026 is "version 2 of the security update ...: October 2, 2026": the
    # day on which a second version comes says nothing of its month
    if version > 1 and _FULL_DATE.search(folded[name.start : name.end]):
        return None
    # "June 2021 Cumulative Update 10 for Exchange Server 2019 CU10" has a name already
    if name.type == "CU" and "CU" in subject.product:
        month = ""
    return Label(
        family=subject.family,
        product=subject.product,
        type=name.type,
        month=month,
        version=version,
        pulled=bool(_RECALLED.search(folded)),
    )


def _subject(folded: str, assumed: str) -> Subject | None:
    """Return whose update a text with a month speaks of, None when it may be anybody's.

    Exchange comes first: of a post that names Windows Server, too, it is the subject.
    """
    products = products_in(folded)
    exchange = _exchanges_among(products)
    if exchange:
        # "Security Update For Exchange Server 2013, 2016, 2019" is none of them alone
        editions = [each for each in exchange if each != EXCHANGE]
        return Subject(EXCHANGE, editions[0] if len(editions) == 1 else "")
    if products:
        return Subject(family(products[0]))
    # "OWA stops working after installing July Security update", in a list of
    # Exchange's issues
    if assumed:
        return Subject(family(assumed))
    # "November 2024 Security Updates" may be anybody's; "Nov24SU" is Exchange's
    return Subject(EXCHANGE) if _TOKEN.search(folded) else None


def _exchanges_among(products: tuple[str, ...]) -> list[str]:
    return [each for each in products if family(each) == EXCHANGE]


def _nearest_month(
    folded: str, phrase: re.Match[str], near: datetime | None
) -> NamedMonth | None:
    """Find the month that belongs to "Security Update".

    One with its year comes first, then one before the words, then the nearest.
    """

    def rank(named: NamedMonth) -> tuple[bool, bool, int]:
        is_after = named.start >= phrase.end()
        return (named.alone, is_after, len(_between(folded, phrase, named)))

    reached = [
        named
        for named in _months_named(folded, near)
        if _belongs(_between(folded, phrase, named))
    ]
    return min(reached, key=rank, default=None)


def _months_named(folded: str, near: datetime | None) -> list[NamedMonth]:
    named = []
    for match in _MONTH_OF_YEAR.finditer(folded):
        month = match["iso"] or f"{match['year']}-{_number(match):02d}"
        named.append(NamedMonth(month, *match.span(), alone=False))
    if near is None:
        return named
    for match in _MONTH_ALONE.finditer(folded):
        number = _number(match)
        # "December Exchange Security Update", written in November, is last year's
        year = near.year if number <= near.month else near.year - 1
        named.append(NamedMonth(f"{year}-{number:02d}", *match.span(), alone=True))
    return named


def _number(match: re.Match[str]) -> int:
    return MONTHS[match["month"].lower()]


def _between(folded: str, phrase: re.Match[str], named: NamedMonth) -> str:
    if named.start < phrase.start():
        return folded[named.end : phrase.start()]
    return folded[phrase.end() : named.start]


def _belongs(between: str) -> bool:
    # "We met in May 2026. Security Updates for Exchange Server are a good thing"
    return len(between) <= _REACH and not _END_OF_SENTENCE.search(between)


def _version(folded: str, start: int, end: int) -> int:
    before = max(0, start - _REACH)
    found = _VERSION.search(folded[before : end + _REACH])
    if found:
        return int(found["version"])
    # "Re-release of November 2024 Exchange Server Security Update packages"
    return 2 if _AGAIN.search(folded[before:end]) else 1


def _numbered_label(folded: str) -> Label | None:
    """Label what is named by its number.

    Cumulative updates, rollups, service packs, first releases; Exchange's only.
    """
    # "Security Update For Exchange Server 2019 CU14 SU4": an update of an unknown
    # month, not the product it is for
    if _SU_OR_HU.search(folded) or _UPDATE_FOR.search(folded):
        return None
    exchange = _exchanges_among(products_in(folded))
    # An issue between two: "PrepareAD with Exchange 2016 CU21/Exchange 2019 CU10 error"
    if len(exchange) != 1:
        return None
    whole = product(folded)
    name = whole if family(whole) == EXCHANGE else exchange[0]
    kind = _type_by_number(folded, name)
    if not kind:
        return None
    # "Update Rollup 8 v2 for Exchange Server 2010 SP3"
    bears_level = bool(_LEVEL.search(name))
    return Label(
        family=EXCHANGE,
        # It may name no edition: "2025 H1 Cumulative Update for Exchange Server"
        product="" if name == EXCHANGE else name,
        type=kind,
        version=_version(folded, 0, len(folded)) if bears_level else 1,
        pulled=bool(_RECALLED.search(folded)),
    )


def _type_by_number(folded: str, name: str) -> str:
    """Return the type of what a text names by its number, "" when it names no update."""
    level = _LEVEL.search(name)
    if level:
        return level["type"]
    if _HALF_YEAR.search(folded) or _CU.search(folded):
        return "CU"
    # A row names its product and no more: "... SP3 reaches its end of support" is none
    row = _PLAIN_ROW.fullmatch(_RECALLED.sub("", folded).strip())
    if row is None or name == EXCHANGE:
        return ""
    if row["mark"]:
        return _TYPES_OF_MARKS.get(row["mark"].lower(), "Preview")
    # "Exchange Server 2003 post-SP2"
    return "SP" if _SERVICE_PACK.search(name) else ""
