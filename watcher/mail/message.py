"""Messages: a letter's texts as a whole RFC 5322 message, fixed to the byte.

Threads.  Every message about an update refers (References and In-Reply-To) to one root
that no message bears: the root is made of thread and subscriber alone.  So no message
needs to be the first one: whoever subscribes late, or whose filters keep the release
out, still sees one thread; and no Message-ID ever stands for two contents, which
Exchange would drop.  Thunderbird, Apple Mail and IMAP's THREAD=REFERENCES (RFC 5256)
group messages with a common missing parent; Gmail groups those that refer to the same
ID consistently, but starts a new conversation where the subject differs, as ours must.
Outlook and Exchange follow Thread-Index and Thread-Topic (MS-OXOMSG 2.2.1.2 and
2.2.1.3): the first 22 bytes and the topic are the same for all messages of a thread,
five bytes more give each its time.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime, parseaddr
from urllib.parse import quote

from watcher.judgement.advice import Threat, threat
from watcher.kinds import EVENT_KINDS
from watcher.records import Letter, Message
from watcher.text.plain import file_name, line
from watcher.text.story import headline_of, tag_of
from watcher.text.words import Words

_UNFOLDED = {
    "message-id",
    "references",
    "in-reply-to",
    "list-id",
    "list-unsubscribe",
    "thread-index",
}
_THREAD_BASE = datetime(2020, 1, 1, tzinfo=UTC)
"""The time in the first block of every Thread-Index: the root bears no time of its own."""

_FILETIME = datetime(1601, 1, 1, tzinfo=UTC)
# In 100 ns, some 1.8 years: deltas below it keep their finer bits
_CLOSE = 1 << 49
_IMPORTANT = {row.kind.value for row in EVENT_KINDS.values() if row.alarming} | {
    "reminder"
}


# Characters of a subject
LONGEST = 200


class _Policy(EmailPolicy):
    """SMTP's policy, but headers that hold an ID are never folded.

    The library would encode a long ID as words.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() in _UNFOLDED:
            return f"{name}: {value}{self.linesep}".encode("ascii")
        return super().fold_binary(name, value)


_ASCII = _Policy(
    linesep=SMTP.linesep, max_line_length=SMTP.max_line_length, cte_type="7bit"
)


def subject(letter: Letter, words: Words, title: str = "") -> str:
    """Write the subject: ``[PULLED] Exchange Server November 2024 SU (KB5044062)``.

    ``title`` is the one of a letter that tells of no single event.
    """
    if len(letter.events) == 1 and letter.kind == letter.events[0].kind.value:
        event = letter.events[0]
        tag, headline = f"[{tag_of(event, words)}] ", headline_of(event, words)
        # What is attacked, or may be soon, is seen before the mail is opened: a long
        # title does not cut it off
        if found := threat(event):
            around = words.say("subject", found.value, headline="")
            headline = line(headline, LONGEST - len(tag) - len(around))
            headline = words.say("subject", found.value, headline=headline)
        return line(f"{tag}{headline}", LONGEST)
    return line(title, LONGEST)


def domain_of(sender: str) -> str:
    """Give the domain of the From address in ASCII, for IDs; ``localhost`` when it has none.

    Message-IDs must be ASCII (RFC 5322); a domain of other letters is written by IDNA.
    """
    _, at, domain = parseaddr(sender)[1].rpartition("@")
    try:
        return domain.encode("idna").decode("ascii") if at and domain else "localhost"
    except UnicodeError:
        return "localhost"


def message_id(letter: Letter, sender: str, now: datetime) -> str:
    """Make the Message-ID out of what the letter tells and to whom.

    A letter without events is its time's own.
    """
    subjects = [event.id for event in letter.events]
    # The same text may be due again next week (a reminder): it is another message
    if not subjects:
        subjects = [letter.subject, *letter.lines, now.isoformat()]
        if letter.update:
            subjects.insert(0, letter.update)
    reader = letter.subscriber
    digest = _hash(letter.kind, reader.name, *reader.to, *subjects)
    return f"<{digest}@{domain_of(sender)}>"


def root_id(letter: Letter, sender: str) -> str:
    """Make the ID that all messages of a thread refer to, "" for a letter without one.

    From the update's first id and the sender, and so the same in every run: mail
    programs put the messages in one thread.
    """
    if not letter.thread:
        return ""
    return _root_of(letter.thread, letter, sender)


def _root_of(thread: str, letter: Letter, sender: str) -> str:
    root = _hash("thread", letter.subscriber.name, thread)
    return f"<{root}@{domain_of(sender)}>"


def references(letter: Letter, sender: str) -> str:
    """Give the roots that a letter refers to, its own thread's last.

    Case: "Exchange Server update of 2 October 2026" turned out to be September's v2.
    What was told under the day joins the thread of the update.
    """
    threads = [each.thread for before in letter.before for each in before.story]
    threads += [before.event.thread for before in letter.before if before.told]
    others = [each for each in dict.fromkeys(threads) if each and each != letter.thread]
    return " ".join(
        _root_of(thread, letter, sender) for thread in (*others, letter.thread)
    )


