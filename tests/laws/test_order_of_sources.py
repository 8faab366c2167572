"""Law 3: the order of sources, and of entries, changes no conclusion.

A life is told once as it comes, all sources at one check, and once in another way; its
ledger is the same at the end, and the same has been told as released, pulled and back.

What may differ, and does:

- what an update was called when an event was told: a record that comes first knows its day
  alone ("update of 20 November 2024"), and is here of the update that took it over;
- its id, where the vendor's own name came after its day's: the mail thread goes on;
- how many events tell of one turn: what a later source adds in packages may be told as
  further ones, and a page that is gone before the words are may first be suspected;
- known issues, revisions and corrections.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from tests.laws.orders import Lived, Telling, live
from tests.laws.releases import FIRST_CHECK, LIVES, SOURCES, Act
from watcher.records import Confidence, Kind, Package

TURNS = (Kind.RELEASED, Kind.PULLED, Kind.RE_RELEASED)
ORDERS = st.permutations(SOURCES).map(tuple)
AT_ONCE = st.builds(
    Telling,
    how=st.sampled_from(("settings", "alone")),
    order=ORDERS,
    seed=st.integers(0, 99),
)
APART = st.builds(Telling, how=st.just("apart"), order=ORDERS, seed=st.integers(0, 99))


class Standing(Struct, frozen=True):
    """An update as it stands at the end, by its title."""

    title: str
    state: str
    version: int
    packages: frozenset[tuple[str, str, str, int, bool]]


def ledger(lived: Lived) -> frozenset[Standing]:
    """What the ledger comes to: what was founded after the first check."""
    updates = {each.id: each for each in lived.updates.values()}
    return frozenset(
        Standing(
            each.title,
            each.state.value,
            each.version,
            frozenset(map(_package, each.packages)),
        )
        for each in updates.values()
        if each.first_seen > FIRST_CHECK
    )


def _package(package: Package) -> tuple[str, str, str, int, bool]:
    version, is_pulled = package.version, package.pulled
    return package.product, package.kb, package.build, version, is_pulled


def turns(lived: Lived) -> set[tuple[str, str]]:
    """What was told of releases, pulls and returns, by the names of the end."""
    found = set()
    for told in lived.told:
        event, update = told.event, lived.update_of(told.event)
        if event.kind in TURNS and event.confidence is Confidence.CONFIRMED:
            title = update.title if update is not None else event.update.title
            found.add((str(event.kind), title))
    return found


def faults(life: tuple[Act, ...], telling: Telling) -> list[str]:
    """Say how a life told in this way differs from the same one told as it comes."""
    one, other = live(life, Telling()), live(life, telling)
    found = [f"lacks {each}" for each in ledger(one) - ledger(other)]
    found += [f"has {each}" for each in ledger(other) - ledger(one)]
    found += [f"untold: {each}" for each in turns(one) - turns(other)]
    found += [f"told: {each}" for each in turns(other) - turns(one)]
    return sorted(found)


@settings(max_examples=6, derandomize=True)
@given(life=LIVES, telling=AT_ONCE)
def test_the_order_within_a_check_and_of_entries_changes_nothing(
    life: tuple[Act, ...], telling: Telling
) -> None:
    assert faults(life, telling) == []


@settings(max_examples=6, derandomize=True)
@given(life=LIVES, telling=APART)
def test_what_source_comes_first_changes_nothing(
    life: tuple[Act, ...], telling: Telling
) -> None:
    assert faults(life, telling) == []


@pytest.mark.fuzz
@settings(max_examples=2000)
@given(life=LIVES, telling=AT_ONCE | APART)
def test_no_order_changes_what_thousands_of_lives_come_to(
    life: tuple[Act, ...], telling: Telling
) -> None:
    assert faults(life, telling) == []
