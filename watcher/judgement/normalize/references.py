"""KB articles, advisories, addresses and builds: each in one spelling.

Microsoft writes one article as ``5044062``, ``KB5044062``, ``/help/5044062`` and
``/en-us/topic/...-kb5044062-...``, one download with ``familyID=`` or ``familyid=`` and
with or without a locale, and one build as ``15.2.1544.4``, ``15.02.1544.004`` and
``15.2.1544.04``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode, urlsplit

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
_DOWNLOAD_PATH = re.compile(r"/downloads?/", re.IGNORECASE)
_POST_PATH = re.compile(
    r"/(?:t5|blog|discussions?)/.*?/(?:ba-p/)?(\d{5,})/?$", re.IGNORECASE
)
# A comment has a number of its own, and is not the post
_COMMENT_PATH = "/bc-p/"
_SUPPORT = "support.microsoft.com"
_COMMUNITY = "techcommunity.microsoft.com"
_MOVED_HOSTS = {
    "docs.microsoft.com": "learn.microsoft.com",
    "microsoft.com": "www.microsoft.com",
}
_USUAL_PORTS = {None, 80, 443}


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
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        # "http://[", a port that is no number
        return text
    scheme = parts.scheme.lower()
    if not host or scheme not in {"http", "https"}:
        return text
    path, query = _path(parts.path), _query(parts.query)
    if f".{host}".endswith(".microsoft.com"):
        return _microsoft_link(host, path, query)
    shown_port = "" if port in _USUAL_PORTS else f":{port}"
    return _with_query(f"{scheme}://{host}{shown_port}{path}", query)


def download_page(url: str) -> str:
    """Return the one spelling of a Download Center's details page, a mirror's too.

    "" for any other address, a file's among them.
    """
    address = link(url)
    return address if _DETAILS_PAGE.match(address) else ""


def _path(path: str) -> str:
    segments = filter(None, path.split("/"))
    return "/" + "/".join(segments)


def _query(query: str) -> str:
    """Return a query's parameters in one order, without those that only track."""
    kept = []
    for name, value in parse_qsl(query):
        if not _TRACKING.fullmatch(name):
            kept.append((name, value))
    return urlencode(sorted(kept))


def _with_query(address: str, query: str) -> str:
    return f"{address}?{query}" if query else address


def _microsoft_link(host: str, path: str, query: str) -> str:
    """Spell an address of Microsoft's, by what its page is.

    ``https://support.microsoft.com/en-us/topic/...-kb5049233-...`` and
    ``http://support.microsoft.com/kb/5049233`` are
    ``https://support.microsoft.com/help/5049233``.
    """
    segments = [each for each in path.split("/") if not _LOCALE.fullmatch(each)]
    path = _path("/".join(segments))
    host = _MOVED_HOSTS.get(host, host)
    if host == _SUPPORT:
        article = kb(f"https://{host}{path}")
        if article:
            return f"https://{host}/help/{article.removeprefix('KB')}"
    # "/t5/exchange-team-blog/slug/ba-p/4561718", "/blog/exchange/another-slug/4561718"
    if host == _COMMUNITY and _COMMENT_PATH not in path:
        post = _POST_PATH.match(path)
        if post:
            return f"https://{host}/blog/{post[1]}"
    if host.startswith("www.") and _DOWNLOAD_PATH.match(path):
        return f"https://{host}/download/details.aspx?{_download(query)}"
    return _with_query(f"https://{host}{path}", query)


def _download(query: str) -> str:
    """Return the one parameter that names a download: its family or its id."""
    values = {name.lower(): value for name, value in parse_qsl(query)}
    named = values.get("id") or values.get("familyid")
    if not named:
        return query
    # "id=%7B9fbd842e-...%7D" is a family, too
    guid = _GUID.fullmatch(named)
    return f"familyid={guid[1].lower()}" if guid else f"id={named}"


_BUILD = re.compile(
    r"(?:(?:version|build|v)\.? *)?(\d{1,6}(?:\.\d{1,6}){2,3})", re.IGNORECASE
)
_BUILD_IN_PROSE = re.compile(r"(?<![\w.])\d{1,2}(?:\.\d{1,6}){3}(?![\w.]*\d)")
# No number of an IPv4 address is higher
_HIGHEST_OF_ADDRESS = 255


def build(text: str) -> str:
    """Return the short form ``15.2.1544.4`` of a build however padded.

    "" when ``text`` is no build.
    """
    found = _BUILD.fullmatch(fold(text))
    if found is None:
        return ""
    return ".".join(str(int(number)) for number in found[1].split("."))


# Servers are compared with every build of their product
@lru_cache(1 << 15)
def build_key(text: str) -> tuple[int, ...]:
    """Return a build's numbers, for comparing two builds of one product.

    () when ``text`` is no build.
    """
    short = build(text)
    if not short:
        return ()
    return tuple(map(int, short.split(".")))


def builds_in(text: str) -> tuple[str, ...]:
    """Return the builds that prose names, in its order.

    What reads as an IPv4 address is none.
    """
    found: dict[str, None] = {}
    for match in _BUILD_IN_PROSE.finditer(fold(text)):
        short = build(match[0])
        # "from 192.168.100.10": prose names addresses of servers, too
        if max(build_key(short)) > _HIGHEST_OF_ADDRESS:
            found[short] = None
    return tuple(found)
