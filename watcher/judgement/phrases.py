"""The one sentence that an event says to an administrator.

Each is a phrase: English text for the ledger, and the key by which a mail says the
same in its reader's language (``[summary]`` in ``templates/mail/words``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import shorten

from watcher.judgement import identify, tell
from watcher.judgement.facts import Fact, Said
from watcher.judgement.tell import Phrase
from watcher.records import Kind, Update

# Characters of a quote in a sentence
QUOTED = 160


def first(row: Update, kind: Kind) -> Phrase:
    """What is said of an update at first sight."""
    if kind is Kind.PULLED:
        return pulled(row)
    if kind is Kind.RE_RELEASED:
        return re_released(row)
    if kind is Kind.RELEASED:
        return Phrase(
            f"{tell.named(row)} is available{_for(row)}.{_urgent(row)}", "released"
        )
    if kind is Kind.ANNOUNCED:
        verb = "are" if len(row.advisories) > 1 else "is"
        return Phrase(
            f"{row.title} {verb} published{_for(row)}; there is no update yet.{_urgent(row)}",
            "announced",
        )
    if kind is Kind.EXPLOITED:
        return exploited(
            row, [advisory.id for advisory in row.advisories], exploited=True
        )
    if kind is Kind.KNOWN_ISSUE:
        return Phrase(f"A known issue is listed: {row.title}.", "issue-listed")
    return Phrase(
        f"{tell.named(row)} is listed now, with an earlier date{_for(row)}.", "listed"
    )


def pulled(row: Update) -> Phrase:
    """The vendor no longer offers it."""
    return Phrase(
        f"{tell.named(row)} was pulled: the vendor has paused or withdrawn it. Do not install it.",
        "pulled",
    )


def gone(row: Update) -> Phrase:
    """It is no longer offered, and stays so; why, the vendor has not said."""
    text = (
        f"{tell.named(row)} was pulled: it is no longer offered, though the "
        "vendor has not said so in words we can read."
    )
    return Phrase(f"{text} Do not install it.", "pulled-silently")


def suspected(
    row: Update, source: str, titles: Sequence[str], *, row_gone: bool
) -> Phrase:
    """An absence that is no verdict yet.

    A table's row is gone, or a page says that its download is.
    """
    named = tell.products(titles)
    if len(set(titles)) == 1:
        what = "its row is gone" if row_gone else "its page says that it is gone"
    else:
        what = "its rows are gone" if row_gone else "its pages say that they are gone"
    text = (
        f"{tell.named(row)} may have been pulled: {what} at {source}: {named}. "
        "The vendor has not said so."
    )
    return Phrase(
        text,
        "suspected-row" if row_gone else "suspected-page",
        (("source", source), ("titles", named)),
    )


def restored(row: Update) -> Phrase:
    """What was missing is back as it was."""
    return Phrase(
        f"{tell.named(row)} is offered after all: what was missing is back as it was.",
        "restored",
    )


def denied(row: Update) -> Phrase:
    """The vendor says that a pull was none."""
    return Phrase(
        (
            f"{tell.named(row)} was not pulled after all: the vendor says that it "
            "has not been withdrawn."
        ),
        "denied",
    )


def re_released(row: Update) -> Phrase:
    """It is offered again, or a new version is."""
    kbs = tell.named(row).removeprefix(identify.with_version(row.title, row.version))
    text = (
        f"{row.title} is back as v{row.version}{kbs}{_for(row)}. Install it in "
        "place of the version before."
    )
    return Phrase(text, "re-released")


def further(row: Update, products: Sequence[str]) -> Phrase:
    """A package for further products of a known update."""
    return Phrase(
        f"{tell.named(row)} is now available for {tell.products(products)} too.",
        "further",
    )


def exploited(row: Update, cves: Sequence[str], *, exploited: bool) -> Phrase:
    """Exploited or disclosed, from no to yes."""
    one, named, what = (
        len(set(cves)) == 1,
        ", ".join(sorted(set(cves))),
        "exploited in attacks" if exploited else "publicly disclosed",
    )
    fixed = row.type != "advisory"
    key = f"{'exploited' if exploited else 'disclosed'}{'-fixed' if fixed else ''}"
    fixes = f"; {tell.named(row)} fixes {'it' if one else 'them'}" if fixed else ""
    return Phrase(
        f"{named} {'is' if one else 'are'} now {what}{fixes}.", key, (("cves", named),)
    )


def known_issue(row: Update, facts: Sequence[Fact]) -> Phrase:
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
    short = shorten(quote, QUOTED, placeholder="…").rstrip(" .")
    said = f"{short}{'' if short.endswith('…') else '.'}" if short else ""
    text = f"{tell.named(row)} {what}: {said}" if said else f"{tell.named(row)} {what}."
    return Phrase(
        text,
        f"{'issue' if new else 'issue-guidance'}{'' if said else '-bare'}",
        (("quote", said),),
    )


def revised(row: Update, facts: Sequence[Fact]) -> Phrase:
    """Anything else."""
    cves = sorted(
        {cve for fact in facts if fact.change.before is None for cve in fact.entry.cves}
    )
    if cves:
        named = f"{', '.join(cves[:4])}{' and more' if len(cves) > 4 else ''}"
        return Phrase(
            f"{tell.named(row)} also fixes {named}.",
            "also-fixes",
            (("cves", ", ".join(cves)),),
        )
    return Phrase(f"What the vendor says of {tell.named(row)} has changed.", "changed")


def because(said: Iterable[Said]) -> str:
    """The rule and the words that decided."""
    return "; ".join(dict.fromkeys(f"{piece.rule}: “{piece.words}”" for piece in said))


def _for(row: Update) -> str:
    products = tell.reference(row).products
    return (
        f" for {tell.products(products)}"
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
