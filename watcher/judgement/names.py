"""Which update is meant: the names by which one is found again, and the id and title it bears.

An update is found by its strongest shared name: KB article, build, release label, then
CVE. A name is a text such as ``kb:KB5044062``, ``build:exchange server:15.2.1544.13``,
``label:exchange server/2024-11/su``, ``made:exchange server 2019 cu15`` or
``cve:CVE-2024-49040``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from watcher.judgement import normalize
from watcher.judgement.normalize.versions import is_version, version_name
from watcher.records import Entry, Label, Package, Update

# Families whose updates bear a month and a type ("November 2024 SU"); elsewhere an
# update is its KB article.
LABELLED = ("Exchange Server",)


MONTHLY = ("SU", "HU")


MADE = "made:"


MONTHS = [
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
]


_SLUG = re.compile(r"[^a-z0-9]+")


def slug(text: str) -> str:
    """Lower case, digits and hyphens only: fit for an id, a file name and a URL."""
    return _SLUG.sub("-", text.lower()).strip("-")


def base_product(product: str) -> str:
    """The product without what sources disagree about: "RTM", and the rollup it is at."""
    return re.sub(r" (RTM|RU\d+)$", "", product)


def month_of(time: datetime) -> str:
    """``2024-11``."""
    return f"{time:%Y-%m}"


def package_names(package: Package) -> tuple[str, ...]:
    """The names of a package, strongest first."""
    names = []
    if package.kb:
        names.append(f"kb:{package.kb}")
    if package.build:
        names.append(
            f"build:{normalize.family(package.product).lower()}:{package.build}"
        )
    return tuple(names)


def label_names(label: Label | None) -> tuple[str, ...]:
    """The name that a release label gives, without its version: v2 is the same update."""
    if label is None or not label.type:
        return ()
    if label.type in MONTHLY or (label.type == "CU" and not label.product):
        return (
            (month_name(label.family, label.month, label.type),) if label.month else ()
        )
    return (made_name(label.product),) if label.product else ()


def made_name(product: str) -> str:
    """The name of an update that makes a product or a version of one.

    "Exchange Server 2019 CU15", "ESXi 7.0 Update 3", which is "ESXi 7 Update 3".
    """
    return f"{MADE}{version_name(product)}"


def month_name(family: str, month: str, kind: str) -> str:
    """The name of a family's update of a month and type."""
    return f"label:{family.lower()}/{month}/{kind.lower()}"


def link_name(url: str) -> str:
    """The name that a package's download page gives, however its link is spelled."""
    return f"link:{normalize.link(url)}"


def cve_names(cves: Iterable[str]) -> tuple[str, ...]:
    """The weakest names."""
    return tuple(f"cve:{cve}" for cve in cves)


def entry_names(entry: Entry) -> tuple[str, ...]:
    """Every name an entry gives, strongest first: what the ledger is asked for."""
    names = [name for package in entry.packages for name in package_names(package)]
    names += [f"kb:{kb}" for kb in entry.kbs]
    names += label_names(entry.label)
    if entry.available is not None:
        names.append(link_name(entry.url))
    if entry.published and entry.packages:
        names += [
            month_name(family, month, kind)
            for family in sorted(
                {normalize.family(package.product) for package in entry.packages}
            )
            if family in LABELLED
            for month in sorted(
                {month_of(time) for time in (entry.published, entry.updated) if time}
            )
            for kind in MONTHLY
        ]
    # Where updates bear a month, a product with its cumulative update is no update's name
    names += [
        made_name(product)
        for product in entry.products
        if normalize.family(product) not in LABELLED and is_version(product)
    ]
    names += cve_names(entry.cves)
    return tuple(dict.fromkeys(names))


def update_names(update: Update) -> tuple[str, ...]:
    """The names by which a ledger row is found again."""
    names = list(update.names)
    names += [name for package in update.packages for name in package_names(package)]
    names += [
        link_name(package.url)
        for package in update.packages
        if normalize.download_page(package.url)
    ]
    names += [f"kb:{kb}" for kb in update.kbs]
    names += cve_names(advisory.id for advisory in update.advisories)
    return tuple(sorted(set(names)))


def row_name(entry: Entry) -> str:
    """The update that a table's row tells of, for counting how many have moved."""
    names = label_names(entry.label)
    return names[0] if names else entry.key


def monthly_identity(family: str, month: str, kind: str) -> tuple[str, str]:
    """Id and title of a month's update.

    ``exchange-server-2024-11-su``, "Exchange Server November 2024 SU".
    """
    year, number = month.split("-")
    return (
        f"{slug(family)}-{month}-{kind.lower()}",
        f"{family} {MONTHS[int(number) - 1]} {year} {kind}",
    )


def made_identity(product: str) -> tuple[str, str]:
    """Id and title of an update that makes a product: ``exchange-server-2019-cu15``."""
    return slug(product), product


def lone_identity(package: Package) -> tuple[str, str]:
    """Id and title of an update known by its KB article, or its build, or its month only.

    ``windows-kb5046617``.
    """
    family = normalize.family(package.product)
    name = package.kb or package.build
    return f"{slug(family)}-{slug(name)}", f"{family} {name}"


def advisory_identity(cve: str) -> tuple[str, str]:
    """Id and title of a vulnerability that has no update yet."""
    return slug(cve), cve


def with_version(title: str, version: int) -> str:
    """The title as a reader says it: "Exchange Server November 2024 SU v2"."""
    return title if version < 2 else f"{title} v{version}"
