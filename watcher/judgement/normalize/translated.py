"""Months and kinds of updates as titles of other languages name them, in English.

Case: a feed that is served by the reader's country calls November 2024's update
"Veröffentlicht: Sicherheitsupdates für Exchange Server (November 2024)".
"""

from __future__ import annotations

import re

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
_MONTH_OF_YEAR = re.compile(
    rf"(?<!\w)(?P<month>{_MONTH})(?: del?| di)? (?P<year>20\d\d)(?!\d)", re.IGNORECASE
)
_JAPANESE_MONTH = re.compile(r"(?P<year>20\d\d) ?年 ?(?P<month>1[0-2]|0?[1-9]) ?月")
_SECURITY_UPDATE = (
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
_CUMULATIVE_UPDATE = (
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
_HOTFIX_UPDATE = r"hotfix-?(?:updates?|aktualisierung(?:en)?)"
_AGAIN = (
    r"(?:erneute?|neuerliche) (?:veröffentlichung|bereitstellung)"
    r"|(?:wieder|neu)veröffentlichung|erneut veröffentlicht"
    r"|republication|réédition|republicación|ripubblicazione|republicação"
)
_NAMES = (
    ("Security Update", _SECURITY_UPDATE),
    ("Cumulative Update", _CUMULATIVE_UPDATE),
    ("Hotfix Update", _HOTFIX_UPDATE),
    ("Re-release", _AGAIN),
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
    title = _MONTH_OF_YEAR.sub(
        lambda found: _english(_MONTH_NUMBERS[found["month"].lower()], found["year"]),
        title,
    )
    return _JAPANESE_MONTH.sub(
        lambda found: f" {_english(int(found['month']), found['year'])} ", title
    )


def _english(month: int, year: str) -> str:
    return f"{_ENGLISH_MONTHS[month - 1]} {year}"
