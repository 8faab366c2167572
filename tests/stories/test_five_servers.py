"""October 2024 to February 2025 with five servers: what each mail says of each is true.

A row a mail, with the servers that it speaks of; of the others it says that there is
nothing to do.  The inventory does not change: nobody installs anything.
"""

from __future__ import annotations

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from scripts import demo
from tests.stories.test_servers import servers_of
from watcher import config
from watcher.replay import replay as relive

CU12, CU13, V1, V2, EX16 = "EX-CU12", "EX-CU13", "EX-V1", "EX-V2", "EX16"
SERVERS = (
    (CU12, "Exchange Server 2019 CU12", "15.2.1118.40"),
    (CU13, "Exchange Server 2019 CU13", "15.2.1258.38"),
    (V1, "Exchange Server 2019 CU14", "15.2.1544.13"),
    (V2, "Exchange Server 2019 CU14", "15.2.1544.14"),
    (EX16, "Exchange Server 2016 CU23", "15.1.2507.43"),
)
FOLLOW = "nothing replaces it yet; do what Microsoft says, and uninstall only"
V2_OUT = "install v2, KB5049233"
TO_V2 = "install Exchange Server November 2024 SU v2, KB5049233"
ISSUE = "installed here: check whether it is affected"
BEFORE_V2 = "read this before you install Exchange Server November 2024 SU v2"
MOVE = "Exchange Server 2019 CU12 gets no newer build: move to Exchange Server 2019 CU1"

# Of each mail, what it says to do on which server
RECORDED: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "[RELEASED] Exchange Server November 2024 SU (KB5044062)",
        {
            CU12: f"{MOVE}4 15.2.1544.13",
            CU13: "nothing to do",
            V1: "nothing to do",
            EX16: "nothing to do",
        },
    ),
    (
        "[PULLED] Exchange Server November 2024 SU (KB5044062)",
        {CU13: FOLLOW, V1: FOLLOW, EX16: FOLLOW},
    ),
    (
        "[KNOWN ISSUE] Exchange Server November 2024 SU (KB5044062)",
        {CU13: FOLLOW, V1: FOLLOW, EX16: FOLLOW},
    ),
    (
        "[RE-RELEASED] Exchange Server November 2024 SU v2 (KB5049233)",
        {
            CU13: V2_OUT,
            V1: V2_OUT,
            EX16: V2_OUT,
            CU12: f"{MOVE}4 15.2.1544.14",
            V2: "nothing to do",
        },
    ),
    (
        "[KNOWN ISSUE] Exchange Server November 2024 SU v2 (KB5049233)",
        {CU13: BEFORE_V2, V1: BEFORE_V2, EX16: BEFORE_V2, V2: ISSUE},
    ),
    (
        "[KNOWN ISSUE] You may see following error when creating Migration Endpoint",
        dict.fromkeys((CU12, CU13, V1, V2, EX16), "check whether it is affected"),
    ),
    (
        "[RELEASED] Exchange Server 2019 CU15",
        {
            CU13: f"first {TO_V2}; Exchange Server 2019 CU15 can follow",
            V1: f"first {TO_V2}; Exchange Server 2019 CU15 can follow",
            CU12: f"{MOVE}5, once you have tested it, or to Exchange Server 2019 CU14",
            V2: "Exchange Server 2019 CU15 can be installed here once you have tested it",
        },
    ),
    ("[KNOWN ISSUE] Exchange Server 2019 CU14 (KB5035606)", {V1: ISSUE, V2: ISSUE}),
    ("[REMINDER]", {CU13: V2_OUT, V1: V2_OUT, EX16: V2_OUT}),
)
# The demo's table has no row of CU12: of that server nobody claims anything
DEMO: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "[RELEASED] Exchange Server November 2024 SU (KB5044062)",
        {CU13: "nothing to do", V1: "nothing to do", EX16: "nothing to do"},
    ),
    (
        "[KNOWN ISSUE] Exchange Server November 2024 SU (KB5044062)",
        {CU13: ISSUE, V1: ISSUE, EX16: ISSUE},
    ),
    (
        "[PULLED] Exchange Server November 2024 SU (KB5044062)",
        {CU13: FOLLOW, V1: FOLLOW, EX16: FOLLOW},
    ),
    (
        "[KNOWN ISSUE] Exchange Server November 2024 SU (KB5044062)",
        {CU13: FOLLOW, V1: FOLLOW, EX16: FOLLOW},
    ),
    (
        "[RE-RELEASED] Exchange Server November 2024 SU v2 (KB5049233)",
        {CU13: V2_OUT, V1: V2_OUT, EX16: V2_OUT, V2: "nothing to do"},
    ),
)


