"""What one change says, and how far it concerns one update.

Packages offered or replaced, the sentences that are new and what they mean,
exploitation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from watcher.judgement import normalize
from watcher.judgement.names import label_names
from watcher.judgement.packages import build_grew, without
from watcher.judgement.reading import language_of, new_sentences, read, sentences
from watcher.records import Change, ChangeKind, Entry, Kind, Package, Passage

# Prose that describes the vulnerability says nothing of the update, and "exploited" in
# every second line.
UNREAD = ("description",)
# Why a release is there, in its own notes: it is shown, and tells of no other turn.
# "We are releasing .NET 10.0.5 to address a regression" is no return of 10.0.5
REASON = "reason"
# What the row of a known issue says of it
ISSUE_PASSAGES = ("issue", "workaround")
PULL_OR_RETURN = (Kind.PULLED, Kind.RE_RELEASED)


class PassageStatement(Struct, frozen=True):
    """What a new sentence means, and where it stands.

    ``rule`` names the frame. ``kbs``, ``builds`` and ``products`` are those that its
    clause names as what it is about. ``time`` is the vendor's date of the passage.
    """

    kind: Kind
    rule: str
    words: str
    sentence: str
    kbs: tuple[str, ...]
    passage: str
    time: datetime | None
    builds: tuple[str, ...] = ()
    products: tuple[str, ...] = ()

    @property
    def in_revision(self) -> bool:
        """Whether it stands in an advisory's revisions."""
        return self.passage.startswith("revision")

    @property
    def day(self) -> datetime | None:
        """The day of its paragraph; None in a revision, which bears that of its record."""
        return None if self.in_revision else self.time


class PackageChange(Struct, frozen=True):
    """A package whose build, file or size is another one under the same name."""

    before: Package
    after: Package


class ChangeReading(Struct, frozen=True):
    """A change, read.

    ``new_packages`` are packages that the entry did not offer before, ``lost_packages``
    those it no longer offers, ``changed_packages`` those of one product and KB article
    (or name) whose build, file or size differs.  ``new_passages`` are the passages
    reduced to the sentences that did not stand in the entry before, ``statements`` what
    these mean.  ``prose_packages`` are what a post offers that has no packages.
    """

    change: Change
    new_packages: tuple[Package, ...]
    lost_packages: tuple[Package, ...]
    changed_packages: tuple[PackageChange, ...]
    new_passages: tuple[Passage, ...]
    statements: tuple[PassageStatement, ...]
    exploited: bool
    disclosed: bool
    prose_packages: tuple[Package, ...] = ()

    @property
    def entry(self) -> Entry:
        """The newest form of the entry."""
        return self.change.entry

    @property
    def former_entry(self) -> Entry:
        """The entry as it was before; as it is where it was not there."""
        return self.change.before or self.change.entry

    @property
    def is_first(self) -> bool:
        """Whether the entry was not there before."""
        return self.change.before is None

    @property
    def appeared(self) -> bool:
        """Whether the entry came at this check, and is not back after an absence."""
        return self.change.kind is ChangeKind.APPEARED

    @property
    def is_gone(self) -> bool:
        """Whether the entry is there no longer."""
        return self.change.after is None

    @property
    def version(self) -> int:
        """The version that the entry's label names, 1 without one.

        A row that offers the same packages as before keeps its version, whatever its
        label has become: a "v2" added by hand is a typing error.
        """
        label, label_before = self.entry.label, self.change.entry_before.label
        named = label.version if label else 1
        if label_before is None or not self.entry.packages:
            return named
        # A row whose name alone has become "v2" is the version it was: a typing error.
        # One that gets the name of another update is what it calls itself
        is_same_update = label_names(label_before) == label_names(label)
        unchanged = not self.new_packages and not self.changed_packages
        if is_same_update and unchanged:
            return min(named, label_before.version)
        return named

    def says(self, *kinds: Kind) -> bool:
        """Whether a new sentence means one of these."""
        return bool(self.statements_of(*kinds))

    def statements_of(self, *kinds: Kind) -> list[PassageStatement]:
        """The new statements of these kinds, in their order."""
        return [statement for statement in self.statements if statement.kind in kinds]

    def new_texts(self, *names: str) -> list[str]:
        """The new sentences of each passage that has one of these names."""
        return [each.text for each in self.new_passages if each.name in names]

    def new_text(self, passage: str) -> str:
        """The new sentences of the passages of one name.

        "" where nothing in them is new.
        """
        return " ".join(self.new_texts(passage))


