"""``watcher ack``: what an administrator has dealt with."""

from __future__ import annotations

from watcher import report
from watcher.cli.call import Call, command, length, now
from watcher.cli.target import HowLong, Undo, What, find_targets, reminders_text
from watcher.judgement import audience
from watcher.store import Store


@command("ack", "watcher ack KB5044062")
def ack(
    call: Call, what: What, *, how_long: HowLong = None, undo: Undo = False
) -> None:
    """Note that an update, a product's pulled updates, or all pulled ones have been dealt with.

    No reminders.

    News of them is still sent.  When something of it is pulled again, reminders begin
    again; with --for they begin again after that time.
    """
    settings = call.settings()
    until = now() + length(how_long) if how_long else None
    with call.store(settings) as store:
        for target in find_targets(store, what):
            # Both: nobody remembers whether it was noted with --for or without
            if undo:
                store.unack(target)
                for answered in _answered(store, target):
                    store.unack(answered)
                store.unmute(f"{audience.REMINDER}{target}")
            elif until:
                store.mute(f"{audience.REMINDER}{target}", until)
            else:
                store.ack(target, now())
            then = "reminders are sent again" if undo else reminders_text(until)
            report.write(report.harmless(f"{audience.target_name(target)}: {then}."))


def _answered(store: Store, target: str) -> list[str]:
    """Give what subscribers have answered of a target by mail."""
    answers = [each for each in store.acks() if each.startswith(audience.READER)]
    return [each for each in answers if each.endswith(f":{target}")]
