"""What readers answered by mail, taken into the state before anybody is reminded.

read what is unseen
note what has been dealt with      again and again the same, as of when the mail came
mark as seen                       a run that is killed before reads it once more
"""

from __future__ import annotations

from watcher import mailbox
from watcher.config import Settings
from watcher.errors import WatcherError
from watcher.judgement import audience
from watcher.judgement.reminders import newest_pull
from watcher.store import Store


def take_in(settings: Settings, store: Store) -> tuple[str, ...]:
    """Note what readers have dealt with; give what went wrong, in words."""
    configured = settings.mail.replies
    if configured is None:
        return ()
    readers = [subscriber.name for subscriber in settings.subscribers]
    strange = 0
    try:
        with mailbox.connect(configured, settings.ca_bundle) as box:
            # Other mail in this mailbox stays as it is, unread
            came = [each for each in box.unseen() if audience.is_signed(each.subject)]
            if not came:
                return ()
            key = audience.key_of(configured.password.reveal())
            acknowledged = store.acks()
            for reply in came:
                answer = audience.read(
                    reply.subject,
                    key,
                    readers,
                    lambda update: newest_pull(store.update(update)),
                )
                if answer is None:
                    strange += 1
                    continue
                before = acknowledged.get(answer.target)
                # An answer that is read again takes no later one back
                if before is None or before < reply.received:
                    store.ack(answer.target, reply.received)
            box.mark_seen(came)
    except WatcherError as error:
        # A server may say back what it was told
        return (settings.masked(str(error)),)
    if strange:
        return (
            (
                f"{strange} mails to {configured.address} begin like an answer and are "
                "signed for no subscriber. Nothing was noted of them: after a new "
                "WATCHER_IMAP_PASSWORD, links of older mail hold no more, and after "
                "another pull those of the one before."
            ),
        )
    return ()
