"""KB articles and advisories by their numbers.

Microsoft writes one article as ``5044062``, ``KB5044062``, ``/help/5044062`` and
``/en-us/topic/...-kb5044062-...``.
"""

from __future__ import annotations

import re

from watcher.judgement.normalize.characters import digits_in, fold

_CVE = re.compile(
    r"(?<![\w-])CVE-\d{4}-\d{4,7}(?!\d)|(?<![\w-])ADV\d{6}(?!\d)", re.IGNORECASE
)
_KB_ALONE = re.compile(r"(?:KB[ -]?)?(\d{6,7})", re.IGNORECASE)
_KB_WITH_LETTERS = r"(?<![A-Za-z])KB(?:[ _-]?|[ -]?articles? )(\d{6,7})(?!\d)"
_SUPPORT = r"support\.microsoft\.com/"
_LANGUAGE = r"(?:[a-z]{2}(?:-[a-z]{2})?/)?"
_SUPPORT_ADDRESS = (
    rf"{_SUPPORT}{_LANGUAGE}(?:help|kb|topic)/(?:KB)?(\d{{6,7}})(?!\d)"
    # Since 2026: "/servicing/exchange/server/update/2026/5129955"
    rf"|{_SUPPORT}(?:[a-z0-9-]{{1,40}}/){{1,8}}(\d{{6,7}})(?![\w-])"
)
# "Monthly Rollups 4022719, 4022724" have no "KB", but "post/4341892" is a post and
# "1544062.5" no article
_KB_BARE = r"(?<![\w./#=$-])([2-6]\d{6})(?![\w-]|[.,]\d)"
_KB_IN_PROSE = re.compile(
    rf"{_KB_WITH_LETTERS}|{_SUPPORT_ADDRESS}|{_KB_BARE}", re.IGNORECASE
)
# The table of builds led to "help/1234567" for Jul21SU until its article was there
_PLACEHOLDERS = {"1234567", "123456", "7654321"}
_FEWEST_DIGITS_OF_KB = 6
_FEWEST_DIGITS_OF_CVE = 4


def kb(text: str) -> str:
    """Return ``KB5044062`` for a number, a name or an address of a KB article.

    "" when there is none, or a placeholder.
    """
    folded = fold(text)
    alone = _KB_ALONE.fullmatch(folded)
    if alone:
        return _article(alone[1])
    found = kbs_in(folded)
    return found[0] if found else ""


def kbs_in(text: str) -> tuple[str, ...]:
    """Return the KB articles that a text or an address names, in its order."""
    if digits_in(text) < _FEWEST_DIGITS_OF_KB:
        return ()
    matches = _KB_IN_PROSE.finditer(fold(text))
    articles = [_article(str(match[match.lastindex or 0])) for match in matches]
    return tuple(dict.fromkeys(filter(None, articles)))


def cves_in(text: str) -> tuple[str, ...]:
    """Return the CVE and ADV numbers that a text names, in its order."""
    if digits_in(text) < _FEWEST_DIGITS_OF_CVE:
        return ()
    found = _CVE.finditer(fold(text))
    return tuple(dict.fromkeys(match[0].upper() for match in found))


def _article(number: str) -> str:
    """Return the name of the article that bears a number, "" when it is no article's.

    "1234567" stood where that of Jul21SU was still to come.
    """
    is_one_digit = len(set(number)) == 1
    if is_one_digit or number in _PLACEHOLDERS:
        return ""
    return f"KB{number}"
