"""A vendor's life of several months, and the copies of it that a web serves.

The pages are those of the sources, in their forms: the blog's feed, the table of builds,
MSRC's months, the Download Center.  What is served may be late, cut, translated, behind a
consent page or under other guids.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec import Struct, field

from tests.stories import pages
from tests.stories.pages import CU13, CU14, CU23, Cve, Fix, Month
from tests.stories.telling import GONE, URLS, Shown, Status

FIRST_CHECK = datetime(2024, 10, 28, 6, tzinfo=UTC)
# Second Tuesdays
PATCH_DAYS = (
    datetime(2024, 11, 12, 18, tzinfo=UTC),
    datetime(2024, 12, 10, 18, tzinfo=UTC),
    datetime(2025, 1, 14, 18, tzinfo=UTC),
)
GERMAN_MONTHS = {11: "November", 12: "Dezember", 1: "Januar"}
LINES = {CU14: "15.2.1544", CU13: "15.2.1258", CU23: "15.1.2507"}
UNAVAILABLE = Status(503)


class Sentence(Struct, frozen=True):
    """What the vendor writes, and what a translation makes of it."""

    english: str
    german: str


RELEASED = Sentence(
    "Microsoft has released Security Updates for vulnerabilities found in Exchange "
    "Server 2019 and Exchange Server 2016.",
    "Microsoft hat Sicherheitsupdates für Sicherheitsanfälligkeiten in Exchange Server "
    "2019 und Exchange Server 2016 veröffentlicht.",
)
PLAIN = (
    Sentence(
        "We recommend that you test it first.", "Wir empfehlen, es zuerst zu testen."
    ),
    Sentence(
        "The table below lists the paths between versions.",
        "Die Tabelle unten nennt die Wege zwischen den Versionen.",
    ),
)
PULLED = (
    Sentence(
        "We have temporarily paused the rollout of this update.",
        "Wir haben die Verteilung dieses Updates vorübergehend angehalten.",
    ),
    Sentence(
        "We have removed the update from the Download Center and Windows Update.",
        "Wir haben das Update aus dem Download Center und von Windows Update entfernt.",
    ),
    Sentence("KB{} has been withdrawn.", "KB{} wurde zurückgezogen."),
)
BACK_ANEW = (
    Sentence(
        "The update has been re-released as KB{}.",
        "Das Update wurde als KB{} erneut veröffentlicht.",
    ),
    Sentence(
        "The known issue is fixed and the update is now re-released.",
        "Das bekannte Problem ist behoben, und das Update wurde erneut veröffentlicht.",
    ),
)
BACK_AS_IT_WAS = (
    Sentence("The update is available again.", "Das Update ist wieder verfügbar."),
)
ISSUES = (
    Sentence(
        "After installing this update, transport rules stop working.",
        "Nach der Installation dieses Updates funktionieren Transportregeln nicht mehr.",
    ),
    Sentence(
        "After installing this update, search in shared mailboxes fails.",
        "Nach der Installation dieses Updates schlägt die Suche in freigegebenen "
        "Postfächern fehl.",
    ),
)


class Post(Struct, frozen=True):
    """A post of the blog as it stands."""

    number: int
    title: str
    day: str
    sentences: tuple[Sentence, ...]
    # What a translation makes of the title; "" where it leaves it as it is
    german: str = ""


class Row(Struct, frozen=True):
    """A row of the table of builds."""

    name: str
    date: str
    build: str
    kb: str

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Its cells."""
        return self.name, self.date, self.build, self.kb


class Truth(Struct, frozen=True):
    """What all sources would show at one moment if they were served as they are."""

    posts: tuple[Post, ...] = ()
    rows: tuple[Row, ...] = ()
    months: tuple[Month, ...] = ()
    downloads: Mapping[str, Shown] = {}


class Turn(Struct, frozen=True):
    """What the vendor has said, or shown, of a month's update."""

    kind: str
    update: str
    version: int
    # The KB article of what has turned
    kb: str = ""


