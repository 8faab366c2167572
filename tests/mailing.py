"""A real mail server on loopback that can be told how to misbehave."""

from __future__ import annotations

import asyncio
import base64
import socket
import socketserver
import ssl
import threading
from dataclasses import dataclass, field
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "watcher", "correct horse battery"


@dataclass
class Received:
    """A message as it arrived."""

    sender: str
    recipients: list[str]
    body: bytes
    options: list[str]


@dataclass
class Postbox:
    """What the server does and what it saw: aiosmtpd calls its handle_* and auth_* methods.

    ``rcpt`` maps an address to the answer it gets; ``cut`` names the command at which
    the connection is closed; ``hang`` the one that is never answered.
    """

    mail: str = ""
    rcpt: dict[str, str] = field(default_factory=dict)
    data: str = ""
    cut: str = ""
    hang: str = ""
    token: str = PASSWORD  # what XOAUTH2 takes
    messages: list[Received] = field(default_factory=list)
    sessions: set[int] = field(default_factory=set)
    logins: list[str] = field(default_factory=list)

    async def _misbehave(self, command: str, server: SMTP) -> None:
        if self.hang == command:
            await asyncio.Event().wait()
        if self.cut == command:
            assert server.transport is not None
            server.transport.close()

    async def handle_MAIL(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        self.sessions.add(id(session))
        await self._misbehave("MAIL", server)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.mail or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        await self._misbehave("RCPT", server)
        answer = self.rcpt.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.messages.append(
            Received(
                str(envelope.mail_from),
                list(envelope.rcpt_tos),
                envelope.content,
                list(envelope.mail_options),
            )
        )
        await self._misbehave("DATA", server)
        return self.data or "250 queued as 4711"

    def authenticate(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        mechanism: str,
        credentials: Any,
    ) -> AuthResult:
        assert isinstance(credentials, LoginPassword)
        self.logins.append(mechanism)
        known = (credentials.login, credentials.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        return AuthResult(success=known, handled=False)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:  # noqa: N802
        self.logins.append(args[0])
        said = base64.b64decode(args[1]).decode()
        if said == f"user={USER}\1auth=Bearer {self.token}\1\1":
            return AuthResult(success=True)
        await server.challenge_auth('{"status":"401"}', encode_to_b64=True)
        return AuthResult(success=False, handled=False)


class MailServer(Controller):
    """The server, in a thread of its own; ``url`` is what [mail] smtp holds."""

    def __init__(
        self,
        postbox: Postbox,
        *,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        auth: bool = False,
        utf8: bool = False,
    ) -> None:
        self.postbox = postbox
        self.implicit = implicit
        super().__init__(
            postbox,
            hostname="127.0.0.1",
            port=free_port(),
            ssl_context=tls if implicit else None,
            tls_context=None if implicit else tls,
            authenticator=postbox.authenticate if auth else None,
            auth_required=auth,
            enable_SMTPUTF8=utf8,
        )

    @property
    def url(self) -> str:
        return f"{'smtps' if self.implicit else 'smtp'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


class _Conversation(socketserver.StreamRequestHandler):
    """Answer each command as the script says: "" closes the connection."""

    def handle(self) -> None:
        assert isinstance(self.server, ScriptedServer)
        self._say("220 ready")
        in_body = False
        for line in self.rfile:
            command = (
                "."
                if in_body and line == b".\r\n"
                else ""
                if in_body
                else line[:4].decode("ascii").strip().upper()
            )
            if not command:
                continue
            self.server.commands.append(command)
            answer = self.server.script.get(
                command, {"DATA": "354 go on"}.get(command, "250 OK")
            )
            if not answer:
                return
            self._say(answer)
            in_body = command == "DATA" and answer.startswith("354")

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode("ascii"))


class ScriptedServer(socketserver.ThreadingTCPServer):
    """A server that says what ``script`` holds for a command, for what a well-made one
    never does.
    """

    daemon_threads = True

    def __init__(self, script: dict[str, str]) -> None:
        self.script = script
        self.commands: list[str] = []
        super().__init__(("127.0.0.1", 0), _Conversation)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()
