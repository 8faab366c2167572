"""The doctor's look at how mail leaves: the server, and what the DNS says of the sender."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.utils import parseaddr
from typing import TYPE_CHECKING

from watcher.config import Settings
from watcher.doctor import mail_authority
from watcher.doctor.finding import Finding, Severity
from watcher.errors import DeliveryError, WatcherError
from watcher.notifiers import smtp

if TYPE_CHECKING:
    from dns.resolver import Resolver


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
    if not mail_authority.is_public(domain):
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
            mail_authority.spf(domain, ask(domain)),
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
    return mail_authority.dkim(domain, selector, found)


def _dmarc(domain: str, ask: Ask) -> Finding:
    """Ask for the policy of the domain, then of those above it."""
    policies: list[dict[str, str]] = []
    # RFC 7489, 6.6.3: the organisation's policy holds where the domain has none
    for each in mail_authority.dmarc_domains(domain):
        domain = each
        policies = mail_authority.dmarc_policies(ask(f"_dmarc.{domain}"))
        if policies:
            break
    return mail_authority.dmarc(domain, policies)


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
