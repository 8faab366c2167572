"""Messages by SMTP.

Encrypted before a password is said, certificates verified, an answer for every
recipient.
"""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import parseaddr

from msgspec.structs import replace

from watcher import trust
from watcher.errors import DeliveryError
from watcher.notifiers import Notifier, Receipt, SendingTime, addressed
from watcher.notifiers.microsoft import SMTP_SCOPE, Tokens
from watcher.notifiers.smtp_connection import (
    PERMANENT,
    AnswerMeaning,
    Connection,
    Server,
    Stage,
    is_taken,
    judged,
    says_too_many,
    server,
    words,
)
from watcher.records import DeliveryState, Message
from watcher.settings import Settings

_BEYOND_ASCII = (
    "an address has letters beyond ASCII before its @, and the server does not know "
    "SMTPUTF8. Write another address, or name a server that does: smtp in [mail]"
)


@contextmanager
def connect(settings: Settings) -> Iterator[Notifier]:
    """Give a notifier that connects at its first message and keeps the connection for the
    next ones.
    """
    with _line(settings) as line:
        yield line


@contextmanager
def _line(settings: Settings) -> Iterator[Line]:
    user, password = settings.mail.user, settings.mail.password
    credentials = None
    # A token stands in the password's place with Microsoft 365
    if user and (password or settings.mail.oauth):
        credentials = (user.reveal(), password.reveal() if password else "")
    line = Line(
        server(settings.mail.smtp, credentials=credentials is not None),
        parseaddr(settings.mail.sender)[1],
        str(settings.ca_bundle) if settings.ca_bundle else None,
        credentials,
        Tokens.of(settings) if user and not password else None,
    )
    try:
        yield line
    finally:
        line.hang_up()


def greet(settings: Settings) -> str:
    """Connect, encrypt and log in as before a message, and hang up.

    Say what was agreed.  Raises DeliveryError, ConfigurationError.
    """
    with _line(settings) as line:
        connection = line.greet()
        safe = (
            f"with {connection.sock.version()}"
            if isinstance(connection.sock, ssl.SSLSocket)
            else "without TLS"
        )
        login = "logged in" if line.credentials else "no login"
        return f"{line.server.host}:{line.server.port} answers {safe}, {login}"


