"""A vendor's life whose updates have a KB article for each product.

What it pulls and brings back may be one package of three.  Some releases come on a day that
suggests no name, or the name of another month; labels and right builds come later.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

from hypothesis import strategies as st
from msgspec import Struct, field
from msgspec.structs import replace

from tests.laws.lives import Post, Row, Sentence
from tests.stories import pages
from tests.stories.pages import CU13, CU14, CU23, Cve, Fix
from tests.stories.telling import GONE, Shown

FIRST_CHECK = datetime(2024, 10, 28, 6, tzinfo=UTC)
# Second Tuesdays
PATCH_DAYS = (
    datetime(2024, 11, 12, 18, tzinfo=UTC),
    datetime(2024, 12, 10, 18, tzinfo=UTC),
    datetime(2025, 1, 14, 18, tzinfo=UTC),
)
LINES = {CU14: "15.2.1544", CU13: "15.2.1258", CU23: "15.1.2507"}
PRODUCTS = tuple(LINES)
SHORT = {
    CU14: "Exchange Server 2019 CU14",
    CU13: "Exchange Server 2019 CU13",
    CU23: "Exchange Server 2016 CU23",
}
# What posts call them
LINES_IN_POSTS = frozenset({"Exchange Server 2019", "Exchange Server 2016"})
SOURCES = ("exchange-blog", "exchange-builds", "msrc-cvrf", "download-center")
RELEASED = (
    "Microsoft has released Security Updates for vulnerabilities found in Exchange "
    "Server 2019 and Exchange Server 2016."
)
WHOLE_PULLED = "We have temporarily paused the rollout of this update."
WHOLE_BACK = "The update is available again."


class Offer(Struct, frozen=True):
    """A package as the vendor has it."""

    product: str
    version: int
    kb: str
    build: str
    day: datetime

    @property
    def names(self) -> frozenset[str]:
        """What it may be called."""
        return frozenset({self.kb, self.build, SHORT[self.product]})


class Release(Struct):
    """A month's update, its packages and what is said of it."""

    number: int
    type: str
    month: datetime
    day: datetime
    offers: list[Offer] = field(default_factory=list)
    # KB articles
    pulled: set[str] = field(default_factory=set)
    ever_pulled: set[str] = field(default_factory=set)
    ever_back: set[str] = field(default_factory=set)
    pages_gone: set[str] = field(default_factory=set)
    sentences: list[str] = field(default_factory=list)
    revisions: list[tuple[str, str, str]] = field(default_factory=list)
    # A second post tells of a second version
    v2_day: datetime | None = None
    # Versions of which the table has rows by now
    rows_until: int = 9
    record_builds: str = "right"
    turned: datetime = FIRST_CHECK

    @property
    def title(self) -> str:
        """Its name in the ledger, when all has been said."""
        return f"Exchange Server {self.month:%B %Y} {self.type}"

    @property
    def newest(self) -> list[Offer]:
        """The newest package of each product."""
        found = {each.product: each for each in self.offers}
        return list(found.values())

    @property
    def version(self) -> int:
        """The highest that a label has named."""
        return max(each.version for each in self.offers)

    def make(self, products: Collection[str], day: datetime) -> list[Offer]:
        """Make the next version for some products."""
        version = self.version + 1 if self.offers else 1
        made = []
        for product in PRODUCTS:
            if product in products:
                place = PRODUCTS.index(product)
                kb = f"KB50{self.number}4{version}0{place}"
                build = f"{LINES[product]}.{10 * self.number + version}"
                made.append(Offer(product, version, kb, build, day))
        self.offers += made
        return made


class Truth(Struct, frozen=True):
    """What the sources show at one moment."""

    posts: tuple[Post, ...] = ()
    rows: tuple[Row, ...] = ()
    cves: Mapping[str, Sequence[Cve]] = {}
    downloads: Mapping[str, Shown] = {}
    # What each source names
    named: Mapping[str, frozenset[str]] = {}


class Act(Struct, frozen=True):
    """What the vendor does, after some days."""

    kind: str
    days: int
    products: tuple[str, ...]
    in_post: bool
    in_record: bool
    pages: bool
    # Its row comes at a later act of the kind "rows"
    rows_late: bool
    record_builds: str


