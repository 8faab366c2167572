"""What a domain's DNS says of who may send its mail.

SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489).

Pure: texts (TXT records, each joined) in, verdicts out.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

WELL, WARNING, ERROR = "well", "warning", "error"
# RFC 6761, RFC 6762, RFC 8375 and habit
_LOCAL = ("localhost", "local", "internal", "invalid", "test", "lan", "home.arpa")


class Verdict(Struct, frozen=True):
    """What was found; ``found`` is False where there is no record."""

    id: str
    severity: str
    text: str
    remedy: str = ""
    found: bool = True


def is_public(domain: str) -> bool:
    """Say whether others can look a domain up."""
    name = f".{domain.lower().rstrip('.')}"
    return name.count(".") > 1 and not any(
        name.endswith(f".{local}") for local in _LOCAL
    )


def spf(domain: str, texts: Iterable[str]) -> Verdict:
    """Judge the SPF record: there must be one, and it must let somebody send, but not everybody."""
    found = [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]
    if not found:
        text = f"SPF: {domain} does not say who may send its mail"
        return Verdict(
            "mail.spf-none",
            WARNING,
            text,
            "Let its DNS name your mail servers: a TXT record v=spf1.",
            found=False,
        )
    if len(found) > 1:
        text = f"SPF: {domain} has {len(found)} records, so none counts (RFC 7208, section 4.5)"
        return Verdict(
            "mail.spf-several", ERROR, text, "Make one TXT record v=spf1 of them."
        )
    terms = found[0].lower().split()[1:]
    if terms == ["-all"]:
        text = f"SPF: {domain} says that nobody may send its mail"
        return Verdict(
            "mail.spf-nobody",
            ERROR,
            text,
            "Name your mail servers in it, or write another sender: from in [mail].",
        )
    if {"all", "+all"} & set(terms):
        text = f"SPF: {domain} lets everybody send its mail"
        return Verdict(
            "mail.spf-everybody", WARNING, text, "End the record with -all or ~all."
        )
    return Verdict("mail.spf", WELL, f"SPF: {domain}: {found[0]}")


def dkim(domain: str, selector: str, texts: Iterable[str]) -> Verdict:
    """Judge the key that ``selector`` names; without a selector nothing can be looked up."""
    if not selector:
        text = (
            f"DKIM: the keys of {domain} can only be looked up by the selector "
            "that your mail server signs with"
        )
        return Verdict(
            "mail.dkim-unasked",
            WELL,
            text,
            "Write it as dkim_selector in [mail] to have it looked at.",
            found=False,
        )
    name = f"{selector}._domainkey.{domain}"
    found = [
        tags
        for tags in map(_tags, texts)
        if "p" in tags and tags.get("v", "DKIM1") == "DKIM1"
    ]
    if not found:
        return Verdict(
            "mail.dkim-none",
            ERROR,
            f"DKIM: there is no key {name}",
            "Correct dkim_selector, or publish the key.",
            found=False,
        )
    if not any(tags["p"] for tags in found):
        return Verdict(
            "mail.dkim-revoked",
            ERROR,
            f"DKIM: the key {name} was revoked",
            "Let your mail server sign with another one.",
        )
    return Verdict("mail.dkim", WELL, f"DKIM: there is a key {name}")


def dmarc_places(domain: str) -> tuple[str, ...]:
    """List the domains whose policy counts.

    Its own, then those above it, as long as they have two labels.
    """
    labels = domain.rstrip(".").split(".")
    return tuple(".".join(labels[place:]) for place in range(max(1, len(labels) - 1)))


def dmarc(domain: str, texts: Iterable[str]) -> Verdict:
    """Judge the policy of a domain."""
    found = [tags for tags in map(_tags, texts) if tags.get("v") == "DMARC1"]
    if len(found) != 1:
        text = (
            f"DMARC: {domain} has {len(found)} policies"
            if found
            else f"DMARC: {domain} has no policy"
        )
        return Verdict(
            "mail.dmarc-none",
            WARNING,
            text,
            f"Let the DNS have one TXT record v=DMARC1 at _dmarc.{domain}.",
            found=bool(found),
        )
    return Verdict(
        "mail.dmarc",
        WELL,
        f"DMARC: {domain} has the policy {found[0].get('p') or 'none'}",
    )


def _tags(text: str) -> dict[str, str]:
    """Read a list of tags, ``v=DMARC1; p=none``."""
    parts = (part.partition("=") for part in text.split(";"))
    return {name.strip().lower(): value.strip() for name, sign, value in parts if sign}
