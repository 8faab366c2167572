"""What a server's build means.

Pulled, replaced, out of date or good, and what there is to install instead.
"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.unit.builders import (
    CU13,
    CU14,
    CU23,
    NEW_KB,
    NOV,
    OLD_KB,
    SU,
    days,
    package,
    update,
)
from watcher.judgement import server_status
from watcher.judgement.newest_build import product_line
from watcher.judgement.server_steps import step_now, steps_of_event
from watcher.records import (
    Confidence,
    Established,
    Event,
    Evidence,
    Exposure,
    Fitness,
    Kind,
    Package,
    Server,
    State,
    Subscriber,
    Suspicion,
    Update,
    UpdateRef,
)

V1 = (package(CU14, OLD_KB, "15.2.1544.13"), package(CU13, OLD_KB, "15.2.1258.38"))
V2 = (
    package(CU14, NEW_KB, "15.2.1544.14", version=2),
    package(CU13, NEW_KB, "15.2.1258.39", version=2),
)
BEFORE = update(
    "april",
    package(CU14, "KB9000000", "15.2.1544.11"),
    title="April 2030 HU",
    type="HU",
    released=NOV - days(200),
)
RELEASED = update(SU, *V1)
PULLED = replace(
    RELEASED, state=State.PULLED, established=(Established(Kind.PULLED, 1, event="e2"),)
)
BACK = replace(
    RELEASED,
    version=2,
    packages=(*V1, *V2),
    established=(
        Established(Kind.PULLED, 1, event="e2"),
        Established(Kind.RE_RELEASED, 2, event="e3"),
    ),
)
DOUBT = Suspicion("builds", "", ("row",), NOV, "e9", whole=True)


def of(build: str, *updates: Update, product: str = "") -> Exposure:
    (found,) = server_status.exposures([Server("EX01", build, product)], updates)
    return found


def stands(build: str, *updates: Update, product: str = "") -> tuple[str, str]:
    """Give how a build stands, and the step to take."""
    found = of(build, *updates, product=product)
    return found.fitness.value, step_now(found)


def step_of(found: Exposure, told: Event) -> str | None:
    """Give the step that an event asks for, None where it does not concern the server."""
    steps = steps_of_event(told, [found])
    return steps[0].step.value if steps else None


def newest(found: Exposure) -> str:
    assert found.newest is not None
    return f"v{found.newest.version} {found.newest.package.kb} {found.newest.package.build}"


def event(
    kind: Kind,
    row: Update,
    *,
    packages: tuple[Package, ...] | None = None,
    **more: object,
) -> Event:
    shown = row.packages if packages is None else packages
    products = more.pop("products", tuple(sorted({p.product for p in shown})))
    builds, kbs = (
        tuple(p.build for p in shown if p.build),
        tuple({p.kb for p in shown if p.kb}),
    )
    ref = UpdateRef(row.id, row.title, row.version, products, kbs, (), builds)  # type: ignore[arg-type]
    return Event("e1", NOV, kind, Confidence.CONFIRMED, ref, "", packages=shown, **more)  # type: ignore[arg-type]


# --- one update's life ----------------------------------------------------------------


def test_the_newest_build_is_good() -> None:
    assert stands("15.2.1544.13", BEFORE, RELEASED) == ("good", "nothing")
    assert of("15.2.1544.13", BEFORE, RELEASED).newest is None


def test_an_older_build_is_to_be_replaced_by_the_newest_of_its_branch() -> None:
    found = of("15.2.1544.11", BEFORE, RELEASED)

    assert (found.fitness, step_now(found)) == (Fitness.NEWER, "install")
    assert newest(found) == f"v1 {OLD_KB} 15.2.1544.13"
    assert found.installed is not None
    assert found.installed.update == "april"


def test_builds_are_compared_by_their_numbers_not_as_texts() -> None:
    nine, ten = (
        update("a", package(CU14, "KB9", "15.2.1544.9")),
        update("b", package(CU14, "KB10", "15.2.1544.10")),
    )

    assert newest(of("15.2.1544.9", nine, ten)) == "v1 KB10 15.2.1544.10"
    assert stands("15.2.1544.10", nine, ten) == ("good", "nothing")


def test_a_pulled_build_without_a_successor_is_the_vendors_word_to_follow() -> None:
    assert stands("15.2.1544.13", BEFORE, PULLED) == ("pulled", "follow")


def test_nobody_is_told_to_install_what_is_pulled() -> None:
    assert stands("15.2.1544.11", BEFORE, PULLED) == ("good", "nothing")


def test_the_first_version_stays_pulled_when_the_second_is_out_and_is_replaced_by_it() -> (
    None
):
    found = of("15.2.1544.13", BEFORE, BACK)

    assert (found.fitness, step_now(found)) == (Fitness.PULLED, "install")
    assert newest(found) == f"v2 {NEW_KB} 15.2.1544.14"
    assert found.installed is not None
    assert (found.installed.version, found.installed.latest) == (1, 2)
    assert stands("15.2.1544.14", BEFORE, BACK) == ("good", "nothing")
    assert newest(of("15.2.1544.11", BEFORE, BACK)) == f"v2 {NEW_KB} 15.2.1544.14"


def test_a_first_version_that_was_never_pulled_is_replaced() -> None:
    assert stands("15.2.1544.13", replace(BACK, established=())) == (
        "replaced",
        "install",
    )


def test_what_is_offered_again_as_it_was_is_to_be_installed_again() -> None:
    again = replace(
        RELEASED,
        version=2,
        established=(
            Established(Kind.PULLED, 1, event="e2"),
            Established(Kind.RE_RELEASED, 2, event="e3"),
        ),
    )

    assert stands("15.2.1544.13", again) == ("replaced", "again")
    assert newest(of("15.2.1544.11", BEFORE, again)) == f"v2 {OLD_KB} 15.2.1544.13"


def test_a_suspicion_says_wait_and_recommends_nothing() -> None:
    doubted = replace(RELEASED, suspicions=(DOUBT,))

    assert stands("15.2.1544.13", BEFORE, doubted) == ("suspected-pulled", "hold")
    assert stands("15.2.1544.11", BEFORE, doubted) == ("good", "nothing")


def test_where_two_updates_have_a_build_the_pulled_one_says_so() -> None:
    twin = update("twin", package(CU14, "", "15.2.1544.13"))

    assert of("15.2.1544.13", twin, PULLED).fitness is Fitness.PULLED
    assert of("15.2.1544.13", PULLED, twin).fitness is Fitness.PULLED


def test_either_form_of_a_build_that_a_row_gives_in_two_is_known() -> None:
    typing_error = update(
        SU, replace(package(CU14, OLD_KB, "15.2.1544.13"), disputed="5.2.1544.13")
    )

    assert of("5.2.1544.13", typing_error).fitness is Fitness.GOOD


def test_of_an_update_that_is_pulled_in_part_each_server_hears_what_its_own_package_is() -> (
    None
):
    part = replace(
        RELEASED,
        state=State.PULLED_IN_PART,
        packages=(replace(V1[0], pulled=True), V1[1]),
    )
    told = event(Kind.PULLED, part, packages=(V1[0],))

    assert stands("15.2.1544.13", BEFORE, part) == ("pulled", "follow")
    assert stands("15.2.1258.38", part) == ("good", "nothing")
    assert step_of(of("15.2.1258.38", part), told) == "nothing"
    assert step_of(of("15.2.1544.11", BEFORE, part), told) == "keep-off"
    # The other package is offered still
    earlier = update("x", package(CU13, "KB1", "15.2.1258.34"), released=NOV - days(90))
    assert stands("15.2.1258.34", earlier, part) == ("newer-available", "install")
    assert step_of(of("15.2.1258.34", earlier, part), told) is None


# --- branches, lines, families --------------------------------------------------------

CU15 = "Exchange Server 2019 CU15"
MADE = update(
    "cu15",
    package(CU15, "", "15.2.1748.10"),
    type="CU",
    title=CU15,
    month="",
    released=NOV + days(90),
)
LATER = update(
    "may",
    package(CU15, "KB9000005", "15.2.1748.24"),
    package(CU14, "KB9000005", "15.2.1544.25"),
    title="May 2031 SU",
    released=NOV + days(180),
)


def test_a_new_cumulative_update_leaves_an_older_branch_good_and_is_named() -> None:
    found = of("15.2.1544.13", RELEASED, MADE)

    assert (found.fitness, step_now(found), found.overtaken) == (
        Fitness.GOOD,
        "nothing",
        False,
    )
    assert found.ahead is not None
    assert found.ahead.package.build == "15.2.1748.10"


def test_a_branch_that_later_updates_pass_by_is_to_be_left() -> None:
    found = of("15.2.1258.38", RELEASED, MADE, LATER)

    assert (found.fitness, step_now(found), found.overtaken) == (
        Fitness.NEWER,
        "move",
        True,
    )
    assert found.ahead is not None
    assert found.ahead.package.build == "15.2.1748.24"
    assert stands("15.2.1544.13", RELEASED, MADE, LATER) == (
        "newer-available",
        "install",
    )


def test_a_pulled_build_of_a_branch_that_is_passed_by_is_left_by_moving_on() -> None:
    assert stands("15.2.1258.38", PULLED, MADE, LATER) == ("pulled", "move")


def test_rollups_whose_builds_have_branches_of_their_own_follow_each_other() -> None:
    rollups = [
        update(
            f"ru{number}",
            package(f"Exchange Server 2010 SP3 RU{number}", "", build),
            type="RU",
            released=NOV + days(number),
        )
        for number, build in ((31, "14.3.509.0"), (32, "14.3.513.0"))
    ]

    assert stands("14.3.509.0", *rollups) == ("newer-available", "move")
    assert stands("14.3.513.0", *rollups) == ("good", "nothing")


def test_a_product_that_later_security_updates_leave_out_is_told_so() -> None:
    old = update(
        "old",
        package("Exchange Server 2013 CU23", "KB9", "15.0.1497.48"),
        released=NOV - days(600),
    )
    found = of("15.0.1497.48", old, RELEASED)

    assert (found.fitness, step_now(found)) == (Fitness.NEWER, "left")
    assert found.left is not None
    assert found.left.update == SU


@pytest.mark.parametrize(
    "other",
    [
        update(
            "hu",
            package("Exchange Server SE", "KB9", "15.2.2562.46"),
            type="HU",
            released=NOV + days(60),
        ),
        update(
            "older",
            package("Exchange Server SE", "KB9", "15.2.2562.46"),
            released=NOV - days(60),
        ),
        update(
            "below",
            package("Exchange Server 2013 CU23", "KB9", "15.0.1497.48"),
            released=NOV + days(60),
        ),
    ],
    ids=["a hotfix", "an earlier one", "one for an older product"],
)
def test_not_every_update_for_another_product_leaves_one_behind(other: Update) -> None:
    assert stands("15.2.1544.13", RELEASED, other) == ("good", "nothing")


def test_builds_of_another_family_do_not_count() -> None:
    windows = update(
        "windows",
        Package("Windows Server 2025", "KB7", "15.2.1544.13"),
        family="Windows",
    )

    assert (
        of("15.2.1544.13", windows, RELEASED, product="Exchange Server 2019").product
        == CU14
    )
    assert (
        of("15.2.1544.13", windows, product="Exchange Server 2019").fitness
        is Fitness.UNKNOWN
    )
    assert (
        of("15.2.1544.13", windows, product="Windows Server 2025").fitness
        is Fitness.GOOD
    )


def test_an_updates_package_without_a_build_says_nothing() -> None:
    assert (
        of("15.2.1544.13", update(SU, package(CU14, OLD_KB))).fitness is Fitness.UNKNOWN
    )


# --- unknown builds -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "step", "pull_step", "product"),
    [
        ("15.2.1544.12", "unknown-install", "keep-off", CU14),
        ("15.2.1544.99", "unknown-newer", None, CU14),
        ("15.2.9999.1", "unknown", None, ""),
    ],
)
def test_an_unknown_build_says_so_and_names_its_branch(
    build: str, step: str, pull_step: str | None, product: str
) -> None:
    found = of(build, BEFORE, RELEASED)

    assert (found.fitness, step_now(found), found.product) == (
        Fitness.UNKNOWN,
        step,
        product,
    )
    assert step_of(found, event(Kind.PULLED, RELEASED)) == pull_step
    assert found.installed is None


# --- a cumulative update's own build ----------------------------------------------------


def test_a_cumulative_updates_own_build_may_hide_a_security_update() -> None:
    found = of("15.2.1544.4", *ALL)

    assert (found.may_hide, step_of(found, event(Kind.PULLED, PULLED))) == (
        True,
        "keep-off-unsure",
    )
    assert not of("15.2.1544.13", *ALL).may_hide
    assert not of("15.2.1544.4", CU14_ITSELF).may_hide


def test_what_exsetup_itself_says_hides_nothing() -> None:
    (found,) = server_status.exposures([Server("EX01", "15.2.1544.4", exact=True)], ALL)

    assert not found.may_hide


# --- extended security updates --------------------------------------------------------


def test_what_only_customers_of_extended_updates_get_is_said_with_what_everybody_gets() -> (
    None
):
    esu = update(
        "esu",
        replace(package(CU14, "KB9000007", "15.2.1544.30"), esu=True),
        released=NOV + days(400),
    )

    assert stands("15.2.1544.13", RELEASED, esu) == ("newer-available", "install-esu")
    found = of("15.2.1544.11", BEFORE, RELEASED, esu)
    assert step_now(found) == "install-esu-or"
    assert found.unrestricted is not None
    assert found.unrestricted.package.build == "15.2.1544.13"


def test_of_one_build_the_package_for_everybody_counts() -> None:
    both = update("both", replace(V1[0], esu=True), V1[0])

    assert stands("15.2.1544.11", BEFORE, both) == ("newer-available", "install")


# --- events ---------------------------------------------------------------------------


def concerned(
    told: Event, *builds: str, ledger: tuple[Update, ...] = (BEFORE, BACK)
) -> list[str]:
    known = server_status.exposures([Server(build, build) for build in builds], ledger)
    return [found.server.build for found in server_status.servers_of_event(told, known)]


def test_an_update_concerns_where_it_is_installed_and_where_it_is_for() -> None:
    told = event(Kind.RE_RELEASED, BACK, packages=V2)

    assert concerned(
        told, "15.2.1544.13", "15.2.1544.14", "15.2.1544.11", "15.2.9999.1"
    ) == ["15.2.1544.13", "15.2.1544.14", "15.2.1544.11"]


def test_what_is_older_than_a_servers_build_does_not_concern_it() -> None:
    assert concerned(event(Kind.REVISED, BEFORE), "15.2.1544.13") == []
    assert (
        concerned(
            event(Kind.REVISED, update("old", package(CU13, "KB1", "15.2.1258.20"))),
            "15.2.1544.13",
        )
        == []
    )


def test_an_update_of_another_branch_concerns_the_products_line() -> None:
    assert concerned(event(Kind.RELEASED, MADE), "15.2.1544.13") == ["15.2.1544.13"]
    assert (
        concerned(
            event(Kind.RELEASED, update("x", package(CU23, "KB1", "15.3.1.1"))),
            "15.2.1544.13",
        )
        == []
    )


@pytest.mark.parametrize(
    ("products", "expected"),
    [(("Exchange Server",), 1), ((CU14,), 1), (("Exchange Server 2016",), 0), ((), 0)],
)
def test_an_advisory_concerns_the_products_that_it_names(
    products: tuple[str, ...], expected: int
) -> None:
    told = event(Kind.ANNOUNCED, update("cve"), products=products)

    assert len(concerned(told, "15.2.1544.14")) == expected


OVER = Confidence.SUSPECTED
CU12_BUILD = "15.2.1118.40"
CU12 = update(
    "november-2029",
    package("Exchange Server 2019 CU12", "KB8", CU12_BUILD),
    title="November 2029 SU",
    released=NOV - days(365),
)
CU14_ITSELF = update(
    "exchange-server-2019-cu14",
    package(CU14, "KB7", "15.2.1544.4", type="CU"),
    type="CU",
    title=CU14,
    released=NOV - days(270),
)
ALL = (CU12, CU14_ITSELF, BEFORE, BACK)


@pytest.mark.parametrize(
    ("build", "told", "ledger", "step"),
    [
        ("15.2.1544.13", event(Kind.PULLED, PULLED), (BEFORE, PULLED), "follow"),
        ("15.2.1544.11", event(Kind.PULLED, PULLED), (BEFORE, PULLED), "keep-off"),
        # The pull is of packages for CU13 and CU14: at CU12 they cannot be installed
        (CU12_BUILD, event(Kind.PULLED, PULLED), (CU12, PULLED), None),
        (
            "15.2.1544.11",
            event(Kind.KNOWN_ISSUE, PULLED, pulled=True),
            (BEFORE, PULLED),
            "keep-off",
        ),
        (
            "15.2.1544.13",
            replace(event(Kind.PULLED, RELEASED), confidence=OVER),
            (replace(RELEASED, suspicions=(DOUBT,)),),
            "hold",
        ),
        ("15.2.1544.13", event(Kind.RE_RELEASED, BACK), (BEFORE, BACK), "install"),
        ("15.2.1544.14", event(Kind.RE_RELEASED, BACK), (BEFORE, BACK), "nothing"),
        (CU12_BUILD, event(Kind.RE_RELEASED, BACK), ALL, "move"),
        (
            "15.2.1544.13",
            replace(event(Kind.RE_RELEASED, BACK), confidence=OVER),
            ALL,
            None,
        ),
        (
            "15.2.1544.13",
            event(Kind.EXPLOITED, update("cve"), products=(CU14,)),
            (RELEASED,),
            "no-update-yet",
        ),
        (
            CU12_BUILD,
            event(Kind.EXPLOITED, update("cve"), products=(CU14,)),
            ALL,
            "no-update-yet",
        ),
        ("15.2.1544.13", event(Kind.REVISED, RELEASED), (RELEASED,), "read"),
        ("15.2.1544.11", event(Kind.REVISED, BACK), ALL, None),
        ("15.2.1544.13", event(Kind.NEWS, RELEASED), (RELEASED,), None),
        ("15.2.1544.13", event(Kind.CORRECTED, RELEASED), (RELEASED,), "nothing"),
    ],
)
def test_the_step_fits_what_has_happened(
    build: str, told: Event, ledger: tuple[Update, ...], step: str | None
) -> None:
    assert step_of(of(build, *ledger), told) == step


@pytest.mark.parametrize(
    ("build", "told", "step"),
    [
        ("15.2.1544.13", event(Kind.KNOWN_ISSUE, RELEASED), "check-issue"),
        # Whose installation fails is not told to install: v1 is pulled, and the issue
        # is of v2
        ("15.2.1544.13", event(Kind.KNOWN_ISSUE, BACK), "read-first"),
        ("15.2.1544.14", event(Kind.KNOWN_ISSUE, BACK), "check-issue"),
        ("15.2.1544.11", event(Kind.KNOWN_ISSUE, BACK), "read-first"),
        (CU12_BUILD, event(Kind.KNOWN_ISSUE, BACK), None),
        # An issue of CU14 is of each server at CU14; one at CU12 is to move there, and
        # nobody at CU23 of another product
        ("15.2.1544.13", event(Kind.KNOWN_ISSUE, CU14_ITSELF), "check-issue"),
        ("15.2.1544.14", event(Kind.KNOWN_ISSUE, CU14_ITSELF), "check-issue"),
        (CU12_BUILD, event(Kind.KNOWN_ISSUE, CU14_ITSELF), "read-first"),
    ],
)
def test_a_known_issue_orders_no_installation(
    build: str, told: Event, step: str | None
) -> None:
    assert step_of(of(build, *ALL), told) == step


def issue(row: Update, words: str) -> Event:
    proof = Evidence("issues", "", NOV, "", "added", "", words)
    return event(Kind.KNOWN_ISSUE, row, evidence=(proof,))


@pytest.mark.parametrize(
    ("words", "step"),
    [
        ("You may see an error when installing the update.", "installed-already"),
        ("The update fails to install on a core server.", "installed-already"),
        ("The installation may fail with 1603.", "installed-already"),
        ("Rules may stop working after installing the update.", "check-issue"),
        ("Mail stays in the queue.", "check-issue"),
    ],
)
def test_an_issue_of_installing_is_over_where_it_is_installed(
    words: str, step: str
) -> None:
    told = issue(BACK, words)

    assert step_of(of("15.2.1544.14", *ALL), told) == step
    assert step_of(of("15.2.1544.13", *ALL), told) == "read-first"


def test_an_issue_is_of_each_product_that_its_words_name() -> None:
    told = issue(CU14_ITSELF, f"After upgrading to {CU14} OR {CU15} clients may fail.")

    assert step_of(of("15.2.1748.10", *ALL, MADE), told) == "check-product"
    only_one = issue(CU14_ITSELF, f"After upgrading to {CU14} clients may fail.")
    assert step_of(of("15.2.1748.10", *ALL, MADE), only_one) is None


@pytest.mark.parametrize(
    ("products", "concerned"),
    [
        (("Exchange Server",), [CU12_BUILD, "15.2.1544.13", "15.2.1544.14"]),
        (("Exchange Server 2019",), [CU12_BUILD, "15.2.1544.13", "15.2.1544.14"]),
        ((CU14, CU15), ["15.2.1544.13", "15.2.1544.14"]),
        ((CU23,), []),
    ],
)
def test_an_issue_without_an_update_is_of_the_products_that_it_names(
    products: tuple[str, ...], concerned: list[str]
) -> None:
    told = event(Kind.KNOWN_ISSUE, update("issue"), packages=(), products=products)
    steps = steps_of_event(
        told,
        [of(build, *ALL) for build in (CU12_BUILD, "15.2.1544.13", "15.2.1544.14")],
    )

    assert {each.exposure.server.build for each in steps} == set(concerned)
    assert {(each.step.value, each.of_installed) for each in steps} <= {
        ("check-product", False)
    }


def test_a_new_cumulative_update_is_said_of_its_product_and_hides_no_repair() -> None:
    told, ledger = event(Kind.RELEASED, MADE), (*ALL, MADE)

    assert step_of(of("15.2.1544.14", *ledger), told) == "upgrade"
    assert step_of(of("15.2.1544.13", *ledger), told) == "upgrade-or"
    assert step_of(of(CU12_BUILD, *ledger), told) == "upgrade-left"
    assert step_of(of("15.1.2507.43", *ledger, product=CU23), told) is None


@pytest.mark.parametrize("kind", [Kind.PULLED, Kind.RELEASED, Kind.KNOWN_ISSUE])
def test_what_has_no_build_yet_is_of_the_products_that_it_names_and_no_build_is_judged(
    kind: Kind,
) -> None:
    named = event(kind, update("x", package(CU14, "KB6")), products=(CU14,))

    expected = "check-product" if kind is Kind.KNOWN_ISSUE else "check-build"
    assert step_of(of("15.2.1544.13", *ALL), named) == expected
    assert step_of(of(CU12_BUILD, *ALL), named) is None


def test_what_is_affected_comes_first_and_what_has_nothing_to_do_last() -> None:
    builds = ("15.2.1544.14", "15.2.1544.11", "15.2.1544.13")
    steps = steps_of_event(
        event(Kind.RE_RELEASED, BACK), [of(build, *ALL) for build in builds]
    )

    assert [(each.exposure.server.build, each.step.value) for each in steps] == [
        ("15.2.1544.13", "install"),
        ("15.2.1544.11", "install"),
        ("15.2.1544.14", "nothing"),
    ]


def test_one_is_reminded_of_what_is_pulled_and_installed() -> None:
    known = server_status.exposures(
        [
            Server("EX01", "15.2.1544.13"),
            Server("EX02", "15.2.1544.14"),
            Server("EX03", "1.2.3.4"),
        ],
        (BACK,),
    )

    assert [found.server.name for found in server_status.on_pulled(SU, known)] == [
        "EX01"
    ]
    assert server_status.on_pulled("april", known) == ()


def test_a_servers_line_is_its_product_without_level() -> None:
    assert product_line(of("15.2.1544.13", RELEASED).product) == "Exchange Server 2019"


# --- owners ---------------------------------------------------------------------------


def whose(*owners: str, inventory: str = "") -> Subscriber:
    return Subscriber("team", (), owners=owners, inventory=inventory)


def owned(*owners: str, build: str = "15.2.1544.11", product: str = "") -> Exposure:
    (found,) = server_status.exposures(
        [Server("EX01", build, product, owners)], (BEFORE, RELEASED)
    )
    return found


def test_an_owners_servers_are_found_by_pattern_and_a_name_that_nobody_bears_silences_nobody() -> (
    None
):
    mine, others = owned("Mail-Team", "anna@example.org"), owned("web")
    assert server_status.owned(whose("mail-*"), (mine, others)) == (mine,)
    assert server_status.owned(whose("ANNA@example.org", "nobody"), (mine, others)) == (
        mine,
    )
    assert server_status.owned(whose("*"), (mine, owned())) == (mine,)
    assert server_status.owned(whose("nobody"), (mine, others)) == (mine, others)
    assert server_status.owned(whose(), (mine, others)) == (mine, others)


@pytest.mark.parametrize(
    ("build", "product", "expected"),
    [
        ("15.2.1544.11", "", True),  # its branch is known
        ("15.2.1544.99", "", False),  # newer than what is told
        ("9.9.9999.9", "", True),  # nobody knows what it is
        ("9.9.9999.9", "Exchange Server 2019 CU77", True),
        ("9.9.9999.9", "Exchange Server", True),
        ("9.9.9999.9", "Exchange Server 2016 CU23", False),
        ("9.9.9999.9", "SharePoint Server 2019", False),
    ],
)
def test_a_server_that_no_source_knows_is_judged_by_the_product_it_is_said_to_be(
    build: str, product: str, expected: bool
) -> None:
    assert (
        server_status.may_concern(
            event(Kind.RELEASED, RELEASED), [owned(build=build, product=product)]
        )
        is expected
    )


def test_what_names_no_product_or_its_family_alone_may_concern_every_server() -> None:
    sharepoint = owned(build="9.9.9999.9", product="SharePoint Server 2019")
    assert server_status.may_concern(
        event(Kind.ANNOUNCED, RELEASED, packages=(), products=()), [sharepoint]
    )
    whole = event(Kind.ANNOUNCED, RELEASED, packages=(), products=("Exchange Server",))
    assert server_status.may_concern(
        whole, [owned(build="9.9.9999.9", product="Exchange Server 2016 CU23")]
    )
    assert not server_status.may_concern(whole, [sharepoint])


# --- which servers an update concerns, for its page -----------------------------------


@pytest.mark.parametrize(
    ("build", "concerned"),
    [
        ("15.2.1544.13", True),  # installed
        ("15.2.1544.11", True),  # behind it
        ("15.2.1544.14", True),  # its second version is installed
        ("15.2.1544.20", False),  # beyond it
        ("15.2.1748.10", False),  # of a branch of which no product is known
        ("15.1.2507.39", False),  # of another line
    ],
)
def test_an_update_concerns_the_servers_that_have_it_or_are_behind_it(
    build: str, concerned: bool
) -> None:
    later = update(
        "later",
        package(CU23, "KB9", "15.1.2507.39"),
        package(CU14, "KB9", "15.2.1544.20"),
    )
    found = of(build, BEFORE, BACK, replace(later, released=NOV + days(60)))

    assert bool(server_status.servers_of_update(RELEASED, [found])) is concerned


def test_where_no_build_of_a_servers_branch_is_known_the_dates_tell() -> None:
    found = of("15.2.1544.13", BEFORE, RELEASED)
    advisory = replace(
        update("cve-2030-1"), products=(CU14,), state=State.ANNOUNCED, released=None
    )

    assert server_status.servers_of_update(
        replace(advisory, first_seen=NOV + days(1)), [found]
    ) == (found,)
    assert (
        server_status.servers_of_update(
            replace(advisory, first_seen=NOV - days(1)), [found]
        )
        == ()
    )
    assert (
        server_status.servers_of_update(
            replace(
                update("old", package(CU13, "KB8", "15.2.1258.99")),
                released=NOV - days(1),
            ),
            [found],
        )
        == ()
    )


def test_servers_of_one_build_stand_alike_each_by_its_name() -> None:
    servers = [
        Server("EX01", "15.2.1544.13"),
        Server("EX02", "15.2.1544.11"),
        Server("EX03", "15.2.1544.13"),
    ]
    found = server_status.exposures(servers, (BEFORE, PULLED))

    assert [(each.server.name, each.fitness.value) for each in found] == [
        ("EX01", "pulled"),
        ("EX02", "good"),
        ("EX03", "pulled"),
    ]
