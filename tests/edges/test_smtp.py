"""Handing mail over.

What each recipient's answer was, and that no password goes where it should not.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import chain, repeat
from pathlib import Path

import pytest
import trustme
from msgspec.structs import replace

from tests.attacks import tried
from tests.mailing import PASSWORD, USER, MailServer, Postbox, ScriptedServer, free_port
from watcher import notifiers
from watcher.errors import ConfigurationError
from watcher.notifiers import Receipt, smtp, smtp_connection
from watcher.records import DeliveryState, Message
from watcher.settings import Channel, Mail, OAuth, Secret, Settings

ONE, TWO, THREE = "one@example.org", "two@example.org", "three@example.org"
BODY = b"Subject: x\r\nMessage-ID: <1@example.org>\r\n\r\n.\r\n..two\r\n.three\r\nFrom me\r\n"
MESSAGE = Message(
    "<1@example.org>",
    datetime(2030, 5, 14, tzinfo=UTC),
    "pulled",
    "admins",
    "update",
    "x",
    ("e",),
    BODY,
)


def hidden(value: str) -> Secret:
    return Secret("SECRET", value)


def client(
    authority: str, graph: str, secret: Secret | None = None, **more: Secret
) -> OAuth:
    return OAuth(
        "example.onmicrosoft.com", "4711", authority, graph, secret=secret, **more
    )


def mail_by(
    smtp: str, user: str = "", password: str = "", oauth: OAuth | None = None
) -> Mail:
    return Mail(
        smtp=smtp,
        sender="Advisory Watcher <watcher@example.org>",
        user=hidden(user) if user else None,
        password=hidden(password) if password else None,
        oauth=oauth,
    )


def delivering(
    mail: Mail, ca_bundle: Path | None = None, channels: tuple[Channel, ...] = ()
) -> Settings:
    return Settings(mail=mail, ca_bundle=ca_bundle, channels=channels)


def states(receipts: Sequence[Receipt]) -> list[str]:
    return [receipt.state.value for receipt in receipts]


def send(postbox: Postbox, *recipients: str, options: str = "") -> list[Receipt]:
    with MailServer(postbox) as server:
        return notifiers.send(
            MESSAGE, recipients or (ONE,), delivering(mail_by(server.url + options))
        )


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


def logged_in(url: str, ca: str | None, password: str = PASSWORD) -> Settings:
    return delivering(
        mail_by(url, user=USER, password=password),
        Path(ca) if ca else None,
    )


# --- answers --------------------------------------------------------------------------


def test_a_message_arrives_byte_for_byte() -> None:
    postbox = Postbox()
    assert send(postbox, ONE, TWO) == [
        Receipt(name, DeliveryState.ACCEPTED, "250 queued as 4711")
        for name in (ONE, TWO)
    ]
    (received,) = postbox.messages
    assert (received.sender, received.recipients, received.body) == (
        "watcher@example.org",
        [ONE, TWO],
        BODY,
    )


def test_a_body_that_begins_with_a_dot_or_has_no_last_line_break_arrives() -> None:
    postbox = Postbox()
    with (
        MailServer(postbox) as server,
        notifiers.connect(delivering(mail_by(server.url))) as line,
    ):
        line.send(replace(MESSAGE, body=b".x"), [ONE])
    assert postbox.messages[0].body == b".x\r\n"


def test_one_refused_recipient_stops_nobody_else() -> None:
    postbox = Postbox(
        rcpt={TWO: "550 no such user", THREE: "450 greylisted, try later"}
    )
    receipts = send(postbox, ONE, TWO, THREE)
    assert [
        (receipt.recipient, receipt.state.value, receipt.answer) for receipt in receipts
    ] == [
        (ONE, "accepted", "250 queued as 4711"),
        (TWO, "refused", "550 no such user"),
        (THREE, "deferred", "450 greylisted, try later"),
    ]
    assert postbox.messages[0].recipients == [ONE]


def test_when_all_recipients_are_refused_no_message_is_sent() -> None:
    postbox = Postbox(rcpt={ONE: "550 no"})
    assert states(send(postbox)) == ["refused"]
    assert postbox.messages == []


@pytest.mark.parametrize(
    ("answer", "settings_wrong"), [("550 not you", True), ("451 later", False)]
)
def test_a_refused_sender_is_each_recipients_answer(
    answer: str, settings_wrong: bool
) -> None:
    receipts = send(Postbox(mail=answer), ONE, TWO)
    assert [(each.state.value, each.settings_wrong) for each in receipts] == [
        ("deferred", settings_wrong)
    ] * 2
    assert receipts[0].answer == f"the sender was refused: {answer}"


@pytest.mark.parametrize("code", [530, 534, 535, 538])
def test_a_server_that_wants_another_login_has_refused_nobody(code: int) -> None:
    assert states(send(Postbox(mail=f"{code} 5.7.0 log in"))) == ["deferred"]
    assert states(send(Postbox(rcpt={ONE: f"{code} 5.7.0 log in"}))) == ["deferred"]


@pytest.mark.parametrize(
    ("answer", "state"),
    [("554 looks like spam", "refused"), ("452 disk full", "deferred")],
)
def test_the_answer_to_the_message_is_kept(answer: str, state: str) -> None:
    (receipt,) = send(Postbox(data=answer))
    assert (receipt.state.value, receipt.answer) == (state, answer)


@pytest.mark.parametrize(
    ("command", "state"),
    [("MAIL", "deferred"), ("RCPT", "deferred"), ("DATA", "unknown")],
)
def test_a_connection_cut_after_the_message_leaves_its_fate_unknown_and_before_it_does_not(
    command: str, state: str
) -> None:
    receipts = send(Postbox(cut=command), ONE, TWO)
    assert states(receipts) == [state] * 2
    assert ("may have arrived" in receipts[0].answer) is (state == "unknown")


@pytest.mark.parametrize(
    ("command", "state"), [("RCPT", "deferred"), ("DATA", "unknown")]
)
def test_a_server_that_does_not_answer_in_time_is_given_up(
    command: str, state: str
) -> None:
    (receipt,) = send(Postbox(hang=command), options="?timeout=0.3")
    assert receipt.state.value == state
    assert "it did not answer in time" in receipt.answer


@contextmanager
def talking(*parts: bytes, every: float = 0) -> Iterator[str]:
    """A server that greets whoever calls with these parts, the last of them without end,
    ``every`` so many seconds.
    """
    over = threading.Event()

    def talk() -> None:
        caller, _ = listening.accept()
        with caller, suppress(OSError):
            for part in chain(parts, repeat(parts[-1])):
                caller.sendall(part)
                if over.wait(every):
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=talk)
        thread.start()
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}"
        over.set()
        thread.join()


@pytest.mark.parametrize(
    ("parts", "every", "said"),
    [
        ((b"220-welcome\r\n" * 100,), 0, "its answer has more than 100 lines"),
        ((b"220 welcome", b"!"), 0.01, "it did not answer in time"),
        ((b"2" * 9000,), 0, "Line too long"),
        ((b"554 " + b"no " * 1000 + b"\r\n",), 0, "554 " + "no " * 166 + "no …"),
    ],
    ids=[
        "lines without end",
        "a line drop by drop",
        "a line without end",
        "a long story",
    ],
)
def test_a_server_that_never_comes_to_an_end_is_left(
    parts: tuple[bytes, ...], every: float, said: str
) -> None:
    with talking(*parts, every=every) as url:
        began = time.monotonic()
        (receipt,) = notifiers.send(
            MESSAGE, [ONE], delivering(mail_by(f"{url}?timeout=0.3"))
        )
        assert time.monotonic() - began < 3
    assert receipt.state is DeliveryState.DEFERRED
    assert said in receipt.answer
    assert len(receipt.answer) < 600


def test_nobody_listening_defers_and_names_the_server() -> None:
    port = free_port()
    (receipt,) = notifiers.send(
        MESSAGE, [ONE], delivering(mail_by(f"smtp://127.0.0.1:{port}"))
    )
    assert (receipt.recipient, receipt.state) == (ONE, DeliveryState.DEFERRED)
    said = (
        "the connection was refused. Correct the port of smtp in [mail], or see "
        "whether the mail server runs"
    )
    assert receipt.answer == f"127.0.0.1:{port}: {said}"


def test_a_mail_server_whose_name_is_unknown_is_named_with_what_to_do() -> None:
    (receipt,) = notifiers.send(
        MESSAGE, [ONE], delivering(mail_by("smtp://mail.invalid"))
    )
    said = (
        "its name could not be resolved. Correct the host of smtp in [mail] if "
        "it is mistyped, or this machine's DNS"
    )
    assert (receipt.state, receipt.answer) == (
        DeliveryState.DEFERRED,
        f"mail.invalid:587: {said}",
    )


# --- connections ----------------------------------------------------------------------


def test_several_messages_go_over_one_connection() -> None:
    postbox = Postbox(rcpt={TWO: "550 no"})
    with (
        MailServer(postbox) as server,
        notifiers.connect(delivering(mail_by(server.url))) as line,
    ):
        assert [states(line.send(MESSAGE, [name])) for name in (ONE, TWO, THREE)] == [
            ["accepted"],
            ["refused"],
            ["accepted"],
        ]
    assert len(postbox.sessions) == 1
    assert [received.recipients for received in postbox.messages] == [[ONE], [THREE]]


def test_a_lost_connection_is_opened_again_for_the_next_message() -> None:
    postbox = Postbox(cut="DATA")
    with (
        MailServer(postbox) as server,
        notifiers.connect(delivering(mail_by(server.url))) as line,
    ):
        assert states(line.send(MESSAGE, [ONE])) == ["unknown"]
        postbox.cut = ""
        assert states(line.send(MESSAGE, [ONE])) == ["accepted"]
    assert len(postbox.messages) == 2


def test_a_server_that_hung_up_between_two_messages_is_called_again() -> None:
    postbox = Postbox()
    with (
        MailServer(postbox) as server,
        notifiers.connect(delivering(mail_by(server.url))) as line,
    ):
        assert isinstance(line, smtp.Line)
        line.send(MESSAGE, [ONE])
        assert line.open is not None
        assert line.open.sock is not None
        line.open.sock.close()
        assert states(line.send(MESSAGE, [ONE])) == ["accepted"]


@pytest.mark.parametrize(
    ("answer", "state"),
    [("451 later", "deferred"), ("554 no", "refused"), ("", "deferred")],
)
def test_what_is_said_to_data_comes_before_the_message(answer: str, state: str) -> None:
    with ScriptedServer({"DATA": answer}) as server:
        (receipt,) = notifiers.send(MESSAGE, [ONE], delivering(mail_by(server.url)))
    assert receipt.state.value == state
    assert "may have arrived" not in receipt.answer


@pytest.mark.parametrize("answer", ["251 will forward", "252 trying", "200 well"])
def test_any_answer_of_success_to_the_message_says_that_it_was_taken(
    answer: str,
) -> None:
    with ScriptedServer({".": answer}) as server:
        (receipt,) = notifiers.send(MESSAGE, [ONE], delivering(mail_by(server.url)))
    assert receipt == Receipt(ONE, DeliveryState.ACCEPTED, answer)


@tried("unknown")
@pytest.mark.parametrize("command", ["MAIL", "RCPT"])
@pytest.mark.parametrize("answer", ["251 will forward", "252 cannot say", "200 well"])
def test_any_answer_of_success_to_an_address_is_one(command: str, answer: str) -> None:
    with ScriptedServer({command: answer}) as server:
        (receipt,) = notifiers.send(MESSAGE, [ONE], delivering(mail_by(server.url)))
    assert receipt.state is DeliveryState.ACCEPTED
    assert server.commands.count("DATA") == 1


@pytest.mark.parametrize("command", ["RSET", "NOOP"])
@pytest.mark.parametrize("answer", ["", "421 idle for too long"])
def test_a_server_that_tires_between_messages_loses_none(
    command: str, answer: str
) -> None:
    with (
        ScriptedServer({command: answer}) as server,
        notifiers.connect(delivering(mail_by(server.url))) as line,
    ):
        assert [states(line.send(MESSAGE, [name])) for name in (ONE, TWO)] == [
            ["accepted"],
            ["accepted"],
        ]
    assert server.commands.count(".") == 2


# --- encryption and passwords ---------------------------------------------------------


def test_starttls_is_used_where_it_is_offered(tls: ssl.SSLContext, ca: str) -> None:
    postbox = Postbox()
    with MailServer(postbox, tls=tls, auth=True) as server:
        assert states(notifiers.send(MESSAGE, [ONE], logged_in(server.url, ca))) == [
            "accepted"
        ]
    assert postbox.logins in (["PLAIN"], ["LOGIN"])


def test_tls_from_the_start(tls: ssl.SSLContext, ca: str) -> None:
    postbox = Postbox()
    with MailServer(postbox, tls=tls, implicit=True) as server:
        assert states(
            notifiers.send(MESSAGE, [ONE], delivering(mail_by(server.url), Path(ca)))
        ) == ["accepted"]


@pytest.mark.parametrize("implicit", [False, True])
def test_a_certificate_of_an_unknown_authority_is_refused_before_the_password(
    tls: ssl.SSLContext, implicit: bool
) -> None:
    postbox = Postbox()
    with MailServer(postbox, tls=tls, implicit=implicit, auth=not implicit) as server:
        (receipt,) = notifiers.send(MESSAGE, [ONE], logged_in(server.url, None))
    assert receipt.state is DeliveryState.DEFERRED
    assert "its certificate is not trusted" in receipt.answer
    assert "ca_bundle" in receipt.answer
    assert postbox.logins == []


def test_a_certificate_for_another_name_is_refused(
    authority: trustme.CA, ca: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("mail.example.org").configure_cert(context)
    with MailServer(Postbox(), tls=context, auth=True) as server:
        (receipt,) = notifiers.send(MESSAGE, [ONE], logged_in(server.url, ca))
    assert "its certificate is not trusted (IP address mismatch" in receipt.answer


def test_a_password_is_not_said_to_a_server_without_starttls() -> None:
    postbox = Postbox()
    with MailServer(postbox) as server:
        (receipt,) = notifiers.send(MESSAGE, [ONE], logged_in(server.url, None))
    assert receipt.state is DeliveryState.DEFERRED
    assert (
        "it offers no STARTTLS, and a password is only sent encrypted" in receipt.answer
    )
    assert (postbox.logins, postbox.messages) == ([], [])


def test_a_wrong_password_is_deferred_named_and_never_printed(
    tls: ssl.SSLContext, ca: str
) -> None:
    with (
        MailServer(Postbox(), tls=tls, auth=True) as server,
        notifiers.connect(logged_in(server.url, ca, "wrong password")) as line,
    ):
        (receipt,) = line.send(MESSAGE, [ONE])
        assert "wrong password" not in repr(line) + receipt.answer
    assert receipt.state is DeliveryState.DEFERRED
    assert "it refused the name or password (535" in receipt.answer
    assert "WATCHER_SMTP_PASSWORD" in receipt.answer


def test_a_token_is_said_as_xoauth2(tls: ssl.SSLContext, ca: str) -> None:
    postbox = Postbox()
    with MailServer(postbox, tls=tls, auth=True) as server:
        assert states(
            notifiers.send(MESSAGE, [ONE], logged_in(f"{server.url}?auth=xoauth2", ca))
        ) == ["accepted"]
    assert postbox.logins == ["XOAUTH2"]


def test_a_refused_token_is_deferred_after_the_servers_challenge(
    tls: ssl.SSLContext, ca: str
) -> None:
    with MailServer(Postbox(), tls=tls, auth=True) as server:
        (receipt,) = notifiers.send(
            MESSAGE, [ONE], logged_in(f"{server.url}?auth=xoauth2", ca, "stale token")
        )
    assert receipt.state is DeliveryState.DEFERRED
    assert "it refused the name or password (535" in receipt.answer


# --- addresses beyond ASCII -----------------------------------------------------------


def test_an_address_beyond_ascii_needs_a_server_that_knows_it() -> None:
    postbox = Postbox()
    with MailServer(postbox, utf8=True) as server:
        assert states(
            notifiers.send(
                MESSAGE, ["größe@example.org"], delivering(mail_by(server.url))
            )
        ) == ["accepted"]
    assert postbox.messages[0].recipients == ["größe@example.org"]
    assert "SMTPUTF8" in postbox.messages[0].options


def test_an_address_beyond_ascii_is_refused_where_the_server_does_not_know_it() -> None:
    (receipt,) = send(Postbox(), "größe@example.org")
    assert (receipt.state, receipt.settings_wrong) == (DeliveryState.REFUSED, True)
    assert "beyond ASCII before its @, and the server does not know" in receipt.answer


# --- the server's address -------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "credentials", "expected"),
    [
        (
            "smtp://mail.example.org",
            False,
            smtp_connection.Server(
                "mail.example.org", 587, False, "offered", False, 30
            ),
        ),
        (
            "smtp://mail.example.org:25",
            True,
            smtp_connection.Server(
                "mail.example.org", 25, False, "required", False, 30
            ),
        ),
        (
            "smtps://mail.example.org",
            True,
            smtp_connection.Server(
                "mail.example.org", 465, True, "required", False, 30
            ),
        ),
        (
            "smtp://localhost:25?starttls=never&timeout=5",
            False,
            smtp_connection.Server("localhost", 25, False, "never", False, 5),
        ),
        (
            "smtp://mail.example.org?auth=xoauth2",
            True,
            smtp_connection.Server(
                "mail.example.org", 587, False, "required", True, 30
            ),
        ),
    ],
)
def test_the_address_says_how_to_connect(
    address: str, credentials: bool, expected: smtp_connection.Server
) -> None:
    assert smtp_connection.server(address, credentials=credentials) == expected


@pytest.mark.parametrize(
    "address",
    [
        "mail.example.org",
        "http://mail.example.org",
        "smtp://",
        "smtp://mail.example.org:port",
        "smtp://mail.example.org?starttls=offered",
        "smtp://mail.example.org?auth=ntlm",
        "smtp://mail.example.org?timeout=soon",
        "smtp://mail.example.org?timeout=0",
        "smtp://mail.example.org?other=1",
        "smtp://mail.example.org?nonsense",
        "smtp://user:secret@mail.example.org",
    ],
)
def test_a_wrong_address_is_an_error_that_shows_no_secret(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"\[mail\] smtp: ") as caught:
        smtp_connection.server(address, credentials=False)
    assert "secret" not in str(caught.value)
