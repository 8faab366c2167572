"""References in one spelling.

KB articles, builds, CVEs, links, dates, and text folded for comparison.

The facts behind each rule were measured on recordings of Microsoft's sources: one
build is written ``15.2.1544.4``, ``15.02.1544.004`` and ``15.2.1544.04``; one article
``5044062``, ``KB5044062``, ``/help/5044062`` and ``/en-us/topic/...-kb5044062-...``;
one download ``familyID=``, ``familyid=`` and with or without a locale.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"),
            ("february", "feb"),
            ("march", "mar"),
            ("april", "apr"),
            ("may",),
            ("june", "jun"),
            ("july", "jul"),
            ("august", "aug"),
            ("september", "sep", "sept"),
            ("october", "oct"),
            ("november", "nov"),
            ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}
MONTH = "(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + ")"

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_QUOTES = dict.fromkeys(map(ord, "\u2018\u2019\u201a\u201b\u00b4\u0060\u02bc"), "'")
_DOUBLE_QUOTES = dict.fromkeys(map(ord, "\u201c\u201d\u201e\u201f\u00ab\u00bb"), '"')
_UNSEEN = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"), "")
_CONTROLS = bytes((*range(32), 127))
_FOLDED = {**_DASHES, **_QUOTES, **_DOUBLE_QUOTES, **_UNSEEN, ord("\u2026"): "..."}

_BUILD = re.compile(
    r"(?:(?:version|build|v)\.? *)?(\d{1,6}(?:\.\d{1,6}){2,3})", re.IGNORECASE
)
_BUILD_IN_PROSE = re.compile(r"(?<![\w.])\d{1,2}(?:\.\d{1,6}){3}(?![\w.]*\d)")
_CVE = re.compile(
    r"(?<![\w-])CVE-\d{4}-\d{4,7}(?!\d)|(?<![\w-])ADV\d{6}(?!\d)", re.IGNORECASE
)
_KB_ALONE = re.compile(r"(?:KB[ -]?)?(\d{6,7})", re.IGNORECASE)
_KB_IN_PROSE = re.compile(
    r"(?<![A-Za-z])KB(?:[ _-]?|[ -]?articles? )(\d{6,7})(?!\d)"
    # "/help/5044062", and since 2026 "/servicing/exchange/server/update/2026/5129955"
    r"|support\.microsoft\.com/(?:[a-z]{2}(?:-[a-z]{2})?/)?(?:help|kb|topic)/(?:KB)?(\d{6,7})(?!\d)"
    r"|support\.microsoft\.com/(?:[a-z0-9-]{1,40}/){1,8}(\d{6,7})(?![\w-])"
    r"|(?<![\w./#=$-])([2-6]\d{6})(?![\w-]|[.,]\d)",
    re.IGNORECASE,
)
_PLACEHOLDERS = {"1234567", "123456", "7654321"}

_LOCALE = re.compile(r"[a-z]{2,3}(?:-[a-z]{4})?-[a-z]{2}", re.IGNORECASE)
_PLAIN_LINK = re.compile(r"https?://[a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/[A-Za-z0-9._~-]+)+")
_GUID = re.compile(
    r"\{?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\}?", re.IGNORECASE
)
_TRACKING = re.compile(
    r"utm_.*|wt\..*|ocid|fbclid|gclid|msclkid|mc_[ce]id|cmpid|icid|irgwc|displaylang",
    re.IGNORECASE,
)
_DETAILS_PAGE = re.compile(
    r"https?://[^/?#]+/(?:[a-z-]+/)?downloads?/details\.aspx\?", re.IGNORECASE
)
_POST_PATH = re.compile(
    r"/(?:t5|blog|discussions?)/.*?/(?:ba-p/)?(\d{5,})/?$", re.IGNORECASE
)
_DATES = (
    re.compile(
        rf"(?P<month>{MONTH})\.?,? *(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? +)?(?P<year>(?:19|20)\d\d)",
        re.IGNORECASE,
    ),
    re.compile(
        rf"(?P<day>\d{{1,2}}) +(?P<month>{MONTH})\.?,? +(?P<year>(?:19|20)\d\d)",
        re.IGNORECASE,
    ),
    re.compile(r"(?P<year>(?:19|20)\d\d)-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2}))?"),
    re.compile(r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>(?:19|20)\d\d)"),
)


# One text is asked for builds, CVEs, KB articles and products in turn
@lru_cache(16)
def fold(text: str) -> str:
    """Return ``text`` for comparison.

    One kind of space, hyphen and quote, nothing unseen; the case is kept.
    """
    plain = (
        text.replace("`", "'")
        if text.isascii()
        else unicodedata.normalize("NFC", text).translate(_FOLDED)
    )
    line = plain.replace("\n", " ")
    # Quicker than to take it apart
    if (
        "  " not in line
        and line.isascii()
        and line == line.strip()
        and not _holds(line, _CONTROLS)
    ):
        return line
    return " ".join(plain.split())


def digits_in(text: str) -> int:
    """Return how many digits a text has.

    Few have enough for a name, and looking for one costs ten times as much.
    """
    return _holds(text, b"0123456789")


def _holds(text: str, letters: bytes) -> int:
    raw = text.encode("utf-8", "replace")
    return len(raw) - len(raw.translate(None, letters))


def build(text: str) -> str:
    """Return the short form ``15.2.1544.4`` of a build however padded, "" when ``text`` is none."""
    found = _BUILD.fullmatch(fold(text))
    return ".".join(str(int(part)) for part in found[1].split(".")) if found else ""


# Servers are compared with every build of their product
@lru_cache(1 << 15)
def build_key(text: str) -> tuple[int, ...]:
    """Return a build's numbers, for comparing two of one product; () when ``text`` is no build."""
    short = build(text)
    return tuple(int(part) for part in short.split(".")) if short else ()


