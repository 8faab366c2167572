"""Dovecot, where it is installed.

Shows a folder of maildirs by IMAP, with THREAD=REFERENCES (RFC 5256).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from imaplib import IMAP4
from pathlib import Path
from typing import Self

from tests.mailing import free_port

PASSWORD = "made-up"

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
{tls}
auth_failure_delay = 0
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_location = maildir:{boxes}/%n
first_valid_uid = 1
first_valid_gid = 1
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
passdb {{
  driver = static
  args = password={password}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {login}
  }}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={boxes}/%n allow_all_users=yes
}}
"""


def missing() -> str:
    """Say why Dovecot cannot be used here, "" when it can."""
    if (
        not Path("/usr/sbin/dovecot").exists()
        or not Path("/usr/lib/dovecot/imap").exists()
    ):
        return "Dovecot is not installed (Debian: apt-get install dovecot-imapd)"
    return "" if os.geteuid() == 0 else "Dovecot can only be started by root"


PLAIN = """ssl = no
disable_plaintext_auth = no"""
# As Debian sets it up: no password before TLS
TLS = """ssl = required
ssl_cert = <{folder}/server.pem
ssl_key = <{folder}/server.pem
disable_plaintext_auth = yes"""


class Dovecot:
    """A private instance over ``boxes``, whose maildirs belong to ``owner``.

    At the port ``login`` it judges passwords for Postfix.  With a ``certificate`` (key and
    chain, PEM) it takes passwords by TLS only: at ``tls_port`` from the start, at ``port``
    after STARTTLS.
    """

    def __init__(
        self, boxes: Path, owner: str, login: int = 0, certificate: bytes = b""
    ) -> None:
        import pwd

        self.folder = Path(tempfile.mkdtemp(prefix="watcher-imap-"))
        self.port, self.tls_port = free_port(), free_port() if certificate else 0
        if certificate:
            (self.folder / "server.pem").write_bytes(certificate)
        known = pwd.getpwnam(owner)
        places = {
            "folder": self.folder,
            "boxes": boxes,
            "port": self.port,
            "password": PASSWORD,
            "login": login,
            "tls": TLS.format(folder=self.folder) if certificate else PLAIN,
            "tls_port": self.tls_port,
        }
        places |= {
            "uid": known.pw_uid,
            "gid": known.pw_gid,
            "user": "dovecot",
            "group": "dovecot",
        }
        self.file = self.folder / "dovecot.conf"
        self.file.write_text(CONFIGURATION.format(**places))

    def __enter__(self) -> Self:
        self.folder.chmod(0o755)
        subprocess.run(
            ["/usr/sbin/dovecot", "-c", str(self.file)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(
            ["/usr/sbin/dovecot", "-c", str(self.file), "stop"],
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )
        shutil.rmtree(self.folder, ignore_errors=True)

    def threads(self, user: str) -> str:
        """Ask for a user's threads, as a client that groups by them does: ``(1 2 3)(4)``."""
        with self._connected() as client:
            client.login(user, PASSWORD)
            client.select("INBOX", readonly=True)
            _, (answer,) = client.thread("REFERENCES", "UTF-8", "ALL")
            return str(answer.decode() if isinstance(answer, bytes) else answer)

    def _connected(self) -> IMAP4:
        for _ in range(200):
            try:
                return IMAP4("127.0.0.1", self.port, timeout=10)
            except OSError:
                time.sleep(0.05)
        raise RuntimeError((self.folder / "log").read_text())
