"""What is held back when something is muted, and what never is."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from watcher.judgement import audience
from watcher.mail import samples
from watcher.records import Kind

OLD, NEW = "Exchange Server 2016 CU23", "Exchange Server 2019 CU14"


@pytest.mark.parametrize(
    ("targets", "kind", "products", "expected"),
    [
        ((), Kind.PULLED, (OLD,), False),
        (("exchange-server-2030-05-su",), Kind.PULLED, (OLD,), True),
        (("another",), Kind.PULLED, (OLD,), False),
        (("kind:revised",), Kind.REVISED, (OLD,), True),
        (("kind:revised",), Kind.PULLED, (OLD,), False),
        (("product:exchange server 2016*",), Kind.PULLED, (OLD,), True),
        (("product:exchange server 2016*",), Kind.PULLED, (OLD, NEW), False),
        (
            ("product:exchange server 2016*", "product:*2019*"),
            Kind.PULLED,
            (OLD, NEW),
            True,
        ),
        (("product:*",), Kind.PULLED, (), False),
        (
            (
                "reminder:exchange-server-2030-05-su",
                "reminder:product:*",
                "reminder:kind:pulled",
            ),
            Kind.PULLED,
            (OLD,),
            False,
        ),
        (
            ("exchange-server-2030-05-su", "kind:corrected", "product:*"),
            Kind.CORRECTED,
            (OLD,),
            False,
        ),
    ],
)
def test_only_what_is_muted_is_held_back(
    targets: tuple[str, ...], kind: Kind, products: tuple[str, ...], expected: bool
) -> None:
    told = samples.event(kind)
    told = replace(told, update=replace(told.update, products=products))
    assert audience.is_muted(targets, told, told.update.id) is expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("exchange-server-2030-05-su", True),
        ("reminder:kind:pulled", True),
        ("product:*2030 CU1", True),
        ("product:Windows*", False),
    ],
)
def test_a_note_is_about_the_updates_that_it_concerns(
    target: str, expected: bool
) -> None:
    update = replace(
        samples.reminder().standing[0], products=("Exchange Server 2030 CU1",)
    )
    assert audience.is_about(target, update) is expected
    assert not audience.target_name(target).startswith(
        ("reminder:", "kind:", "product:")
    )
