"""What the mail templates are given.

A letter's stories, or the welcome's tables, and the words around them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watcher.kinds import EVENT_KINDS
from watcher.mail import welcome
from watcher.records import Letter
from watcher.text.plain import line, paragraphs
from watcher.text.servers import ServerText, server_texts
from watcher.text.story import Form, Story, story, vendor_words
from watcher.text.words import Words

if TYPE_CHECKING:
    from datetime import datetime


def of(letter: Letter, form: Form, now: datetime) -> dict[str, Any]:
    """Give every name that a template may use; see docs/mail-templates.md."""
    earlier = {before.of: before for before in letter.before}
    stories = tuple(
        story(event, form, letter.servers, earlier.get(event.id))
        for event in letter.events
    )
    lines: list[str] = []
    for text in letter.lines:
        # An operator's line may quote a server's answer, which has any length
        lines += paragraphs(text, form.most(2000))
    sources = welcome.watched(letter, form)
    gone, good = welcome.gone(letter, form), welcome.good(letter, form, now)
    counts = _counts(stories, form.words)
    names: dict[str, Any] = {
        "kind": letter.kind,
        "words": form.words,
        "subscriber": line(letter.subscriber.name, 80),
        "stories": stories,
        "counts": counts,
        "gone": gone,
        "good": good,
        "sources": sources,
        "more_sources": len(letter.sources) - len(sources),
        "unread": tuple(line(each.source, 60) for each in letter.unread),
        "products": tuple(line(product, 100) for product in letter.products),
        "lines": tuple(lines),
        # Events that a digest tells whole, tells in short, and lists
        "whole": form.most(12),
        "short": form.most(200),
        "most": form.most(4000),
        "heading": line(letter.subject, 150),
        "update": line(letter.update, 120),
        "servers": _server_texts(letter, form),
        "page": form.base_url,
        **_vendor(letter, form.words),
    }
    return names | {
        "title": _title(letter, names, form.words),
        "story": stories[0] if len(stories) == 1 else None,
    }


def _vendor(letter: Letter, words: Words) -> dict[str, str]:
    """Name the vendor of the letter's events; without any it is of all that is watched."""
    if letter.events:
        return vendor_words(letter.events, words)
    return {"vendor": "Microsoft", "Vendor": "Microsoft"}


def _server_texts(letter: Letter, form: Form) -> tuple[ServerText, ...]:
    """Give the servers that a reminder is about; all of them for a welcome."""
    # An event's letter shows servers within its story, beside what to do
    if letter.kind not in ("reminder", "welcome"):
        return ()
    shown = letter.servers[: form.most(60)]
    return server_texts(shown, form.words, update=letter.update)


def _title(letter: Letter, names: dict[str, Any], words: Words) -> str:
    if letter.kind == "digest":
        tags = ", ".join(f"{number} {name}" for number, name in names["counts"])
        return words.say("subject", "digest", count=len(letter.events), tags=tags)
    if letter.kind == "reminder":
        named = words.series([place.name for place in names["servers"]], 3)
        return words.say("subject", "reminder", title=names["heading"], servers=named)
    if letter.kind == "operator":
        return words.say("subject", "operator", title=line(letter.subject, 150))
    if letter.kind == "welcome":
        pulled: list[str] = []
        for update in names["gone"]:
            kbs = [kb for kb, _ in update.kbs]
            # Chrome and VMware name no KB article
            pulled += kbs or [update.title]
        key = "welcome_pulled" if pulled else "welcome"
        return words.say(
            "subject",
            key,
            products=words.series(names["products"], 3),
            pulled=words.series(pulled, 4),
        )
    return str(names["stories"][0].headline)


def _counts(stories: tuple[Story, ...], words: Words) -> tuple[tuple[int, str], ...]:
    """Count events by kind, gravest first."""
    kinds = [each.kind for each in stories]
    return tuple(
        (kinds.count(kind), words.say("kind", kind))
        for kind in EVENT_KINDS
        if kind in kinds
    )
