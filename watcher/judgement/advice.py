"""What an administrator does now: which of the fixed sentences an event calls for.

The sentences themselves are words of a language (``templates/mail/words``), named here
by their keys. Whether to uninstall is the vendor's to say: we point to its words and
add none of our own.
"""

from __future__ import annotations

import re

from watcher.kinds import EVENT_KINDS, complete
from watcher.records import Confidence, Event, Kind

HEALTH_CHECKER = "https://aka.ms/ExchangeHealthChecker"
_NO_WORKAROUND = re.compile(
    r"^(?:none|n/?a|tbd|no|not applicable)\W*$|\bno (?:known |other )?workarounds?\b"
    r"|\b(?:workarounds?|fix) (?:is|are) not (?:yet )?(?:available|known)"
    r"|\b(?:investigating|under investigation|working on)\b"
    r"|\b(?:will|going to) be (?:\w+ )?(?:fixed|addressed|resolved|released|provided)\b"
    r"|(?:\bwill|'ll|’ll) (?:update|provide|share|release|address|fix|resolve)\b"
    r"|\b(?:has|have) been (?:fixed|addressed|resolved)\b",
    re.IGNORECASE,
)


def keys(event: Event) -> tuple[str, ...]:
    """Name the sentences for ``event``, the first thing to do first."""
    if event.confidence is Confidence.SUSPECTED:
        return _suspected(event)
    if event.pulled and EVENT_KINDS[event.kind].installs:
        return (
            "still-pulled",
            "workaround"
            if event.workaround
            else _guided(event, "mitigate", "mitigate-unguided"),
        )
    return _STEPS[event.kind](event)


def is_workaround(text: str) -> bool:
    """Say whether what stands where a workaround should stand is one.

    "none" and "we are investigating" are not.
    """
    return bool(text.strip()) and not _NO_WORKAROUND.search(text.strip())


def is_exchange(event: Event) -> bool:
    """Say whether Exchange Server is concerned, where Health Checker belongs to every
    installation.
    """
    return any(
        name.startswith("Exchange Server")
        for name in (event.update.title, *event.update.products)
    )


def has_update(event: Event) -> bool:
    """Say whether there is something to install."""
    return bool(event.packages or event.update.kbs or event.update.builds)


def is_exploited(event: Event) -> bool:
    """Say whether a vulnerability of the event is exploited, not just publicly known."""
    return any(advisory.exploited for advisory in event.advisories)


def _not_yet(event: Event) -> str:
    return "exploited-no-update" if is_exploited(event) else "no-update-yet"


def _guided(event: Event, known: str, unknown: str) -> str:
    return known if event.guidance else unknown


def _checked(event: Event) -> tuple[str, ...]:
    return ("health-checker",) if is_exchange(event) else ()


def _suspected(event: Event) -> tuple[str, ...]:
    if event.kind is Kind.PULLED:
        return ("hold", "hold-installed")
    return ("wait",)


def _pulled(event: Event) -> tuple[str, ...]:
    already = _guided(event, "installed-guided", "installed-unguided")
    return (
        "do-not-install",
        "withdraw-approval",
        already,
        *(("health-checker-after",) if is_exchange(event) else ()),
    )


def _re_released(event: Event) -> tuple[str, ...]:
    if event.update.version > 1:
        return ("install-new-version", "install-over-old", *_checked(event))
    return ("install-again", *_checked(event))


def _released(event: Event) -> tuple[str, ...]:
    return ("install-now" if is_exploited(event) else _tested(event), *_checked(event))


def _tested(event: Event) -> str:
    """A cumulative update is the product that it makes: naming both would say it twice."""
    return (
        "install-alone"
        if all(product in event.update.title for product in event.update.products)
        else "install"
    )


def _exploited(event: Event) -> tuple[str, ...]:
    if has_update(event):
        return (
            "install-now" if is_exploited(event) else "install-soon",
            *_checked(event),
        )
    return (_not_yet(event), _guided(event, "mitigate", "mitigate-unguided"))


def _known_issue(event: Event) -> tuple[str, ...]:
    if event.workaround:
        return ("workaround", *(("issue-install",) if has_update(event) else ()))
    if not has_update(event):
        return (_guided(event, "issue-alone", "issue-alone-unguided"),)
    return (_guided(event, "issue-guided", "issue-unguided"),)


def _announced(event: Event) -> tuple[str, ...]:
    return (_not_yet(event), _guided(event, "mitigate", "mitigate-unguided"))


def _corrected(_event: Event) -> tuple[str, ...]:
    return ("disregard",)


def _revised(event: Event) -> tuple[str, ...]:
    return (_guided(event, "read-guided", "read"),)


def _nothing(_event: Event) -> tuple[str, ...]:
    return ("read",)


_STEPS = {
    Kind.PULLED: _pulled,
    Kind.RE_RELEASED: _re_released,
    Kind.RELEASED: _released,
    Kind.EXPLOITED: _exploited,
    Kind.KNOWN_ISSUE: _known_issue,
    Kind.ANNOUNCED: _announced,
    Kind.CORRECTED: _corrected,
    Kind.REVISED: _revised,
    Kind.NEWS: _nothing,
}
complete(_STEPS, "advice")