def replayed(recording: Path, folder: Path, times: int = 1) -> list[EmailMessage]:
    """Relive a recording with ``times`` servers of each build; the mails in order."""
    inventory = folder / "inventory.csv"
    rows = [
        f"{name}-{number:02},{product},{build}"
        for number in range(1, times + 1)
        for name, product, build in SERVERS
    ]
    inventory.write_text("\n".join(["server,product,build", *rows]), encoding="utf-8")
    (folder / "watcher.toml").touch()
    settings = replace(config.load(folder / "watcher.toml", {}), inventory=inventory)
    relive(settings, [recording], folder / "out", None, None, None)
    return [
        BytesParser(policy=policy.default).parsebytes(path.read_bytes())
        for path in sorted((folder / "out" / "mail").glob("*.eml"))
        if "welcome" not in path.name and "operator" not in path.name
    ]


def steps_said(mail: EmailMessage) -> dict[str, str]:
    """Give what a mail says to do on each server that it speaks of."""
    body = mail.get_body(("plain",))
    assert body is not None
    said = {}
    for line in servers_of(body.get_content()):
        name, _, rest = line.partition(" ")
        said[name] = rest.partition(": ")[2]
    return said


def assert_is_true(
    mail: EmailMessage,
    table: tuple[tuple[str, dict[str, str]], ...],
    position: int,
    times: int,
) -> int:
    """Compare a mail with its row, which is not above ``position``; give the row's."""
    subject = str(mail["Subject"])
    if subject.startswith("[REMINDER]"):
        found = len(table) - 1
    else:
        # One row may stand for several mails in a row
        found = next(
            number
            for number in range(position, len(table))
            if subject.startswith(table[number][0])
        )
    expected = table[found][1]
    said = steps_said(mail)

    assert len(said) == len(expected) * times, subject
    for name, step in said.items():
        assert step.startswith(expected[name[:-3]]), (subject, name)
    body = mail.get_body(("plain",))
    assert body is not None
    counted = re.search(r"(\d+) other servers?: nothing to do", body.get_content())
    others = int(counted[1]) if counted else 0
    unknown = times if table is DEMO else 0
    if not subject.startswith("[REMINDER]"):
        assert others == len(SERVERS) * times - len(said) - unknown, subject
    return position if subject.startswith("[REMINDER]") else found


@pytest.mark.parametrize("times", [1, 8], ids=["five servers", "forty servers"])
def test_november_2024_says_what_is_true_of_each_server(
    tmp_path: Path, times: int
) -> None:
    recording = tmp_path / "november.warc.gz"
    demo.record(demo.PAGES, recording)
    mails = replayed(recording, tmp_path, times)

    assert len(mails) == len(DEMO)
    for number, mail in enumerate(mails):
        assert assert_is_true(mail, DEMO, number, times) == number


@pytest.mark.parametrize("times", [1, 8], ids=["five servers", "forty servers"])
def test_october_2024_to_february_2025_says_what_is_true_of_each_server(
    corpus: Path, tmp_path: Path, times: int
) -> None:
    (recording,) = corpus.glob("d1-*.warc.gz")
    position, rows = 0, set()
    for mail in replayed(recording, tmp_path, times):
        position = assert_is_true(mail, RECORDED, position, times)
        rows.add(position)

    # The last row is of reminders
    assert rows == set(range(len(RECORDED) - 1))
