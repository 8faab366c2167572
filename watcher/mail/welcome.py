"""What the welcome message shows: sources, pulled updates, and where each product stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.judgement import newest_build, normalize
from watcher.judgement.packages import current_packages, stated_articles
from watcher.text.plain import line, link
from watcher.text.story import kb_url

if TYPE_CHECKING:
    from watcher.records import Letter, Source, Update
    from watcher.text.story import Form
    from watcher.text.words import Words


class Watched(Struct, frozen=True):
    """A source that is read."""

    name: str
    title: str
    url: str
    every: str
    # Why it could not be read yet, "" where it was read
    unread: str = ""


class Gone(Struct, frozen=True):
    """An update that is pulled at this moment."""

    title: str
    # KB article, address
    kbs: tuple[tuple[str, str], ...]
    # Product, build
    rows: tuple[tuple[str, str], ...]
    since: str
    # The vendor's record of each vulnerability, address
    sources: tuple[tuple[str, str], ...]
    page: str


class Good(Struct, frozen=True):
    """A product and its newest build that is not pulled."""

    product: str
    build: str
    kb: str
    kb_url: str
    update: str
    released: str


def watched(letter: Letter, form: Form) -> tuple[Watched, ...]:
    """List the sources; where they are too many, those that could not be read yet come first."""
    unread = {each.source: each.cause for each in letter.unread}
    most = form.most(100)
    chosen = (
        letter.sources
        if len(letter.sources) <= most
        else sorted(letter.sources, key=lambda source: source.name not in unread)[:most]
    )
    return tuple(
        _watched(source, form.words, unread.get(source.name, "")) for source in chosen
    )


def gone(letter: Letter, form: Form) -> tuple[Gone, ...]:
    """List the updates that are pulled, the newest first."""
    return tuple(
        _gone(update, form)
        for update in newest_build.pulled(letter.standing)[: form.most(30)]
    )


def good(letter: Letter, form: Form, now: datetime) -> tuple[Good, ...]:
    """List where each product stands."""
    rows = newest_build.newest_builds(letter.standing, now)[: form.most(120)]
    return tuple(
        Good(
            line(row.product, 100),
            line(row.build, 40),
            line(row.kb, 40),
            kb_url(line(row.kb, 40)),
            line(row.update, 160),
            form.words.day(row.released, form.zone),
        )
        for row in rows
    )


def _watched(source: Source, words: Words, unread: str) -> Watched:
    title = line(words.name("source", source.name), 100)
    return Watched(
        line(source.name, 60),
        title,
        link(source.url),
        _span(source.every),
        line(unread, 200),
    )


def _gone(update: Update, form: Form) -> Gone:
    packages = sorted(
        current_packages(update),
        key=lambda p: normalize.build_key(p.build),
        reverse=True,
    )
    kbs = dict.fromkeys(line(p.kb, 40) for p in packages if p.kb) or [
        line(kb, 40) for kb in stated_articles(update) or update.kbs
    ]
    title = line(update.title or update.id, 160)
    return Gone(
        title=title
        if update.version < 2 or title.endswith(f"v{update.version}")
        else f"{title} v{update.version}",
        kbs=tuple((kb, kb_url(kb)) for kb in kbs),
        rows=tuple(
            dict.fromkeys((line(p.product, 100), line(p.build, 40)) for p in packages)
        )[: form.most(30)],
        sources=tuple(
            (line(flaw.id, 40), link(flaw.url))
            for flaw in update.advisories
            if link(flaw.url)
        )[:10],
        since=form.words.day(update.changed, form.zone),
        page=link(f"{form.base_url}updates/{update.id}.html") if form.base_url else "",
    )


def _span(every: timedelta) -> str:
    """Write ``30m``, ``1h``, ``7d`` as the configuration does."""
    minutes = max(1, int(every.total_seconds()) // 60)
    for unit, size in (("d", 1440), ("h", 60)):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"
