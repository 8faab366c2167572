"""How mail leaves, with its login; the channels beside it, and the heartbeat.

Their secrets come from the environment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from email.utils import parseaddr
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from msgspec import UNSET, Struct

from watcher.config import environment, values
from watcher.config.mail_table import MailTable
from watcher.config.mistakes import (
    BadValueError,
    Key,
    MissingSecretError,
    Mistakes,
    TableReader,
)
from watcher.config.tables import ChannelTable, HeartbeatTable
from watcher.kinds import logs_in
from watcher.records import Source
from watcher.settings import Channel, Heartbeat, Mail, OAuth, Replies, Secret

PASSWORD = "WATCHER_SMTP_PASSWORD"  # where it stands  # noqa: S105
IMAP_PASSWORD = "WATCHER_IMAP_PASSWORD"  # where it stands  # noqa: S105
SECRET, CERTIFICATE = "WATCHER_CLIENT_SECRET", "WATCHER_CLIENT_CERTIFICATE"


def channels(
    tables: tuple[tuple[Key, ChannelTable], ...],
    environ: Mapping[str, str],
    mistakes: Mistakes,
) -> tuple[Channel, ...]:
    """Give the channels; an address is a secret as a whole."""
    mistakes.unique(((key, table.name) for key, table in tables), "channel")
    found = []
    for key, table in tables:
        given = mistakes.table(*key)
        name = given.value("name", values.name, table.name, table.name)
        url = given.value(
            "url", _channel_url, Secret("", ""), table, environ, mistakes.secrets
        )
        found.append(Channel(name, url))
    return tuple(found)


def _channel_url(
    table: ChannelTable, environ: Mapping[str, str], secrets: list[Secret]
) -> Secret:
    environment.without_password(table.url)
    # Apprise's addresses hold their tokens anywhere: in host, path or query
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
    mistakes: Mistakes,
    *,
    subscribed: bool,
) -> Mail:
    """Give how mail leaves; ``subscribed``: there is a subscriber to write to."""
    given = mistakes.table("mail")
    smtp, mailbox = given.value(
        "smtp", _smtp, ("", ""), table.smtp, environ, mistakes.secrets
    )
    if table.smtp and not table.sender:
        given.add(
            "smtp",
            "a mail server is named, but no sender",
            'Write from = "Advisory Watcher <watcher@example.org>".',
        )
    if table.smtp and not subscribed:
        given.add(
            "smtp",
            "a mail server is named, but nobody to write to",
            "Add a [[subscriber]] with name and to.",
        )
    # Graph is asked over HTTPS with a token alone: no user, no password
    graph = smtp.startswith("graph:")
    oauth = None
    if table.tenant or table.client or graph:
        oauth = _oauth(table, environ, mistakes)
    nobody = Login(None, None)
    login = nobody
    if smtp and not graph:
        # The client may be there for a source of Graph's alone
        if oauth and "auth=password" not in smtp:
            login = given.value("smtp", _mailbox_login, nobody, mailbox, environ)
        else:
            login = given.value("smtp", _login, nobody, mailbox, environ, mistakes)
        if login.user:
            smtp = given.value("smtp", _encrypted, "", smtp)
    # Files in the outbox need a From too, before anybody has named one
    default = Mail()
    sender = default.sender
    if table.sender:
        sender = given.value("from", values.sender, "", table.sender)
    return Mail(
        sender=sender,
        smtp=smtp,
        outbox=given.value("outbox", values.path, base, table.outbox, base),
        user=login.user,
        password=login.password,
        give_up=given.value("give_up", values.duration, default.give_up, table.give_up),
        oauth=oauth,
        dkim_selector=given.optional("dkim_selector", values.name, table.dkim_selector)
        or "",
        replies=_replies(table, given, sender, environ, mistakes),
    )


def require_client(sources: Iterable[Source], mail: Mail, mistakes: Mistakes) -> None:
    """Note each source that logs in at Microsoft Graph where no client is named."""
    for source in sources:
        if source.enabled and logs_in(source.kind) and mail.oauth is None:
            mistakes.add(
                ("mail", "tenant"),
                f'the source "{source.name}" logs in at Microsoft Graph, and no client is named',
                "Write tenant and client as the app registration shows them; another mail "
                "server than Microsoft's then wants ?auth=password behind smtp.",
            )


def _replies(
    table: MailTable,
    given: TableReader,
    sender: str,
    environ: Mapping[str, str],
    mistakes: Mistakes,
) -> Replies | None:
    """Give the mailbox that readers answer to, None where none is named."""
    if not table.replies:
        if table.reply_to:
            given.add(
                "reply_to",
                "nobody reads what is sent there",
                "Name its mailbox as replies, or leave the key out.",
            )
        return None
    address = parseaddr(sender)[1]
    if table.reply_to:
        address = given.value("reply_to", values.address, "", table.reply_to)
    found = given.value("replies", _mailbox, None, table.replies, address, environ)
    if found is not None:
        mistakes.secrets.append(found.password)
    return found


def _mailbox(text: str, address: str, environ: Mapping[str, str]) -> Replies:
    address_form = "imaps://watcher%40example.org@mail.example.org"
    example = f"Write it as {address_form}."
    environment.without_password(text)
    parts = values.split_address(text, address_form)
    if (
        parts.scheme not in ("imap", "imaps")
        or not parts.hostname
        or not parts.username
    ):
        raise BadValueError(
            f'"{text}" is no mailbox: scheme, user and host are wanted', example
        )
    if parts.query not in ("", "starttls=never", "starttls=required"):
        raise BadValueError(f'"{parts.query}" is no option of a mailbox', example)
    tls = "implicit" if parts.scheme == "imaps" else "starttls"
    if parts.query == "starttls=never" and tls == "starttls":
        if not values.is_this_machine(parts.hostname):
            raise BadValueError(
                f"the password would be said to {parts.hostname} in clear text",
                "Leave ?starttls=never out, or write imaps://; it is for this machine.",
            )
        tls = "never"
    port = parts.port or (993 if tls == "implicit" else 143)
    password = environment.secret(IMAP_PASSWORD, environ)
    if not password:
        raise BadValueError(
            f"a mailbox is named, but {IMAP_PASSWORD} is not set",
            f"Set {IMAP_PASSWORD}, or {IMAP_PASSWORD}_FILE to a file that holds it.",
        )
    folder = unquote(parts.path.strip("/")) or "INBOX"
    user = unquote(parts.username)
    return Replies(parts.hostname, port, tls, user, password, address, folder)


class Login(Struct, frozen=True):
    """Who logs in at the mail server; both None where nobody does."""

    user: Secret | None
    # None where a token is fetched instead
    password: Secret | None


def _oauth(table: MailTable, environ: Mapping[str, str], mistakes: Mistakes) -> OAuth:
    """Give the login at Microsoft 365.

    Tenant and client, and the client's secret or certificate.
    """
    given = mistakes.table("mail")
    for name, text in (("tenant", table.tenant), ("client", table.client)):
        if not text:
            given.add(
                name,
                "Microsoft 365 needs both tenant and client",
                f"Write {name} as the app registration shows it.",
            )
    nothing: tuple[Secret | None, Secret | None] = (None, None)
    secret, certificate = given.value("client", _credential, nothing, environ)
    mistakes.secrets += [found for found in (secret, certificate) if found]
    return OAuth(
        tenant=given.value("tenant", values.one_word, "", table.tenant),
        client=given.value("client", values.one_word, "", table.client),
        authority=given.value("authority", values.https_url, "", table.authority),
        graph=given.value("graph", values.https_url, "", table.graph),
        secret=secret,
        certificate=certificate,
    )


def _credential(environ: Mapping[str, str]) -> tuple[Secret | None, Secret | None]:
    """Give the client's secret or its certificate."""
    secret = environment.secret(SECRET, environ)
    certificate = environment.secret(CERTIFICATE, environ)
    # Of both set, one is left over from before: which one holds cannot be guessed
    if bool(secret) == bool(certificate):
        wants = "Microsoft 365 wants a secret or a certificate of the client"
        remedy = "Set one of them, or _FILE of one."
        if secret:
            raise BadValueError(
                f"{wants}, and both {SECRET} and {CERTIFICATE} are set", remedy
            )
        raise MissingSecretError(
            f"{wants}, and neither {SECRET} nor {CERTIFICATE} is set", remedy
        )
    # The portal gives the certificate alone: the key that signs the request is missing
    for wanted in ("PRIVATE KEY", "BEGIN CERTIFICATE"):
        if certificate and wanted not in certificate.value:
            raise BadValueError(
                f"{CERTIFICATE} holds no certificate with its private key",
                "Put both into it, as PEM, the key without a passphrase.",
            )
    return secret, certificate


