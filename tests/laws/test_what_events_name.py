"""Law 7: an event names no package of which its evidence does not speak.

A vendor's life whose updates have a KB article for each product, through a real check.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.laws.orders import Lived, Telling, Told, live
from tests.laws.releases import (
    LINES_IN_POSTS,
    LIVES,
    SHORT,
    SOURCES,
    Act,
    Release,
)
from watcher.records import Kind

TELLINGS = st.builds(
    Telling,
    how=st.sampled_from(("settings", "apart")),
    order=st.permutations(SOURCES).map(tuple),
)


def faults(lived: Lived) -> list[str]:
    """Say what events name that is not theirs to name."""
    found = []
    by_title = {each.title: each for each in lived.releases}
    for told in lived.told:
        update = lived.update_of(told.event)
        release = by_title.get(update.title) if update is not None else None
        if release is None:
            title = update.title if update is not None else "nothing"
            found.append(f"{_line(told)}: it is of {title}")
            continue
        found += _named_wrongly(told, release)
    return found


def _named_wrongly(told: Told, release: Release) -> list[str]:
    """What one event names beyond its update, and beyond what has turned."""
    event, found = told.event, []
    evidence = " ".join(f"{each.before} {each.after}" for each in event.evidence)
    its_own = {name for offer in release.offers for name in offer.names}
    its_own |= LINES_IN_POSTS
    # MSRC's record bears a wrong build at times
    its_own |= {f"{offer.build}9" for offer in release.offers}
    named = {*event.update.kbs, *event.update.builds, *event.update.products}
    for package in event.packages:
        named |= {package.kb, package.build, package.product}
    for name in sorted(named - {""}):
        if name not in its_own:
            found.append(f"{_line(told)}: {name} is not of {release.title}")
        elif name not in told.named and name not in evidence:
            found.append(f"{_line(told)}: nobody has named {name}")
    turned = {Kind.PULLED: told.pulled, Kind.RE_RELEASED: told.back}
    if event.kind in turned:
        kbs = {*event.update.kbs, *(package.kb for package in event.packages)}
        found += [
            f"{_line(told)}: {kb} is not {event.kind}"
            for kb in sorted(kbs - turned[event.kind] - {""})
        ]
        # Words may tell of a turn before any package of it is known
        products = {each.product for each in event.packages}
        meant = {
            SHORT[offer.product]
            for offer in release.offers
            if offer.kb in turned[event.kind]
        }
        found += [
            f"{_line(told)}: {product} is not {event.kind}"
            for product in sorted(products - meant - LINES_IN_POSTS)
        ]
    return found


def _line(told: Told) -> str:
    event = told.event
    return f"{event.kind} {event.update.title} v{event.update.version}"


@settings(max_examples=12, derandomize=True)
@given(life=LIVES, telling=TELLINGS)
def test_an_event_names_what_was_said_of_its_update_and_no_other_package(
    life: tuple[Act, ...], telling: Telling
) -> None:
    assert faults(live(life, telling)) == []


@pytest.mark.fuzz
@settings(max_examples=3000)
@given(life=LIVES, telling=TELLINGS)
def test_no_event_of_thousands_of_lives_names_another_package(
    life: tuple[Act, ...], telling: Telling
) -> None:
    assert faults(live(life, telling)) == []