FIRST_RELEASE = Act("release", 1, PRODUCTS, True, True, False, False, "right")
# What happens often stands here often
KINDS = (
    "release",
    "second version",
    "hotfix",
    "pull",
    "pull",
    "pull",
    "back as it was",
    "back anew",
    "back anew",
    "rows",
    "right builds",
    "known issue",
)
ACTS = st.builds(
    Act,
    kind=st.sampled_from(KINDS),
    days=st.integers(1, 12),
    products=st.sets(st.sampled_from(PRODUCTS), min_size=1).map(
        lambda chosen: tuple(sorted(chosen))
    ),
    in_post=st.booleans(),
    in_record=st.booleans(),
    pages=st.booleans(),
    rows_late=st.booleans(),
    record_builds=st.sampled_from(("right", "right", "none", "wrong")),
)
LIVES = st.lists(ACTS, min_size=1, max_size=7).map(tuple)


class Vendor:
    """Releases, pulls and brings back, a package or all of them."""

    def __init__(self) -> None:
        self.now = FIRST_CHECK
        self.releases: list[Release] = []

    @property
    def newest(self) -> Release | None:
        """The update that is spoken of now."""
        return self.releases[-1] if self.releases else None

    def act(self, act: Act) -> None:
        """Do what an act says, where it can be done now."""
        if act.kind == "release":
            self._release(act)
            return
        update = self.newest
        if update is None:
            return
        self.now = max(self.now, update.turned + timedelta(days=1))
        self.now += timedelta(days=act.days)
        self._keep_off_patch_days()
        doing = {
            "second version": self._second_version,
            "hotfix": self._hotfix,
            "pull": self._pull,
            "back as it was": self._back_as_it_was,
            "back anew": self._back_anew,
            "known issue": self._known_issue,
        }
        if act.kind in doing:
            doing[act.kind](update, act)
        elif act.kind == "rows":
            update.rows_until = 9
        else:
            update.record_builds = "right"

    def put_all_right(self) -> None:
        """Have all rows in the table, and the right builds in the records, at last."""
        for update in self.releases:
            update.rows_until, update.record_builds = 9, "right"
        self.now += timedelta(days=2)
        self._keep_off_patch_days()

    def _keep_off_patch_days(self) -> None:
        """What comes on another month's Patch Tuesday has that month's name for an hour."""
        for day in PATCH_DAYS:
            if abs(self.now - day) <= timedelta(days=4):
                self.now = day + timedelta(days=5)

    def _release(self, act: Act) -> None:
        coming = [day for day in PATCH_DAYS if day > self.now]
        if coming:
            self.now = coming[0]
            self._found("SU", self.now, act)

    def _hotfix(self, _update: Release, act: Act) -> None:
        month = _month_of(self.now)
        if all((each.type, each.month) != ("HU", month) for each in self.releases):
            self._found("HU", self.now, act)

    def _found(self, type_: str, day: datetime, act: Act) -> None:
        month = _month_of(day)
        update = Release(len(self.releases) + 1, type_, month, day)
        update.make(PRODUCTS, day)
        update.sentences.append(RELEASED)
        update.revisions.append(("1.0", f"{day:%Y-%m-%d}", "Information published."))
        update.record_builds = act.record_builds
        update.rows_until = 0 if act.rows_late else 9
        update.turned = day
        self.releases.append(update)

    def _second_version(self, update: Release, act: Act) -> None:
        """A new post, and MSRC's document of the month of that day."""
        if update.v2_day is not None or update.version > 1 or update.pulled:
            return
        update.v2_day = update.turned = self.now
        made = update.make(PRODUCTS, self.now)
        update.ever_back |= {each.kb for each in made}
        update.rows_until = 1 if act.rows_late else 9

    def _pull(self, update: Release, act: Act) -> None:
        meant = [each for each in update.newest if each.product in act.products]
        meant = [each for each in meant if each.kb not in update.pulled]
        if not meant:
            return
        update.pulled |= {each.kb for each in meant}
        update.ever_pulled |= update.pulled
        if act.pages:
            update.pages_gone |= {each.kb for each in meant}
        verb = "have" if len(meant) > 1 else "has"
        text = f"{_list(meant)} {verb} been withdrawn."
        if len(meant) == len(PRODUCTS) and act.rows_late:
            text = WHOLE_PULLED
        self._say(update, text, act)

    def _back_as_it_was(self, update: Release, act: Act) -> None:
        meant = [each for each in update.newest if each.kb in update.pulled]
        if not meant:
            return
        update.pulled.clear()
        update.pages_gone.clear()
        update.ever_back |= {each.kb for each in meant}
        verb = "are" if len(meant) > 1 else "is"
        text = f"{_list(meant)} {verb} available again."
        if len(meant) == len(PRODUCTS) and act.rows_late:
            text = WHOLE_BACK
        self._say(update, text, act)

    def _back_anew(self, update: Release, act: Act) -> None:
        gone = [each for each in update.newest if each.kb in update.pulled]
        gone.sort(key=lambda each: PRODUCTS.index(each.product))
        if not gone or update.version > 2:
            return
        made = update.make([each.product for each in gone], self.now)
        update.pulled.clear()
        update.ever_back |= {each.kb for each in made}
        text = f"{_list(gone)} have been re-released as {_list(made)}."
        # In one sentence only where all are back: of several in part, no reader can say
        # which takes which one's place
        if len(gone) < len(PRODUCTS) or not act.rows_late:
            text = " ".join(
                f"{old.kb} has been re-released as {new.kb}."
                for old, new in zip(gone, made, strict=True)
            )
        self._say(update, text, act)

    def _known_issue(self, update: Release, act: Act) -> None:
        meant = [each for each in update.newest if each.product in act.products]
        text = f"After installing {_list(meant)}, transport rules stop working."
        if not any(text in each for each in update.sentences):
            self._say(update, text, replace(act, in_post=True, in_record=False))

    def _say(self, update: Release, text: str, act: Act) -> None:
        update.turned = self.now
        if act.in_post or not act.in_record:
            update.sentences.append(f"Update {self.now:%m/%d}: {text}")
        if act.in_record:
            number = f"{len(update.revisions) + 1}.0"
            update.revisions.append((number, f"{self.now:%Y-%m-%d}", text))

    # --- what its sources show --------------------------------------------------------

    def truth(self) -> Truth:
        """Give what the sources show at this moment."""
        posts = [_chat(number) for number in range(6)]
        posts += chain.from_iterable(_posts(each) for each in self.releases)
        posts.sort(key=lambda post: post.day, reverse=True)
        offers = [offer for each in self.releases for offer in each.offers]
        rows = chain.from_iterable(_rows(each) for each in self.releases)
        downloads: dict[str, Shown] = {}
        for update in self.releases:
            downloads |= _downloads(update)
        return Truth(
            tuple(posts[:9]),
            (*rows, *_old_rows()),
            _filed(self.releases),
            downloads,
            _named(self.releases, offers),
        )