class MatchedChange(Struct):
    """A change as far as it concerns one update: the packages that are this update's.

    ``successors`` replace packages of the version before; ``bound`` are the statements
    that are about this update, None where all of the change's are; ``is_subject`` is
    False where the entry is about others, and only names this one.
    """

    reading: ChangeReading
    packages: list[Package] = field(default_factory=list)
    successors: list[Package] = field(default_factory=list)
    bound: list[PassageStatement] | None = None
    is_subject: bool = True

    def bind(self, statement: PassageStatement) -> None:
        """Take one of the change's statements as one about this update.

        From then on only what is bound counts for the update.  Case: in January 2022 a
        post's new sentence was about three of its four updates.
        """
        if self.bound is None:
            self.bound = []
            self.is_subject = False
        if statement not in self.bound:
            self.bound.append(statement)

    def statements_of(self, *kinds: Kind) -> list[PassageStatement]:
        """Give the statements of these kinds that are about this update."""
        if self.bound is None:
            return self.reading.statements_of(*kinds)
        return [statement for statement in self.bound if statement.kind in kinds]

    @property
    def entry(self) -> Entry:
        """The newest form of the entry."""
        return self.reading.change.entry


class UpdateChanges(Struct):
    """All that one check says of one update, which ``update_id`` names."""

    update_id: str
    changes: list[MatchedChange] = field(default_factory=list)

    def of(self, reading: ChangeReading) -> MatchedChange:
        """Give the matched change of a reading, made when there is none yet.

        A reading stands once among an update's changes, though several of its packages
        were matched.
        """
        for matched in self.changes:
            if matched.reading is reading:
                return matched
        matched = MatchedChange(reading)
        self.changes.append(matched)
        return matched


def read_change(change: Change, language: str = "") -> ChangeReading:
    """Read a change; only what is new in it counts.

    ``language`` is the source's; "" where each text tells its own.
    """
    before, after = change.entry_before, change.entry_after
    # A copy that lags behind offers the version before again, and the next one the newest
    fresh = [package for package in after.packages if package not in change.offered]
    changed = _changed_packages(before, after, fresh)
    kept_name: set[Package] = set()
    for pair in changed:
        kept_name.update((pair.before, pair.after))
    come = [package for package in fresh if package not in kept_name]
    gone = [package for package in before.packages if package not in kept_name]
    new_passages: list[Passage] = []
    statements: list[PassageStatement] = []
    in_other_words = _said_in_other_words(change, language)
    for passage, new in _new_sentences(before, after, change.said, language):
        said = []
        for statement in _statements(passage, frozenset(new), language):
            dated = _dated(statement, passage, change.time)
            if not _is_translation(dated, change, in_other_words):
                said.append(dated)
        statements += said
        # A translation that says nothing new is no new text
        if said or in_other_words is None:
            new_passages.append(Passage(passage.name, "\n".join(new), passage.time))
    return ChangeReading(
        change=change,
        new_packages=tuple(without(come, before.packages)),
        lost_packages=tuple(without(gone, after.packages)),
        changed_packages=changed,
        new_passages=tuple(new_passages),
        statements=tuple(statements),
        exploited=bool(after.exploited) and not before.exploited,
        disclosed=bool(after.disclosed) and not before.disclosed,
        prose_packages=_prose_packages(after),
    )


def _prose_packages(entry: Entry) -> tuple[Package, ...]:
    """The package that a post about a product's version offers by its build.

    Case: "the final build number for Exchange 2013 RTM CU2 is 15.0.712.22"; three weeks
    later the same sentence said 15.0.712.24.
    """
    if entry.packages or entry.label is None or entry.label.month:
        return ()
    product = entry.label.product
    text = whole_text(entry)
    builds = normalize.builds_in(text)
    if not product or len(builds) != 1:
        return ()
    return (Package(product, build=builds[0]),)


def _changed_packages(
    before: Entry, after: Entry, fresh: Iterable[Package]
) -> tuple[PackageChange, ...]:
    """The packages, of those that are ``fresh``, that are another build or file of one.

    Where an entry has no packages, the build that its prose names.
    """
    in_prose = zip(_prose_packages(before), _prose_packages(after), strict=False)
    changed = [PackageChange(old, new) for old, new in in_prose if old != new]
    # A table's row that kept its name: a higher build under it is another version,
    # whatever its article
    same_row = keeps_label(before, after)
    lost = without(before.packages, after.packages)
    for package in without(fresh, before.packages):
        former = []
        for other in lost:
            grew = same_row and build_grew(other, package)
            if other.product == package.product and (other.kb == package.kb or grew):
                former.append(other)
        # Of two that it may have been none is certain
        if len(former) == 1:
            changed.append(PackageChange(former[0], package))
    return tuple(changed)


