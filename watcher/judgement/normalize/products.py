"""Product names in one spelling, from whatever form a source or a person uses, and the family
that a product belongs to.

Products with their version stand behind them, as vendors write them: "ESXi 7.0 Update 3",
"QTS 5.2.2.2950".  What is released under a version of its own is an update, though it has
no KB article.  Which names are products is known from what is watched: its patterns name
them, and people write those as they speak: "Exchange 2019*", "SQL 2022", "Windows 11 24H2".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from watcher.judgement.normalize.characters import fold
from watcher.records import Watch

EXCHANGE = "Exchange Server"
AZURE_LINUX = "Azure Linux"

_EDITION = r"(?:20\d\d(?!\d)|[45]\.[05]|SE(?![A-Za-z])|Subscription Edition)"
# What follows a product's name where a pattern is more exact than the name
_EDITION_OR_LEVEL = re.compile(
    r"v?\d|[*?\[(]|(?:version|for|se|rtm)\b|(?:cu|sp|ru) ?[\d*?\[]"
    r"|(?:datacenter|enterprise|essentials|standard|professional|subscription)\b",
    re.IGNORECASE,
)
_LEVELS = {
    "SP": re.compile(r"(?:SP|Service Pack) ?(\d{1,2})(?!\d|\.\d)", re.IGNORECASE),
    "CU": re.compile(r"(?:CU|Cumulative Update) ?(\d{1,3})(?!\d|\.\d)", re.IGNORECASE),
    "RU": re.compile(r"(?:RU|(?:Update )?Rollup) ?(\d{1,2})(?!\d|\.\d)", re.IGNORECASE),
}
_LEVEL = (
    r"(?:(?:SP|CU|RU|Service Pack|Cumulative Update|Update Rollup) ?\d{1,3}(?!\d|\.\d)"
    r"|RTM)"
)
# "CU 14 for Exchange 2019", "Update Rollup 8-v2 forExchange Server 2007 SP3"
_LEVEL_BEFORE = (
    r"(?:(?P<before>(?:CU|RU|Cumulative Update|Update Rollup) ?\d{1,3})"
    r" ?(?:-?v\d )?for (?:Microsoft )?)?"
)
_SERVER = re.compile(
    rf"Exchange (?:Server )?(?:\(?version )?(?P<edition>{_EDITION})", re.IGNORECASE
)
_MENTION = re.compile(
    rf"{_LEVEL_BEFORE}Exchange (?:Server )?(?P<edition>{_EDITION})(?: Server)?"
    rf"(?: \(SE\))?(?P<levels>(?:[ ,]*{_LEVEL})*)",
    re.IGNORECASE,
)
# "Exchange Server 2019 CU13 and CU14, 2016 CU23" are three
_FURTHER = re.compile(
    r" ?(?:,|/|&|\band\b|\bor\b) ?(?:(?:and|or|&) )?"
    rf"(?:(?P<edition>{_EDITION})(?P<levels>(?: {_LEVEL})*)|(?P<level>{_LEVEL}))",
    re.IGNORECASE,
)
# Not "a key exchange, and the Stack Exchange"
_UNVERSIONED = re.compile(
    r"\bExchange (?:Servers?|Team|On-Prem\w*|Security|Hotfix|Cumulative|SUs?|HUs?|CUs?"
    r"|Updates?)\b",
    re.IGNORECASE,
)
_UNVERSIONED_NAME = re.compile(r"(?:Microsoft )?Exchange(?: Server)?", re.IGNORECASE)
# "Exchange 2000 Server SP3"
_EDITION_BEFORE_SERVER = re.compile(r"\bExchange (20\d\d) Server\b", re.IGNORECASE)
# "Exchange Server 2003 post-SP2" comes after the service pack
_POST = re.compile(r"post-$", re.IGNORECASE)
_PREVIEW = re.compile(r"\bPreview\b", re.IGNORECASE)
_VENDOR = re.compile(r"^Microsoft (?=\S)")
_SERVER_CORE = re.compile(r"\(Server Core installation\)", re.IGNORECASE)

_OFFICE = (
    "Office|365 Apps|Excel|Word|Outlook|PowerPoint|Visio|Project|Access|Publisher"
    "|OneNote"
)
_WINDOWS = r"Windows(?: Server)?(?:,? version\b| \d| RT\b| Vista\b| XP\b|$)"
_FAMILIES = (
    (re.compile(r"Exchange Server\b"), EXCHANGE),
    # MSRC lists them by the thousand: "cm1 vim 9.0.1189-1 on CBL Mariner 1.0"
    (
        re.compile(r".* on (?:Azure Linux|CBL[ -]Mariner)\b.*", re.IGNORECASE),
        AZURE_LINUX,
    ),
    (re.compile(_WINDOWS, re.IGNORECASE), "Windows"),
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
    r"\b(?:Windows Server(?:,? version)? ?\d\w*(?: R2)?|Windows Server"
    r"(?! Update Services)|Windows 1[01]"
    r"|SharePoint (?:Server )?(?:\d{4}|Subscription Edition)|SharePoint(?: Server)?"
    r"|SQL Server(?: \d{4})?|(?:Microsoft )Office(?: \d{4})?|(?:Microsoft )Edge"
    r"|(?:Microsoft )Outlook(?: \d{4})?|Dynamics 365|Visual Studio(?: Code| \d{4})?"
    r"|Skype for Business(?: Server)?(?: \d{4})?|Azure DevOps Server(?: \d{4})?)\b"
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
    if _UNVERSIONED_NAME.fullmatch(folded):
        return EXCHANGE
    spelled = _EDITION_BEFORE_SERVER.sub(r"Exchange Server \1", folded)
    found = _SERVER.search(spelled)
    if found is None:
        plain = _VENDOR.sub("", folded)
        # MSRC writes both "installation" and "Installation"
        return _SERVER_CORE.sub("(Server Core installation)", plain)
    # "Update Rollup 31 for Exchange Server 2010 SP3" has a level on either side
    levels = spelled[: found.start()] + " " + spelled[found.end() :]
    return _exchange(found["edition"], levels)


@lru_cache(maxsize=1 << 12)
def family(product: str) -> str:
    """Return the family of a product.

    "Exchange Server", "Windows", "Office", else the first words of its name.
    """
    name = _VENDOR.sub("", fold(product))
    for pattern, title in _FAMILIES:
        if pattern.match(name):
            return title
    return _END_OF_FAMILY.sub("", name, count=1).strip() or name


def is_linux(product: str) -> bool:
    """Say whether this is one of the Linux packages that MSRC lists by the thousand."""
    return family(product) == AZURE_LINUX


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


def is_named(product: str, names: Iterable[str]) -> bool:
    """Say whether one of the names is the product's, more exact than it or less.

    Prose says "Exchange Server 2019" of an update for its CU14, and a post for "Exchange
    Server 2019 CU14" is one for "Exchange Server 2019".
    """
    folded = product.lower()
    for name in names:
        other = name.lower()
        if other in folded or folded in other:
            return True
    return False


def products_in(text: str) -> tuple[str, ...]:
    """Return the products that prose names, in its order.

    An Exchange Server of no edition only when there is none with one.
    """
    folded = fold(text)
    found: list[str] = []
    # Most sentences name no product. To look first takes a third of the patterns' time
    if "exchange" in folded.lower():
        found.extend(_exchanges_in(folded))
        if not found and _UNVERSIONED.search(folded):
            found.append(EXCHANGE)
    if any(name in folded for name in _OTHERS):
        found.extend(map(product, _OTHERS_IN_PROSE.findall(folded)))
    return tuple(dict.fromkeys(found))


def _exchanges_in(folded: str) -> Iterator[str]:
    """Give each Exchange Server that prose names, an edition before its levels.

    A level alone is of the edition before it: "Exchange Server 2019 CU13 and CU14".
    """
    position = 0
    while mention := _MENTION.search(folded, position):
        position = mention.end()
        named = mention.groupdict("")
        edition = named["edition"]
        yield _exchange(edition, f"{named['before']} {named['levels']}")
        while further := _FURTHER.match(folded, position):
            position = further.end()
            named = further.groupdict("")
            edition = named["edition"] or edition
            yield _exchange(edition, named["levels"] + named["level"])


def _exchange(edition: str, levels: str) -> str:
    words = [EXCHANGE, edition if edition[0].isdigit() else "SE"]
    for level, pattern in _LEVELS.items():
        found = pattern.search(levels)
        if found:
            post = "post-" if _POST.search(levels[: found.start()]) else ""
            words.append(f"{post}{level}{int(found[1])}")
    if _PREVIEW.search(levels):
        words.append("Preview")
    return " ".join(words)


# A number alone names a product ("Exchange Server 2019", "vSphere 7"): a version has a
# dot, a level behind it, or is called one.
_VERSION_LEVEL = (
    r"(?: (?:RTM )?(?:Update|Patch|Hotfix|SP|Service Pack|CU|Cumulative Update|RU"
    r"|Update Rollup|Maintenance Release|U|R|P|HF|MR) ?#?\d{1,3}[a-z]?(?![\w.]))"
)
_VERSION = (
    rf"(?:(?:20\d\d R2|(?!20\d\d R2\b)\d{{1,5}}(?:\.\d{{1,8}}){{0,4}}[a-z]?){_VERSION_LEVEL}{{1,2}}"
    r"|\d{1,5}(?:\.\d{1,8}){1,4}(?:-\d{1,4}|[a-z]\d?)?"
    r"|version \d[\w.]{1,9})(?!\w|\.\d)"
)
_BEFORE = (
    r"(?P<before>(?:CU|Cumulative Update|Service Pack|SP|Update Rollup) ?#?\d{1,3})"
)
LEADING = 80  # characters: "the security update KB5044062 for Microsoft"
_ARTICLE_BEHIND = re.compile(r" ?[(\[,] ?KB ?(\d{6,8})\b")
_UPDATE_FOR = re.compile(
    r"\b(?:updates?|fix|fixes|hotfix|hotfixes|patch|patches|GDR|SUs?|HUs?)"
    r"(?: \(?KB ?\d+\)?)? (?:for|to|on) (?:the )?(?:Microsoft )?$",
    re.IGNORECASE,
)
# "ESXi 8.0 Update 3g supersedes ESXi 8.0 Update 3f": of the former it says nothing
_REPLACES = re.compile(
    r"\b(?:supersed(?:es?|ing)|replac(?:es?|ing)|instead of|in place of)\b[^,;.]*$",
    re.IGNORECASE,
)
_UPDATE_BEHIND = re.compile(
    r" (?:GDR|SUs?|HUs?|security|hotfix|(?:[A-Z][a-z]{2}\d\dSU)|updates?)\b",
    re.IGNORECASE,
)
_WILDCARD = re.compile(r"[*?\[]")
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
        begins = _WILDCARD.split(pattern, maxsplit=1)[0].strip()
        names.append(re.sub(r" \d[\w.]*$", "", begins))
    found = versions_in(text, dict.fromkeys(filter(None, names)))
    return tuple(version for version in found if watch.wants(version))


def versions_in(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the versions of the products ``names`` that a text names, in its order.

    Each as one spelling: "Cumulative Update #7 for SQL Server 2019 RTM" and "SQL Server
    2019 CU7" are "SQL Server 2019 CU7".  Of two names that end in one version the
    shorter counts: "ESXi 7.0 Update 3" of "VMware ESXi 7.0 Update 3".
    """
    places = _places(fold(text), names).values()
    found = sorted(places, key=lambda match: match.start("name"))
    return tuple(dict.fromkeys(_spelled(match) for match in found))


