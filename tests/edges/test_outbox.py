"""Messages as files."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from watcher import notifiers
from watcher.notifiers import outbox
from watcher.records import DeliveryState, Message
from watcher.settings import Mail, Settings

MESSAGE = Message(
    "<1@example.org>",
    datetime(2030, 5, 14, tzinfo=UTC),
    "pulled",
    "admins",
    "exchange-server-2030-05-su",
    "[PULLED] x",
    ("e",),
    b"Message-ID: <1@example.org>\r\nSubject: [PULLED] x\r\n\r\ntext\r\n",
)


def writing(folder: Path, smtp: str = "") -> Settings:
    return Settings(mail=Mail(outbox=folder, smtp=smtp))


def numbered(number: int, **changes: str) -> Message:
    identity = f"<{number}@example.org>"
    return replace(
        MESSAGE,
        id=identity,
        body=MESSAGE.body.replace(b"<1@example.org>", identity.encode()),
        **changes,
    )


def write(folder: Path, *messages: Message) -> list[str]:
    with notifiers.connect(writing(folder)) as box:
        for message in messages:
            box.send(message, ["one@example.org"])
    return sorted(path.name for path in folder.iterdir())


def test_messages_are_numbered_files_named_after_kind_and_update(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "new" / "outbox"
    messages = [
        numbered(1, kind="welcome", update=""),
        numbered(2),
        numbered(3, kind="digest", update="x"),
        numbered(4, kind="operator"),
    ]
    pulled = "0002-pulled-exchange-server-2030-05-su.eml"
    assert write(folder, *messages) == [
        "0001-welcome.eml",
        pulled,
        "0003-digest.eml",
        "0004-operator.eml",
    ]
    assert (folder / pulled).read_bytes() == numbered(2).body


def test_every_recipient_learns_where_the_message_lies(tmp_path: Path) -> None:
    receipts = notifiers.send(
        MESSAGE, ["one@example.org", "two@example.org"], writing(tmp_path)
    )
    assert [(receipt.recipient, receipt.state) for receipt in receipts] == [
        ("one@example.org", DeliveryState.ACCEPTED),
        ("two@example.org", DeliveryState.ACCEPTED),
    ]
    assert {receipt.answer for receipt in receipts} == {
        str(tmp_path / "0001-pulled-exchange-server-2030-05-su.eml")
    }


def test_a_message_is_written_once_however_often_it_is_sent(tmp_path: Path) -> None:
    write(tmp_path, MESSAGE, MESSAGE)
    assert write(tmp_path, MESSAGE) == ["0001-pulled-exchange-server-2030-05-su.eml"]


def test_numbers_go_on_after_the_highest_one(tmp_path: Path) -> None:
    (tmp_path / "0041-pulled-x.eml").write_bytes(b"Subject: without an ID\r\n\r\n")
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert write(tmp_path, MESSAGE)[-2:] == [
        "0042-pulled-exchange-server-2030-05-su.eml",
        "notes.txt",
    ]


@pytest.mark.parametrize(
    ("kind", "update", "expected"),
    [
        ("pulled", "../../../etc/passwd", "0007-pulled-etc-passwd.eml"),
        ("re-released", "x\n\u202ey", "0007-re-released-x-y.eml"),
        ("", "", "0007-message.eml"),
        ("pulled", "a" * 300, f"0007-pulled-{'a' * 80}.eml"),
    ],
)
def test_a_name_is_harmless(kind: str, update: str, expected: str) -> None:
    assert outbox.name(replace(MESSAGE, kind=kind, update=update), 7) == expected


def test_nothing_half_written_is_left(tmp_path: Path) -> None:
    assert write(tmp_path, MESSAGE) == ["0001-pulled-exchange-server-2030-05-su.eml"]
    if os.name == "posix":
        assert (
            tmp_path / "0001-pulled-exchange-server-2030-05-su.eml"
        ).stat().st_mode & 0o777 == 0o600


def test_what_killed_runs_left_half_written_goes_unless_it_may_be_written_just_now(
    tmp_path: Path,
) -> None:
    (tmp_path / "0007-pulled-x.eml").write_bytes(b"Subject: x\r\n\r\n")
    for name in (
        ".0007-pulled-x.eml.part",
        ".tmpb1kz.part",
        ".0008-test.eml.part",
        ".notes",
    ):
        (tmp_path / name).write_bytes(b"")
    pulled = "0008-pulled-exchange-server-2030-05-su.eml"
    assert write(tmp_path, MESSAGE) == [
        ".0008-test.eml.part",
        ".notes",
        "0007-pulled-x.eml",
        pulled,
    ]


def test_a_folder_that_cannot_be_written_defers_with_a_remedy(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("", encoding="utf-8")
    (receipt,) = notifiers.send(MESSAGE, ["one@example.org"], writing(blocked))
    assert receipt.state is DeliveryState.DEFERRED
    assert f"{blocked} cannot be written: " in receipt.answer
    assert "[mail]" in receipt.answer


@pytest.mark.posix
def test_a_full_disk_leaves_nothing_behind_and_the_message_for_the_next_run(
    tmp_path: Path,
) -> None:
    import resource

    settings = writing(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        (receipt,) = notifiers.send(MESSAGE, ["one@example.org"], settings)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (receipt.state, list(tmp_path.iterdir())) == (DeliveryState.DEFERRED, [])
    assert write(tmp_path, MESSAGE) == ["0001-pulled-exchange-server-2030-05-su.eml"]


def test_the_kinds_of_delivery_are_chosen_by_the_configuration() -> None:
    assert notifiers.kind(writing(Path("x"))) == "outbox"
    assert notifiers.kind(writing(Path("x"), "smtp://mail.example.org")) == "smtp"
    assert all(
        module == f"watcher.notifiers.{name}"
        for name, module in notifiers.KINDS.items()
    )
