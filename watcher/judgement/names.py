"""Which update is meant: the names by which one is found again, and the id and title it bears.

An update is found by its strongest shared name: KB article, build, release label, then
CVE. A name is a text such as ``kb:KB5044062``, ``build:exchange server:15.2.1544.13``,
``label:exchange server/2024-11/su``, ``made:exchange server 2019 cu15`` or
``cve:CVE-2024-49040``.
"""

from __future__ import annotations

import re
from calendar import month_name as english_months
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from watcher.judgement import normalize, tracks
from watcher.judgement.normalize.products import EXCHANGE, is_version, version_name
from watcher.records import Entry, Label, Package, Update

# Families whose updates bear a month and a type ("November 2024 SU"); elsewhere an
# update is its KB article.
LABELLED = (EXCHANGE,)
MONTHLY = ("SU", "HU", tracks.OUT_OF_BAND)
# What an entry without a label is called: nothing
NO_LABEL = Label(family="", product="", type="")
OPEN = "open:"
# The levels of a product, as its name ends: "Exchange Server 2019 CU14"
LEVELS = r"(?:RTM|Preview|SP\d+|CU\d+|RU\d+)\b"
_SLUG = re.compile(r"[^a-z0-9]+")


class Identity(Struct, frozen=True):
    """The id and the title that a new update bears."""

    id: str
    title: str


def slug(text: str) -> str:
    """Give lower case, digits and hyphens only: fit for an id, a file name and a URL.

    "Exchange Server 2019 CU15" gives ``exchange-server-2019-cu15``.  What has no letter
    and no digit gives "".
    """
    return _SLUG.sub("-", text.lower()).strip("-")


def base_product(product: str) -> str:
    """Give the product without what sources disagree about: "RTM", the rollup it is at.

    MSRC writes "Exchange Server SE RTM" where the table of builds has "Exchange Server
    SE".
    """
    return re.sub(r" (RTM|RU\d+)$", "", product)


def label_of(entry: Entry) -> Label:
    """Give the label of an entry, one that names nothing where it has none."""
    return entry.label or NO_LABEL


def month_named(label: Label) -> str:
    """Give the month by which a label names a monthly update: ``2024-11`` of "Nov24SUv2".

    "" for any other label: a cumulative update's month is no name of a monthly update.
    """
    return label.month if label.type in MONTHLY else ""


def month_of(time: datetime | None) -> str:
    """Give the month of a time: ``2024-11``; "" where no time is known."""
    return "" if time is None else f"{time:%Y-%m}"


def kb_names(kbs: Iterable[str]) -> tuple[str, ...]:
    """Give the names of KB articles, in their order.

    ``kb:KB5044062``: the strongest name there is.  What names no article ("") has none.
    """
    return tuple(f"kb:{kb}" for kb in kbs if kb)


def build_names(package: Package) -> tuple[str, ...]:
    """Give the name that a package's build gives, if it has one.

    The family is in it: 15.2.1544.13 is Exchange's, and another vendor's 15.2 is not.
    """
    if not package.build:
        return ()
    family = normalize.family(package.product).lower()
    return (f"build:{family}:{package.build}",)


def package_names(package: Package) -> tuple[str, ...]:
    """Give the names of a package, strongest first.

    Its KB article's, then its build's; () for what is known by a file alone.
    """
    return (*kb_names([package.kb]), *build_names(package))


def label_names(label: Label | None) -> tuple[str, ...]:
    """Give the name of a release label without its version: v2 is the same update.

    () where the label names no update, as without a product or a month.
    """
    if label is None or not label.type:
        return ()
    # A cumulative update that names no product is one of several of a month
    by_month = label.type == "CU" and not label.product
    if label.type in MONTHLY or by_month:
        if not label.month:
            return ()
        return (month_name(label.family, label.month, label.type),)
    if not label.product:
        return ()
    # "Edge 130.0.2849.46" has the name of its build, by which records know it
    version = label.product.rpartition(" ")[2]
    build = normalize.build(version) if version.count(".") > 1 else ""
    by_build = build_names(Package(label.family, build=build))
    return (made_name(label.product), *by_build)


def month_name(family: str, month: str, kind: str) -> str:
    """Give the name of a family's update of a month and type.

    ``label:exchange server/2024-11/su``.  Only families that bear months have one.
    """
    return f"label:{family.lower()}/{month}/{kind.lower()}"


def made_name(product: str) -> str:
    """Give the name of an update that makes a product or a version of one.

    "Exchange Server 2019 CU15", "ESXi 7.0 Update 3", which is "ESXi 7 Update 3".
    """
    return f"made:{version_name(product)}"


def link_name(url: str) -> str:
    """Give the name of a package's download page, however its link is spelled.

    ``link:`` and the address in one spelling, without locale and tracking.
    """
    return f"link:{normalize.link(url)}"


def cve_names(cves: Iterable[str]) -> tuple[str, ...]:
    """Give the names of advisories, the weakest ones.

    ``cve:CVE-2024-49040``: one vulnerability is fixed by many updates.
    """
    return tuple(f"cve:{cve}" for cve in cves)


