"""The one sentence that an event says to an administrator."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import shorten

from watcher.judgement import identify, tell
from watcher.judgement.facts import Fact, Said
from watcher.records import Kind, Update

QUOTED = 160  # characters of a quote in a sentence


def first(row: Update, kind: Kind) -> str:
    """What is said of an update at first sight."""
    if kind is Kind.PULLED:
        return pulled(row)
    if kind is Kind.RE_RELEASED:
        return re_released(row)
    if kind is Kind.RELEASED:
        return f"{tell.named(row)} is available{_for(row)}.{_urgent(row)}"
    if kind is Kind.ANNOUNCED:
        verb = "are" if len(row.advisories) > 1 else "is"
        return f"{row.title} {verb} published{_for(row)}; there is no update yet.{_urgent(row)}"
    if kind is Kind.EXPLOITED:
        return exploited(row, [advisory.id for advisory in row.advisories], exploited=True)
    if kind is Kind.KNOWN_ISSUE:
        return f"A known issue is listed: {row.title}."
    return f"{tell.named(row)} is listed now, with an earlier date{_for(row)}."


def pulled(row: Update) -> str:
    """The vendor no longer offers it."""
    return f"{tell.named(row)} was pulled: the vendor has paused or withdrawn it. Do not install it."


def suspected(row: Update, gone: str) -> str:
    """An absence that is no verdict yet."""
    return f"{tell.named(row)} may have been pulled: {gone}. The vendor has not said so."


def restored(row: Update) -> str:
    """What was missing is back as it was."""
    return f"{tell.named(row)} is offered after all: what was missing is back as it was."


def re_released(row: Update) -> str:
    """It is offered again, or a new version is."""
    kbs = tell.named(row).removeprefix(identify.with_version(row.title, row.version))
    return f"{row.title} is back as v{row.version}{kbs}{_for(row)}. Install it in place of the version before."


def further(row: Update, products: Sequence[str]) -> str:
    """A package for further products of a known update."""
    return f"{tell.named(row)} is now available for {tell.products(products)} too."


def exploited(row: Update, cves: Sequence[str], *, exploited: bool) -> str:
    """Exploited or disclosed, from no to yes."""
    what = "exploited in attacks" if exploited else "publicly disclosed"
    fixed = f"; {tell.named(row)} fixes it" if row.type != "advisory" else ""
    return f"{', '.join(sorted(set(cves)))} is now {what}{fixed}."


def known_issue(row: Update, facts: Sequence[Fact]) -> str:
    """A known issue is new, or its workaround is."""
    new = any(fact.change.before is None or not any(name == "workaround" for name, _ in fact.sentences) for fact in facts)
    quote = next((text for fact in facts for name, text in fact.sentences if name in ("issue", "workaround")), "")
    what = "has a known issue" if new else "has new guidance on a known issue"
    short = shorten(quote, QUOTED, placeholder="…").rstrip(" .")
    end = "" if short.endswith("…") else "."
    return f"{tell.named(row)} {what}: {short}{end}" if short else f"{tell.named(row)} {what}."


def revised(row: Update, facts: Sequence[Fact]) -> str:
    """Anything else."""
    cves = sorted({cve for fact in facts if fact.change.before is None for cve in fact.entry.cves})
    if cves:
        return f"{tell.named(row)} also fixes {', '.join(cves[:4])}{' and more' if len(cves) > 4 else ''}."
    return f"What the vendor says of {tell.named(row)} has changed."


def because(said: Iterable[Said]) -> str:
    """The rule and the words that decided."""
    return "; ".join(dict.fromkeys(f"{piece.rule}: {piece.words}" for piece in said))


def _for(row: Update) -> str:
    products = tell.reference(row).products
    return f" for {tell.products(products)}" if products and products != (row.title,) else ""


def _urgent(row: Update) -> str:
    attacked = [advisory.id for advisory in row.advisories if advisory.exploited]
    known = [advisory.id for advisory in row.advisories if advisory.disclosed]
    if attacked:
        return f" {', '.join(attacked[:3])} is exploited in attacks already."
    return f" {', '.join(known[:3])} is publicly known already." if known else ""
