"""Mail from templates: a letter in, a whole message out.

Jinja2 and css-inline are loaded when the first letter is rendered.  A folder of the
user's goes before the shipped templates, file by file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from watcher.errors import ConfigurationError
from watcher.judgement import audience
from watcher.judgement.advice import Threat, threat
from watcher.judgement.reminders import newest_pull
from watcher.kinds import EVENT_KINDS
from watcher.mail import message as whole
from watcher.mail import samples, welcome
from watcher.records import Letter, Message
from watcher.settings import Settings
from watcher.text import templates
from watcher.text.plain import line, paragraphs
from watcher.text.servers import ServerText, grouped, server_texts
from watcher.text.story import Story, story, vendor_words
from watcher.text.templates import Problem, TemplateMistakeError, mistakes
from watcher.text.words import Form, SupportTexts, Words, support_texts, words_of

if TYPE_CHECKING:
    import css_inline
    from jinja2 import Environment, Template

# Pairs of a number of events, and their kind in words
Counts = tuple[tuple[int, str], ...]


def of(letter: Letter, form: Form, now: datetime) -> dict[str, Any]:
    """Give every name that a template may use; see docs/mail-templates.md."""
    earlier = {before.of: before for before in letter.before}
    stories = tuple(
        story(event, form, letter.servers, earlier.get(event.id))
        for event in letter.events
    )
    stories = _links_new(stories)
    lines: list[str] = []
    for text in letter.lines:
        # An operator's line may quote a server's answer, which has any length
        lines += paragraphs(text, form.most(2000))
    sources = welcome.watched(letter, form)
    gone, good = welcome.gone(letter, form), welcome.good(letter, form, now)
    counts = _counts(stories, form.words)
    servers = _server_texts(letter, form)
    groups, most = grouped(servers, form.words, form.most(100)), form.most(60)
    names: dict[str, Any] = {
        "kind": letter.kind,
        "words": form.words,
        "subscriber": line(letter.subscriber.name, 80),
        "organisation": letter.subscriber.organisation,
        "stories": stories,
        "counts": counts,
        "tags": _tags(letter, counts, form.words),
        "gone": gone,
        "good": good,
        "sources": sources,
        "more_sources": len(letter.sources) - len(sources),
        "unread": tuple(line(each.source, 60) for each in letter.unread),
        "unseen": welcome.unseen(letter, form),
        "hears_nothing": letter.hears_nothing,
        "products": tuple(line(product, 100) for product in letter.products),
        "lines": tuple(lines),
        # Events that a digest tells whole, tells in short, and lists
        "whole": form.most(12),
        "short": form.most(400),
        "most": form.most(4000),
        # Addresses of an event that is told in short
        "most_links": form.most(60),
        "heading": line(letter.subject, 150),
        "update": line(letter.update, 120),
        "servers": servers,
        "server_groups": groups[:most],
        "more_grouped": sum(group.servers for group in groups[most:]),
        "page": form.base_url,
        "support": _support(letter, good, now, form.words),
        **_vendor(letter, form.words),
    }
    return names | {
        "title": _title(letter, names, form.words),
        "story": stories[0] if len(stories) == 1 else None,
    }


def _links_new(stories: Iterable[Story]) -> tuple[Story, ...]:
    """Leave to each event of a letter, where it is told in short, what none before has given."""
    given: set[str] = set()
    found = []
    for each in stories:
        new = tuple(url for url in each.all_links if url not in given)
        given.update(new)
        found.append(replace(each, all_links=new))
    return tuple(found)


def _vendor(letter: Letter, words: Words) -> dict[str, str]:
    """Name the vendor of the letter's events; without any it is of all that is watched."""
    if letter.events:
        return vendor_words(letter.events, words)
    return {"vendor": "Microsoft", "Vendor": "Microsoft"}


def _support(
    letter: Letter, good: Iterable[welcome.Good], now: datetime, words: Words
) -> SupportTexts:
    """Say what of the reader's products and servers is near its end, or past it."""
    products = [row.product for row in good]
    products += [each.product or each.server.product for each in letter.servers]
    left = [each.left_level for each in letter.servers]
    return support_texts(products, now, words, left)


def _server_texts(letter: Letter, form: Form) -> tuple[ServerText, ...]:
    """Give the servers that a reminder is about; all of them for a welcome."""
    # An event's letter shows servers within its story, beside what to do
    if letter.kind not in ("reminder", "welcome"):
        return ()
    return server_texts(letter.servers, form.words, update=letter.update)


