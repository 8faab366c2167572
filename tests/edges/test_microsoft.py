"""Mail by Microsoft 365.

The client's login, XOAUTH2 with its token, and Graph's sendMail, against stand-ins
that check.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
import trustme

from tests.edges.test_smtp import MESSAGE, ONE, TWO, client, delivering, hidden, mail_by
from tests.mailing import USER, MailServer, Postbox, free_port
from tests.services import SECRET, TOKEN, Microsoft
from watcher import notifiers
from watcher.errors import ConfigurationError
from watcher.notifiers import Receipt
from watcher.notifiers.microsoft import UNREACHABLE
from watcher.records import DeliveryState
from watcher.settings import OAuth, Settings


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def microsoft(tls: ssl.SSLContext) -> Iterator[Microsoft]:
    with Microsoft(tls) as service:
        yield service


def login(microsoft: Microsoft, secret: str = SECRET) -> OAuth:
    return client(microsoft.origin, microsoft.origin, hidden(secret))


def by_graph(
    microsoft: Microsoft,
    ca: str,
    mailbox: str = "watcher@example.org",
    secret: str = SECRET,
) -> Settings:
    return delivering(
        mail_by(f"graph://{mailbox}", oauth=login(microsoft, secret)), Path(ca)
    )


def test_graph_sends_the_message_byte_for_byte_for_all_its_recipients(
    microsoft: Microsoft, ca: str
) -> None:
    assert notifiers.send(MESSAGE, [ONE, TWO], by_graph(microsoft, ca)) == [
        Receipt(to, DeliveryState.ACCEPTED, "202") for to in (ONE, TWO)
    ]
    asked, sent = microsoft.posted
    assert parse_qs(asked.body.decode())["scope"] == [f"{microsoft.origin}/.default"]
    assert base64.b64decode(sent.body) == MESSAGE.body


def test_one_token_serves_several_messages(microsoft: Microsoft, ca: str) -> None:
    with notifiers.connect(by_graph(microsoft, ca)) as mailbox:
        receipts = [mailbox.send(MESSAGE, [ONE]) for _ in range(3)]
    assert [receipt.state for (receipt,) in receipts] == [DeliveryState.ACCEPTED] * 3
    assert [posted.path for posted in microsoft.posted].count(microsoft.token_path) == 1


def test_a_server_that_is_about_to_hang_up_loses_no_message(
    microsoft: Microsoft, ca: str
) -> None:
    # As asked by "Connection: close", which an answer need not repeat
    microsoft.lingers = 0.2
    with notifiers.connect(by_graph(microsoft, ca)) as mailbox:
        receipts = [mailbox.send(MESSAGE, [ONE]) for _ in range(3)]
    assert [receipt.state for (receipt,) in receipts] == [DeliveryState.ACCEPTED] * 3
    asked = microsoft.requests
    assert len({each.connection for each in asked}) == len(asked) == 5


def test_a_token_that_ended_before_its_time_is_renewed_and_the_message_goes_out(
    microsoft: Microsoft, ca: str
) -> None:
    with notifiers.connect(by_graph(microsoft, ca)) as mailbox:
        mailbox.send(MESSAGE, [ONE])
        microsoft.token = "the.next.one"
        assert [receipt.state for receipt in mailbox.send(MESSAGE, [ONE])] == [
            DeliveryState.ACCEPTED
        ]
    paths = [posted.path.rpartition("/")[2] for posted in microsoft.posted]
    assert paths == ["token", "sendMail", "sendMail", "token", "sendMail"]


def test_a_new_token_that_is_not_taken_either_is_the_configurations_mistake(
    microsoft: Microsoft, ca: str
) -> None:
    microsoft.send_status = 401
    (receipt,) = notifiers.send(MESSAGE, [ONE], by_graph(microsoft, ca))
    assert receipt.state is DeliveryState.DEFERRED
    assert "Check that watcher@example.org is a mailbox" in receipt.answer
    assert len(microsoft.posted) == 4


@pytest.mark.parametrize(
    ("said", "wait"),
    [
        ("120", 120),
        ("999999", 86400),
        ("soon", 0),
        ("Wed, 01 May 2030 10:00:00 GMT", 0),
    ],
)
def test_graph_that_wants_to_be_left_alone_is_not_asked_again_before(
    microsoft: Microsoft, ca: str, said: str, wait: int
) -> None:
    microsoft.send_status, microsoft.headers = 429, {"Retry-After": said}
    with notifiers.connect(by_graph(microsoft, ca)) as mailbox:
        receipts = [mailbox.send(MESSAGE, [ONE])[0] for _ in range(2)]
    assert [(receipt.state, receipt.wait.total_seconds()) for receipt in receipts] == [
        (DeliveryState.DEFERRED, wait)
    ] * 2
    assert [posted.path.rpartition("/")[2] for posted in microsoft.posted].count(
        "sendMail"
    ) == (1 if wait else 2)


@pytest.mark.parametrize(
    ("status", "state", "said"),
    [
        (400, "refused", "Graph answered 400 ErrorSomething: Graph's own words"),
        (
            403,
            "deferred",
            "Check that watcher@example.org is a mailbox, and that the client has Mail.Send for it",
        ),
        (429, "deferred", "Graph answered 429"),
        (503, "deferred", "Graph answered 503"),
        (504, "unknown", "the message may have been sent"),
        (502, "unknown", "the message may have been sent"),
        (200, "accepted", "200"),
        (0, "unknown", "the message may have been sent"),
    ],
)
def test_graphs_answer_is_every_recipients(
    microsoft: Microsoft, ca: str, status: int, state: str, said: str
) -> None:
    microsoft.send_status = status
    receipts = notifiers.send(MESSAGE, [ONE, TWO], by_graph(microsoft, ca))
    assert [receipt.state.value for receipt in receipts] == [state] * 2
    assert said in receipts[0].answer


def test_a_mailbox_that_is_not_there_defers_with_what_to_check(
    microsoft: Microsoft, ca: str
) -> None:
    (receipt,) = notifiers.send(
        MESSAGE, [ONE], by_graph(microsoft, ca, "nobody@example.org")
    )
    assert receipt.state is DeliveryState.DEFERRED
    assert receipt.answer == (
        "Graph answered 404 ResourceNotFound: there is no such mailbox. "
        "Check that nobody@example.org is a mailbox, and that the client has Mail.Send for it"
    )


def test_a_wrong_secret_is_said_in_microsofts_words_once_and_never_shown(
    microsoft: Microsoft, ca: str
) -> None:
    with notifiers.connect(
        by_graph(microsoft, ca, secret="not the right one")
    ) as mailbox:
        (first,), (second,) = (mailbox.send(MESSAGE, [ONE]) for _ in range(2))
    assert first == second
    assert first.state is DeliveryState.DEFERRED
    assert first.answer == (
        f"{microsoft.origin}: it gave no token (AADSTS7000215: Invalid client secret.). "
        "Check tenant and client in [mail], and the client's secret or certificate"
    )
    assert len(microsoft.posted) == 1


def test_a_certificate_that_nobody_knows_is_refused_before_the_secret_is_said(
    microsoft: Microsoft,
) -> None:
    settings = delivering(
        mail_by("graph://watcher@example.org", oauth=login(microsoft))
    )
    (receipt,) = notifiers.send(MESSAGE, [ONE], settings)
    assert receipt.state is DeliveryState.DEFERRED
    assert "its certificate is not trusted" in receipt.answer
    assert microsoft.posted == []


def test_tls_that_breaks_behind_a_message_leaves_open_whether_it_was_taken(
    microsoft: Microsoft, ca: str
) -> None:
    # "Its certificate is not trusted" had it sent again with every run
    microsoft.garbles = "sendMail"
    with notifiers.connect(by_graph(microsoft, ca)) as mailbox:
        (receipt,) = mailbox.send(MESSAGE, [ONE])
    assert receipt.state is DeliveryState.UNKNOWN
    assert "may have been sent" in receipt.answer
    assert [each.path.rpartition("/")[2] for each in microsoft.posted] == [
        "token",
        "sendMail",
    ]


def test_graph_that_is_away_is_not_asked_for_each_message(
    microsoft: Microsoft, ca: str
) -> None:
    oauth = client(microsoft.origin, f"https://127.0.0.1:{free_port()}", hidden(SECRET))
    microsoft.graph = oauth.graph
    with notifiers.connect(
        delivering(mail_by("graph://watcher@example.org", oauth=oauth), Path(ca))
    ) as mailbox:
        (first,), (second,) = (mailbox.send(MESSAGE, [ONE]) for _ in range(2))
    assert (
        first
        == second
        == Receipt(ONE, DeliveryState.DEFERRED, f"{oauth.graph}: {UNREACHABLE}")
    )


def test_a_login_that_cannot_be_reached_defers(ca: str) -> None:
    nowhere = f"https://127.0.0.1:{free_port()}"
    settings = delivering(
        mail_by(
            "graph://watcher@example.org",
            oauth=client(nowhere, nowhere, hidden(SECRET)),
        ),
        Path(ca),
    )
    (receipt,) = notifiers.send(MESSAGE, [ONE], settings)
    assert receipt.state is DeliveryState.DEFERRED
    assert "no token could be fetched" in receipt.answer


def test_a_certificate_signs_the_login_in_place_of_a_secret(
    microsoft: Microsoft, ca: str, authority: trustme.CA
) -> None:
    pem = (
        authority.issue_cert("watcher.example.org", key_type=trustme.KeyType.RSA)
        .private_key_and_cert_chain_pem.bytes()
        .decode()
    )
    oauth = client(microsoft.origin, microsoft.origin, certificate=hidden(pem))
    (receipt,) = notifiers.send(
        MESSAGE,
        [ONE],
        delivering(mail_by("graph://watcher@example.org", oauth=oauth), Path(ca)),
    )
    assert receipt.state is DeliveryState.ACCEPTED
    form = parse_qs(microsoft.posted[0].body.decode())
    assert "client_secret" not in form
    assert form["client_assertion_type"] == [
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    ]


def test_a_certificate_without_its_key_defers_and_says_so(
    microsoft: Microsoft, ca: str
) -> None:
    oauth = client(
        microsoft.origin,
        microsoft.origin,
        certificate=hidden("-----BEGIN CERTIFICATE-----"),
    )
    (receipt,) = notifiers.send(
        MESSAGE,
        [ONE],
        delivering(mail_by("graph://watcher@example.org", oauth=oauth), Path(ca)),
    )
    assert receipt.state is DeliveryState.DEFERRED
    assert "the certificate's private key cannot be read" in receipt.answer


def test_smtp_logs_in_with_the_clients_token(
    microsoft: Microsoft, ca: str, tls: ssl.SSLContext
) -> None:
    postbox = Postbox(token=TOKEN)
    with MailServer(postbox, tls=tls, auth=True) as server:
        settings = delivering(
            mail_by(server.url, user=USER, oauth=login(microsoft)), Path(ca)
        )
        (receipt,) = notifiers.send(MESSAGE, [ONE], settings)
    assert receipt.state is DeliveryState.ACCEPTED
    assert postbox.logins == ["XOAUTH2"]
    assert parse_qs(microsoft.posted[0].body.decode())["scope"] == [
        "https://outlook.office365.com/.default"
    ]


def test_a_token_that_smtp_does_not_take_is_said_with_what_to_check(
    microsoft: Microsoft, ca: str, tls: ssl.SSLContext
) -> None:
    with MailServer(Postbox(token="another"), tls=tls, auth=True) as server:
        settings = delivering(
            mail_by(server.url, user=USER, oauth=login(microsoft)), Path(ca)
        )
        (receipt,) = notifiers.send(MESSAGE, [ONE], settings)
    assert receipt.state is DeliveryState.DEFERRED
    assert "Check that the client may use SMTP.SendAsApp" in receipt.answer


def test_no_token_no_login(microsoft: Microsoft, ca: str, tls: ssl.SSLContext) -> None:
    postbox = Postbox(token=TOKEN)
    with MailServer(postbox, tls=tls, auth=True) as server:
        settings = delivering(
            mail_by(server.url, user=USER, oauth=login(microsoft, "wrong")),
            Path(ca),
        )
        with notifiers.connect(settings) as line:
            (first,), (second,) = (line.send(MESSAGE, [ONE]) for _ in range(2))
    assert first == second
    assert "it gave no token" in first.answer
    assert (postbox.logins, len(microsoft.posted)) == ([], 1)


def test_graph_without_a_client_is_a_mistake_of_the_configuration() -> None:
    with (
        pytest.raises(ConfigurationError, match="needs tenant and client"),
        notifiers.connect(delivering(mail_by("graph://w@example.org"))),
    ):
        pass
