"""The ways out: mail, with its login, other channels, and the heartbeat; their secrets
fetched from the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from msgspec import UNSET, UnsetType

from watcher.config import environment, values
from watcher.config.complaints import Complaints, Key, Wrong
from watcher.config.tables import ChannelTable, HeartbeatTable, MailTable
from watcher.settings import Channel, Heartbeat, Mail, OAuth, Secret

PASSWORD = "WATCHER_SMTP_PASSWORD"  # where it stands  # noqa: S105
SECRET, CERTIFICATE = "WATCHER_CLIENT_SECRET", "WATCHER_CLIENT_CERTIFICATE"


def channels(
    tables: tuple[tuple[Key, ChannelTable], ...],
    environ: Mapping[str, str],
    complaints: Complaints,
) -> tuple[Channel, ...]:
    """Settle the channels; an address is a secret as a whole."""
    complaints.unique(((key, table.name) for key, table in tables), "channel")
    nothing = Secret("", "")
    return tuple(
        Channel(
            complaints.attempt(
                (*key, "name"), partial(values.name, table.name), table.name
            ),
            complaints.attempt(
                (*key, "url"),
                partial(_channel_url, table, environ, complaints.secrets),
                nothing,
            ),
        )
        for key, table in tables
    )


def _channel_url(
    table: ChannelTable, environ: Mapping[str, str], secrets: list[Secret]
) -> Secret:
    environment.without_password(table.url)
    url = Secret(
        f"channel {table.name}",
        values.any_url(environment.expanded(table.url, environ, secrets)),
    )
    secrets.append(url)
    return url


def mail(
    table: MailTable,
    base: Path,
    environ: Mapping[str, str],
    complaints: Complaints,
    *,
    told: bool,
) -> Mail:
    """Settle how mail leaves; ``told``: there is a subscriber to write to."""
    attempt = complaints.attempt
    smtp, named = attempt(
        ("mail", "smtp"),
        partial(_smtp, table.smtp, environ, complaints.secrets),
        ("", ""),
    )
    if table.smtp and not table.sender:
        complaints.add(
            ("mail", "smtp"),
            "a mail server is named, but no sender",
            'Write from = "Advisory Watcher <watcher@example.org>".',
        )
    if table.smtp and not told:
        complaints.add(
            ("mail", "smtp"),
            "a mail server is named, but nobody to write to",
            "Add a [[subscriber]] with name and to.",
        )
    oauth = (
        _oauth(table, environ, complaints)
        if table.tenant or table.client or smtp.startswith("graph:")
        else None
    )
    nobody: tuple[Secret | None, Secret | None] = (None, None)
    login = (
        partial(_user, named, environ)
        if oauth
        else partial(_login, named, environ, complaints)
    )
    user, password = (
        attempt(("mail", "smtp"), login, nobody)
        if smtp and not smtp.startswith("graph:")
        else nobody
    )
    return Mail(
        sender=attempt(("mail", "from"), partial(values.sender, table.sender), "")
        if table.sender
        else Mail().sender,
        smtp=smtp,
        outbox=attempt(
            ("mail", "outbox"), partial(values.path, table.outbox, base), base
        ),
        user=user,
        password=password,
        give_up=attempt(
            ("mail", "give_up"), partial(values.duration, table.give_up), Mail().give_up
        ),
        oauth=oauth,
        dkim_selector=attempt(
            ("mail", "dkim_selector"), partial(values.name, table.dkim_selector), ""
        )
        if table.dkim_selector
        else "",
    )


def _oauth(
    table: MailTable, environ: Mapping[str, str], complaints: Complaints
) -> OAuth:
    """Settle the login at Microsoft 365.

    Tenant and client, and the client's secret or certificate.
    """
    for key, text in (("tenant", table.tenant), ("client", table.client)):
        if not text:
            complaints.add(
                ("mail", key),
                "Microsoft 365 needs both tenant and client",
                f"Write {key} as the app registration shows it.",
            )
    nothing: tuple[Secret | None, Secret | None] = (None, None)
    secret, certificate = complaints.attempt(
        ("mail", "client"), partial(_credential, environ), nothing
    )
    complaints.secrets += [known for known in (secret, certificate) if known]
    attempt = complaints.attempt
    return OAuth(
        tenant=attempt(("mail", "tenant"), partial(values.one_word, table.tenant), ""),
        client=attempt(("mail", "client"), partial(values.one_word, table.client), ""),
        authority=attempt(
            ("mail", "authority"), partial(values.https_url, table.authority), ""
        ),
        graph=attempt(("mail", "graph"), partial(values.https_url, table.graph), ""),
        secret=secret,
        certificate=certificate,
    )


def _credential(environ: Mapping[str, str]) -> tuple[Secret | None, Secret | None]:
    """Give the client's secret or its certificate."""
    secret, certificate = (
        environment.secret(SECRET, environ),
        environment.secret(CERTIFICATE, environ),
    )
    if bool(secret) == bool(certificate):
        both = (
            f"both {SECRET} and {CERTIFICATE} are set"
            if secret
            else f"neither {SECRET} nor {CERTIFICATE} is set"
        )
        raise Wrong(
            f"Microsoft 365 wants a secret or a certificate of the client, and {both}",
            "Set one of them, or _FILE of one.",
        )
    if certificate and not (
        "PRIVATE KEY" in certificate.value and "BEGIN CERTIFICATE" in certificate.value
    ):
        raise Wrong(
            f"{CERTIFICATE} holds no certificate with its private key",
            "Put both into it, as PEM, the key without a passphrase.",
        )
    return secret, certificate


