"""One spelling for everything that sources spell in many ways, and an entry's fingerprint.

Products, versions, labels, builds, KB articles, links and dates each have a file of
their own; this one is what the other rooms import.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime
from typing import Any

from watcher.judgement.normalize.characters import digits_in, fold
from watcher.judgement.normalize.dates import addition_date, date, possible
from watcher.judgement.normalize.labels import label, months_in, type_in
from watcher.judgement.normalize.products import (
    concerns,
    family,
    is_linux,
    is_named,
    product,
    products_in,
)
from watcher.judgement.normalize.references import (
    build,
    build_key,
    builds_in,
    cves_in,
    download_page,
    kb,
    kbs_in,
    link,
)
from watcher.records import Entry, Package, Passage

__all__ = [
    "addition_date",
    "build",
    "build_key",
    "builds_in",
    "concerns",
    "cves_in",
    "date",
    "download_page",
    "family",
    "fingerprint",
    "fold",
    "is_linux",
    "is_named",
    "kb",
    "kbs_in",
    "label",
    "link",
    "months_in",
    "possible",
    "product",
    "products_in",
    "type_in",
]

_ADDRESS = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
_COUNTED = re.compile(
    r"\b\d[\d.,]{0,12}[KM]? (?:views?|likes?|kudos|comments?|replies|reads?)\b",
    re.IGNORECASE,
)


def fingerprint(entry: Entry) -> str:
    """Return 64 hex digits that stay the same as long as an entry says the same.

    Left out is what churns: the spelling of links, builds, spaces, hyphens and quotes;
    the order of products, packages, passages and references; ``updated`` (feeds and
    generators move it without a change of content; a table's own dates are
    ``published``); counts of views, likes and comments in prose; ``tables``, whose
    words stand in passages, too. What a parser never puts into an entry
    (acknowledgements, dates of regeneration) cannot count either.
    """
    content = [
        entry.key,
        fold(entry.title),
        link(entry.url),
        _time(entry.published),
        entry.revision,
        sorted(entry.cves),
        sorted(entry.kbs),
        sorted(entry.products),
        sorted(map(_package, entry.packages)),
        sorted(map(_passage, entry.passages)),
        repr(entry.label),
        [entry.exploited, entry.disclosed, entry.available],
        [entry.severity, entry.cvss, entry.vector],
        sorted({link(url) for url in entry.links}),
    ]
    # Only where it is so: the entries of a state from before the mark stay the same
    if entry.withdrawn:
        content.append("withdrawn")
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _package(package: Package) -> list[Any]:
    size = -1 if package.size is None else package.size
    names = [
        package.product,
        package.kb,
        build(package.build) or package.build,
        link(package.url),
        package.file,
        package.type,
    ]
    return [*names, size, package.version, package.esu, sorted(package.supersedes)]


def _passage(passage: Passage) -> list[str]:
    text = fold(passage.text)
    if "://" in text:
        text = _ADDRESS.sub(lambda match: link(match[0]), text)
    return [
        passage.name,
        _time(passage.time),
        fold(_COUNTED.sub("", text)) if digits_in(text) else text,
    ]


def _time(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