def versions_of_articles(
    text: str, names: Iterable[str], *, spelled_out: bool = False
) -> dict[str, str]:
    """Return the version of each KB article that stands in brackets behind one.

    With ``spelled_out`` of "Cumulative Update 15 for Exchange Server 2019 (KB...)" only:
    "Exchange Server 2019 CU14 (KB...)" may be a security update's list.

    Case: "SQL Server 2022 CU23 (KB5074819) and SQL Server 2025 CU1 (KB5074901) are
    temporarily unavailable", January 2026: two updates, each with its article.
    """
    folded = fold(text)
    found = {}
    for end, match in _places(folded, names).items():
        if spelled_out and not match["before"]:
            continue
        bracket = _ARTICLE_BEHIND.match(folded, end)
        if bracket is not None and not _is_for(match):
            found[f"KB{bracket[1]}"] = _spelled(match)
    return found


def own_versions_in(text: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the versions that a text names as updates themselves, in its order.

    "We have removed Exchange Server 2019 CU15" does; "the security update for SQL Server
    2022 CU20" and "the SQL Server 2022 CU20 GDR" are other updates.
    """
    folded = fold(text)
    found: dict[str, None] = {}
    for match in sorted(_places(folded, names).values(), key=re.Match.start):
        is_other = _UPDATE_BEHIND.match(folded, match.end())
        is_former = _REPLACES.search(_leading(match))
        if not (_is_for(match) or is_other or is_former):
            found[_spelled(match)] = None
    return tuple(found)


def _is_for(match: re.Match[str]) -> bool:
    """Whether a version is what something else is for: "an update for ESXi 7.0 Update 3"."""
    return bool(_UPDATE_FOR.search(_leading(match)))


def _leading(match: re.Match[str]) -> str:
    """The characters before a version that tell what it is named for.

    All that stands before would be searched again at each version of a long text.
    """
    return match.string[max(0, match.start() - LEADING) : match.start()]


def _places(folded: str, names: Iterable[str]) -> dict[int, re.Match[str]]:
    """The versions that a text names, by where each ends."""
    found: dict[int, re.Match[str]] = {}
    for name in names:
        for match in _pattern(name).finditer(folded):
            longer = found.get(match.end())
            if longer is None or match.start("name") > longer.start("name"):
                found[match.end()] = match
    return found


def is_version(name: str) -> bool:
    """Say whether a product's name is one with its version: "SQL Server 2019 CU7"."""
    return versions_in(name, (product_of(name),)) == (name,)


def product_of(version: str) -> str:
    """Return the product of a version's name: "SQL Server" of "SQL Server 2019 CU7"."""
    # A number before the word "version" is part of the product's name.
    if " version " in version:
        return version.split(" version ", maxsplit=1)[0]
    return re.split(r" (?=\d)", version, maxsplit=1)[0]


def version_name(version: str) -> str:
    """Return a version's name for comparing: "ESXi 7.0 Update 3" is "ESXi 7 Update 3"."""
    return re.sub(r"(?<=\d)\.0(?= update)", "", version.lower())


@lru_cache(maxsize=256)
def _pattern(name: str) -> re.Pattern[str]:
    escaped = re.escape(name).replace(r"\ ", r"\s")
    return re.compile(
        rf"(?:{_BEFORE} for (?:Microsoft )?)?(?<![\w.])(?P<name>{escaped}(?: [A-Z][\w+-]*){{0,3}}?"
        rf"(?: \d{{1,4}}(?=,? version ))?),? "
        rf"(?P<version>(?(before)\d{{4}}(?: R2)?{_VERSION_LEVEL}?|{_VERSION}))",
        re.IGNORECASE if name.islower() else 0,
    )


def _spelled(match: re.Match[str]) -> str:
    version = match["version"]
    if match["before"]:
        version = f"{version} {match['before']}"
    for pattern, short in _SPELLED:
        version = pattern.sub(short, version)
    return f"{match['name']} {version}"


_WRITTEN_VENDOR = re.compile(r"^(?:microsoft|ms) (?=\S)", re.IGNORECASE)
# What people write, and how the name begins then; the first that fits.  Each leaves a
# canonical name as it is.
_WRITTEN_NAMES = (
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
    (re.compile(rf"^{pattern}", re.IGNORECASE), name)
    for pattern, name in _WRITTEN_NAMES
)
_SHAREPOINT_SE = re.compile(r"^(SharePoint Server) SE\b", re.IGNORECASE)
_DOTNET = re.compile(r"^\.NET \d+$")
# "Exchange Server 2019 CU1" names that one, and "CU1*" ten others
_WRITTEN_LEVEL = re.compile(r" (?:CU|RU|SP)\d+$|^[^.]+\d\.\d+$", re.IGNORECASE)
# R2 is a release of its own
_HAS_R2 = re.compile(
    r"^(?:Windows Server (?:2008|2012)|SQL Server 2008)$", re.IGNORECASE
)
# Of other vendors' names nobody knows what belongs to them
_WRITTEN_FAMILIES = (
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
    begins = _WILDCARD.split(written, maxsplit=1)[0]
    rest = written.removeprefix(begins)
    name = canonical(begins)
    if begins.endswith(" ") and name:
        name = f"{name} "
    if not rest and name:
        return _of_whole_name(name)
    return _with_vendor(f"{name}{rest}")


def _of_whole_name(name: str) -> tuple[str, ...]:
    """Return the patterns of a name that is written without any ``*``."""
    if _WRITTEN_LEVEL.search(name) or not name.lower().startswith(_WRITTEN_FAMILIES):
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
    plain = _WRITTEN_VENDOR.sub("", fold(name))
    for rule, spelled in _RULES:
        renamed = rule.sub(spelled, plain, count=1)
        if renamed != plain:
            plain = renamed.strip()
            if not plain.startswith(EXCHANGE):
                break
    plain = _SHAREPOINT_SE.sub(r"\1 Subscription Edition", plain)
    if _DOTNET.match(plain):
        plain = f"{plain}.0"
    if plain.startswith(f"{EXCHANGE} "):
        plain = product(plain)
    return re.sub(r"(?<=Version )\d\dh\d", lambda found: found[0].upper(), plain)
