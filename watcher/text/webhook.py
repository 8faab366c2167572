"""A message for machines: what a webhook posts, for ticket systems.

The form is docs/webhook.schema.json, and grows only by fields.
"""

from __future__ import annotations

import email
import email.policy
from datetime import UTC
from typing import Any

from watcher.records import Message
from watcher.text import event_json

SCHEMA = 1
KEY = "advisory_watcher"
"""What holds the object, beside the title and the text that Apprise posts."""


def payload(message: Message) -> dict[str, Any]:
    """Give a message as an object: what it is about, and its whole text as in mail."""
    return {
        "schema": SCHEMA,
        # Of one message, however often it is sent
        "id": message.id.strip("<>"),
        "time": event_json.time(message.date.astimezone(UTC)),
        "kind": message.kind,
        "subscriber": message.subscriber,
        # Messages of one update belong to one ticket
        "update": message.update,
        "events": list(message.events),
        "subject": message.subject,
        "text": text_of(message),
    }


def text_of(message: Message) -> str:
    """Give the text part of a message, "" where it has none."""
    read = email.message_from_bytes(message.body, policy=email.policy.default)
    part = read.get_body(("plain",))
    return str(part.get_content()).replace("\r\n", "\n") if part else ""