def _mailbox_login(named: str, environ: Mapping[str, str]) -> Login:
    """Give the mailbox that logs in by OAuth.

    Its password is a token, fetched when it is needed.
    """
    user = _user(named, environ)
    if user is None:
        raise BadValueError(
            "Microsoft 365 needs the mailbox that sends",
            "Write smtp://mailbox%40example.org@smtp.office365.com, or graph://mailbox.",
        )
    return Login(user, None)


def _user(named: str, environ: Mapping[str, str]) -> Secret | None:
    """Give the user: the one ``named`` in the address, else the environment's."""
    if named:
        return Secret("WATCHER_SMTP_USER", named)
    return environment.secret("WATCHER_SMTP_USER", environ)


def _smtp(
    text: str, environ: Mapping[str, str], secrets: list[Secret]
) -> tuple[str, str]:
    return values.smtp_url(environment.expanded(text, environ, secrets))


def _encrypted(smtp: str) -> str:
    """Take the address of a server that is logged in at: the login is said encrypted, but
    on this machine.
    """
    parts = urlsplit(smtp)
    is_plain = parts.scheme == "smtp" and "starttls=never" in parts.query.split("&")
    if is_plain and not values.is_this_machine(parts.hostname or ""):
        raise BadValueError(
            f"the password would be said to {parts.hostname} in clear text",
            "Leave ?starttls=never out, or write smtps://; or unset WATCHER_SMTP_USER, "
            "where the server wants no login.",
        )
    return smtp


