"""An event as the public JSON object, schema 1.

The same in events.jsonl, in ``watcher events --json`` and on the page.  And a message for
machines, which a webhook posts for ticket systems: its form is docs/webhook.schema.json, and
grows only by fields.
"""

from __future__ import annotations

import email
import email.policy
import json
from datetime import UTC, datetime
from typing import Any

from watcher.judgement import tracks
from watcher.records import Advisory, Event, Evidence, Kind, Message, Package

SCHEMA = 1


def time(moment: datetime) -> str:
    """Write an aware UTC time by RFC 3339, without a fraction when that is nought.

    ``2024-11-12T18:00:00Z``.
    """
    return moment.isoformat().replace("+00:00", "Z")


def public(event: Event) -> dict[str, Any]:
    """Give the public object of ``event``; ``corrects`` is only in one that corrects another.

    Lists and texts as they were stored: who writes them to a page or terminal escapes
    them there.  Fields are only ever added in one schema.
    """
    update = event.update
    object_of_event: dict[str, Any] = {
        "schema": SCHEMA,
        "id": event.id,
        "time": time(event.time),
        "kind": event.kind.value,
        "confidence": event.confidence.value,
        "update": {
            "id": update.id,
            "title": update.title,
            "version": update.version,
            "products": list(update.products),
            "kbs": list(update.kbs),
            "cves": list(update.cves),
            "builds": list(update.builds),
        },
        "scope": list(event.scope),
        "summary": event.summary,
        "evidence": [_evidence(evidence) for evidence in event.evidence],
        "because": event.because,
        "guidance": list(event.guidance),
        "packages": [_package(package) for package in event.packages],
        "advisories": [_advisory(advisory) for advisory in event.advisories],
    }
    if event.kind is Kind.CORRECTED:
        object_of_event["corrects"] = event.corrects
    return object_of_event


def line(event: Event) -> str:
    """Give the object of ``event`` as one line without its end.

    Keys sorted, ASCII, so that no reader splits or obeys it.
    """
    return json.dumps(public(event), sort_keys=True)


def _evidence(evidence: Evidence) -> dict[str, str]:
    return {
        "source": evidence.source,
        "url": evidence.url,
        "time": time(evidence.time),
        "sha256": evidence.sha256,
        "change": evidence.change,
        "before": evidence.before,
        "after": evidence.after,
    }


def _package(package: Package) -> dict[str, Any]:
    return {
        "product": package.product,
        "kb": package.kb,
        "build": package.build,
        "url": package.url,
        "supersedes": list(package.supersedes),
        "esu": package.esu,
        "track": tracks.track(package),
        "version": package.version,
    }


def _advisory(advisory: Advisory) -> dict[str, Any]:
    return {
        "id": advisory.id,
        "title": advisory.title,
        "severity": advisory.severity,
        "cvss": advisory.cvss,
        "exploited": advisory.exploited,
        "disclosed": advisory.disclosed,
        "likely": advisory.likely,
        "url": advisory.url,
    }


WEBHOOK_SCHEMA = 1
KEY = "advisory_watcher"
"""What holds the object, beside the title and the text that Apprise posts."""


def payload(message: Message) -> dict[str, Any]:
    """Give a message as an object: what it is about, and its whole text as in mail.

    The form is docs/webhook.schema.json.
    """
    return {
        "schema": WEBHOOK_SCHEMA,
        # Of one message, however often it is sent
        "id": message.id.strip("<>"),
        "time": time(message.date.astimezone(UTC)),
        "kind": message.kind,
        "subscriber": message.subscriber,
        # Messages of one update belong to one ticket
        "update": message.update,
        "events": list(message.events),
        "subject": message.subject,
        "text": text_of(message),
    }


def text_of(message: Message) -> str:
    """Give the text part of a message, "" where it has none.

    Its line breaks are those of a text, whatever the message has.
    """
    read = email.message_from_bytes(message.body, policy=email.policy.default)
    part = read.get_body(("plain",))
    return str(part.get_content()).replace("\r\n", "\n") if part else ""
