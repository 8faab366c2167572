"""What to do on each of the administrator's servers: at this moment, and after an event.

Pure: exposures and events in, steps out.  The sentences are words of a language
(``templates/mail/words``, table ``step``), named here by their keys.

    step_now(exposure)                 whatever has happened last
    steps_of_event(event, exposures)   of the servers that an event's own packages and
                                       products are for, what is affected first
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from enum import StrEnum

from msgspec import Struct

from watcher.judgement import advice, normalize, tracks
from watcher.judgement.newest_build import product_line
from watcher.judgement.packages import builds_of, products_of
from watcher.judgement.server_status import MAKES_A_BRANCH, BuildKey, runs
from watcher.judgement.tracks import branch_of
from watcher.kinds import complete
from watcher.records import (
    Confidence,
    Event,
    Exposure,
    Fitness,
    Kind,
    Offer,
    Package,
)


class Step(StrEnum):
    """What to do for a server: the key of the sentence that says it."""

    NOTHING = "nothing"
    INSTALL = "install"
    INSTALL_ESU = "install-esu"
    INSTALL_ESU_OR = "install-esu-or"
    INSTALL_AGAIN = "again"
    ONLY_IF_AFFECTED = "only-if-affected"
    UPGRADE = "upgrade"
    UPGRADE_OR_INSTALL = "upgrade-or"
    UPGRADE_FROM_LEFT = "upgrade-left"
    MOVE_ON = "move"
    LEFT_BEHIND = "left"
    FOLLOW_VENDOR = "follow"
    HOLD = "hold"
    KEEP_OFF = "keep-off"
    KEEP_OFF_UNSURE = "keep-off-unsure"
    CHECK_BUILD = "check-build"
    CHECK_ISSUE = "check-issue"
    INSTALLED_ALREADY = "installed-already"
    CHECK_PRODUCT = "check-product"
    READ_FIRST = "read-first"
    READ = "read"
    NO_UPDATE_YET = "no-update-yet"
    ENDS_HOTPATCHING = "ends-hotpatching"
    OFF_HOTPATCHING = "off-hotpatching"
    BACK_TO_HOTPATCHING = "back-to-hotpatching"
    UNKNOWN = "unknown"
    UNKNOWN_NEWER = "unknown-newer"
    UNKNOWN_INSTALL = "unknown-install"


# What to do whatever security update a cumulative update's own build may hide
_WHATEVER_HIDES = frozenset(
    {
        Step.CHECK_ISSUE,
        Step.CHECK_PRODUCT,
        Step.MOVE_ON,
        Step.LEFT_BEHIND,
        Step.NO_UPDATE_YET,
        Step.UPGRADE_FROM_LEFT,
    }
)
# An issue that only who installs meets: "Error 1935" of January 2025.  What comes
# "after installing" is met by whoever has installed
_OF_INSTALLING = re.compile(
    r"\b(?:when|while) (?:you (?:are )?)?(?:try(?:ing)? to |attempt(?:ing)? to )?install"
    r"|\bduring (?:the )?(?:installation|setup)\b"
    r"|\b(?:fails?|failed|unable|not able) to (?:be )?install"
    r"|\b(?:cannot|can't|can’t) (?:be )?install"
    r"|\binstallation (?:may |might |can |will )?(?:fail|stop|hang)",
    re.IGNORECASE,
)


class ServerStep(Struct, frozen=True):
    """A server, and what to do there."""

    exposure: Exposure
    step: Step
    # The step has to do with what is installed there, which is then said
    of_installed: bool = True

    @property
    def is_affected(self) -> bool:
        """Whether there is something to do."""
        return self.step not in (Step.NOTHING, Step.INSTALLED_ALREADY)

    @property
    def may_hide(self) -> bool:
        """Whether the server's build may hide an update that would change the step."""
        return self.exposure.may_hide and self.step not in _WHATEVER_HIDES


def step_now(exposure: Exposure) -> Step:
    """Say what to do for a server, whatever has happened last.

    For pages and status; what an event asks there is a step of its own.
    """
    installed = exposure.installed
    if installed is None:
        return _step_of_unknown(exposure)
    if exposure.fitness is Fitness.SUSPECTED:
        return Step.HOLD
    if exposure.off_track:
        is_back = exposure.newest is not None
        return Step.BACK_TO_HOTPATCHING if is_back else Step.OFF_HOTPATCHING
    if exposure.newest is not None:
        return _install(exposure.newest, exposure.unrestricted)
    # Offered again as it was: there is no newer build to go to
    is_bad = exposure.fitness in (Fitness.PULLED, Fitness.REPLACED)
    if is_bad and installed.version < installed.latest:
        return Step.INSTALL_AGAIN
    if exposure.overtaken:
        return Step.MOVE_ON
    if exposure.fitness is Fitness.PULLED:
        return Step.FOLLOW_VENDOR
    return Step.NOTHING if exposure.left is None else Step.LEFT_BEHIND


