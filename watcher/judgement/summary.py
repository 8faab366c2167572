"""The one sentence that an event says to an administrator.

Each is English text for the ledger, and the key by which a mail says the same in its
reader's language (``[summary]`` in ``templates/mail/words``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import shorten

from watcher.judgement.change_reading import ChangeReading, PassageStatement
from watcher.judgement.event import Summary, update_reference
from watcher.judgement.names import with_version
from watcher.records import (
    Kind,
    Package,
    Update,
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


# Characters of a quote in a sentence
QUOTE = 160


def first_summary(row: Update, kind: Kind) -> Summary:
    """What is said of an update at first sight."""
    if kind is Kind.PULLED:
        return pulled_summary(row)
    if kind is Kind.RE_RELEASED:
        return re_released_summary(row)
    if kind is Kind.RELEASED:
        return Summary(
            f"{title_with_articles(row)} is available{_for_products(row)}.{_urgent(row)}",
            "released",
        )
    if kind is Kind.ANNOUNCED:
        verb = "are" if len(row.advisories) > 1 else "is"
        return Summary(
            f"{row.title} {verb} published{_for_products(row)}; there is no update yet.{_urgent(row)}",
            "announced",
        )
    if kind is Kind.EXPLOITED:
        return exploited_summary(
            row, [advisory.id for advisory in row.advisories], exploited=True
        )
    if kind is Kind.KNOWN_ISSUE:
        return Summary(f"A known issue is listed: {row.title}.", "issue-listed")
    return Summary(
        f"{title_with_articles(row)} is listed now, with an earlier date{_for_products(row)}.",
        "listed",
    )


def pulled_summary(row: Update) -> Summary:
    """The vendor no longer offers it."""
    return Summary(
        f"{title_with_articles(row)} was pulled: the vendor has paused or withdrawn it. Do not install it.",
        "pulled",
    )


def gone_summary(row: Update) -> Summary:
    """It is no longer offered, and stays so; why, the vendor has not said."""
    text = (
        f"{title_with_articles(row)} was pulled: it is no longer offered, though the "
        "vendor has not said so in words we can read."
    )
    return Summary(f"{text} Do not install it.", "pulled-silently")


def suspected_summary(
    row: Update, source: str, titles: Sequence[str], *, row_gone: bool
) -> Summary:
    """An absence that is no verdict yet.

    A table's row is gone, or a page says that its download is.
    """
    named = product_list(titles)
    if len(set(titles)) == 1:
        what = "its row is gone" if row_gone else "its page says that it is gone"
    else:
        what = "its rows are gone" if row_gone else "its pages say that they are gone"
    text = (
        f"{title_with_articles(row)} may have been pulled: {what} at {source}: {named}. "
        "The vendor has not said so."
    )
    return Summary(
        text,
        "suspected-row" if row_gone else "suspected-page",
        (("source", source), ("titles", named)),
    )


def restored_summary(row: Update) -> Summary:
    """What was missing is back as it was."""
    return Summary(
        f"{title_with_articles(row)} is offered after all: what was missing is back as it was.",
        "restored",
    )


def denied_summary(row: Update) -> Summary:
    """The vendor says that a pull was none."""
    return Summary(
        (
            f"{title_with_articles(row)} was not pulled after all: the vendor says that it "
            "has not been withdrawn."
        ),
        "denied",
    )


def re_released_summary(row: Update) -> Summary:
    """It is offered again, or a new version is."""
    kbs = title_with_articles(row).removeprefix(with_version(row.title, row.version))
    text = (
        f"{row.title} is back as v{row.version}{kbs}{_for_products(row)}. Install it in "
        "place of the version before."
    )
    return Summary(text, "re-released")


def further_summary(row: Update, products: Sequence[str]) -> Summary:
    """A package for further products of a known update."""
    return Summary(
        f"{title_with_articles(row)} is now available for {product_list(products)} too.",
        "further",
    )


def exploited_summary(row: Update, cves: Sequence[str], *, exploited: bool) -> Summary:
    """Exploited or disclosed, from no to yes."""
    one, named, what = (
        len(set(cves)) == 1,
        ", ".join(sorted(set(cves))),
        "exploited in attacks" if exploited else "publicly disclosed",
    )
    fixed = row.type != "advisory"
    key = f"{'exploited' if exploited else 'disclosed'}{'-fixed' if fixed else ''}"
    fixes = (
        f"; {title_with_articles(row)} fixes {'it' if one else 'them'}" if fixed else ""
    )
    return Summary(
        f"{named} {'is' if one else 'are'} now {what}{fixes}.", key, (("cves", named),)
    )


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
    what = "has a known issue" if new else "has new guidance on a known issue"
    short = shorten(quote, QUOTE, placeholder="…").rstrip(" .")
    said = f"{short}{'' if short.endswith('…') else '.'}" if short else ""
    text = (
        f"{title_with_articles(row)} {what}: {said}"
        if said
        else f"{title_with_articles(row)} {what}."
    )
    return Summary(
        text,
        f"{'issue' if new else 'issue-guidance'}{'' if said else '-bare'}",
        (("quote", said),),
    )


def revised_summary(row: Update, facts: Sequence[ChangeReading]) -> Summary:
    """Anything else."""
    cves = sorted(
        {cve for fact in facts if fact.change.before is None for cve in fact.entry.cves}
    )
    if cves:
        named = f"{', '.join(cves[:4])}{' and more' if len(cves) > 4 else ''}"
        return Summary(
            f"{title_with_articles(row)} also fixes {named}.",
            "also-fixes",
            (("cves", ", ".join(cves)),),
        )
    return Summary(
        f"What the vendor says of {title_with_articles(row)} has changed.", "changed"
    )


def deciding_words(said: Iterable[PassageStatement]) -> str:
    """The rule and the words that decided."""
    return "; ".join(dict.fromkeys(f"{piece.rule}: “{piece.words}”" for piece in said))


def _for_products(row: Update) -> str:
    products = update_reference(row).products
    return (
        f" for {product_list(products)}"
        if products and products != (row.title,)
        else ""
    )


def _urgent(row: Update) -> str:
    attacked = [advisory.id for advisory in row.advisories if advisory.exploited]
    known = [advisory.id for advisory in row.advisories if advisory.disclosed]
    if attacked:
        return f" {_are(attacked)} exploited in attacks already."
    return f" {_are(known)} publicly known already." if known else ""


def _are(cves: Sequence[str]) -> str:
    shown = (
        f"{', '.join(cves[:3])}{f' and {len(cves) - 3} more' if len(cves) > 3 else ''}"
    )
    return f"{shown} {'is' if len(cves) == 1 else 'are'}"