def entry_names(entry: Entry) -> tuple[str, ...]:
    """Give every name of an entry, strongest first: what the ledger is asked for.

    A name in a KB article's row outweighs one in prose, a CVE says the least: a record
    of one CVE is about every update that fixes it.
    """
    label = label_of(entry)
    names: list[str] = []
    for package in entry.packages:
        names += package_names(package)
    names += kb_names(entry.kbs)
    names += label_names(label)
    if label.type in MONTHLY:
        names.append(open_name(label.family))
    if entry.available is not None:
        names.append(link_name(entry.url))
    names += _dated_names(entry)
    # Where updates bear a month, a product with its CU is rarely an update's name: it is
    # in a post of no month that says "We have removed Exchange Server 2019 CU15"
    may_be_aim = bool(label.month or entry.packages)
    for product in entry.products:
        is_aim = may_be_aim and normalize.family(product) in LABELLED
        if is_version(product) and not is_aim:
            names.append(made_name(product))
    names += cve_names(entry.cves)
    return tuple(dict.fromkeys(names))


def _dated_names(entry: Entry) -> list[str]:
    """The names of monthly updates that the dates of an entry with packages suggest."""
    if entry.published is None:
        return []
    families = {normalize.family(package.product) for package in entry.packages}
    months = {month_of(entry.published), month_of(entry.updated)} - {""}
    names = []
    for family in sorted(families.intersection(LABELLED)):
        names += [open_name(family), day_name(family, entry.published)]
        for month in sorted(months):
            names += [month_name(family, month, kind) for kind in MONTHLY]
    return names


def open_name(family: str) -> str:
    """Give the name under which a family's updates are found that wait for something.

    For the vendor's name, where a date was guessed from, or for the packages of a
    version that words have told of.
    """
    return f"{OPEN}{family.lower()}"


def day_name(family: str, time: datetime) -> str:
    """Give the name of a family's update that is known by its day alone.

    Weaker than any name of the vendor's: it gives way to a label (September 2026's V2
    was filed under October).
    """
    return f"day:{family.lower()}/{time:%Y-%m-%d}"


def day_identity(family: str, time: datetime) -> Identity:
    """Give the identity of an update that is known by its day alone.

    ``exchange-server-2026-10-02``, "Exchange Server update of 2 October 2026".
    """
    day = f"{time.day} {english_months[time.month]} {time.year}"
    return Identity(f"{slug(family)}-{time:%Y-%m-%d}", f"{family} update of {day}")


def update_names(update: Update) -> tuple[str, ...]:
    """Give the names by which an update of the ledger is found again.

    Those that it was founded under, and what its packages, articles and advisories give
    by now.  Sorted, without doubles.
    """
    names = [name for name in update.names if not name.startswith(OPEN)]
    for package in update.packages:
        names += package_names(package)
        if normalize.download_page(package.url):
            names.append(link_name(package.url))
    names += kb_names(update.kbs)
    names += cve_names(update.cves)
    if update.is_guessed or is_named_by_words(update) or _is_told_by_words(update):
        names.append(open_name(update.family))
    return tuple(sorted(set(names)))


def _is_told_by_words(update: Update) -> bool:
    """Whether words have told of a further version, and no package of it is known yet."""
    if update.version == 1 or update.family not in LABELLED:
        return False
    return all(package.version < update.version for package in update.packages)


def is_named_by_words(update: Update) -> bool:
    """Say whether a title has named a monthly update of which no package is known yet.

    The Exchange team's post comes hours before table and record.
    """
    is_monthly = update.family in LABELLED and update.type in MONTHLY
    return is_monthly and bool(update.month) and not update.packages


def row_name(entry: Entry) -> str:
    """Give the update that a table's row tells of, for counting how many have moved.

    Its label's name, else its key.
    """
    names = label_names(entry.label)
    return names[0] if names else entry.key


def monthly_identity(family: str, month: str, kind: str) -> Identity:
    """Give the identity of a month's update.

    ``exchange-server-2024-11-su``, "Exchange Server November 2024 SU".
    """
    year, number = month.split("-")
    return Identity(
        f"{slug(family)}-{month}-{kind.lower()}",
        f"{family} {english_months[int(number)]} {year} {kind}",
    )


def made_identity(product: str) -> Identity:
    """Give that of an update that makes a product: ``exchange-server-2019-cu15``."""
    return Identity(slug(product), product)


def lone_identity(package: Package) -> Identity:
    """Give that of an update known by its KB article, else its build, else its month.

    ``windows-kb5046617``.
    """
    family = normalize.family(package.product)
    name = package.kb or package.build
    # Who is not enrolled is not to install it, whatever else a title says
    track = " (hotpatch)" if tracks.track(package) == tracks.HOTPATCH else ""
    return Identity(f"{slug(family)}-{slug(name)}", f"{family} {name}{track}")


def advisory_identity(cve: str) -> Identity:
    """Give that of a vulnerability that has no update yet.

    Its id and its title are the CVE's own: "CVE-2024-49040".
    """
    return Identity(slug(cve), cve)


def with_version(title: str, version: int) -> str:
    """Give the title as a reader says it: "Exchange Server November 2024 SU v2".

    Of the first version just the title: nobody says "v1".
    """
    return title if version < 2 else f"{title} v{version}"
