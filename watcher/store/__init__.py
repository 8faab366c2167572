"""The state, in SQLite or PostgreSQL."""

from watcher.records import StoredEntry
from watcher.store.documents import EntryChanges
from watcher.store.messages import DeliveryCounts
from watcher.store.store import Pruned, Store

__all__ = ["DeliveryCounts", "EntryChanges", "Pruned", "Store", "StoredEntry"]
