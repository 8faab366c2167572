"""The doctor's look at how mail leaves: the server, and what the DNS says of the sender."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from email.utils import parseaddr
from typing import TYPE_CHECKING

from watcher.config import Settings
from watcher.doctor.sources import Finding, Severity
from watcher.errors import DeliveryError, WatcherError
from watcher.notifiers import smtp

if TYPE_CHECKING:
    from dns.resolver import Resolver

# RFC 6761, RFC 6762, RFC 8375 and habit
_LOCAL = ("localhost", "local", "internal", "invalid", "test", "lan", "home.arpa")


def is_public(domain: str) -> bool:
    """Say whether others can look a domain up."""
    name = f".{domain.lower().rstrip('.')}"
    is_local = any(name.endswith(f".{local}") for local in _LOCAL)
    return name.count(".") > 1 and not is_local


def spf(domain: str, texts: Iterable[str]) -> Finding:
    """Judge the SPF record: there must be one, and it must let somebody send, but not everybody."""
    found = [text for text in texts if text.lower().split(" ")[0] == "v=spf1"]
    if not found:
        return Finding(
            "mail.spf-none",
            Severity.WARNING,
            f"SPF: {domain} does not say who may send its mail",
            "Let its DNS name your mail servers: a TXT record v=spf1.",
        )
    if len(found) > 1:
        return Finding(
            "mail.spf-several",
            Severity.ERROR,
            f"SPF: {domain} has {len(found)} records, so none counts (RFC 7208, section 4.5)",
            "Make one TXT record v=spf1 of them.",
        )
    terms = found[0].lower().split()[1:]
    if terms == ["-all"]:
        return Finding(
            "mail.spf-nobody",
            Severity.ERROR,
            f"SPF: {domain} says that nobody may send its mail",
            "Name your mail servers in it, or write another sender: from in [mail].",
        )
    # "all" without a sign is "+all" (RFC 7208, section 4.6.2)
    if {"all", "+all"} & set(terms):
        return Finding(
            "mail.spf-everybody",
            Severity.WARNING,
            f"SPF: {domain} lets everybody send its mail",
            "End the record with -all or ~all.",
        )
    return Finding("mail.spf", Severity.WELL, f"SPF: {domain}: {found[0]}")


def dkim(domain: str, selector: str, texts: Iterable[str]) -> Finding:
    """Judge the key that ``selector`` names; without a selector nothing can be looked up."""
    if not selector:
        return Finding(
            "mail.dkim-unasked",
            Severity.WELL,
            f"DKIM: the keys of {domain} can only be looked up by the selector "
            "that your mail server signs with",
            "Write it as dkim_selector in [mail] to have it looked at.",
        )
    name = f"{selector}._domainkey.{domain}"
    # The tag v is optional (RFC 6376, section 3.6.1)
    keys = [
        tags
        for tags in map(_tags, texts)
        if "p" in tags and tags.get("v", "DKIM1") == "DKIM1"
    ]
    if not keys:
        return Finding(
            "mail.dkim-none",
            Severity.ERROR,
            f"DKIM: there is no key {name}",
            "Correct dkim_selector, or publish the key.",
        )
    if not any(tags["p"] for tags in keys):
        return Finding(
            "mail.dkim-revoked",
            Severity.ERROR,
            f"DKIM: the key {name} was revoked",
            "Let your mail server sign with another one.",
        )
    return Finding("mail.dkim", Severity.WELL, f"DKIM: there is a key {name}")


def dmarc_domains(domain: str) -> tuple[str, ...]:
    """List the domains whose policy counts.

    Its own, then those above it, as long as they have two labels.
    """
    labels = domain.rstrip(".").split(".")
    above = max(1, len(labels) - 1)
    return tuple(".".join(labels[first:]) for first in range(above))


def dmarc_policies(texts: Iterable[str]) -> list[dict[str, str]]:
    """Read the policies among the texts of ``_dmarc.DOMAIN``, each by its tags."""
    return [tags for tags in map(_tags, texts) if tags.get("v") == "DMARC1"]


def dmarc(domain: str, policies: Sequence[dict[str, str]]) -> Finding:
    """Judge the policies of a domain: there must be one."""
    if len(policies) != 1:
        many = f"{len(policies)} policies" if policies else "no policy"
        return Finding(
            "mail.dmarc-none",
            Severity.WARNING,
            f"DMARC: {domain} has {many}",
            f"Let the DNS have one TXT record v=DMARC1 at _dmarc.{domain}.",
        )
    policy = policies[0].get("p") or "none"
    return Finding(
        "mail.dmarc", Severity.WELL, f"DMARC: {domain} has the policy {policy}"
    )


def _tags(text: str) -> dict[str, str]:
    """Read a list of tags, ``v=DMARC1; p=none``."""
    tags = {}
    for each in text.split(";"):
        name, sign, value = each.partition("=")
        if sign:
            tags[name.strip().lower()] = value.strip()
    return tags


# Seconds for one name, all DNS servers together
PATIENCE = 5.0

Ask = Callable[[str], tuple[str, ...]]


def mail_server(settings: Settings) -> Iterator[Finding]:
    """Greet the mail server as a message would be: EHLO, TLS, login; nothing is sent."""
    if not settings.mail.smtp:
        yield Finding(
            "mail.outbox",
            Severity.WARNING,
            f"messages are only written to {settings.mail.outbox}",
            "Name a mail server: smtp in [mail].",
        )
        return
    # Graph has no greeting: only sending shows whether the client may send
    if settings.mail.smtp.startswith("graph:"):
        yield Finding(
            "mail.graph",
            Severity.WELL,
            "mail leaves by Microsoft Graph",
            "Try it: watcher mail test ADDRESS",
        )
        return
    try:
        said = smtp.greet(settings)
    except DeliveryError as error:
        yield Finding(
            "mail.refused",
            Severity.ERROR,
            error.answer,
            "Correct smtp in [mail], or the login; then: watcher mail test ADDRESS",
        )
    except WatcherError as error:
        yield Finding("mail.refused", Severity.ERROR, str(error), "Correct [mail].")
    else:
        yield Finding("mail.ready", Severity.WELL, said)
        if "without TLS" in said:
            yield Finding(
                "mail.open",
                Severity.WARNING,
                "the mail server is spoken to without TLS",
                "Let it offer STARTTLS, or use smtps://.",
            )


def sender(settings: Settings, ask: Ask | None = None) -> Iterator[Finding]:
    """Look up SPF, DKIM and DMARC of the sender's domain.

    ``ask`` gives the texts of a name, by the system's DNS when it is left out.
    """
    # Whether the server that mail leaves by is one of those that SPF names cannot be
    # known from here: it may hand mail on
    if not settings.mail.smtp:
        return
    ask = ask or texts
    _, _, domain = parseaddr(settings.mail.sender)[1].rpartition("@")
    if not is_public(domain):
        yield Finding(
            "mail.sender-local",
            Severity.WARNING,
            f"the sender's domain, {domain}, is known to no DNS: other "
            "organisations take no such mail",
            "Write a sender of a domain of yours: from in [mail].",
        )
        return
    try:
        found = [
            spf(domain, ask(domain)),
            _dkim(domain, settings.mail.dkim_selector, ask),
            _dmarc(domain, ask),
        ]
    except WatcherError as error:
        yield Finding(
            "mail.dns",
            Severity.WARNING,
            str(error),
            "See whether this machine may ask a DNS server; try it again.",
        )
        return
    yield from found


def _dkim(domain: str, selector: str, ask: Ask) -> Finding:
    found = ask(f"{selector}._domainkey.{domain}") if selector else ()
    return dkim(domain, selector, found)


def _dmarc(domain: str, ask: Ask) -> Finding:
    """Ask for the policy of the domain, then of those above it."""
    policies: list[dict[str, str]] = []
    # RFC 7489, 6.6.3: the organisation's policy holds where the domain has none
    for each in dmarc_domains(domain):
        domain = each
        policies = dmarc_policies(ask(f"_dmarc.{domain}"))
        if policies:
            break
    return dmarc(domain, policies)


def texts(name: str, resolver: Resolver | None = None) -> tuple[str, ...]:
    """Ask the DNS for the texts of a name (TXT records), each joined of its parts.

    None where there is no such name.  Raises WatcherError when the DNS gives no answer.
    """
    import dns.exception
    import dns.resolver

    try:
        asked = resolver or dns.resolver.Resolver()
        found = asked.resolve(name, "TXT", lifetime=PATIENCE)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return ()
    except dns.exception.DNSException as error:
        raise WatcherError(
            f"the DNS did not answer for {name} ({type(error).__name__})"
        ) from error
    return tuple(b"".join(text.strings).decode("utf-8", "replace") for text in found)
