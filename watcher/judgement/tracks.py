"""The tracks of one product: who is offered which package, and which builds are of one branch.

Windows' hotpatches and its other updates are two tracks: a server that is enrolled gets
hotpatches between two baselines, and a build of the other track ends that until the next
baseline (KB5070881 of October 2025).  Security-only updates are for those who chose them,
and after a product's last day its updates are for customers of extended security updates.

Pure: packages, builds and servers in, answers out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.lifecycle import support_of
from watcher.judgement.normalize.products import EXCHANGE
from watcher.records import NEVER, Offer, Package, Server

HOTPATCH = "hotpatch"
SECURITY_ONLY = "security-only"
BASELINE = "Baseline"
# What comes between two months, under articles of its own
OUT_OF_BAND = "OOB"
# Months of the baselines, where no calendar says which updates are some
_QUARTERS = (1, 4, 7, 10)
_MONTHLY = ("", "B", "SU")
_ROLLUP = "Monthly Rollup"

BuildKey = tuple[int, ...]


def type_of(subtype: str) -> str:
    """Give the type of a package by what MSRC's records call it, "" for any other.

    "Security Hotpatch Update" and "SecurityHotpatchUpdate" are one.
    """
    folded = subtype.strip().lower()
    if "cumulative" in folded:
        return "CU"
    if HOTPATCH in folded:
        return "Hotpatch"
    named = {"security update": "SU", "security only": "Security Only"}
    named["monthly rollup"] = _ROLLUP
    return named.get(folded, "")


def track(package: Package) -> str:
    """Name the track that a package is of, "" for that of everybody."""
    kind = package.type.lower()
    if HOTPATCH in kind:
        return HOTPATCH
    return SECURITY_ONLY if kind == "security only" else ""


def is_offered(package: Package, server: Server) -> bool:
    """Say whether a server is offered a package, as far as its track says."""
    if package.type == _ROLLUP and server.track == SECURITY_ONLY:
        return False
    return track(package) in ("", server.track)


def is_language_patch(package: Package) -> bool:
    """Say whether it is the language patch beside a package: SharePoint's farms get both."""
    return package.type == "MUI"


def is_baseline(package: Package, released: datetime | None) -> bool:
    """Say whether a package begins a quarter of hotpatches, by its calendar or its month."""
    if package.type == BASELINE:
        return True
    in_quarter = released is not None and released.month in _QUARTERS
    return in_quarter and package.type in _MONTHLY


def is_of_hotpatching(package: Package, released: datetime | None) -> bool:
    """Say whether a server may run a package and go on with hotpatches."""
    return track(package) == HOTPATCH or is_baseline(package, released)


def is_hotpatched(server: Server, product: str) -> bool:
    """Say whether a server is enrolled in Windows' hotpatches."""
    return server.track == HOTPATCH and normalize.family(product) == "Windows"


def is_off_track(server: Server, installed: Offer) -> bool:
    """Say whether an enrolled server runs what ends hotpatching until the next baseline."""
    package = installed.package
    if not is_hotpatched(server, package.product):
        return False
    return not is_of_hotpatching(package, installed.released)


def newer_of_hotpatching(installed: Offer, offers: Iterable[Offer]) -> list[Offer]:
    """Give the baselines and hotpatches that came after what an enrolled server runs.

    By their days: the hotpatch of July 2026 bears a lower build than June's baseline.
    """
    product = installed.package.product
    is_off = not is_of_hotpatching(installed.package, installed.released)
    # Only a baseline leads back
    fits = is_baseline if is_off else is_of_hotpatching
    since = installed.released or NEVER
    newer = []
    for offer in offers:
        package, released = offer.package, offer.released
        if released is None or released <= since:
            continue
        if may_share(product, package.product) and fits(package, released):
            newer.append(offer)
    return newer


def with_extended_support(package: Package, released: datetime | None) -> Package:
    """Mark a package that came after its product's last day as one for paying customers.

    Exchange Server's are marked in MSRC's records.
    """
    if package.esu or released is None:
        return package
    support = support_of(package.product)
    if support is None or not support.extended:
        return package
    has_ended = released.date() > support.ends
    return replace(package, esu=True) if has_ended else package


def branch_of(build: BuildKey, product: str) -> BuildKey:
    """Give what the builds of one product's updates share.

    Of most products it is the first three numbers.  A cumulative update of SQL Server
    changes the third; a thousand apart are its GDRs.  SharePoint's versions 2016, 2019 and
    Subscription Edition are all 16.0; .NET's third number is the update, .NET Framework's too.
    """
    family = normalize.family(product)
    if len(build) < 3:
        return build
    if family == "SQL Server":
        thousand = build[2] // 1000
        # 2017's GDRs are 14.0.1xxx and 14.0.2xxx, 2022's 16.0.1xxx
        is_gdr = build[0] >= 14 and thousand < 3
        return (*build[:2], 0 if is_gdr else thousand)
    if family == "SharePoint":
        return (*build[:2], build[2] // 1000 if build[2] >= 10_000 else 0)
    if family in (".NET", ".NET Core", ".NET Framework", "Office"):
        return build[:2]
    return build[:3]


def may_share(product: str, other: str) -> bool:
    """Say whether what is for one product may be for another, of one family and branch.

    Windows 11 24H2 and Windows Server 2025 are both 10.0.26100.  Exchange Server's branch
    is its cumulative update, and names no other product.
    """
    if normalize.family(product) == EXCHANGE:
        return True
    one, two = _plain(product), _plain(other)
    # An SDK of .NET counts for itself
    if (" sdk " in one) != (" sdk " in two):
        return False
    return one == two or one.startswith(f"{two} ") or two.startswith(f"{one} ")


def _plain(product: str) -> str:
    """A product's name without what is said of its installation: "for x64-based Systems"."""
    for mark in (" (", " for "):
        product = product.split(mark, maxsplit=1)[0]
    return product.lower()