def _step_of_unknown(exposure: Exposure) -> Step:
    if exposure.newest is not None:
        return Step.UNKNOWN_INSTALL
    return Step.UNKNOWN_NEWER if exposure.product else Step.UNKNOWN


def _install(newest: Offer, unrestricted: Offer | None) -> Step:
    if not newest.package.esu:
        return Step.INSTALL
    return Step.INSTALL_ESU if unrestricted is None else Step.INSTALL_ESU_OR


def speaks_of_servers(event: Event) -> bool:
    """Say whether an event can ask anything of a server.

    Of what is only suspected, a pull alone: it asks to hold.
    """
    if event.confidence is Confidence.SUSPECTED:
        return event.kind is Kind.PULLED
    return event.kind is not Kind.NEWS


def steps_of_event(
    event: Event, exposures: Iterable[Exposure]
) -> tuple[ServerStep, ...]:
    """Give the servers that an event's own packages and products are for, with their steps.

    What is affected comes first; of the others this event asks nothing.
    """
    if not speaks_of_servers(event):
        return ()
    subject = _subject_of(event)
    found = []
    for exposure in exposures:
        step = _step_of_event(event, subject, exposure)
        if step is not None:
            found.append(ServerStep(exposure, step, of_installed=subject.has_update))
    # Where the message is not about what is installed, the inventory's order stays
    if subject.has_update:
        found.sort(key=lambda each: _order(each, event))
    return tuple(found)


def _order(found: ServerStep, event: Event) -> tuple[bool, bool, bool]:
    """Order what is affected before what is not: pulled builds, then the update's own."""
    return (
        not found.is_affected,
        found.exposure.fitness is not Fitness.PULLED,
        not runs(found.exposure, event.update.id),
    )


class _Subject(Struct, frozen=True):
    """What an event is about: builds as numbers, products, and the products it makes."""

    builds: tuple[BuildKey, ...]
    products: frozenset[str]
    # "Exchange Server 2019 CU15", of a cumulative update
    made: frozenset[str]
    has_update: bool
    # With their builds; of an event without any, of what its update has
    packages: tuple[Package, ...] = ()
    # Products that a known issue's own words name
    named: frozenset[str] = frozenset()

    def newest_of_branch(self, exposure: Exposure) -> BuildKey:
        """Give the newest of its builds of a server's branch, () without any.

        Compared as numbers; only packages of products that may share the branch count.
        """
        product = exposure.product
        branch = branch_of(normalize.build_key(exposure.server.build), product)
        of_branch = [
            normalize.build_key(package.build)
            for package in self.packages
            if branch_of(normalize.build_key(package.build), product) == branch
            and tracks.may_share(product, package.product)
        ]
        return max(of_branch, default=())

    def names(self, exposure: Exposure) -> bool:
        """Say whether it names a server's product: itself, without level, or the family.

        "Exchange Server 2019 CU14" is named by each of "Exchange Server 2019 CU14",
        "Exchange Server 2019" and "Exchange Server", and not by "... CU13".
        """
        product = exposure.product
        forms = {product, product_line(product), normalize.family(product)}
        return not forms.isdisjoint(self.products)

    def is_of_line(self, exposure: Exposure) -> bool:
        """Say whether it is for a server's product at whatever level.

        "Exchange Server 2019" for a server of CU14.
        """
        lines = {product_line(product) for product in self.products}
        return product_line(exposure.product) in lines or self.names(exposure)


def _subject_of(event: Event) -> _Subject:
    packages, update = event.packages, event.update
    # A pull of one package of three names that package: what the update has beside it
    # stands in its reference only
    builds = builds_of(packages)
    products = products_of(packages) - {""}
    # A cumulative update makes the product of its package
    made = {package.product for package in packages if package.type in MAKES_A_BRANCH}
    made |= products & {update.title}
    keys = map(normalize.build_key, builds or update.builds)
    quoted = "\n".join(proof.after for proof in event.evidence)
    return _Subject(
        builds=tuple(filter(None, keys)),
        products=frozenset(products or update.products),
        made=frozenset(made),
        has_update=advice.has_update(event),
        packages=_with_builds(event),
        named=frozenset(normalize.products_in(quoted)),
    )