def _month_of(day: datetime) -> datetime:
    return datetime(day.year, day.month, 1, tzinfo=UTC)


def _list(offers: Sequence[Offer]) -> str:
    kbs = [each.kb for each in offers]
    return kbs[0] if len(kbs) == 1 else f"{', '.join(kbs[:-1])} and {kbs[-1]}"


def _chat(number: int) -> Post:
    day = FIRST_CHECK - timedelta(days=9 - number)
    said = Sentence(f"We like calendar {number}.", "")
    title = f"Thoughts on calendars, part {number}"
    return Post(4200000 + number, title, f"{day:%Y-%m-%d}", (said,))


def _posts(update: Release) -> Iterator[Post]:
    name = {"SU": "Security Updates", "HU": "Hotfix Updates"}[update.type]
    title = f"Released: {update.month:%B %Y} Exchange Server {name}"
    said = tuple(Sentence(each, "") for each in update.sentences)
    yield Post(4290000 + update.number, title, f"{update.day:%Y-%m-%d}", said)
    if update.v2_day is not None:
        title = f"Released: {update.month:%B %Y} V2 Exchange Server {name}"
        text = (
            f"Microsoft has released Version 2 (V2) of {update.month:%B %Y} {name} for "
            "Exchange Server 2019 and Exchange Server 2016."
        )
        day = f"{update.v2_day:%Y-%m-%d}"
        yield Post(4390000 + update.number, title, day, (Sentence(text, ""),))


