"""``watcher mute``: what an administrator wants to hear no more of."""

from __future__ import annotations

from datetime import datetime

from watcher import report
from watcher.cli.call import Call, command, length, now
from watcher.cli.target import (
    HowLong,
    Undo,
    What,
    covered_products,
    find_targets,
    until_text,
)
from watcher.errors import ConfigurationError
from watcher.judgement import audience
from watcher.kinds import EVENT_KINDS
from watcher.store import Store


@command("mute", "watcher mute KB5044062 --for 30d")
def mute(
    call: Call, what: What, *, how_long: HowLong = None, undo: Undo = False
) -> None:
    """Ask for no more mail about an update, products or a kind of event.

    Its events are recorded and published all the same.  A correction of what was told
    before is still sent. An event of several products is held back only when all of
    them are muted; pulled and exploited can be muted for a time only. What was not
    sent meanwhile is not sent later: see watcher events.
    """
    settings = call.settings()
    until = now() + length(how_long) if how_long else None
    with call.store(settings) as store:
        for target in find_targets(store, what):
            if undo:
                store.unmute(target)
                report.write(
                    report.harmless(
                        f"{audience.target_name(target)}: no longer muted, mail about "
                        "it is sent from now on."
                    )
                )
                continue
            _allow(target, until)
            store.mute(target, until)
            name = audience.target_name(target)
            held_back = _held_back(store, target)
            report.write(
                report.harmless(f"{name}: muted {until_text(until)}; {held_back}.")
            )


def _allow(target: str, until: datetime | None) -> None:
    """Refuse to mute for good what would hide every pull."""
    alarming_kinds = [kind for kind, row in EVENT_KINDS.items() if row.alarming]
    alarming = {f"{audience.KIND}{kind.value}" for kind in alarming_kinds}
    hides_pulls = target in alarming or target == f"{audience.PRODUCT}*"
    if until is None and hides_pulls:
        raise ConfigurationError(
            f'"{audience.target_name(target)}" cannot be muted for good: no pull '
            "would be told any more. Say for how long, as in --for 7d, "
            "or take it out of the subscriber's kinds or products."
        )


def _held_back(store: Store, target: str) -> str:
    if target.startswith(audience.PRODUCT):
        names = covered_products(store, target)
        named = ", ".join(names[:4])
        # "Windows*" covers dozens
        if len(names) > 4:
            named += f" and {len(names) - 4} more"
        return f"no mail about {named}, but for events of other products, too, and corrections"
    if target.startswith(audience.KIND):
        return "no mail of this kind, whatever the product, but for corrections"
    return "no mail about it, but for corrections"