def _with_builds(event: Event) -> tuple[Package, ...]:
    """The packages of an event that have a build; the update's builds where none has."""
    packages = tuple(package for package in event.packages if package.build)
    if packages:
        return packages
    products = event.update.products or ("",)
    return tuple(
        Package(product, build=build)
        for build in event.update.builds
        for product in products
    )


def _step_of_event(event: Event, subject: _Subject, exposure: Exposure) -> Step | None:
    """Say what an event asks of a server, None where it does not concern it."""
    # What no source knows is counted, and judged by nobody
    if not exposure.product:
        return None
    if not subject.has_update:
        return _WITHOUT_UPDATE[event.kind](event, subject, exposure)
    if not runs(exposure, event.update.id) and _is_of_other_track(event, exposure):
        return _step_of_other_track(event, subject, exposure)
    # A known issue of what stands pulled is no reason to install it
    kind = Kind.PULLED if event.pulled else event.kind
    return _WITH_UPDATE[kind](event, subject, exposure)


def _is_of_other_track(event: Event, exposure: Exposure) -> bool:
    """Whether none of an event's packages is offered to a server, for its track."""
    server = exposure.server
    mine = [
        package
        for package in event.packages
        if tracks.may_share(exposure.product, package.product)
    ]
    if not mine:
        return False
    if server.track == tracks.HOTPATCH:
        return not any(tracks.is_of_hotpatching(each, event.time) for each in mine)
    return not any(tracks.is_offered(each, server) for each in mine)


def _step_of_other_track(
    event: Event, subject: _Subject, exposure: Exposure
) -> Step | None:
    """Warn who is enrolled of what would end hotpatching; nobody else is asked anything.

    Case: KB5070881, out of band in October 2025, was offered to enrolled servers.
    """
    is_enrolled = exposure.server.track == tracks.HOTPATCH
    types = {package.type for package in event.packages}
    if is_enrolled and tracks.OUT_OF_BAND in types and _is_newer(subject, exposure):
        return Step.ENDS_HOTPATCHING
    return None


# --- where there is nothing to install --------------------------------------------------


def _check_product(_event: Event, subject: _Subject, exposure: Exposure) -> Step | None:
    """Say that a product has an issue.

    The Hybrid Configuration Wizard's error of January 2025 is of every Exchange server,
    an issue of CU14 and CU15 of none with CU12.
    """
    return Step.CHECK_PRODUCT if subject.names(exposure) else None


def _no_update_yet(_event: Event, subject: _Subject, exposure: Exposure) -> Step | None:
    """Say that a vulnerability has no update.

    CVE-2026-42897 was announced, and exploited, weeks before its update came.  The
    products that it names are those that will get one: older levels of them have the
    vulnerability, too.
    """
    return Step.NO_UPDATE_YET if subject.is_of_line(exposure) else None


def _check_build(_event: Event, subject: _Subject, exposure: Exposure) -> Step | None:
    """Say that nobody can tell from a server's build whether an update is installed.

    The blog's post comes some minutes before MSRC's document, and names no build.
    """
    return Step.CHECK_BUILD if subject.names(exposure) else None


def _nothing(_event: Event, _subject_of: _Subject, _exposure: Exposure) -> Step | None:
    """Ask nothing of any server."""
    return None


# --- where there is an update -----------------------------------------------------------


def _step_of_pull(event: Event, subject: _Subject, exposure: Exposure) -> Step | None:
    """Say what to do when an update is pulled, or may be, or stands pulled."""
    if runs(exposure, event.update.id):
        # Of one package of three that are pulled, the others' servers are good
        is_doubted = event.confidence is Confidence.SUSPECTED
        return Step.HOLD if is_doubted else step_now(exposure)
    if not subject.builds:
        return _check_build(event, subject, exposure)
    if not _is_newer(subject, exposure):
        return None
    return Step.KEEP_OFF_UNSURE if exposure.may_hide else Step.KEEP_OFF