class MonthsUpdate(Struct):
    """One month's update as the vendor has it."""

    day: datetime
    number: int
    version: int = 1
    # How often it got new packages: the version after a return of the same ones keeps them
    made: int = 1
    pulled: bool = False
    pages_gone: bool = False
    # When each of its packages' versions was made
    days: list[datetime] = field(default_factory=list)
    turned: datetime = FIRST_CHECK
    sentences: list[Sentence] = field(default_factory=list)
    revisions: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def id(self) -> str:
        """Its id in the ledger."""
        return f"exchange-server-{self.day:%Y-%m}-su"

    @property
    def kb(self) -> str:
        """The number of its newest KB article."""
        return self.kb_of(self.made)

    def kb_of(self, made: int) -> str:
        """Give the number of a KB article."""
        return f"50{self.number}400{made}"

    def build(self, product: str, made: int) -> str:
        """Give a package's build."""
        return f"{LINES[product]}.{10 * self.number + made}"

    def page(self, product: str, made: int) -> str:
        """Give the address of a package's download page."""
        number = f"{self.number}0{made}0{list(LINES).index(product)}"
        return f"https://www.microsoft.com/download/details.aspx?id={number}"


class Vendor:
    """Releases, pulls and brings back; ``turns`` is what it has said and shown so far."""

    def __init__(self, *, newest_first: bool) -> None:
        self.now = FIRST_CHECK
        self.newest_first = newest_first
        self.updates: list[MonthsUpdate] = []
        self.turns: list[Turn] = []
        self.chatter: list[Post] = [
            _chat(number, FIRST_CHECK - timedelta(days=9 - number))
            for number in range(6)
        ]

    @property
    def newest(self) -> MonthsUpdate | None:
        """The update that is spoken of now."""
        return self.updates[-1] if self.updates else None

    # --- what it does -----------------------------------------------------------------

    def release(self) -> None:
        """Release the next month's update, on its Patch Tuesday."""
        coming = [day for day in PATCH_DAYS if day > self.now]
        if not coming:
            return
        day = self.now = coming[0]
        update = MonthsUpdate(day, PATCH_DAYS.index(day) + 1)
        update.sentences = [RELEASED, PLAIN[0]]
        update.revisions = [("1.0", f"{self.now:%Y-%m-%d}", "Information published.")]
        update.turned = self.now
        update.days.append(self.now)
        self.updates.append(update)
        self.turns.append(Turn("released", update.id, 1, update.kb))

    def pull(
        self, sentence: Sentence, *, in_post: bool, in_record: bool, pages: bool
    ) -> None:
        """Pull the newest update, in words."""
        update = self.newest
        if update is None or update.pulled:
            return
        self._wait(update)
        update.pulled, update.pages_gone = True, pages
        self._say(update, sentence, in_post=in_post, in_record=in_record)
        self.turns.append(Turn("pulled", update.id, update.version, update.kb))

    def bring_back(
        self, sentence: Sentence, *, in_post: bool, in_record: bool, anew: bool
    ) -> None:
        """Bring the newest update back as its next version; ``anew``: with new packages."""
        update = self.newest
        if update is None or update.version > 3:
            return
        # What was available again "as it was" is not made anew: the vendor's "v2" would be
        # the third version here
        if (anew and update.version > update.made) or not (update.pulled or anew):
            return
        self._wait(update)
        update.pulled = update.pages_gone = False
        update.version += 1
        update.made += anew
        if anew:
            update.days.append(self.now)
        self._say(update, sentence, in_post=in_post, in_record=in_record)
        self.turns.append(Turn("re-released", update.id, update.version, update.kb))

    def _wait(self, update: MonthsUpdate) -> None:
        """Let a day pass after the last turn: records and posts are dated by the day."""
        self.now = max(self.now, update.turned + timedelta(days=1))
        update.turned = self.now

    def tell_of_issue(self, sentence: Sentence) -> None:
        """Add a known issue to the newest post."""
        update = self.newest
        if update is None or sentence in update.sentences:
            return
        self._say(update, sentence, in_post=True, in_record=False)
        self.turns.append(Turn("known-issue", update.id, ISSUES.index(sentence)))

    def edit(self) -> None:
        """Add a sentence that says nothing."""
        update = self.newest
        if update is not None and PLAIN[1] not in update.sentences:
            update.sentences.append(PLAIN[1])

    def chat(self) -> None:
        """Write a post about something else."""
        self.chatter.append(_chat(len(self.chatter), self.now))

    def _say(
        self, update: MonthsUpdate, said: Sentence, *, in_post: bool, in_record: bool
    ) -> None:
        dated = Sentence(
            f"Update {self.now:%m/%d}: {said.english.format(update.kb)}",
            f"Aktualisierung {self.now:%d.%m.}: {said.german.format(update.kb)}",
        )
        if in_post:
            if self.newest_first:
                update.sentences.insert(0, dated)
            else:
                update.sentences.append(dated)
        text = (
            said.english.format(update.kb) if in_record else "Added the new packages."
        )
        if in_record or update.made > 1:
            number = f"{len(update.revisions) + 1}.0"
            update.revisions.append((number, f"{self.now:%Y-%m-%d}", text))

    # --- what its sources show --------------------------------------------------------

    def truth(self) -> Truth:
        """Give what the sources show at this moment."""
        posts = [*self.chatter, *(_post(update) for update in self.updates)]
        posts.sort(key=lambda post: post.day, reverse=True)
        rows = [row for update in self.updates for row in _rows(update)]
        rows += _old_rows()
        months = [pages.month("2024-Oct", linux=3)]
        downloads: dict[str, Shown] = {}
        for update in self.updates:
            months.append(_month(update))
            downloads |= _downloads(update)
        return Truth(tuple(posts[:9]), tuple(rows), tuple(months), downloads)