def _date(day: datetime) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _old_rows() -> Iterator[Row]:
    for place, (product, line) in enumerate(LINES.items()):
        for number, month in enumerate((7, 8, 9, 10)):
            day = datetime(2024, month, 9, tzinfo=UTC)
            name = f"{SHORT[product]} {day:%b%y}SU"
            kb = f"KB50009{place}{month}"
            yield Row(name, _date(day), f"{line}.{number + 1}", kb)


def _rows(update: Release) -> Iterator[Row]:
    for offer in reversed(update.offers):
        if offer.version <= update.rows_until:
            version = f"v{offer.version}" if offer.version > 1 else ""
            label = f"{update.month:%b%y}{update.type}{version}"
            name = f"{SHORT[offer.product]} {label}"
            yield Row(name, _date(offer.day), offer.build, offer.kb)


def _build_in_record(update: Release, offer: Offer) -> str:
    if update.record_builds == "none":
        return ""
    wrong = update.record_builds == "wrong" and offer.product == CU13
    return f"{offer.build}9" if wrong else offer.build


def _page(offer: Offer) -> str:
    number = offer.kb.removeprefix("KB")
    return f"https://www.microsoft.com/download/details.aspx?id={number}"


def _fixes(update: Release, offers: Sequence[Offer]) -> tuple[Fix, ...]:
    return tuple(
        Fix(
            each.product,
            each.kb.removeprefix("KB"),
            _build_in_record(update, each),
            _page(each),
        )
        for each in offers
    )


def _cves(update: Release) -> dict[str, list[Cve]]:
    """The CVEs of an update, by the document in which they are filed."""
    first, name = update.newest, f"CVE-2024-9{update.number}0"
    if update.v2_day is None:
        fixes = _fixes(update, first)
        both = [Cve(f"{name}0{n}", fixes, tuple(update.revisions)) for n in range(2)]
        return {f"{update.day:%Y-%b}": both}
    first = [each for each in update.offers if each.version == 1]
    later = [each for each in update.newest if each.version > 1]
    day = f"{update.v2_day:%Y-%m-%d}"
    revisions = update.revisions
    of_v2 = [("1.0", day, "Information published."), *revisions[1:]]
    old = Cve(f"{name}00", _fixes(update, first), tuple(revisions[:1]))
    new = Cve(f"{name}09", _fixes(update, later), tuple(of_v2))
    filed: dict[str, list[Cve]] = {f"{update.day:%Y-%b}": [old]}
    filed.setdefault(f"{update.v2_day:%Y-%b}", []).append(new)
    return filed


def _filed(releases: Sequence[Release]) -> dict[str, list[Cve]]:
    filed: dict[str, list[Cve]] = {}
    for update in releases:
        for name, cves in _cves(update).items():
            filed.setdefault(name, []).extend(cves)
    return filed


def _downloads(update: Release) -> dict[str, Shown]:
    shown: dict[str, Shown] = {}
    for offer in update.offers:
        title = f"Security Update For {SHORT[offer.product]} ({offer.kb})"
        file = f"{SHORT[offer.product].replace(' ', '')}-{offer.kb}-en.exe"
        page: Shown = pages.download(title, (file, 174838472))
        shown[_page(offer)] = GONE if offer.kb in update.pages_gone else page
    return shown


def _named(
    releases: Sequence[Release], offers: Sequence[Offer]
) -> dict[str, frozenset[str]]:
    """What each source names of packages, for the judge of a life."""
    products = frozenset(SHORT.values())
    rows = [row for update in releases for row in _rows(update)]
    said = " ".join(chain.from_iterable(each.sentences for each in releases))
    recorded = " ".join(
        text for update in releases for _number, _day, text in update.revisions
    )
    fixed = set[str]()
    for update in releases:
        for cve in chain.from_iterable(_cves(update).values()):
            for fix in cve.fixes:
                fixed |= {f"KB{fix.kb}", fix.build}
    kbs = {offer.kb for offer in offers}
    return {
        "exchange-blog": LINES_IN_POSTS | {kb for kb in kbs if kb in said},
        "exchange-builds": products
        | {row.kb for row in rows}
        | {row.build for row in rows},
        "msrc-cvrf": products | fixed | {kb for kb in kbs if kb in recorded},
        "download-center": products | kbs,
    }