def _title(letter: Letter, names: dict[str, Any], words: Words) -> str:
    if letter.kind == "operator":
        return words.say("subject", "operator", title=line(letter.subject, 150))
    title_of_kind = _TITLES.get(letter.kind)
    if title_of_kind is not None:
        return title_of_kind(names, words)
    return str(names["stories"][0].headline)


def _digest_title(names: dict[str, Any], words: Words) -> str:
    # Of the gravest one: a reader decides by the subject
    headlines = list(dict.fromkeys(each.headline for each in names["stories"]))
    titles = headlines[0]
    if len(headlines) > 1:
        others = len(headlines) - 1
        titles = words.say("subject", "digest_more", first=titles, count=others)
    return words.say("subject", "digest", tags=names["tags"], titles=titles)


def _reminder_title(names: dict[str, Any], words: Words) -> str:
    named = words.series([place.name for place in names["servers"]], 3)
    return words.say("subject", "reminder", title=names["heading"], servers=named)


def _patch_tuesday_title(names: dict[str, Any], words: Words) -> str:
    key = "patch_tuesday"
    if not names["stories"]:
        key = "patch_tuesday_unread" if names["unread"] else "patch_tuesday_none"
        if names["hears_nothing"]:
            key = "patch_tuesday_unseen"
    return words.say("subject", key, day=names["heading"], tags=names["tags"])


def _welcome_title(names: dict[str, Any], words: Words) -> str:
    pulled: list[str] = []
    for update in names["gone"]:
        kbs = [kb for kb, _ in update.kbs]
        # Chrome and VMware name no KB article
        pulled += kbs or [update.title]
    return words.say(
        "subject",
        "welcome_pulled" if pulled else "welcome",
        products=words.series(names["products"], 3),
        pulled=words.series(pulled, 4),
    )


def _tags(letter: Letter, counts: Counts, words: Words) -> str:
    """Count what happened, and say whether attacks are seen or held likely.

    "1 pulled, 2 released (1 exploited)".
    """
    tags = ", ".join(f"{number} {name}" for number, name in counts)
    threats = [threat(event) for event in letter.events]
    for found in Threat:
        if found in threats:
            count = threats.count(found)
            return words.say("subject", f"tags_{found.value}", tags=tags, count=count)
    return tags


# Letters of other kinds are headed as their one event is
_TITLES: Mapping[str, Callable[[dict[str, Any], Words], str]] = {
    "digest": _digest_title,
    "reminder": _reminder_title,
    "patch-tuesday": _patch_tuesday_title,
    "welcome": _welcome_title,
}


def _counts(stories: tuple[Story, ...], words: Words) -> Counts:
    """Count events by kind, gravest first."""
    kinds = [each.kind for each in stories]
    return tuple(
        (kinds.count(kind), words.say("kind", kind))
        for kind in EVENT_KINDS
        if kind in kinds
    )


# Bytes of a message: Gmail cuts off longer ones (at 102 kB of HTML)
LARGEST = 100_000
# Of the usual lengths, when a letter would become too large: one of everything, some
# words of each
SMALLEST_SHARE = 1 / 256


def message(letter: Letter, settings: Settings, now: datetime) -> Message:
    """Render ``letter`` as a message of at most 100 kB; equal arguments give equal bytes.

    What would be larger is rendered again with less of each text; the first of
    everything stays.

    Raises ConfigurationError that names file and line when a template of the user's is
    wrong.
    """
    # In a digest the second event must not lie below pages of the first one's evidence
    share = 1.0 if len(letter.events) < 2 else 0.5
    rendered = _message(letter, settings, now, share)
    while len(rendered.body) > LARGEST and share > SMALLEST_SHARE:
        # The fixed words do not shrink: what fits by rule of three may not, so at least
        # a third of it goes each time
        fitting = share * LARGEST / len(rendered.body)
        share = max(SMALLEST_SHARE, min(share * 2 / 3, fitting))
        rendered = _message(letter, settings, now, share)
    return rendered


