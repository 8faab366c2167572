"""``watcher publish``: feeds and pages, made anew."""

from __future__ import annotations

from watcher import report
from watcher.cli.call import Call, command
from watcher.errors import ConfigurationError
from watcher.plural import counted
from watcher.run import unseen
from watcher.run.publish import publish_site


@command("publish", "watcher publish")
def publish(call: Call) -> None:
    """Rebuild feeds and page from the ledger.

    A run publishes by itself what it has changed.  This looks through everything, and
    writes the files that differ.
    """
    settings = call.settings()
    # To read, which creates none
    with call.store(settings) as store:
        now = store.last_check()
    if now is None:
        raise ConfigurationError(
            "there is nothing to publish yet. Start a check first: watcher run"
        )
    # As of the last check, so that the same ledger gives the same bytes
    with call.store(settings, hold=True) as store:
        unseen.look(settings, store)
        changed = publish_site(settings, store, now)
    report.write(f"{settings.site}: {counted(changed, 'file')} changed.")
