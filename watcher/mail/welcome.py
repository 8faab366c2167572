"""What the welcome message shows: sources, pulled updates, and where each product stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from msgspec import Struct

from watcher.judgement import newest_build, normalize
from watcher.judgement.packages import pulled_packages, stated_articles
from watcher.records import Letter, Package, Source, Update
from watcher.text.plain import line, link
from watcher.text.story import kb_url, page_of
from watcher.text.words import Form, Words

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    chosen = list(letter.sources)
    # The welcome of a watcher with a thousand feeds was larger than a mail should be
    if len(chosen) > most:
        chosen.sort(key=lambda source: source.name not in unread)
    return tuple(
        _watched(source, form.words, unread.get(source.name, ""))
        for source in chosen[:most]
    )


def unseen(letter: Letter, form: Form) -> tuple[str, ...]:
    """Say which patterns of products see nothing: silence about them is no all-clear."""
    found = []
    for each in letter.unseen[: form.most(20)]:
        key = "welcome_outside" if each.outside else "welcome_unseen"
        if not each.nearest:
            key = f"{key}_alone"
        near = form.words.series([line(name, 80) for name in each.nearest])
        text = form.words.say("note", key, pattern=line(each.pattern, 80), near=near)
        found.append(text)
    return tuple(found)


def gone(letter: Letter, form: Form) -> tuple[Gone, ...]:
    """List the updates that are pulled, the newest first.

    At most 30, fewer in a short form.
    """
    pulled = newest_build.pulled(letter.standing)
    return tuple(_gone(update, form) for update in pulled[: form.most(30)])


def good(letter: Letter, form: Form, now: datetime) -> tuple[Good, ...]:
    """List where each product stands.

    At most 120 products, each with its newest build that is offered and not pulled.
    """
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
    # Of an update that is pulled in part those that are not to be installed
    packages = sorted(
        pulled_packages(update),
        key=lambda package: normalize.build_key(package.build),
        reverse=True,
    )
    rows = [(line(each.product, 100), line(each.build, 40)) for each in packages]
    sources = [(line(each.id, 40), link(each.url)) for each in update.advisories]
    return Gone(
        title=_title(update),
        kbs=tuple((kb, kb_url(kb)) for kb in _articles(update, packages)),
        rows=tuple(dict.fromkeys(rows))[: form.most(30)],
        sources=tuple((name, url) for name, url in sources if url)[:10],
        since=form.words.day(update.changed, form.zone),
        page=page_of(update.id, form),
    )


def _title(update: Update) -> str:
    title = line(update.title or update.id, 160)
    if update.version < 2 or title.endswith(f"v{update.version}"):
        return title
    return f"{title} v{update.version}"


def _articles(update: Update, packages: Sequence[Package]) -> list[str]:
    """Give the packages' articles; without any, those that words name, else all."""
    kbs = dict.fromkeys(line(each.kb, 40) for each in packages if each.kb)
    if kbs:
        return list(kbs)
    # Of a second version of which words alone have told there is no package yet
    return [line(kb, 40) for kb in stated_articles(update) or update.kbs]


def _span(every: timedelta) -> str:
    """Write ``30m``, ``1h``, ``7d`` as the configuration does."""
    minutes = max(1, int(every.total_seconds()) // 60)
    for unit, size in (("d", 1440), ("h", 60)):
        if minutes % size == 0:
            return f"{minutes // size}{unit}"
    return f"{minutes}m"