def _message(
    letter: Letter, settings: Settings, now: datetime, share: float
) -> Message:
    environment = templates.of(settings.templates)
    form = Form(
        words_of(settings.templates, letter.subscriber.language),
        settings.zone_of(letter.subscriber),
        settings.base_url,
        share,
    )
    names = of(letter, form, now) | {"answer": _answer(letter, settings)}
    with mistakes():
        text = _template(environment, letter, "txt").render(names)
        html = inlined(_template(environment, letter, "html").render(names))
    written = whole.message(
        letter,
        form.words,
        settings.mail.sender,
        now,
        title=str(names["title"]),
        unsubscribe=_unsubscribe(settings),
        text=_tidy(_links_once(text) if letter.kind == "digest" else text),
        html=html,
    )
    if letter.subscriber.channels or letter.subscriber.fallback:
        return replace(written, chat=_chat(letter, names, settings))
    return written


class AnswerLink(Struct, frozen=True):
    """How a reader says by mail that something has been dealt with."""

    address: str
    subject: str
    # mailto:
    url: str


def _answer(letter: Letter, settings: Settings) -> AnswerLink | None:
    """Give how to answer a reminder, None where no mailbox is configured for it."""
    configured = settings.mail.replies
    if configured is None or letter.kind != "reminder":
        return None
    key = audience.key_of(configured.password.reveal())
    pull = newest_pull(next(iter(letter.standing), None))
    subject = audience.subject(key, letter.subscriber.name, letter.update, pull)
    address = quote(configured.address, safe="@.-_+")
    url = f"mailto:{address}?subject={quote(subject)}"
    return AnswerLink(configured.address, subject, url)


def _unsubscribe(settings: Settings) -> str:
    """Give the address of somebody who can take a reader out, "" where nobody is named.

    Who is told what stands in the configuration: only its people can change that.
    """
    if settings.operator is None or not settings.operator.reader.to:
        return ""
    return settings.operator.reader.to[0]


def _template(environment: Environment, letter: Letter, form: str) -> Template:
    """Choose a kind's own template when there is one, else the one for all events."""
    return environment.select_template(
        [f"mail/{letter.kind}.{form}", f"mail/event.{form}"]
    )


def _chat(letter: Letter, names: dict[str, Any], settings: Settings) -> str:
    """Render a letter in short, for channels beside mail.

    What its texts hold cannot mention anybody there.
    """
    with mistakes():
        template = templates.for_chat(settings.templates).select_template(
            [f"chat/{letter.kind}.txt", "chat/event.txt"]
        )
        return templates.tidy(template.render(names, most_lines=templates.MOST_LINES))


@lru_cache(maxsize=1)
def _inliner() -> css_inline.CSSInliner:
    import css_inline

    # Rendering asks nobody: a template's stylesheet from elsewhere stays where it is
    return css_inline.CSSInliner(load_remote_stylesheets=False)


def inlined(html: str) -> str:
    """Move style rules to the elements they are for.

    Rules for media (dark mode, small screens) stay where they are.
    """
    return re.sub(r"\n\s*\n+", "\n", _inliner().inline(html))


def _tidy(text: str) -> str:
    """Leave at most one empty line between paragraphs, none at the ends."""
    trimmed = "\n".join(row.rstrip() for row in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", trimmed).strip() + "\n"


def _links_once(text: str) -> str:
    """Leave out lines that end with an address and stood in a digest before.

    An update's release and its pull lead to the same articles and pages.  A bare address
    is left out, too, where words have led to it.
    """
    seen: set[str] = set()
    kept = []
    for row in text.split("\n"):
        words = row.strip()
        address = words.rpartition(" ")[2]
        if address.startswith(("http://", "https://")):
            if words in seen:
                continue
            seen |= {words, address}
        kept.append(row)
    return "\n".join(kept)


def check(settings: Settings) -> list[Problem]:
    """Render every mail template against sample letters and name the mistakes.

    In English and the user's own languages.
    """
    problems = [*templates.syntax_problems(settings.templates), *_problems(settings)]
    return list(dict.fromkeys(problems))


def _problems(settings: Settings) -> Iterator[Problem]:
    own: list[str] = []
    if settings.templates:
        words = settings.templates.glob("mail/words/*.toml")
        own = sorted(path.stem for path in words)
    for language, letter in product(dict.fromkeys(["en", *own]), samples.letters()):
        subscriber = replace(letter.subscriber, language=language, channels=("chat",))
        try:
            message(replace(letter, subscriber=subscriber), settings, samples.NOW)
        except TemplateMistakeError as error:
            yield error.problem
        except ConfigurationError as error:
            # Of the words; it names their file
            yield Problem("", 0, str(error))
