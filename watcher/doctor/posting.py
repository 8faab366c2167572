"""The doctor's look at the way of mail: the server, and what the DNS says of the sender."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from email.utils import parseaddr
from typing import TYPE_CHECKING

from watcher.doctor import mail_authority
from watcher.doctor.finding import Finding, Severity
from watcher.errors import DeliveryError, WatcherError

if TYPE_CHECKING:
    from watcher.config import Settings


def mail(settings: Settings) -> Iterator[Finding]:
    """Greet the mail server as a message would be: EHLO, TLS, login; nothing is sent."""
    if not settings.mail.smtp:
        yield Finding(
            "mail.outbox",
            Severity.WARNING,
            f"messages are only written to {settings.mail.outbox}",
            "Name a mail server: smtp in [mail].",
        )
        return
    if settings.mail.smtp.startswith("graph:"):
        yield Finding(
            "mail.graph",
            Severity.WELL,
            "mail leaves by Microsoft Graph",
            "Try it: watcher mail test ADDRESS",
        )
        return
    from watcher.notifiers import greeting

    try:
        said = greeting.greet(settings)
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


def sender(
    settings: Settings, ask: Callable[[str], tuple[str, ...]] | None = None
) -> Iterator[Finding]:
    """Look up SPF, DKIM and DMARC of the sender's domain.

    ``ask`` gives the texts of a name, by the system's DNS when it is left out.

    Whether the server that mail leaves by is one of those that SPF names cannot be
    known from here: it may hand mail on.
    """
    if not settings.mail.smtp:
        return
    from watcher.notifiers import domain

    ask = ask or domain.texts
    _, _, name = parseaddr(settings.mail.sender)[1].rpartition("@")
    if not mail_authority.is_public(name):
        text = (
            f"the sender's domain, {name}, is known to no DNS: other "
            "organisations take no such mail"
        )
        yield Finding(
            "mail.sender-local",
            Severity.WARNING,
            text,
            "Write a sender of a domain of yours: from in [mail].",
        )
        return
    try:
        verdicts = [
            mail_authority.spf(name, ask(name)),
            _dkim(name, settings.mail.dkim_selector, ask),
            _dmarc(name, ask),
        ]
    except WatcherError as error:
        yield Finding(
            "mail.dns",
            Severity.WARNING,
            str(error),
            "See whether this machine may ask a DNS server; try it again.",
        )
        return
    yield from (
        Finding(each.id, Severity(each.severity), each.text, each.remedy)
        for each in verdicts
    )


def _dkim(
    name: str, selector: str, ask: Callable[[str], tuple[str, ...]]
) -> mail_authority.Verdict:
    return mail_authority.dkim(
        name, selector, ask(f"{selector}._domainkey.{name}") if selector else ()
    )


def _dmarc(name: str, ask: Callable[[str], tuple[str, ...]]) -> mail_authority.Verdict:
    """Ask for the policy of the domain, then of those above it."""
    verdict = mail_authority.dmarc(name, ())
    for place in mail_authority.dmarc_places(name):
        verdict = mail_authority.dmarc(place, ask(f"_dmarc.{place}"))
        if verdict.found:
            break
    return verdict
