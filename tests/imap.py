"""A small IMAP server on loopback: mails with odd subjects, and answers without end.

It does what a script says where a well-made server (tests/dovecot.py) never would.
"""

from __future__ import annotations

import re
import socketserver
import ssl
import threading
from collections.abc import Mapping
from typing import Self, cast

DATE = '"21-Nov-2024 20:00:00 +0000"'


class ImapServer(socketserver.ThreadingTCPServer):
    """Holds ``mails``, headers by number; says ``script`` for a command in its place."""

    daemon_threads = True

    def __init__(
        self,
        *subjects: bytes,
        tls: ssl.SSLContext | None = None,
        script: Mapping[str, bytes] | None = None,
    ) -> None:
        self.mails = {str(uid): each for uid, each in enumerate(subjects, 1)}
        self.script, self.tls = script or {}, tls
        self.commands: list[str] = []
        self.seen: list[str] = []
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), _Conversation)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client that hangs up is what some tests are about."""


class _Conversation(socketserver.StreamRequestHandler):
    def setup(self) -> None:
        server = cast("ImapServer", self.server)
        if server.tls:
            self.request = server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def finish(self) -> None:
        super().finish()
        self.request.close()

    def handle(self) -> None:
        server = cast("ImapServer", self.server)
        self.wfile.write(b"* OK ready\r\n")
        while line := self.rfile.readline().decode("utf-8").rstrip("\r\n"):
            tag, _, command = line.partition(" ")
            server.commands.append(command)
            name = command.removeprefix("UID ").partition(" ")[0].lower()
            if name in server.script:
                self._script(server.script[name], server)
            else:
                self.wfile.write(self._answer(name, command, server))
            self.wfile.write(f"{tag} OK done\r\n".encode())
            if name == "logout":
                return

    def _script(self, said: bytes, server: ImapServer) -> None:
        """Say it; what ends in "..." goes on for ever, slowly or at once."""
        if not said.endswith(b"..."):
            self.wfile.write(said)
            return
        pause = 0.01 if said.startswith(b"slowly") else 0
        piece = said.removeprefix(b"slowly").removesuffix(b"...")
        while not server.closing.wait(pause):
            self.wfile.write(piece)

    def _answer(self, name: str, command: str, server: ImapServer) -> bytes:
        if name == "capability":
            return b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"
        if name == "authenticate":
            self.wfile.write(b"+ \r\n")
            server.commands.append(self.rfile.readline().decode("ascii").strip())
        if name == "select":
            return f"* {len(server.mails)} EXISTS\r\n".encode()
        if name == "search":
            left = [uid for uid in server.mails if uid not in server.seen]
            return f"* SEARCH {' '.join(left)}\r\n".encode()
        if name == "store":
            server.seen += command.split()[2].split(",")
        if name == "fetch":
            return b"".join(_mail(uid, command, server) for uid in _numbers(command))
        return b""


def _numbers(command: str) -> list[str]:
    return command.split()[2].split(",")


def _mail(uid: str, command: str, server: ImapServer) -> bytes:
    most = re.search(r"<0\.(\d+)>", command)
    header = b"Subject: " + server.mails[uid] + b"\r\n\r\n"
    header = header[: int(most[1])] if most else header
    where = "BODY[HEADER.FIELDS (SUBJECT)]<0>"
    head = f"* {uid} FETCH (UID {uid} INTERNALDATE {DATE} {where} {{{len(header)}}}\r\n"
    return head.encode() + header + b")\r\n"
