"""Postfix, where it is installed.

A private instance on loopback that delivers example.org to maildirs.
"""

from __future__ import annotations

import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Self

import trustme

from tests.mailing import free_port

USERS = ("one", "two", "three")

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mail.example.test
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = {folder}/log/maillog
maillog_file_prefixes = {folder}/log
virtual_mailbox_domains = example.org
virtual_mailbox_maps = texthash:{folder}/etc/mailboxes
virtual_mailbox_base = {folder}/boxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_recipient_restrictions = reject_unauth_destination, reject_unlisted_recipient, check_policy_service inet:127.0.0.1:{policy}
smtpd_relay_restrictions = reject_unauth_destination
smtputf8_enable = no
smtpd_delay_reject = no
smtpd_error_sleep_time = 0
smtpd_sender_restrictions = check_policy_service inet:127.0.0.1:{policy}
smtpd_data_restrictions = check_policy_service inet:127.0.0.1:{policy}
smtpd_tls_security_level = may
smtpd_tls_cert_file = {folder}/etc/cert.pem
smtpd_tls_key_file = {folder}/etc/key.pem
smtpd_tls_received_header = yes
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{login}
smtpd_sasl_authenticated_header = yes
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
127.0.0.1:{submission} inet n - n - - smtpd -o smtpd_sasl_auth_enable=yes
tlsmgr unix - - n 1000? 1 tlsmgr
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing() -> str:
    """Say why Postfix cannot be used here, "" when it can."""
    if not (shutil.which("postfix") or Path("/usr/sbin/postfix").exists()):
        return "Postfix is not installed (Debian: apt-get install postfix)"
    return "" if os.geteuid() == 0 else "Postfix can only be started by root"


class _Opinion(socketserver.StreamRequestHandler):
    """Answer Postfix' questions (SMTPD_POLICY_README).

    Attributes, an empty line; then an action, an empty line.
    """

    def handle(self) -> None:
        assert isinstance(self.server, Policy)
        asked: dict[str, str] = {}
        for line in self.rfile:
            name, _, value = line.decode().rstrip("\n").partition("=")
            if name:
                asked[name] = value
                continue
            action = self.server.action(asked)
            self.wfile.write(f"action={action}\n\n".encode())
            asked = {}


class Policy(socketserver.ThreadingTCPServer):
    """What Postfix asks before it agrees.

    ``answers`` maps a stage (MAIL, DATA) or a recipient to an action, else it agrees.
    """

    daemon_threads = True

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        super().__init__(("127.0.0.1", 0), _Opinion)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self._thread.start()

    def action(self, asked: dict[str, str]) -> str:
        about = (
            asked["recipient"]
            if asked["protocol_state"] == "RCPT"
            else asked["protocol_state"]
        )
        return self.answers.get(about, "DUNNO")

    def end(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class Postfix:
    """The instance; ``boxes`` holds a maildir for each of USERS, ``authority`` has signed
    its certificate.

    ``login`` is the port at which its second service asks Dovecot about passwords.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="watcher-mx-"))
        self.port, self.submission, self.login = free_port(), free_port(), free_port()
        self.boxes = self.folder / "boxes"
        self.policy = Policy()
        self.authority = trustme.CA()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?starttls=never"

    def stop(self) -> None:
        """Be away."""
        self._command("stop")

    def start(self) -> None:
        """Be there."""
        self._command("start")
        self._answering()

    def __enter__(self) -> Self:
        import pwd

        owner = pwd.getpwnam("postfix")
        self.folder.chmod(0o755)
        for name in ("queue", "data", "etc", "boxes", "log"):
            (self.folder / name).mkdir()
        for name in ("data", "boxes"):
            os.chown(self.folder / name, owner.pw_uid, owner.pw_gid)
        places = {
            "folder": self.folder,
            "port": self.port,
            "submission": self.submission,
            "login": self.login,
        }
        places |= {
            "policy": self.policy.server_address[1],
            "uid": owner.pw_uid,
            "gid": owner.pw_gid,
        }
        (self.folder / "etc" / "main.cf").write_text(MAIN.format(**places))
        (self.folder / "etc" / "master.cf").write_text(MASTER.format(**places))
        (self.folder / "etc" / "mailboxes").write_text(
            "".join(f"{user}@example.org {user}/\n" for user in USERS)
        )
        certificate = self.authority.issue_cert("127.0.0.1")
        certificate.cert_chain_pems[0].write_to_path(
            str(self.folder / "etc" / "cert.pem")
        )
        certificate.private_key_pem.write_to_path(str(self.folder / "etc" / "key.pem"))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._command("stop", check=False)
        self.policy.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def messages(self, user: str, number: int) -> list[bytes]:
        """Give the messages in a user's maildir as soon as there are ``number``, at
        latest after ten seconds.
        """
        for _ in range(200):
            if len(self._new(user)) >= number and self._idle():
                break
            time.sleep(0.05)
        return [path.read_bytes() for path in self._new(user)]

    def empty(self) -> None:
        """Take all mailboxes away; Postfix makes new ones."""
        for box in self.boxes.iterdir():
            shutil.rmtree(box)

    def _new(self, user: str) -> list[Path]:
        return sorted((self.boxes / user / "new").glob("*"))

    def _idle(self) -> bool:
        return not any(
            path.is_file()
            for queue in ("incoming", "active")
            for path in (self.folder / "queue" / queue).rglob("*")
        )

    def _command(self, word: str, *, check: bool = True) -> None:
        said = subprocess.run(
            ["/usr/sbin/postfix", "-c", str(self.folder / "etc"), word],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if check and said.returncode:
            raise RuntimeError(said.stderr + said.stdout)

    def _answering(self) -> None:
        for _ in range(200):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("Postfix does not answer")
