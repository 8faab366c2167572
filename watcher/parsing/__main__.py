"""The process that parses: ``python -m watcher.parsing SECONDS BYTES [KIND ...]``.

It reads tasks from its standard input, writes what became of each to its standard
output, and ends when there are no more.  The parsers of the kinds that are named are
loaded before the first task comes.  It has no secret in its environment, asks
nobody and opens no file but the program's own.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from watcher.errors import ParseError
from watcher.parsing import TOO_MUCH, Parsed, Task, read_message, write_message
from watcher.sources import parser

# A task comes from the watcher itself, which has counted its bytes
_ANY_LENGTH = 1 << 40
# Bytes of address space that the program takes before it has read anything
_PROGRAM = 256 << 20
# Of Linux
_STATUS = Path("/proc/self/status")


def main() -> None:
    """Parse until there are no more tasks."""
    seconds, memory = int(sys.argv[1]), int(sys.argv[2])
    # Ctrl-C is for the watcher: this process ends with it
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a library prints must not be taken for an answer
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    _limit_memory(memory)
    for kind in sys.argv[3:]:
        parser(kind)
    serve(sys.stdin.buffer, answers, seconds, memory)


def serve(tasks: BinaryIO, answers: BinaryIO, seconds: int, memory: int) -> None:
    """Parse each task, and answer it."""
    decoder = msgspec.msgpack.Decoder(Task)
    while (message := read_message(tasks, _ANY_LENGTH)) is not None:
        _limit_time(seconds)
        parsed = _parsed(decoder.decode(message))
        # Where memory is refused libxml2 may give half a document, as if it were whole:
        # that would be a page that has lost its entries
        if _most_memory() > memory:
            parsed = TOO_MUCH
        write_message(answers, msgspec.msgpack.encode(parsed))


def _parsed(task: Task) -> Parsed:
    try:
        return Parsed(parser(task.kind)(task.page, task.watch))
    except ParseError as error:
        return Parsed(cause=error.cause, remedy=error.remedy)
    except MemoryError:
        return TOO_MUCH
    except Exception as error:  # noqa: BLE001 - whatever a document does to a parser
        cause = f"the parser broke on it ({type(error).__name__}: {error})"[:300]
        return Parsed(
            cause=cause,
            remedy="Please report it, with the document; CONTRIBUTING.md says where.",
        )


def _limit_memory(memory: int) -> None:
    """Let the system refuse more memory, where it can: Windows cannot, macOS does not.

    A buffer that grows is doubled: what is refused at twice the limit had the limit.
    """
    if sys.platform == "win32":
        return
    import resource

    most = 2 * memory + _PROGRAM
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard == resource.RLIM_INFINITY or most < hard:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def _most_memory() -> int:
    """Say how many bytes of memory this process has had at most; 0 where nobody tells.

    Not by getrusage: there a process begins with what the watcher itself has had.
    """
    try:
        status = _STATUS.read_text(encoding="ascii")
    except OSError:
        return 0
    kibibytes = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(kibibytes[1]) << 10 if kibibytes else 0


def _limit_time(seconds: int) -> None:
    """Let the system end this process when one task takes longer.

    The watcher ends it, too; this holds also when the watcher itself was killed.
    """
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime) + seconds + 1
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    if most == resource.RLIM_INFINITY or until < most:
        resource.setrlimit(resource.RLIMIT_CPU, (until, most))


if __name__ == "__main__":
    main()