def _chat(number: int, time: datetime) -> Post:
    title = f"Thoughts on calendars, part {number}"
    said = Sentence(f"We like calendar {number}.", f"Wir mögen Kalender {number}.")
    return Post(4200000 + number, title, f"{time:%Y-%m-%d}", (said,))


def _post(update: MonthsUpdate) -> Post:
    return Post(
        4290000 + update.number,
        f"Released: {update.day:%B %Y} Exchange Server Security Updates",
        f"{update.day:%Y-%m-%d}",
        tuple(update.sentences),
        "Veröffentlicht: Sicherheitsupdates für Exchange Server "
        f"({GERMAN_MONTHS[update.day.month]} {update.day.year})",
    )


def _date(day: datetime) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _old_rows() -> list[Row]:
    rows = []
    for place, (product, line) in enumerate(LINES.items()):
        for number, month in enumerate((7, 8, 9, 10)):
            day = datetime(2024, month, 9, tzinfo=UTC)
            name = f"{_short(product)} {day:%b%y}SU"
            rows.append(
                Row(name, _date(day), f"{line}.{number + 1}", f"KB50009{place}{month}")
            )
    return rows


def _short(product: str) -> str:
    return product.removeprefix("Microsoft ").replace("Cumulative Update ", "CU")


def _rows(update: MonthsUpdate) -> list[Row]:
    rows = []
    for made in range(update.made, 0, -1):
        version = f"v{made}" if made > 1 else ""
        rows += [
            Row(
                f"{_short(product)} {update.day:%b%y}SU{version}",
                _date(update.days[made - 1]),
                update.build(product, made),
                f"KB{update.kb_of(made)}",
            )
            for product in LINES
        ]
    return rows


def _month(update: MonthsUpdate) -> Month:
    fixes = tuple(
        Fix(
            product,
            update.kb,
            update.build(product, update.made),
            update.page(product, update.made),
        )
        for product in LINES
    )
    cves = [
        Cve(f"CVE-2024-9{update.number}00{n}", fixes, tuple(update.revisions))
        for n in range(2)
    ]
    return pages.month(f"{update.day:%Y-%b}", *cves, linux=2)


def _downloads(update: MonthsUpdate) -> dict[str, Shown]:
    shown: dict[str, Shown] = {}
    for made in range(1, update.made + 1):
        for product in LINES:
            title = f"Security Update For {_short(product)} (KB{update.kb_of(made)})"
            file = f"{_short(product).replace(' ', '')}-KB{update.kb_of(made)}-en.exe"
            page: Shown = pages.download(title, (file, 174838472))
            gone = update.pages_gone and made == update.made
            shown[update.page(product, made)] = GONE if gone else page
    return shown


# --- what the web makes of it ---------------------------------------------------------

FEEDS = (
    "fresh",
    "late",
    "excerpt",
    "translated",
    "translated excerpt",
    "consent texts",
    "consent page",
    "http",
    "fragment",
    "new guids",
    "few posts",
    "broken off",
    "down",
)
TABLES = (
    "fresh",
    "late",
    "as it was",
    "cut",
    "month moved",
    "line break",
    "consent page",
    "down",
)
RECORDS = ("fresh", "late", "as it was", "broken off", "not listed", "down")
DOWNLOADS = ("fresh", "late", "one gone", "consent page", "down")
CONSENT = (
    b"<!DOCTYPE html><html><head><title>Before you continue</title></head><body>"
    b"<h1>We value your privacy</h1><p>Please accept cookies to go on.</p></body></html>"
)
WORDS_OF_EXCERPT = 24


