"""The one sentence that an event says to an administrator.

Each is English text for the ledger, and the key by which a mail says the same in its
reader's language (``[summary]`` in ``templates/mail/words``).  The English of both
stands in ``summary.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib import resources
from textwrap import shorten

from watcher.judgement.change_reading import ChangeReading, PassageStatement
from watcher.judgement.event import Summary, update_reference
from watcher.judgement.names import with_version
from watcher.records import (
    Kind,
    Package,
    Update,
)

# Characters of a quote in a sentence
QUOTE = 160


@cache
def sentences() -> Mapping[str, Mapping[str, str]]:
    """Give the tables ``summary`` and ``ledger``, read from the package once."""
    return tomllib.loads(
        resources.files(__package__).joinpath("summary.toml").read_text("utf-8")
    )


def title_with_articles(row: Update, packages: Sequence[Package] | None = None) -> str:
    """Title, version and KB articles: "Exchange Server November 2024 SU v2 (KB5049233)"."""
    ref = update_reference(row, packages)
    kbs = [kb for kb in ref.kbs if kb.lower() not in row.title.lower()]
    shown = ", ".join(kbs[:4]) + (", …" if len(kbs) > 4 else "")
    return with_version(row.title, row.version) + (f" ({shown})" if shown else "")


def product_list(names: Sequence[str]) -> str:
    """Products in a sentence."""
    shown = sorted(set(names))
    return ", ".join(shown[:4]) + (
        f" and {len(shown) - 4} more" if len(shown) > 4 else ""
    )


def _ledger_text(row: Update, key: str, **filled: object) -> str:
    """Say the sentence of ``key`` of an update; in the ledger's own words where it has any."""
    tables = sentences()
    text = tables["ledger"].get(key) or tables["summary"][key]
    return text.format(
        update=title_with_articles(row), title=row.title, vendor="the vendor", **filled
    )


def first_summary(row: Update, kind: Kind) -> Summary:
    """What is said of an update at first sight."""
    if kind is Kind.PULLED:
        return pulled_summary(row)
    if kind is Kind.RE_RELEASED:
        return re_released_summary(row)
    if kind is Kind.EXPLOITED:
        return exploited_summary(
            row, [advisory.id for advisory in row.advisories], exploited=True
        )
    if kind is Kind.KNOWN_ISSUE:
        return Summary(_ledger_text(row, "issue-listed"), "issue-listed")
    products = _products_beside_title(row)
    if kind is Kind.RELEASED:
        key = "released" if products else "released-alone"
        text = _ledger_text(row, key, products=products)
        return Summary(text + _urgent(row), "released")
    if kind is Kind.ANNOUNCED:
        key = "announced" if products else "announced-alone"
        are = "are" if len(row.advisories) > 1 else "is"
        text = _ledger_text(row, key, products=products, are=are)
        return Summary(text + _urgent(row), "announced")
    key = "listed-for" if products else "listed"
    return Summary(_ledger_text(row, key, products=products), "listed")


def pulled_summary(row: Update) -> Summary:
    """The vendor no longer offers it."""
    return Summary(_ledger_text(row, "pulled"), "pulled")


def gone_summary(row: Update) -> Summary:
    """It is no longer offered, and stays so; why, the vendor has not said."""
    return Summary(_ledger_text(row, "pulled-silently"), "pulled-silently")


def suspected_summary(
    row: Update, source: str, titles: Sequence[str], *, row_gone: bool
) -> Summary:
    """An absence that is no verdict yet.

    A table's row is gone, or a page says that its download is.
    """
    key = "suspected-row" if row_gone else "suspected-page"
    named = product_list(titles)
    several = "s" if len(set(titles)) > 1 else ""
    text = _ledger_text(row, key + several, source=source, titles=named)
    return Summary(text, key, (("source", source), ("titles", named)))


def restored_summary(row: Update) -> Summary:
    """What was missing is back as it was."""
    return Summary(_ledger_text(row, "restored"), "restored")


def denied_summary(row: Update) -> Summary:
    """The vendor says that a pull was none."""
    return Summary(_ledger_text(row, "denied"), "denied")


def re_released_summary(row: Update) -> Summary:
    """It is offered again, or a new version is."""
    products = _products_beside_title(row)
    articles = title_with_articles(row).removeprefix(
        with_version(row.title, row.version)
    )
    text = _ledger_text(
        row,
        "re-released" if products else "re-released-alone",
        version=row.version,
        articles=articles,
        products=products,
    )
    return Summary(text, "re-released")


def further_summary(row: Update, products: Sequence[str]) -> Summary:
    """A package for further products of a known update."""
    text = _ledger_text(row, "further", products=product_list(products))
    return Summary(text, "further")


def exploited_summary(row: Update, cves: Sequence[str], *, exploited: bool) -> Summary:
    """Exploited or disclosed, from no to yes."""
    named = sorted(set(cves))
    key = "exploited" if exploited else "disclosed"
    if row.type != "advisory":
        key += "-fixed"
    text = _ledger_text(
        row,
        key,
        cves=", ".join(named),
        are="is" if len(named) == 1 else "are",
        them="it" if len(named) == 1 else "them",
    )
    return Summary(text, key, (("cves", ", ".join(named)),))


def known_issue_summary(row: Update, facts: Sequence[ChangeReading]) -> Summary:
    """A known issue is new, or its workaround is."""
    new = any(
        fact.change.before is None
        or not any(name == "workaround" for name, _ in fact.sentences)
        for fact in facts
    )
    quote = next(
        (
            text
            for fact in facts
            for name, text in fact.sentences
            if name in ("issue", "workaround")
        ),
        "",
    )
    short = shorten(quote, QUOTE, placeholder="…").rstrip(" .")
    ending = "" if not short or short.endswith("…") else "."
    said = short + ending
    key = "issue" if new else "issue-guidance"
    if not said:
        key += "-bare"
    return Summary(_ledger_text(row, key, quote=said), key, (("quote", said),))


def revised_summary(row: Update, facts: Sequence[ChangeReading]) -> Summary:
    """Anything else."""
    cves = sorted(
        {cve for fact in facts if fact.change.before is None for cve in fact.entry.cves}
    )
    if not cves:
        return Summary(_ledger_text(row, "changed"), "changed")
    more = " and more" if len(cves) > 4 else ""
    text = _ledger_text(row, "also-fixes", cves=", ".join(cves[:4]) + more)
    return Summary(text, "also-fixes", (("cves", ", ".join(cves)),))


def deciding_words(said: Iterable[PassageStatement]) -> str:
    """The rule and the words that decided."""
    return "; ".join(dict.fromkeys(f"{piece.rule}: “{piece.words}”" for piece in said))


def _products_beside_title(row: Update) -> str:
    """The products for which an update is, "" where its title says that already."""
    products = update_reference(row).products
    return product_list(products) if products != (row.title,) else ""


def _urgent(row: Update) -> str:
    """Which of its vulnerabilities is attacked already, else which is publicly known."""
    exploited = [advisory.id for advisory in row.advisories if advisory.exploited]
    disclosed = [advisory.id for advisory in row.advisories if advisory.disclosed]
    cves = exploited or disclosed
    if not cves:
        return ""
    more = f" and {len(cves) - 3} more" if len(cves) > 3 else ""
    text = _ledger_text(
        row,
        "exploited-already" if exploited else "disclosed-already",
        cves=", ".join(cves[:3]) + more,
        are="is" if len(cves) == 1 else "are",
    )
    return f" {text}"
