"""A terminal that a program is asked on: what it shows is waited for, answers are typed."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

PATIENCE = 60.0  # seconds without a word, after which a test gives up


class Dialog:
    """A process on a pseudo-terminal."""

    def __init__(
        self, words: Sequence[str], folder: Path, environ: Mapping[str, str]
    ) -> None:
        self._master, slave = os.openpty()
        self._process = subprocess.Popen(
            words,
            cwd=folder,
            env=dict(environ),
            stdin=slave,
            stdout=slave,
            stderr=slave,
        )
        os.close(slave)
        self.shown = ""
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        os.close(self._master)

    def answer(self, question: str, text: str) -> None:
        """Wait until ``question`` is asked, and type ``text``."""
        self.expect(question)
        os.write(self._master, f"{text}\n".encode())

    def expect(self, text: str) -> None:
        """Wait until ``text`` is shown, after all that was waited for before."""
        while (found := self.shown.find(text, self._read)) < 0:
            assert self._more(), f"{text!r} was never shown; but:\n{self.shown}"
        self._read = found + len(text)

    def end(self) -> int:
        """Wait until the program ends, and give its exit code."""
        while self._more():
            pass
        return self._process.wait()

    def _more(self) -> bool:
        """Read what is shown next; False at the end."""
        until = time.monotonic() + PATIENCE
        ready, _, _ = select.select([self._master], [], [], until - time.monotonic())
        assert ready, f"nothing more was shown; but:\n{self.shown}"
        try:
            shown = os.read(self._master, 65536)
        except OSError:  # Linux says so when the other end is closed
            return False
        self.shown += shown.decode("utf-8", "replace").replace("\r\n", "\n")
        return bool(shown)
