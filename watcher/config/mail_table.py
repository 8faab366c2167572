"""The table ``[mail]`` as it is written: its keys, each described with an example."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta


class MailTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How mail leaves.

    The password comes from WATCHER_SMTP_PASSWORD or the file that
    WATCHER_SMTP_PASSWORD_FILE names; the user stands in the address (smtp://user@host)
    or comes from WATCHER_SMTP_USER.  With tenant and client the login is Microsoft
    365's OAuth: the client's secret comes from WATCHER_CLIENT_SECRET, or its
    certificate and key (PEM) from WATCHER_CLIENT_CERTIFICATE.
    """

    sender: Annotated[
        str,
        Meta(
            description="The From of every message",
            examples=["Advisory Watcher <watcher@example.org>"],
        ),
    ] = msgspec.field(default="", name="from")
    smtp: Annotated[
        str,
        Meta(
            description="Mail server: smtp:// (STARTTLS) or smtps:// (TLS from the "
            "start); absent: messages are written to the outbox; "
            "?starttls=required or never, ?auth=password or xoauth2 and "
            "?timeout=SECONDS may follow; graph://MAILBOX sends by "
            "Microsoft Graph",
            examples=["smtp://mail.example.org:587"],
        ),
    ] = ""
    outbox: Annotated[
        str,
        Meta(
            description="Folder that messages are written to when there is no mail server",
            examples=["outbox"],
        ),
    ] = "outbox"
    give_up: Annotated[
        str,
        Meta(
            description="How long a message that cannot be delivered is tried again",
            examples=["5d"],
        ),
    ] = "5d"
    replies: Annotated[
        str,
        Meta(
            description="Mailbox that readers answer to: imaps://USER@HOST (TLS from the "
            "start) or imap:// (STARTTLS; ?starttls=never on this machine only); its "
            "password comes from WATCHER_IMAP_PASSWORD; without it reminders name the command",
            examples=["imaps://watcher%40example.org@mail.example.org"],
        ),
    ] = ""
    reply_to: Annotated[
        str,
        Meta(
            description="Address that this mailbox gets mail for; without it that of from",
            examples=["watcher@example.org"],
        ),
    ] = ""
    dkim_selector: Annotated[
        str,
        Meta(
            description=(
                "Selector that your mail server signs with (DKIM), for watcher "
                "doctor to look its key up"
            ),
            examples=["selector1"],
        ),
    ] = ""
    tenant: Annotated[
        str,
        Meta(
            description="Microsoft 365: the directory (tenant) that the sending mailbox is in, "
            "or that a source logs in to",
            examples=["example.onmicrosoft.com"],
        ),
    ] = ""
    client: Annotated[
        str,
        Meta(
            description="Microsoft 365: the application (client) id that may send mail",
            examples=["00000000-0000-0000-0000-000000000000"],
        ),
    ] = ""
    authority: Annotated[
        str,
        Meta(
            description="Microsoft 365: where tokens come from; national clouds have others",
            examples=["https://login.microsoftonline.com"],
        ),
    ] = "https://login.microsoftonline.com"
    graph: Annotated[
        str,
        Meta(
            description="Microsoft 365: where Graph is; national clouds have others",
            examples=["https://graph.microsoft.com"],
        ),
    ] = "https://graph.microsoft.com"