@dataclass(slots=True)
class Line:
    """A connection to one mail server, opened when needed and again after it was lost.

    With ``tokens`` the password is a token of Microsoft 365.  ``away`` is why no
    connection can be had, None when that is not known: a server that is away, or refuses
    the login, is not asked again for each message.
    """

    server: Server
    sender: str
    ca_bundle: str | None
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    tokens: Tokens | None = field(default=None, repr=False)
    open: Connection | None = field(default=None, repr=False)
    away: DeliveryError | None = None
    time: SendingTime = field(default_factory=SendingTime, repr=False)

    def send(
        self,
        message: Message,
        recipients: Sequence[str],
        time: SendingTime | None = None,
    ) -> list[Receipt]:
        """Hand ``message`` over; what fails for all recipients is each one's receipt.

        A server that takes so many recipients at once is given the others in further
        transactions, as long as there is time.
        """
        self.time = time or SendingTime()
        if self.open is not None:
            self.open.until = self.time
        found: dict[str, Receipt] = {}
        left = list(recipients)
        while left and not self.time.is_over:
            receipts = self._attempt(message, left)
            found |= {receipt.recipient: receipt for receipt in receipts}
            left = [recipient for recipient in left if recipient not in found]
        return [found[recipient] for recipient in recipients if recipient in found]

    def _attempt(self, message: Message, recipients: list[str]) -> list[Receipt]:
        """Make one transaction; give a receipt for each recipient that has come to its turn."""
        failure = self.away
        if failure is None:
            try:
                connection = self._connection()
                with connection.ending():
                    return self._transfer(connection, message, recipients)
            except DeliveryError as error:
                failure = error
        meaning = AnswerMeaning(DeliveryState.DEFERRED, failure.settings_wrong)
        return [_receipt(each, meaning, failure.answer) for each in recipients]

    def targets(self, recipient: str) -> list[str]:
        """Name the recipient: it stands for itself."""
        return [recipient]

    def greet(self) -> Connection:
        """Connect, encrypt and log in, as before a message.  Raises DeliveryError."""
        return self._connection()

    def hang_up(self) -> None:
        """Close the connection politely, if that is possible."""
        if self.open is not None:
            with suppress(OSError, smtplib.SMTPException):
                self.open.quit()
            self.open.close()
            self.open = None

    def _connection(self) -> Connection:
        """Give the open connection, or a new one.

        Encrypted, then authenticated.  Raises DeliveryError.
        """
        if self.open is not None and self._alive(self.open):
            return self.open
        try:
            self.open = self._dial()
            with self.open.ending():
                self._encrypt(self.open)
                self._authenticate(self.open)
        except (OSError, smtplib.SMTPException, DeliveryError) as error:
            self._drop()
            self.away = error if isinstance(error, DeliveryError) else self._why(error)
            raise self.away from error
        return self.open

    def _why(self, error: Exception) -> DeliveryError:
        """Say why there is no connection, and what to do where that is known."""
        where = f"{self.server.host}:{self.server.port}"
        if isinstance(error, ssl.SSLCertVerificationError):
            return DeliveryError(
                f"{where}: its certificate is not trusted "
                f"({error.verify_message}). Name its authority's file as "
                "ca_bundle in [watch]",
                settings_wrong=True,
            )
        if isinstance(error, smtplib.SMTPAuthenticationError):
            check = "WATCHER_SMTP_USER and WATCHER_SMTP_PASSWORD"
            # Exchange Online refuses a good token whose app lacks the right
            if self.tokens:
                check = "that the client may use SMTP.SendAsApp"
            return DeliveryError(
                f"{where}: it refused the name or password ({_said(error)}). Check {check}",
                # 454: it cannot look now (RFC 4954 section 4.7.0)
                settings_wrong=error.smtp_code >= PERMANENT,
            )
        refused = (
            isinstance(error, smtplib.SMTPResponseException)
            and error.smtp_code >= PERMANENT
        )
        return DeliveryError(
            f"{where}: {_unreachable(error) or _said(error)}",
            settings_wrong=refused
            or isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLError),
        )

    def _dial(self) -> Connection:
        context = self._tls() if self.server.implicit else None
        return Connection(self.server, self.time, context)

    def _tls(self) -> ssl.SSLContext:
        return trust.context(self.ca_bundle)

    def _encrypt(self, connection: Connection) -> None:
        connection.ehlo_or_helo_if_needed()
        if self.server.implicit or self.server.starttls == "never":
            return
        # What is said after EHLO in clear may be forged: it is asked again, encrypted
        # (RFC 3207, 4.2)
        if connection.has_extn("starttls"):
            connection.starttls(context=self._tls())
            connection.ehlo()
        elif self.server.starttls == "required":
            raise smtplib.SMTPNotSupportedError(
                "it offers no STARTTLS, and a password is only sent encrypted"
            )

    def _authenticate(self, connection: Connection) -> None:
        if self.credentials is None:
            return
        user, secret = self.credentials
        if self.tokens is not None:
            secret = self.tokens.token(SMTP_SCOPE)
        elif not self.server.xoauth2:
            connection.login(user, secret)
            return
        said = f"user={user}\1auth=Bearer {secret}\1\1"
        token = base64.b64encode(said.encode()).decode("ascii")
        code, answer = connection.docmd("AUTH", f"XOAUTH2 {token}")
        # The server explains in a challenge, and waits for an empty answer
        if code == 334:
            code, answer = connection.docmd("")
        if code != 235:
            raise smtplib.SMTPAuthenticationError(code, answer)

    def _transfer(
        self, connection: Connection, message: Message, recipients: list[str]
    ) -> list[Receipt]:
        """Say sender, recipients and message, each answer where it belongs.

        Raises DeliveryError where no recipient could be named.
        """
        options: list[str] = []
        receipts: list[Receipt] = []
        head = message.body.partition(b"\r\n\r\n")[0]
        if not all(map(str.isascii, (self.sender, *recipients))) or not head.isascii():
            # RFC 6531
            if connection.has_extn("smtputf8"):
                options = ["SMTPUTF8", "BODY=8BITMIME"]
            else:
                receipts, recipients, message = self._in_ascii(message, recipients)
        if not recipients:
            return receipts
        try:
            if options:
                connection.command_encoding = "utf-8"
            self._say_sender(connection, options)
            answers, accepted = _say_recipients(connection, recipients, self.time)
        except (OSError, smtplib.SMTPException) as error:
            raise self._lost(error) from error
        receipts += answers
        if accepted:
            meaning, answer = self._hand_over(connection, message)
            receipts += [_receipt(each, meaning, answer) for each in accepted]
        self._reset(connection)
        return receipts

    def _in_ascii(
        self, message: Message, recipients: list[str]
    ) -> tuple[list[Receipt], list[str], Message]:
        """Leave out what a server without SMTPUTF8 cannot be told.

        Give the receipts of recipients that are not ASCII, the other recipients, and
        the message with them alone in its head.
        """
        beyond = [each for each in recipients if not each.isascii()]
        if not self.sender.isascii():
            beyond = recipients
        plain = [each for each in recipients if each not in beyond]
        meaning = AnswerMeaning(DeliveryState.REFUSED, settings_wrong=True)
        receipts = [_receipt(each, meaning, _BEYOND_ASCII) for each in beyond]
        return receipts, plain, replace(message, body=addressed(message.body, to=plain))

    def _say_sender(self, connection: Connection, options: list[str]) -> None:
        """Say MAIL FROM.  Raises DeliveryError unless the server agrees."""
        code, answer = connection.mail(self.sender, options)
        if is_taken(code):
            return
        meaning = judged(Stage.SENDER, code, answer)
        raise DeliveryError(
            f"the sender was refused: {words(code, answer)}",
            settings_wrong=meaning.settings_wrong,
        )

    def _hand_over(
        self, connection: Connection, message: Message
    ) -> tuple[AnswerMeaning, str]:
        """Say DATA and the message.

        What is lost after the last dot may have arrived: that is unknown.
        """
        try:
            code, answer = connection.docmd("DATA")
        except (OSError, smtplib.SMTPException) as error:
            return AnswerMeaning(DeliveryState.DEFERRED), self._lost(error).answer
        if code != 354:
            return judged(Stage.MESSAGE, code, answer), words(code, answer)
        try:
            connection.send(_dotted(message.body))
        except (OSError, smtplib.SMTPException) as error:
            # Not all of it has left, and so not the dot that ends it
            return AnswerMeaning(DeliveryState.DEFERRED), self._lost(error).answer
        try:
            code, answer = connection.getreply()
        except (OSError, smtplib.SMTPException) as error:
            self._lost(error)
            answer_text = (
                f"{self.server.host}: the connection was lost after the "
                f"message ({_said(error)}); it may have arrived"
            )
            return AnswerMeaning(DeliveryState.UNKNOWN), answer_text
        # Sent again for a 251 or a 252, one message came twenty times in five days
        meaning = AnswerMeaning(DeliveryState.ACCEPTED)
        if not is_taken(code):
            meaning = judged(Stage.MESSAGE, code, answer)
        return meaning, words(code, answer)

    def _alive(self, connection: Connection) -> bool:
        try:
            alive = connection.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            alive = False
        if not alive:
            self._drop()
        return alive

    def _reset(self, connection: Connection) -> None:
        """Leave no half transaction behind for the next message."""
        if self.open is not None:
            try:
                connection.rset()
            except (OSError, smtplib.SMTPException):
                self._drop()

    def _lost(self, error: Exception) -> DeliveryError:
        """Drop the connection, say why, and ask no more in this run where the server
        keeps one waiting.
        """
        self._drop()
        failure = DeliveryError(f"{self.server.host}: {_said(error)}")
        if _late(error):
            self.away = failure
        return failure

    def _drop(self) -> None:
        if self.open is not None:
            self.open.close()
            self.open = None