def keeps_label(before: Entry | None, after: Entry) -> bool:
    """Say whether an entry has a label, and the one that it had before.

    A row that has got another one tells of another update or version.
    """
    return (
        before is not None and before.label is not None and before.label == after.label
    )


def read_passages(entry: Entry) -> list[Passage]:
    """Give the passages of an entry that are read: all but what describes a vulnerability."""
    return [passage for passage in entry.passages if passage.name not in UNREAD]


def _new_sentences(
    before: Entry, after: Entry, said: tuple[str, ...], language: str
) -> list[tuple[Passage, tuple[str, ...]]]:
    """The passages of the new form that hold sentences which neither stood in the old
    one nor were ``said`` before it, each with these.
    """
    old_texts = [before.title, *(passage.text for passage in before.passages)]
    found = []
    times_before = _times_revised(before)
    times: Counter[str] = Counter()
    # MSRC has listed one revision twice
    once = dict.fromkeys(read_passages(after))
    for passage in (Passage("title", after.title), *once):
        new = new_sentences(old_texts, [passage.text], language)
        fresh = [sentence for sentence in new if sentence not in said]
        if is_revision(passage):
            # MSRC's notes have set phrases: a second pause is told in the first one's
            times.update(sentences(passage.text))
            for sentence in sentences(passage.text):
                is_again = times[sentence] > max(1, times_before[sentence])
                if is_again and repeated(sentence, times[sentence]) not in said:
                    fresh.append(sentence)
        if fresh:
            found.append((passage, tuple(dict.fromkeys(fresh))))
    return found


def _times_revised(entry: Entry) -> Counter[str]:
    """How many revisions of an entry say each sentence."""
    times: Counter[str] = Counter()
    # MSRC has listed one revision twice
    for passage in dict.fromkeys(filter(is_revision, entry.passages)):
        times.update(sentences(passage.text))
    return times


def is_revision(passage: Passage) -> bool:
    """Say whether a passage is one of an advisory's revisions.

    CVRF's and CSAF's parsers name them so: "revision 2.0".
    """
    return passage.name.startswith("revision")


def is_issue(entry: Entry) -> bool:
    """Say whether an entry is one of a list of known issues: a passage tells of one."""
    return any(passage.name == "issue" for passage in entry.passages)


def repeated(sentence: str, time: int) -> str:
    """Name a sentence that a record's revisions say for the second, third, ... time.

    Case: MSRC's notes have set phrases, and a second pause is told in the first one's.
    """
    return sentence if time == 1 else f"{time}. time: {sentence}"


def _said_in_other_words(change: Change, language: str) -> frozenset[str] | None:
    """The kinds of statements that an entry has made in other languages, with their days;
    None where it is in the language that it was in.

    A page that is served by the reader's country says all of it again, in sentences that
    it has never said so.
    """
    before, after = change.entry_before, change.entry_after
    old, new = _prose(before), _prose(after)
    if language or not old or not new:
        return None
    # A title that names its update only in this language: nothing was told of it before
    names_it_only_now = before.label is None and after.label is not None
    if names_it_only_now or language_of(old) == language_of(new):
        return None
    return frozenset((*change.kinds, *kinds_said(before, change.time)))


def _is_translation(
    statement: PassageStatement, change: Change, in_other_words: frozenset[str] | None
) -> bool:
    """Whether an entry has made a statement before, in another language.

    ``in_other_words``: what it has made in others, None where it speaks as it did.
    """
    kind, day = statement.kind, statement.day
    if in_other_words is None:
        # Between the translation and the whole text there was an excerpt in its own
        # language: of that day it has said so, and not in its last copy
        if day is None or change.before is None:
            return False
        named = of_day(kind, day)
        was_in_copy = named in kinds_said(change.before, change.time)
        return named in change.kinds and not was_in_copy
    if day is None or kind.value not in in_other_words:
        return kind.value in in_other_words
    # A second pause is said on another day; what bore no day may be any
    days = {each for each in in_other_words if each.startswith(f"{kind.value} ")}
    return not days or not days.isdisjoint((of_day(kind, day), of_day(kind)))


def of_day(kind: Kind, day: datetime | None = None) -> str:
    """Name a kind of statement, made in a paragraph that begins with a day or with none."""
    return f"{kind.value} {day:%Y-%m-%d}" if day is not None else f"{kind.value} "


