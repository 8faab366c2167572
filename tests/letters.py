"""Letters as mail programs get them."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from functools import cache

from watcher.mail import render, samples
from watcher.records import Letter
from watcher.settings import Mail, Settings

SETTINGS = Settings(
    mail=Mail(sender="Advisory Watcher <watcher@example.org>"),
    base_url="https://advisories.example.org/",
)


@cache
def html_of(letter: Letter) -> str:
    """Give a letter's HTML part."""
    read = email.message_from_bytes(
        render.message(letter, SETTINGS, samples.NOW).body, policy=email.policy.default
    )
    assert isinstance(read, EmailMessage)
    html = read.get_body(("html",))
    assert html is not None
    return str(html.get_content())