def _say_recipients(
    connection: Connection, recipients: list[str], time: SendingTime
) -> tuple[list[Receipt], list[str]]:
    """Say RCPT TO for each recipient; give the receipts of those refused, and the accepted.

    Who would be one too many, and all after them, are in neither: another transaction
    is for them.  So are those before whose turn the time is over: a server that lets
    each wait is told for whom it has agreed to.
    """
    receipts: list[Receipt] = []
    accepted: list[str] = []
    for recipient in recipients:
        if accepted and time.is_over:
            break
        code, answer = connection.rcpt(recipient)
        # 251: not of this server, and it passes the message on.  252: it cannot say, and
        # does so too
        if is_taken(code):
            accepted.append(recipient)
        elif accepted and says_too_many(code, answer):
            break
        else:
            meaning = judged(Stage.RECIPIENT, code, answer)
            receipts.append(_receipt(recipient, meaning, words(code, answer)))
    return receipts, accepted


def _receipt(recipient: str, meaning: AnswerMeaning, answer: str) -> Receipt:
    return Receipt(
        recipient, meaning.state, answer, settings_wrong=meaning.settings_wrong
    )


def _late(error: BaseException) -> bool:
    # Smtplib turns it into a lost connection
    return isinstance(error, TimeoutError) or isinstance(
        error.__context__, TimeoutError
    )


def _unreachable(error: BaseException) -> str:
    """Say why the server cannot be reached, and what to do; "" for any other error."""
    if isinstance(error, socket.gaierror):
        return (
            "its name could not be resolved. Correct the host of smtp in [mail] "
            "if it is mistyped, or this machine's DNS"
        )
    if isinstance(error, ConnectionRefusedError):
        return (
            "the connection was refused. Correct the port of smtp in [mail], or "
            "see whether the mail server runs"
        )
    if _late(error):
        return (
            "it did not answer in time. See whether a firewall lets this machine "
            "through to that port"
        )
    return ""


def _said(error: BaseException) -> str:
    """Put an exception into the server's or the system's words."""
    if isinstance(error, smtplib.SMTPResponseException):
        answer = error.smtp_error
        # Smtplib gives bytes from a server, and a text where it made the error itself
        if isinstance(answer, str):
            answer = answer.encode()
        return words(error.smtp_code, answer)
    if _late(error):
        return "it did not answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _dotted(body: bytes) -> bytes:
    """Double leading dots and end with a lone one (RFC 5321 section 4.5.2)."""
    lines = body if body.endswith(b"\r\n") else body + b"\r\n"
    stuffed = lines.replace(b"\r\n.", b"\r\n..")
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + b".\r\n"