def _user(
    named: str, environ: Mapping[str, str]
) -> tuple[Secret | None, Secret | None]:
    """Give the mailbox that logs in by OAuth.

    Its password is a token, fetched when it is needed.
    """
    user = (
        Secret("WATCHER_SMTP_USER", named)
        if named
        else environment.secret("WATCHER_SMTP_USER", environ)
    )
    if user is None:
        raise Wrong(
            "Microsoft 365 needs the mailbox that sends",
            "Write smtp://mailbox%40example.org@smtp.office365.com, or graph://mailbox.",
        )
    return user, None


def _smtp(
    text: str, environ: Mapping[str, str], secrets: list[Secret]
) -> tuple[str, str]:
    return values.smtp_url(environment.expanded(text, environ, secrets))


def _login(
    named: str, environ: Mapping[str, str], complaints: Complaints
) -> tuple[Secret | None, Secret | None]:
    """Give user (the one ``named`` in the address, or the environment's) and password of
    the mail server, both or neither.

    A password without a user is not read: it may be left over, and no reason to tell
    nothing at all.
    """
    user = (
        Secret("WATCHER_SMTP_USER", named)
        if named
        else environment.secret("WATCHER_SMTP_USER", environ)
    )
    if not user:
        for name in filter(environ.get, (PASSWORD, f"{PASSWORD}_FILE")):
            cause = (
                f"{name} is set, but there is no user: mail goes out without a login"
            )
            complaints.warn(
                ("mail", "smtp"),
                cause,
                f"Write smtp://user@host:port, or set WATCHER_SMTP_USER; or unset {name}.",
            )
        return None, None
    password = environment.secret(PASSWORD, environ)
    if not password:
        raise Wrong(
            (
                "there is a user, "
                f"{'named here' if named else 'WATCHER_SMTP_USER'}, but "
                "WATCHER_SMTP_PASSWORD is not set"
            ),
            "Set WATCHER_SMTP_PASSWORD, or WATCHER_SMTP_PASSWORD_FILE to a file that holds it.",
        )
    # The user is none: masking it would mask half of the log
    complaints.secrets.append(password)
    return user, password


def heartbeat(
    table: HeartbeatTable, environ: Mapping[str, str], complaints: Complaints
) -> Heartbeat:
    """Settle what is asked when a run begins and ends."""
    url = complaints.attempt(
        ("heartbeat", "url"), partial(_beat, table.url, environ, complaints.secrets), ""
    )

    def beside(key: str, text: str | UnsetType, word: str) -> str:
        if text is UNSET:
            return _below(url, word)
        return (
            complaints.attempt(
                ("heartbeat", key),
                partial(_beat, text, environ, complaints.secrets),
                "",
            )
            if text
            else ""
        )

    return Heartbeat(
        url,
        beside("start", table.start, "start"),
        beside("failure", table.failure, "fail"),
    )


def _beat(text: str, environ: Mapping[str, str], secrets: list[Secret]) -> str:
    """Check the URL with its secrets put in, and give it without them."""
    environment.without_password(text)
    values.web_url(environment.expanded(text, environ, secrets))
    return text


def _below(url: str, word: str) -> str:
    """Put ``/word`` at the end of a URL's path, as healthchecks.io and its like have it.

    Nothing is asked where a query follows.
    """
    parts = urlsplit(url)
    return (
        ""
        if not url or parts.query
        else urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{word}"))
    )
