"""The packages of an update: which are one and the same, which its current version has.

An update's state is to be read off them.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.names import base_product, made_name
from watcher.records import (
    Package,
    Update,
)


def same_package(one: Package, other: Package) -> bool:
    """Whether two packages are one and the same.

    Product, KB article and build, as far as both name them.
    """
    if one.product != other.product:
        return False
    kbs = not one.kb or not other.kb or one.kb == other.kb
    builds = not one.build or not other.build or one.build == other.build
    files = (one.file, one.size) == (other.file, other.size) or not (
        one.file and other.file
    )
    return (
        kbs
        and builds
        and files
        and bool(one.kb or one.build or one.file)
        == bool(other.kb or other.build or other.file)
    )


def build_grew(before: Package, after: Package) -> bool:
    """Whether a build went up as a re-release's does.

    The last number higher, all before it equal.

    A build that the row gave before in its other form has not gone up: one form was a
    typing error.
    """
    if after.build == before.disputed:
        return False
    old, new = normalize.build_key(before.build), normalize.build_key(after.build)
    return (
        bool(old)
        and len(old) == len(new)
        and old[:-1] == new[:-1]
        and new[-1] > old[-1]
    )


def corrected_build(build: str) -> str:
    """The key under which a build is remembered that a row has had before it was
    corrected downwards.
    """
    return f"had {build}"


def as_made_product(row: Update, package: Package) -> Package:
    """The package as a cumulative update has it.

    MSRC names the product to be updated, the table the one that it becomes.
    """
    if row.type not in ("CU", "RU", "SP", "RTM") or not package.build:
        return package
    twin = next(
        (
            p
            for p in row.packages
            if p.build == package.build and made_name(p.product) in row.names
        ),
        None,
    )
    return replace(package, product=twin.product) if twin else package


def package_version(row: Update, package: Package) -> int:
    """The version of the update that a package is: as it is known, else the current one."""
    mine = [
        p.version
        for p in row.packages
        if p.product == package.product and same_package(p, package)
    ]
    if not mine and package.kb:
        mine = [p.version for p in row.packages if p.kb == package.kb]
    return max(mine, default=row.version)


def add_package(
    packages: tuple[Package, ...], package: Package, *, certain: bool
) -> tuple[Package, ...]:
    """Add a package, or complete the one that it is.

    Of two builds under one name a table's (``certain``) stays.
    """
    kept = []
    found = False
    for old in packages:
        twin = (
            old.product == package.product
            and old.version == package.version
            and (old.kb == package.kb or not old.kb or not package.kb)
        )
        if twin and not found:
            offered = (
                package
                if certain or not old.build
                else replace(package, build=old.build)
            )
            # A table says nothing of who may have it
            kept.append(
                _completed(old, replace(offered, esu=old.esu) if certain else offered)
            )
            found = True
        else:
            kept.append(old)
    return tuple(kept) if found else (*packages, package)


def _completed(old: Package, new: Package) -> Package:
    return replace(
        new,
        kb=new.kb or old.kb,
        build=new.build or old.build,
        url=old.url
        if normalize.download_page(old.url) and not normalize.download_page(new.url)
        else new.url or old.url,
        file=new.file or old.file,
        size=new.size if new.size is not None else old.size,
        supersedes=new.supersedes or old.supersedes,
        type=new.type or old.type,
    )


def holds_package(row: Update, package: Package) -> bool:
    """Whether the row has this very package in any version."""
    return any(same_package(known, package) for known in row.packages)


def covers_product(row: Update, package: Package) -> bool:
    """Whether the row's current version has a package for that product.

    One without a product is for those it has.
    """
    return not package.product or any(
        base_product(known.product) == base_product(package.product)
        for known in current_packages(row)
    )


def kb_articles(packages: Iterable[Package]) -> tuple[str, ...]:
    """The KB articles of packages, sorted."""
    return tuple(sorted({p.kb for p in packages if p.kb}))


def current_packages(row: Update) -> tuple[Package, ...]:
    """The packages of an update's current version.

    Those of the newest version that has any, unless words name other articles.
    """
    if stated_articles(row):
        return ()
    newest = max(
        (p.version for p in row.packages if p.version <= row.version), default=1
    )
    return tuple(p for p in row.packages if p.version == newest)


def stated_articles(row: Update) -> tuple[str, ...]:
    """The KB articles of a version of which words alone have told.

    () when it has packages or is offered under the articles it had.
    """
    if not row.former or any(
        package.version >= row.version for package in row.packages
    ):
        return ()
    return tuple(kb for kb in row.kbs if kb not in row.former)


def all_articles(row: Update) -> tuple[str, ...]:
    """All KB articles of an update, those of a version of which words alone have told first."""
    return tuple(
        dict.fromkeys(
            [
                *stated_articles(row),
                *(package.kb for package in row.packages if package.kb),
                *row.kbs,
            ]
        )
    )
