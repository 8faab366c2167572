"""October 2024 to February 2025 with five servers: what each mail says of each is true.

A row a mail, with the servers that it speaks of; of the others it says in one line that
there is nothing to do.  The inventory does not change: nobody installs anything.
"""

from __future__ import annotations

import re
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest
from msgspec.structs import replace

from watcher import config, demo
from watcher.replay import replay as relive

Servers = tuple[tuple[str, str, str], ...]

CU12, CU13, V1, V2, EX16 = "EX-CU12", "EX-CU13", "EX-V1", "EX-V2", "EX16"
SERVERS: Servers = (
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
ALREADY = "installed here already: the issue is one of installing it"
BEFORE_V2 = "read this before you install Exchange Server November 2024 SU v2"
MOVE = "Exchange Server 2019 CU12 gets no updates any more: move to Exchange Server 2019 CU1"

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
    # "Error 1935" comes when version 2 is installed: where it runs, it is over
    (
        "[KNOWN ISSUE] Exchange Server November 2024 SU v2 (KB5049233)",
        {CU13: BEFORE_V2, V1: BEFORE_V2, EX16: BEFORE_V2, V2: ALREADY},
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
    # The server at CU12 is told to move to CU14, and walks into what fails there
    (
        "[KNOWN ISSUE] Exchange Server 2019 CU14 (KB5035606)",
        {
            V1: ISSUE,
            V2: ISSUE,
            CU12: "read this before you install Exchange Server 2019 CU14",
        },
    ),
    ("[REMINDER]", {CU13: V2_OUT, V1: V2_OUT, EX16: V2_OUT}),
)
# What Active Directory shows of servers, whatever security update they have
CU14, CU15 = "EX-CU14", "EX-CU15"
DISPLAYED: Servers = (
    (CU12, "Exchange Server 2019 CU12", "15.2.1118.7"),
    (CU13, "Exchange Server 2019 CU13", "15.2.1258.12"),
    (CU14, "Exchange Server 2019 CU14", "15.2.1544.4"),
    (CU15, "Exchange Server 2019 CU15", "15.2.1748.10"),
    (EX16, "Exchange Server 2016 CU23", "15.1.2507.6"),
)
HIDES = "; its build may hide an installed update (see below)"
TO_V1 = f"install Exchange Server November 2024 SU, KB5044062{HIDES}"
KEEP_OFF = f"do not install it{HIDES}"
READ_V2 = f"{BEFORE_V2}{HIDES}"
CU15_LATER = f"first {TO_V2}; Exchange Server 2019 CU15 can follow once you have tested"
OF_DISPLAYED: tuple[tuple[str, dict[str, str]], ...] = (
    (
        "[RELEASED] Exchange Server November 2024 SU (KB5044062)",
        {CU12: f"{MOVE}4 15.2.1544.13", CU13: TO_V1, CU14: TO_V1, EX16: TO_V1},
    ),
    (
        "[PULLED] Exchange Server November 2024 SU (KB5044062)",
        {CU13: KEEP_OFF, CU14: KEEP_OFF, EX16: KEEP_OFF},
    ),
    (
        "[KNOWN ISSUE] Exchange Server November 2024 SU (KB5044062)",
        {CU13: KEEP_OFF, CU14: KEEP_OFF, EX16: KEEP_OFF},
    ),
    (
        "[KNOWN ISSUE] Exchange Server November 2024 SU (KB5044062)",
        {CU13: KEEP_OFF, CU14: KEEP_OFF, EX16: KEEP_OFF},
    ),
    (
        "[RE-RELEASED] Exchange Server November 2024 SU v2 (KB5049233)",
        {
            CU12: f"{MOVE}4 15.2.1544.14",
            CU13: f"{V2_OUT}{HIDES}",
            CU14: f"{V2_OUT}{HIDES}",
            EX16: f"{V2_OUT}{HIDES}",
        },
    ),
    (
        "[KNOWN ISSUE] Exchange Server November 2024 SU v2 (KB5049233)",
        {CU13: READ_V2, CU14: READ_V2, EX16: READ_V2},
    ),
    (
        "[KNOWN ISSUE] Exchange Server November 2024 SU v2 (KB5049233)",
        {CU13: READ_V2, CU14: READ_V2, EX16: READ_V2},
    ),
    (
        "[KNOWN ISSUE] You may see following error when creating Migration Endpoint",
        dict.fromkeys((CU12, CU13, CU14, EX16), "check whether it is affected"),
    ),
    (
        "[RELEASED] Exchange Server 2019 CU15",
        {
            CU12: f"{MOVE}5, once you have tested it, or to Exchange Server 2019 CU14",
            CU13: CU15_LATER,
            CU14: CU15_LATER,
            CU15: "nothing to do",
        },
    ),
    # Of CU14 and CU15, as its words say, though only CU14's article is linked
    (
        "[KNOWN ISSUE] Exchange Server 2019 CU14 (KB5035606)",
        {
            CU12: "read this before you install Exchange Server 2019 CU14",
            CU14: ISSUE,
            CU15: "check whether it is affected",
        },
    ),
    ("[REMINDER]", {}),
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


def replayed(
    recording: Path, folder: Path, servers: Servers = SERVERS, times: int = 1
) -> list[EmailMessage]:
    """Relive a recording with ``times`` servers of each build; the mails in order."""
    inventory = folder / "inventory.csv"
    rows = [
        f"{name}-{number:02},{product},{build}"
        for number in range(1, times + 1)
        for name, product, build in servers
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


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def steps_said(mail: EmailMessage) -> dict[str, str]:
    """Give what a mail says to do on each server that it speaks of.

    Of many servers those alike stand together, their names in brackets below.
    """
    said: dict[str, str] = {}
    for entry in entries_of(text_of(mail)):
        whole = " ".join(entry)
        names = [whole.partition(" ")[0]]
        if alike := re.match(r"(\d+) servers with ", whole):
            whole, _, named = whole.removesuffix(")").rpartition(" (")
            names = named.split(", ")
            assert len(names) == int(alike[1])
        said |= dict.fromkeys(names, whole.partition(": ")[2])
    return said


def entries_of(body: str) -> list[list[str]]:
    """Give the entries of a mail's list of servers, each in its lines."""
    entries: list[list[str]] = []
    for line in body.replace("\r\n", "\n").partition("YOUR SERVERS\n")[2].split("\n"):
        if line.startswith("* "):
            entries.append([line.removeprefix("* ")])
        elif line.startswith("  "):
            entries[-1].append(line.strip())
        else:
            break
    return entries


def others_counted(mail: EmailMessage) -> int:
    """Give of how many further servers a mail says, in one line, that nothing is to do."""
    text = " ".join(text_of(mail).split())
    counted = re.search(r"(\d+) other servers?: nothing to do", text)
    return int(counted[1]) if counted else 0


def unknown_named(mail: EmailMessage) -> bool:
    """Say whether a mail tells that of some builds the sources tell nothing."""
    return "The sources do not tell what these builds are" in text_of(mail)


def assert_is_true(
    mail: EmailMessage, row: tuple[str, dict[str, str]], servers: int, times: int
) -> None:
    """Compare a mail with its row, for ``servers`` builds with ``times`` servers each."""
    subject, expected = row
    said = steps_said(mail)

    assert str(mail["Subject"]).startswith(subject)
    assert len(said) == len(expected) * times, subject
    for name, step in said.items():
        assert step.startswith(expected[name[:-3]]), (subject, name)
    if subject != "[REMINDER]":
        others = servers * times - len(said) - (times if unknown_named(mail) else 0)
        assert others_counted(mail) == others, subject


@pytest.mark.parametrize("times", [1, 8], ids=["five servers", "forty servers"])
def test_november_2024_says_what_is_true_of_each_server(
    tmp_path: Path, times: int
) -> None:
    recording = tmp_path / "november.warc.gz"
    demo.record(demo.pages_folder(), recording)
    mails = replayed(recording, tmp_path, times=times)

    for mail, row in zip(mails, DEMO, strict=True):
        assert_is_true(mail, row, len(SERVERS), times)


@pytest.mark.parametrize("times", [1, 8], ids=["five servers", "forty servers"])
@pytest.mark.parametrize(
    ("servers", "table"),
    [
        pytest.param(SERVERS, RECORDED, id="as ExSetup says"),
        pytest.param(DISPLAYED, OF_DISPLAYED, id="as Active Directory says"),
    ],
)
def test_october_2024_to_february_2025_says_what_is_true_of_each_server(
    corpus: Path,
    tmp_path: Path,
    servers: Servers,
    table: tuple[tuple[str, dict[str, str]], ...],
    times: int,
) -> None:
    (recording,) = corpus.glob("d1-*.warc.gz")
    mails = replayed(recording, tmp_path, servers, times)
    reminders = [mail for mail in mails if mail["X-Watcher-Event"] == "reminder"]
    others = [mail for mail in mails if mail["X-Watcher-Event"] != "reminder"]

    for mail, row in zip(others, table[:-1], strict=True):
        assert_is_true(mail, row, len(servers), times)
    for mail in reminders:
        assert_is_true(mail, table[-1], len(servers), times)
    # Where the build hides whether the pulled update is installed, nobody is reminded
    assert bool(reminders) == bool(table[-1][1])
