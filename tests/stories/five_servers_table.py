"""Prints what each mail of a recording says of each server, beside what is true.

    python -m tests.stories.five_servers_table RECORDING [SERVERS_OF_EACH_BUILD]

A row a mail: its subject, and for each build what it says and how it differs from
``test_five_servers``' table.  Ends with 1 when a row differs.
"""

from __future__ import annotations

import sys
import tempfile
from email.message import EmailMessage
from pathlib import Path

from tests.stories.test_five_servers import (
    DISPLAYED,
    OF_DISPLAYED,
    RECORDED,
    SERVERS,
    Servers,
    others_counted,
    replayed,
    steps_said,
)

Row = tuple[str, dict[str, str]]


def say(line: str) -> None:
    """Write a line."""
    sys.stdout.write(f"{line}\n")


def main(recording: Path, times: int) -> int:
    """Print the tables of both inventories; give how many rows differ."""
    wrong = 0
    for title, servers, table in (
        ("As ExSetup.exe says", SERVERS, RECORDED),
        ("As Active Directory says", DISPLAYED, OF_DISPLAYED),
    ):
        say(f"\n## {title}: {len(servers) * times} servers\n")
        say("| mail | says of which server | others: nothing to do | true |")
        say("| --- | --- | --- | --- |")
        with tempfile.TemporaryDirectory() as folder:
            mails = replayed(recording, Path(folder), servers, times)
        wrong += sum(not printed(mail, servers, table, times) for mail in mails)
    say(f"\n{wrong} rows differ.")
    return wrong


def printed(
    mail: EmailMessage, servers: Servers, table: tuple[Row, ...], times: int
) -> bool:
    """Print a mail's row; say whether what it says is true."""
    subject, said = str(mail["Subject"]), steps_said(mail)
    # Two known issues of one update have one subject, and the rows of both are tried
    rows = [expected for name, expected in table if subject.startswith(name)]
    is_true = any(holds(said, expected, times) for expected in rows)
    steps: dict[str, list[str]] = {}
    for name, step in said.items():
        steps.setdefault(step, []).append(name)
    cells = "<br>".join(
        f"{', '.join(short(names))}: {step}" for step, names in steps.items()
    )
    others = others_counted(mail)
    say(
        f"| {subject} | {cells or '(none)'} | {others} | {'yes' if is_true else 'NO'} |"
    )
    return is_true


def holds(said: dict[str, str], expected: dict[str, str], times: int) -> bool:
    """Say whether a mail speaks of the servers of a row, and of each as the row has it."""
    if len(said) != len(expected) * times:
        return False
    return all(
        name[:-3] in expected and step.startswith(expected[name[:-3]])
        for name, step in said.items()
    )


def short(names: list[str]) -> list[str]:
    """Give builds' names in place of servers', with how many there are."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name[:-3]] = counts.get(name[:-3], 0) + 1
    return [
        f"{name} ({count})" if count > 1 else name for name, count in counts.items()
    ]


if __name__ == "__main__":
    recording, *times = sys.argv[1:]
    sys.exit(bool(main(Path(recording), int(times[0]) if times else 1)))
