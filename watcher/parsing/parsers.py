"""Hands documents to processes that parse them, and ends a process that takes too long."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import BinaryIO, Self, cast

import msgspec

from watcher.errors import ParseError
from watcher.kinds import largest
from watcher.parsing import TOO_MUCH, Parsed, Task, read_message, write_message
from watcher.records import Page, Snapshot, Watch
from watcher.settings import Limits
from watcher.sources import parse as parse_here

# Bytes: to start a process takes 0.2 s, and so little text no parser long
SMALL = 8192
# A second one parses what else has come while the first is busy with a large document
MOST = 2
# Seconds that a document waits for the first one before the second is started: eleven
# feeds are read sooner than a process has started
PATIENCE = 0.2
_REMEDY = (
    "Nothing was changed; the next check tries again. If the document is as it should "
    "be, raise {setting} in [limits]."
)
# What Python and the system need; all else of the environment, with its secrets, stays
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TEMP", "TMP", "TMPDIR")


class Parsers:
    """Processes that parse; they are started when there is something to parse."""

    def __init__(self, limits: Limits, program: Sequence[str] = ()) -> None:
        """Prepare; ``program`` is another one than the watcher's own, with its arguments."""
        self._limits = limits
        self._program = tuple(program) or _program(limits)
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        self._all: list[_Process] = []
        self._free = threading.BoundedSemaphore(MOST)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every process."""
        with self._lock:
            ending, self._all, self._idle = self._all, [], SimpleQueue()
        for process in ending:
            process.end()

    def start(self, kinds: Iterable[str]) -> None:
        """Start a process before there is a document, with the parsers of ``kinds`` loaded.

        Starting it takes as long as a server takes to answer.
        """
        # The first document says why none could be started
        with suppress(ParseError):
            self._idle.put(self._started(kinds))

    def parse(self, kind: str, page: Page, watch: Watch) -> Snapshot:
        """Parse a page as ``sources.parser(kind)`` does, from any thread.

        Raises:
            ParseError: it cannot be read, or not within the limits.

        """
        if len(page.body) <= SMALL:
            return parse_here(kind, page, watch)
        task = msgspec.msgpack.encode(Task(kind, page, watch))
        until = time.monotonic() + PATIENCE
        with self._free:
            process = self._process(until)
            answer = process.ask(task, largest(kind))
            parsed = TOO_MUCH
            if answer is not None:
                parsed = msgspec.msgpack.decode(answer, type=Parsed)
            if parsed == TOO_MUCH:
                self._throw_away(process)
                raise self._ended(process, answered=answer is not None)
            self._idle.put(process)
        if parsed.snapshot is None:
            raise ParseError(parsed.cause, parsed.remedy)
        return parsed.snapshot

    def _throw_away(self, process: _Process) -> None:
        with self._lock:
            if process in self._all:
                self._all.remove(process)
        process.end()

    def _process(self, until: float) -> _Process:
        """Give a process that has nothing to do; where none has ``until`` then, start one."""
        patience = max(0.0, until - time.monotonic()) if self._all else 0.0
        with suppress(Empty):
            return self._idle.get(timeout=patience)
        return self._started()

    def _started(self, kinds: Iterable[str] = ()) -> _Process:
        try:
            seconds = self._limits.document.total_seconds()
            process = _Process((*self._program, *kinds), seconds)
        except OSError as error:
            raise ParseError(
                f"no process could be started to read it in ({error.strerror})",
                "See how many processes the watcher's account may have (ulimit -u).",
            ) from error
        with self._lock:
            self._all.append(process)
        return process

    def _ended(self, process: _Process, *, answered: bool) -> ParseError:
        """Say why a process was thrown away."""
        if process.is_late:
            seconds = self._limits.document.total_seconds()
            return ParseError(
                f"reading it took longer than {seconds:g} s, and was ended",
                _REMEDY.format(setting="document"),
            )
        much = f"more than {self._limits.document_bytes >> 20} MiB of memory"
        cause = f"reading it took {much}, and was ended"
        if not answered:
            cause = f"the process that read it broke off; it may have wanted {much}"
        return ParseError(cause, _REMEDY.format(setting="document_megabytes"))


class _Process:
    """One process that parses, one document at a time."""

    def __init__(self, program: Sequence[str], seconds: float) -> None:
        self._seconds = seconds
        self.is_late = False
        self._process = subprocess.Popen(  # noqa: S603 - our own program, in fixed words
            program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environment(),
        )

    def ask(self, task: bytes, largest_answer: int) -> bytes | None:
        """Hand a task over and wait for what becomes of it, None when the process ended."""
        timer = threading.Timer(self._seconds, self._late)
        timer.daemon = True
        timer.start()
        try:
            write_message(cast("BinaryIO", self._process.stdin), task)
            return read_message(cast("BinaryIO", self._process.stdout), largest_answer)
        except OSError:
            # It ended while it was written to
            return None
        finally:
            timer.cancel()

    def _late(self) -> None:
        self.is_late = True
        self._process.kill()

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            # What was to be written is lost with the process
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        self._process.wait()


def _program(limits: Limits) -> tuple[str, ...]:
    seconds = max(1, round(limits.document.total_seconds()))
    return (
        sys.executable,
        # Not the current folder: it may hold modules of somebody else
        "-P",
        "-m",
        "watcher.parsing",
        str(seconds),
        str(limits.document_bytes),
    )


def _environment() -> dict[str, str]:
    """Give what a process of ours needs, and no secret."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    # Where the watcher's own modules and libraries are
    return kept | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