def builds_in(text: str) -> tuple[str, ...]:
    """Return the builds that prose names, in its order; what reads as an IPv4 address is none."""
    found = (build(match[0]) for match in _BUILD_IN_PROSE.finditer(fold(text)))
    return _unique(
        short for short in found if any(part > 255 for part in build_key(short))
    )


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
    if digits_in(text) < 6:
        return ()
    numbers = (
        next(filter(None, match.groups()))
        for match in _KB_IN_PROSE.finditer(fold(text))
    )
    return _unique(filter(None, map(_article, numbers)))


def cves_in(text: str) -> tuple[str, ...]:
    """Return the CVE and ADV numbers that a text names, in its order."""
    if digits_in(text) < 4:
        return ()
    folded = fold(text)
    lower = folded.lower()
    if "cve-" not in lower and "adv" not in lower:
        return ()
    return _unique(match[0].upper() for match in _CVE.finditer(folded))


def date(text: str) -> datetime | None:
    """Return the first date of ``text`` at 00:00 UTC, None when there is none.

    A date without a day is the month's first.

    Read are "August 11, 2026", "May25, 2004", "December, 2015", "August 2006", "11
    August 2026", ISO dates and the American 8/11/2026.
    """
    folded = fold(text)
    matches = sorted(
        filter(None, (form.search(folded) for form in _DATES)),
        key=lambda match: (match.start(), -match.end()),
    )
    return next(filter(None, map(_moment, matches)), None)


# A post's address is its name, its link and one of its links
@lru_cache(512)
def link(url: str) -> str:
    """Return one spelling of an address, for comparing: not meant to be opened.

    Locale, tracking parameters, fragment and the order of parameters are dropped; a
    download keeps its ``id`` or its ``familyid``; a post of the Tech Community its
    number; a KB article its number.
    """
    # As most are: there is nothing to settle
    if _PLAIN_LINK.fullmatch(url) and "microsoft.com/" not in url:
        return url
    text = fold(url).strip("()<> ")
    try:
        parts = urlsplit(text)
        host = (parts.hostname or "").rstrip(".")
        port = f":{parts.port}" if parts.port not in {None, 80, 443} else ""
    except ValueError:
        # "http://[", a port that is no number
        return text
    if not host or parts.scheme.lower() not in {"http", "https"}:
        return text
    path = "/" + "/".join(segment for segment in parts.path.split("/") if segment)
    query = urlencode(
        sorted(
            (name, value)
            for name, value in parse_qsl(parts.query)
            if not _TRACKING.fullmatch(name)
        )
    )
    if host == "microsoft.com" or host.endswith(".microsoft.com"):
        return _microsoft_link(host, path, query)
    return f"{parts.scheme.lower()}://{host}{port}{path}" + (
        f"?{query}" if query else ""
    )


def download_page(url: str) -> str:
    """Return the one spelling of a Download Center's details page, a mirror's too, "" for
    any other address, a file's among them.
    """
    address = link(url)
    return address if _DETAILS_PAGE.match(address) else ""


def _microsoft_link(host: str, path: str, query: str) -> str:
    path = "/" + "/".join(
        segment
        for segment in path.split("/")
        if segment and not _LOCALE.fullmatch(segment)
    )
    host = {
        "docs.microsoft.com": "learn.microsoft.com",
        "microsoft.com": "www.microsoft.com",
    }.get(host, host)
    article = kb(f"https://{host}{path}") if host == "support.microsoft.com" else ""
    if article:
        return f"https://{host}/help/{article.removeprefix('KB')}"
    post = (
        _POST_PATH.match(path)
        if host == "techcommunity.microsoft.com" and "/bc-p/" not in path
        else None
    )
    if post:
        return f"https://{host}/blog/{post[1]}"
    if host.startswith("www.") and re.match(r"/downloads?/", path, re.IGNORECASE):
        return f"https://{host}/download/details.aspx?{_download(query)}"
    return f"https://{host}{path}" + (f"?{query}" if query else "")


def _download(query: str) -> str:
    values = {name.lower(): value for name, value in parse_qsl(query)}
    for value in (values.get("id", ""), values.get("familyid", "")):
        guid = _GUID.fullmatch(value)
        if guid:
            return f"familyid={guid[1].lower()}"
        if value:
            return f"id={value}"
    return query


def _article(number: str) -> str:
    return "" if number in _PLACEHOLDERS or len(set(number)) == 1 else f"KB{number}"


def _moment(match: re.Match[str]) -> datetime | None:
    month = match["month"].lower()
    try:
        return datetime(
            int(match["year"]),
            MONTHS.get(month) or int(month),
            int(match["day"] or 1),
            tzinfo=UTC,
        )
    except ValueError:
        # 13/45/2024
        return None


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