def topic(letter: Letter) -> str:
    """Give the Thread-Topic, the same for all of a thread.

    The update's title without version, or the CVE it began with.
    """
    update = letter.events[0].update if letter.events else letter.standing[0]
    # A thread that began with an advisory keeps its name when the update is known
    if letter.thread.startswith(("cve-", "adv")):
        return line(letter.thread.upper(), 150)
    if letter.thread != update.id:
        return line(letter.thread, 150)
    title = line(update.title or update.id, 150)
    return title.removesuffix(f" v{update.version}")


def thread_index(letter: Letter, now: datetime) -> str:
    """Make the Thread-Index.

    6 bytes of time, 16 of the thread's own, and one child block of 5 bytes (base64).
    """
    head = (_ticks(_THREAD_BASE - _FILETIME) >> 16).to_bytes(6, "big")
    thread = hashlib.sha256(
        f"{letter.subscriber.name}\n{letter.thread}".encode()
    ).digest()[:16]
    since = max(0, _ticks(now - _THREAD_BASE))
    # MS-OXOMSG 2.2.1.3: the first bit says which bits of the difference follow
    child = (since >> 18) & 0x7FFFFFFF
    if since >= _CLOSE:
        child = 1 << 31 | (since >> 23) & 0x7FFFFFFF
    subjects = [event.id for event in letter.events] or [now.isoformat()]
    own = hashlib.sha256("\n".join(subjects).encode()).digest()[0] & 0xF0
    # The event's own bits keep two messages of one second apart
    return base64.b64encode(
        head + thread + child.to_bytes(4, "big") + bytes([own])
    ).decode("ascii")


def message(  # noqa: PLR0913 - a message has that many parts
    letter: Letter,
    words: Words,
    sender: str,
    now: datetime,
    *,
    title: str,
    text: str,
    html: str,
    unsubscribe: str = "",
) -> Message:
    """Put a letter's text and HTML into a whole message.

    CRLF, ASCII only, equal for equal arguments.  ``unsubscribe`` is the address of
    somebody who takes readers out.
    """
    written = EmailMessage(policy=_policy(letter, sender))
    headline = subject(letter, words, title)
    identity = message_id(letter, sender, now)
    for name, value in _headers(letter, sender, now, headline, identity):
        written[name] = value
    # Without somebody who can act on it the header would promise what nobody does
    if unsubscribe:
        mailbox = quote(unsubscribe, safe="@.-_+")
        reader = quote(letter.subscriber.name, safe="")
        written["List-Unsubscribe"] = (
            f"<mailto:{mailbox}?subject=unsubscribe%20{reader}>"
        )
    written.set_content(text, cte=_encoding(text))
    written.add_alternative(html, subtype="html", cte=_encoding(html))
    written.set_boundary(f"=_{_hash('boundary', identity)}")
    return Message(
        id=identity,
        date=now,
        kind=letter.kind,
        subscriber=letter.subscriber.name,
        update=letter.update,
        subject=headline,
        events=tuple(event.id for event in letter.events),
        body=written.as_bytes(),
    )


def _headers(
    letter: Letter, sender: str, now: datetime, headline: str, identity: str
) -> list[tuple[str, str]]:
    domain = domain_of(sender)
    name = file_name(letter.subscriber.name, 40) or "subscriber"
    headers = [
        ("From", sender),
        ("To", ", ".join(letter.subscriber.to) or "undisclosed-recipients:;"),
        ("Subject", headline),
        ("Date", format_datetime(now.astimezone(UTC))),
        ("Message-ID", identity),
    ]
    if letter.thread and (letter.events or letter.kind == "reminder"):
        root = root_id(letter, sender)
        headers += [("In-Reply-To", root), ("References", references(letter, sender))]
        headers += [
            ("Thread-Topic", topic(letter)),
            ("Thread-Index", thread_index(letter, now)),
        ]
    # Of a digest what it holds counts: a weekly one may tell of the pull
    kinds = {letter.kind, *(event.kind.value for event in letter.events)}
    is_attacked = any(threat(event) is Threat.EXPLOITED for event in letter.events)
    if kinds & _IMPORTANT or is_attacked:
        headers.append(("Importance", "high"))
    headers += [
        ("List-Id", f"Advisory Watcher <{name}.advisory-watcher.{domain}>"),
        # No out-of-office reply comes back (RFC 3834; the second is for Exchange)
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-Watcher-Event", letter.kind),
    ]
    if letter.update:
        headers.append(("X-Watcher-Update", line(letter.update, 150)))
    return headers


def _policy(letter: Letter, sender: str) -> EmailPolicy:
    """Write headers in ASCII.

    An address that is not ASCII can only be written in UTF-8 (RFC 6532).
    """
    addresses = (parseaddr(sender)[1], *letter.subscriber.to)
    if all(map(str.isascii, addresses)):
        return _ASCII
    return _ASCII.clone(utf8=True)


def _encoding(text: str) -> str:
    """Choose quoted-printable, which tools can search, unless base64 is much shorter."""
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    # Quoted-printable writes three characters for each byte of such a letter
    return "base64" if foreign * 6 > len(text) else "quoted-printable"


def _hash(*parts: str) -> str:
    # A source may send a lone surrogate, which no other error handling encodes
    content = "\n".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()[:32]


def _ticks(span: timedelta) -> int:
    return span // timedelta(microseconds=1) * 10
