"""Postfix, where it is installed: a private instance on loopback that delivers example.org to maildirs."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

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
smtpd_recipient_restrictions = reject_unauth_destination, reject_unlisted_recipient
smtpd_relay_restrictions = reject_unauth_destination
smtputf8_enable = no
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
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


class Postfix:
    """The instance; ``boxes`` holds a maildir for each of USERS."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="watcher-mx-"))
        self.port = free_port()
        self.boxes = self.folder / "boxes"

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?starttls=never"

    def __enter__(self) -> Self:
        owner = pwd.getpwnam("postfix")
        self.folder.chmod(0o755)
        for name in ("queue", "data", "etc", "boxes", "log"):
            (self.folder / name).mkdir()
        for name in ("data", "boxes"):
            os.chown(self.folder / name, owner.pw_uid, owner.pw_gid)
        places = {"folder": self.folder, "port": self.port, "uid": owner.pw_uid, "gid": owner.pw_gid}
        (self.folder / "etc" / "main.cf").write_text(MAIN.format(**places))
        (self.folder / "etc" / "master.cf").write_text(MASTER.format(**places))
        (self.folder / "etc" / "mailboxes").write_text("".join(f"{user}@example.org {user}/\n" for user in USERS))
        self._command("start")
        self._answering()
        return self

    def __exit__(self, *_: object) -> None:
        self._command("stop", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def messages(self, user: str, number: int) -> list[bytes]:
        """Give the messages in a user's maildir as soon as there are ``number``, at latest after ten seconds."""
        for _ in range(200):
            if len(self._new(user)) >= number and self._idle():
                break
            time.sleep(0.05)
        return [path.read_bytes() for path in self._new(user)]

    def _new(self, user: str) -> list[Path]:
        return sorted((self.boxes / user / "new").glob("*"))

    def _idle(self) -> bool:
        return not any(path.is_file() for queue in ("incoming", "active") for path in (self.folder / "queue" / queue).rglob("*"))

    def _command(self, word: str, *, check: bool = True) -> None:
        said = subprocess.run(
            ["/usr/sbin/postfix", "-c", str(self.folder / "etc"), word], capture_output=True, text=True, timeout=60, check=False
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