def _login(named: str, environ: Mapping[str, str], mistakes: Mistakes) -> Login:
    """Give user (the one ``named`` in the address, or the environment's) and password of
    the mail server, both or neither.

    A password without a user is not read: it may be left over, and no reason to tell
    nothing at all.
    """
    user = _user(named, environ)
    if not user:
        for name in filter(environ.get, (PASSWORD, f"{PASSWORD}_FILE")):
            cause = (
                f"{name} is set, but there is no user: mail goes out without a login"
            )
            mistakes.warn(
                ("mail", "smtp"),
                cause,
                f"Write smtp://user@host:port, or set WATCHER_SMTP_USER; or unset {name}.",
            )
        return Login(None, None)
    password = environment.secret(PASSWORD, environ)
    if not password:
        raise MissingSecretError(
            (
                "there is a user, "
                f"{'named here' if named else 'WATCHER_SMTP_USER'}, but "
                "WATCHER_SMTP_PASSWORD is not set"
            ),
            "Set WATCHER_SMTP_PASSWORD, or WATCHER_SMTP_PASSWORD_FILE to a file that holds it.",
        )
    # The user is none: masking "watcher" would mask half of the log
    mistakes.secrets.append(password)
    return Login(user, password)


def heartbeat(
    table: HeartbeatTable, environ: Mapping[str, str], mistakes: Mistakes
) -> Heartbeat:
    """Give what is asked when a run begins, went well and failed."""
    given = mistakes.table("heartbeat")

    def address(name: str, text: str) -> str:
        return given.value(name, _beat, "", text, environ, mistakes.secrets)

    url = address("url", table.url)
    # healthchecks.io and its like have both below the first address; "" asks nothing
    start = _below(url, "start")
    if table.start is not UNSET:
        start = address("start", table.start) if table.start else ""
    failure = _below(url, "fail")
    if table.failure is not UNSET:
        failure = address("failure", table.failure) if table.failure else ""
    return Heartbeat(url, start, failure)


def _beat(text: str, environ: Mapping[str, str], secrets: list[Secret]) -> str:
    """Check the URL with its secrets put in, and give it without them."""
    environment.without_password(text)
    values.web_url(environment.expanded(text, environ, secrets))
    return text


def _below(url: str, word: str) -> str:
    """Put ``/word`` at the end of a URL's path.

    Nothing is asked where a query follows.
    """
    parts = urlsplit(url)
    # A query belongs to a service of another kind, which does not know these words
    if not url or parts.query:
        return ""
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{word}"))
