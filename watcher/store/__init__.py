"""The state, in SQLite or PostgreSQL."""

from watcher.store.retention import Pruned
from watcher.store.store import Store
from watcher.store.words import DeliveryCounts, EntryChanges, StoredEntry

__all__ = ["DeliveryCounts", "EntryChanges", "Pruned", "Store", "StoredEntry"]