def _step_of_issue(event: Event, subject: _Subject, exposure: Exposure) -> Step | None:
    """Say what to do when an update has a known issue: nothing is installed for its sake.

    Half of the issues are of the installation itself: whoever is told to install walks
    into them.
    """
    # An issue of CU14, whose build no server has any more that got a security update,
    # is an issue of every server at CU14
    if exposure.product in subject.made:
        return Step.CHECK_ISSUE
    # February 2025: "after upgrading to 2019 CU14 OR 2019 Cumulative Update 15", of
    # which only CU14's article is linked
    if subject.made and exposure.product in subject.named:
        return Step.CHECK_PRODUCT
    # Who is told to move to CU14 reads first what fails there
    if (
        exposure.ahead
        and exposure.overtaken
        and exposure.ahead.package.product in subject.made
    ):
        return Step.READ_FIRST
    if runs(exposure, event.update.id):
        return _step_of_issue_installed(event, exposure)
    if not subject.builds:
        return _check_product(event, subject, exposure)
    return Step.READ_FIRST if _is_newer(subject, exposure) else None


def _step_of_issue_installed(event: Event, exposure: Exposure) -> Step:
    """Say what to do about an issue where a version of its update is installed."""
    installed = exposure.installed
    # With v1 on a server, an issue of v2 is met when v2 is installed
    if installed is not None and installed.version < event.update.version:
        return Step.READ_FIRST
    quoted = "\n".join(proof.after for proof in event.evidence)
    if _OF_INSTALLING.search(quoted):
        return Step.INSTALLED_ALREADY
    return Step.CHECK_ISSUE


def _step_of_revision(
    event: Event, subject: _Subject, exposure: Exposure
) -> Step | None:
    """Say what to do when a text was changed: nothing is installed for its sake."""
    if advice.is_for_other_product(event):
        return _step_of_offer(event, subject, exposure)
    return Step.READ if runs(exposure, event.update.id) else None


def _step_of_offer(event: Event, subject: _Subject, exposure: Exposure) -> Step | None:
    """Say what to do when there is something to install."""
    if runs(exposure, event.update.id):
        return step_now(exposure)
    if not subject.builds:
        return _check_build(event, subject, exposure)
    if not subject.newest_of_branch(exposure):
        return _step_of_other_branch(subject, exposure)
    if not _is_newer(subject, exposure):
        return None
    # March 2020: an optional update for those whose connection failed behind a proxy
    if event.kind is Kind.RELEASED and advice.is_only_for_affected(event):
        return Step.ONLY_IF_AFFECTED
    return step_now(exposure)


def _step_of_other_branch(subject: _Subject, exposure: Exposure) -> Step | None:
    """Say what to do when what is offered is for other branches than the server's."""
    is_older = normalize.build_key(exposure.server.build) < max(subject.builds)
    if not is_older or not subject.is_of_line(exposure):
        return None
    if subject.made:
        return _upgrade(exposure)
    # The November 2024 SU for 2019 CU13 and CU14: a server at CU12 gets none
    return Step.MOVE_ON if exposure.overtaken else None


def _upgrade(exposure: Exposure) -> Step:
    """Say that a server can go to a new cumulative update, and what else there is to do."""
    if exposure.overtaken:
        return Step.UPGRADE_FROM_LEFT
    # February 2025: who runs the pulled November SU at CU14 needs its v2 now, and CU15
    # when it has been tested
    return Step.UPGRADE if exposure.newest is None else Step.UPGRADE_OR_INSTALL


def _is_newer(subject: _Subject, exposure: Exposure) -> bool:
    """Say whether an update has a newer build for a server's branch."""
    newest = subject.newest_of_branch(exposure)
    return newest > normalize.build_key(exposure.server.build)


_StepOfEvent = Callable[[Event, _Subject, Exposure], Step | None]

_WITH_UPDATE: dict[Kind, _StepOfEvent] = {
    Kind.PULLED: _step_of_pull,
    Kind.RE_RELEASED: _step_of_offer,
    Kind.RELEASED: _step_of_offer,
    Kind.EXPLOITED: _step_of_offer,
    Kind.ANNOUNCED: _step_of_offer,
    Kind.CORRECTED: _step_of_offer,
    Kind.KNOWN_ISSUE: _step_of_issue,
    Kind.REVISED: _step_of_revision,
    Kind.NEWS: _nothing,
}
_WITHOUT_UPDATE: dict[Kind, _StepOfEvent] = {
    Kind.PULLED: _check_build,
    Kind.RE_RELEASED: _check_build,
    Kind.RELEASED: _check_build,
    Kind.EXPLOITED: _no_update_yet,
    Kind.ANNOUNCED: _no_update_yet,
    Kind.KNOWN_ISSUE: _check_product,
    Kind.CORRECTED: _nothing,
    Kind.REVISED: _nothing,
    Kind.NEWS: _nothing,
}
complete(_WITH_UPDATE, "steps of servers")
complete(_WITHOUT_UPDATE, "steps of servers without an update")