def kinds_said(entry: Entry, now: datetime) -> frozenset[str]:
    """Give the kinds of statements in an entry's prose that a translation would repeat.

    So what a page says again in another language is known as said.  Each as "pulled", and
    with the day of its paragraph, as ``of_day`` names it.
    """
    found: set[str] = set()
    for passage in read_passages(entry):
        if passage.name == REASON:
            continue
        for sentence, day in _days_of(passage.text, now):
            # Each by itself: beside a return its reason is not told of as an issue
            for said in read(sentence):
                found |= {said.kind.value, of_day(said.kind, day)}
    return frozenset(found)


def whole_text(entry: Entry) -> str:
    """Give an entry's title and the texts of all its passages, a line each."""
    return "\n".join((entry.title, *(passage.text for passage in entry.passages)))


def _prose(entry: Entry) -> str:
    return "\n".join(passage.text for passage in read_passages(entry))


def _statements(
    passage: Passage, among: frozenset[str] | None = None, language: str = ""
) -> list[PassageStatement]:
    """What a passage says, in those of its sentences that are ``among`` (None: all).

    A new sentence is read with those before it: "it", and the heading "Known issues",
    stand there.
    """
    if passage.name == REASON:
        return []
    found = []
    for said in read(passage.text, language, among):
        statement = PassageStatement(
            said.kind,
            said.frame,
            said.words,
            said.sentence,
            said.kbs,
            passage.name,
            passage.time,
            said.builds,
            said.products,
        )
        found.append(statement)
    return found


def _dated(said: PassageStatement, passage: Passage, now: datetime) -> PassageStatement:
    """A statement with the day that its paragraph begins with, if it does.

    A post is edited in place: its feed dates all of it by its first day.
    """
    if said.in_revision:
        return said
    for sentence, day in _days_of(passage.text, now):
        if said.sentence in normalize.fold(sentence):
            return said if day is None else replace(said, time=day)
    return said


def _days_of(text: str, now: datetime) -> Iterator[tuple[str, datetime | None]]:
    """The sentences of a text with the day of their paragraph, if it begins with one.

    An excerpt puts all paragraphs into one: "Update 11/14: ... Update 11/13: ...".
    """
    for paragraph in text.split("\n"):
        day = normalize.addition_date(paragraph, now)
        for sentence in sentences(paragraph):
            day = normalize.addition_date(sentence, now) or day
            yield sentence, day


def history_of(entry: Entry) -> PassageStatement | None:
    """Give the last pull or re-release that an entry's own history tells, if any.

    Revisions count in their order.  Elsewhere a text that speaks of both has been
    continued after the re-release.
    """
    in_revisions, elsewhere = _revisions_and_prose(entry)
    revised = _pulls_and_returns(in_revisions)
    if revised:
        return revised[-1]
    told = _pulls_and_returns(elsewhere)
    # The first return that is told goes before all else
    return next(iter(_returns(told) or told[-1:]), None)


def return_in(entry: Entry) -> PassageStatement | None:
    """Give the last re-release that an entry's own history tells, if any.

    Whatever came after it: a second version may have been pulled, too.
    """
    in_revisions, elsewhere = _revisions_and_prose(entry)
    turns = _pulls_and_returns(in_revisions) or _pulls_and_returns(elsewhere)
    return next(reversed(_returns(turns)), None)


def _returns(turns: Iterable[PassageStatement]) -> list[PassageStatement]:
    """The re-releases among pulls and re-releases."""
    return [each for each in turns if each.kind is Kind.RE_RELEASED]


def _revisions_and_prose(entry: Entry) -> tuple[list[Passage], list[Passage]]:
    """The passages of an entry that are read: its revisions, and the others."""
    revisions: list[Passage] = []
    prose: list[Passage] = []
    for passage in read_passages(entry):
        (revisions if is_revision(passage) else prose).append(passage)
    return revisions, prose


def _pulls_and_returns(passages: Iterable[Passage]) -> list[PassageStatement]:
    """The pulls and re-releases in passages, without pulls that a later word denies."""
    kept: list[PassageStatement] = []
    for passage in passages:
        for statement in _statements(passage):
            if statement.kind in PULL_OR_RETURN:
                kept.append(statement)
            elif statement.kind is Kind.CORRECTED:
                kept = _returns(kept)
    return kept


def tells_of_pull(entry: Entry) -> bool:
    """Say whether an entry's own history tells of a pull, whatever came after it.

    Unlike ``history_of``, which gives the last turn: a record of November 2024 tells of
    the pull though its update is back.
    """
    for passage in read_passages(entry):
        if any(said.kind is Kind.PULLED for said in _statements(passage)):
            return True
    return False
