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
        # An absence asks to wait and never to uninstall: .NET 10.0.4 was away for 70
        # minutes
        if event.kind is Kind.PULLED:
            return ("hold", "hold-installed")
        return ("wait",)
    # A revision or an attack of what stands pulled leads nobody to install it
    if event.pulled and EVENT_KINDS[event.kind].installs:
        return ("still-pulled", "workaround" if event.workaround else _mitigate(event))
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


def _mitigate(event: Event) -> str:
    return _guided(event, "mitigate", "mitigate-unguided")


def _guided(event: Event, guided: str, unguided: str) -> str:
    """Name one sentence where the vendor says what to do, another where it does not."""
    return guided if event.guidance else unguided


def _checked(event: Event) -> tuple[str, ...]:
    return ("health-checker",) if is_exchange(event) else ()


def _pulled(event: Event) -> tuple[str, ...]:
    # Whether to uninstall is the vendor's to say: in November 2024 only who used
    # transport rules was to
    installed = _guided(event, "installed-guided", "installed-unguided")
    steps = ("do-not-install", "withdraw-approval", installed)
    return (*steps, "health-checker-after") if is_exchange(event) else steps


def _re_released(event: Event) -> tuple[str, ...]:
    if event.update.version > 1:
        return ("install-new-version", "install-over-old", *_checked(event))
    return ("install-again", *_checked(event))


def _released(event: Event) -> tuple[str, ...]:
    if is_exploited(event):
        return ("install-now", *_checked(event))
    # A cumulative update is the product that it makes: naming both would say it twice
    title = event.update.title
    is_product = all(product in title for product in event.update.products)
    return ("install-alone" if is_product else "install", *_checked(event))


def _exploited(event: Event) -> tuple[str, ...]:
    if not has_update(event):
        return _announced(event)
    hurry = "install-now" if is_exploited(event) else "install-soon"
    return (hurry, *_checked(event))


def _known_issue(event: Event) -> tuple[str, ...]:
    # The vendor's workaround comes first, where there is one
    if event.workaround:
        return ("workaround", "issue-install") if has_update(event) else ("workaround",)
    if has_update(event):
        return (_guided(event, "issue-guided", "issue-unguided"),)
    return (_guided(event, "issue-alone", "issue-alone-unguided"),)


def _announced(event: Event) -> tuple[str, ...]:
    waiting = "exploited-no-update" if is_exploited(event) else "no-update-yet"
    return (waiting, _mitigate(event))


def _corrected(_event: Event) -> tuple[str, ...]:
    return ("disregard",)


def _revised(event: Event) -> tuple[str, ...]:
    return (_guided(event, "read-guided", "read"),)


def _news(_event: Event) -> tuple[str, ...]:
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
    Kind.NEWS: _news,
}
complete(_STEPS, "advice")