class Copies(Struct, frozen=True):
    """How each source is served at one check; ``age`` is how many steps a late one is old."""

    feed: str = "fresh"
    table: str = "fresh"
    records: str = "fresh"
    downloads: str = "fresh"
    age: int = 1


class Served(Struct, frozen=True):
    """What the web answers at one check: pages by address, and the months that are listed."""

    pages: Mapping[str, Shown]
    months: tuple[Month, ...]


class Web:
    """Serves the truth, or a copy of it; no two fresh copies have the same bytes."""

    def __init__(self) -> None:
        self.truths: list[Truth] = []
        self.tables: list[Shown] = []
        self.records: list[tuple[Month, ...]] = []

    def serve(self, truth: Truth, copies: Copies) -> Served:
        """Give what each source answers now."""
        self.truths.append(truth)
        late = self.truths[max(0, len(self.truths) - 1 - copies.age)]
        table = self._table(late if copies.table == "late" else truth, copies.table)
        if copies.table == "as it was":
            table = self.tables[-copies.age] if len(self.tables) > copies.age else table
        elif copies.table in ("fresh", "late"):
            self.tables.append(table)
        shown: dict[str, Shown] = {URLS["table"]: table}
        feed_of = late if copies.feed == "late" else truth
        shown[URLS["blog"]] = self._feed(feed_of.posts, copies.feed)
        downloads_of = late if copies.downloads == "late" else truth
        shown |= _served_downloads(downloads_of.downloads, copies.downloads)
        records = (late if copies.records == "late" else truth).months
        if copies.records == "as it was" and len(self.records) > copies.age:
            records = self.records[-copies.age]
        self.records.append(records)
        shown |= _served_records(records, copies.records)
        listed = records[:-1] if copies.records == "not listed" else records
        return Served(shown, listed)

    def _table(self, truth: Truth, how: str) -> Shown:
        rows = list(truth.rows)
        if how == "down":
            return UNAVAILABLE
        if how == "consent page":
            return CONSENT
        if how == "cut":
            rows = rows[: len(rows) * 2 // 3]
        if how == "month moved":
            rows = [row for row in rows if row.date != rows[0].date]
        body = pages.table(*(row.cells for row in rows))
        if how == "line break":
            # As a cell that is broken by one hid the rows behind it
            body = body.replace(rows[0].kb.removeprefix("KB").encode(), b"\n", 1)
        return body + f"<!-- {len(self.truths)} -->".encode()

    def _feed(self, posts: tuple[Post, ...], how: str) -> Shown:
        if how == "down":
            return UNAVAILABLE
        if how == "consent page":
            return CONSENT
        if how == "few posts":
            posts = posts[:3]
        items = [_item(post, how, len(self.truths)) for post in posts]
        body = pages.blog(*items, f"<ttl>{len(self.truths)}</ttl>")
        if how == "broken off":
            return body[: len(body) * 2 // 3]
        return body


def _item(post: Post, how: str, number: int) -> str:
    is_german = how.startswith("translated")
    said = [each.german if is_german else each.english for each in post.sentences]
    text = "".join(f"<p>{each}</p>" for each in said)
    if how.endswith("excerpt"):
        words = " ".join(said).split()
        more = "Weiterlesen" if is_german else "Read more"
        text = f"<p>{' '.join(words[:WORDS_OF_EXCERPT])} ... {more}</p>"
    if how == "consent texts":
        text = "<p>We value your privacy. Please accept cookies to go on.</p>"
    title = (is_german and post.german) or post.title
    item = pages.post(post.number, title, post.day, text)
    if how == "http":
        return item.replace("https://", "http://")
    if how == "fragment":
        return item.replace("</guid>", "#read</guid>")
    if how == "new guids":
        return re.sub(
            r"<guid.*</guid>", f"<guid>urn:{number}:{post.number}</guid>", item
        )
    return item


def _served_downloads(downloads: Mapping[str, Shown], how: str) -> dict[str, Shown]:
    served = dict(downloads)
    if how == "down":
        served = dict.fromkeys(served, UNAVAILABLE)
    elif how == "consent page":
        served = dict.fromkeys(served, CONSENT)
    elif how == "one gone" and served:
        served[max(served)] = GONE
    return served


def _served_records(months: tuple[Month, ...], how: str) -> dict[str, Shown]:
    served: dict[str, Shown] = {pages.address(each.name): each.body for each in months}
    for address, body in served.items():
        if how == "down":
            served[address] = UNAVAILABLE
        elif how == "broken off" and isinstance(body, bytes):
            served[address] = body[: len(body) * 2 // 3]
    return served
