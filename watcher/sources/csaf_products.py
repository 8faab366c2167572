"""Which products a CSAF document speaks of.

Ids to canonical names, through branches, groups and relationships.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from watcher.judgement import normalize
from watcher.records import Watch
from watcher.sources.csaf_form import Branch, Document, FullProductName, ProductTree

# Categories of branches that name a product
_NAMING = {"product_name", "product_family", "service_name", "host_name"}
_LINUX = re.compile(
    r"\blinux\b|\bmariner\b|\bopeneuler\b|\b(?:azl|cbl)\d", re.IGNORECASE
)
_COMPONENT = re.compile(r"^[<>=]*\s*|\s+as (?:a )?component of\s+")
_BOUND = re.compile(r"^[<>=]+\s*")


class Products(Struct, frozen=True):
    """The watched products of a document: id -> canonical name, and group id -> product ids."""

    names: Mapping[str, str]
    groups: Mapping[str, tuple[str, ...]]

    def of(self, ids: Iterable[str], groups: Iterable[str] = ()) -> tuple[str, ...]:
        """Return the watched names behind product and group ids, each once, in their order.

        Unknown ids are passed over.
        """
        wanted = [
            *ids,
            *(product for group in groups for product in self.groups.get(group, ())),
        ]
        return tuple(
            dict.fromkeys(
                self.names[product] for product in wanted if product in self.names
            )
        )


def watched(document: Document, watch: Watch) -> Products:
    """Return the document's products that ``watch`` wants.

    Packages of Linux distributions in VEX documents count as Linux for ``watch``:
    Microsoft publishes them by the thousand.
    """
    tree = document.product_tree
    candidates = dict(_candidates(tree))
    linux = document.document.category.lower() == "csaf_vex" and any(
        _LINUX.search(name) for names in candidates.values() for name in names
    )
    wanted = {
        product: next((name for name in names if watch.wants(name, linux=linux)), "")
        for product, names in candidates.items()
    }
    groups = {group.group_id: group.product_ids for group in tree.product_groups}
    return Products({product: name for product, name in wanted.items() if name}, groups)


def _candidates(tree: ProductTree) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each product id with the names it may be watched under.

    The bare one, and the one with its vendor before it.
    """
    for full in tree.full_product_names:
        yield full.product_id, (normalize.product(full.name),)
    for path in _paths(tree.branches):
        leaf = path[-1].product
        if leaf is not None:
            yield leaf.product_id, _names(path, leaf.name)
    for made_of in tree.product_paths:
        full = made_of.full_product_name
        yield full.product_id, (_combined(full),)
    for relationship in tree.relationships:
        yield (
            relationship.full_product_name.product_id,
            (_combined(relationship.full_product_name),),
        )


def _paths(branches: tuple[Branch, ...]) -> Iterator[tuple[Branch, ...]]:
    """Yield every branch with those above it; not recursive, for a tree may be deep."""
    waiting: list[tuple[Branch, ...]] = [(branch,) for branch in reversed(branches)]
    while waiting:
        path = waiting.pop()
        yield path
        waiting.extend((*path, branch) for branch in reversed(path[-1].branches))


def _names(path: tuple[Branch, ...], full: str) -> tuple[str, ...]:
    """Name a product by its nearest naming branch.

    Versions are no part of a product's name, and Siemens repeats it for each.
    """
    bare = next(
        (branch.name for branch in reversed(path) if branch.category in _NAMING),
        _BOUND.sub("", full),
    )
    vendor = next((branch.name for branch in path if branch.category == "vendor"), "")
    name = normalize.product(bare)
    whole = (
        normalize.product(f"{vendor} {bare}")
        if vendor and not bare.lower().startswith(vendor.lower())
        else name
    )
    return tuple(dict.fromkeys((name, whole)))


def _combined(full: FullProductName) -> str:
    """Name a component of a platform as MSRC's other documents do.

    "azl3 openssh 9.8p1-4 on Azure Linux 3.0".
    """
    return normalize.product(
        _COMPONENT.sub(
            lambda found: " on " if found[0].strip(" <>=") else "",
            full.name,
        )
    )
