"""The administrator's own servers: read from the inventory, judged by the ledger.

A subscriber may have an inventory of their own, as a service provider's customers do;
pages show none of these.

Pages show them where the configuration says so.  How a server stands depends on every
update of its product, so that one more may change the pages of others: a mark of what
each page says of servers is kept, and only pages of which it differs are made again.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from watcher import inventory
from watcher.config import Settings
from watcher.errors import ConfigurationError, ParseError
from watcher.inventory import Inventory
from watcher.judgement import server_status
from watcher.judgement.server_status import BuildIndex
from watcher.records import Exposure, Server, Subscriber
from watcher.store import Store

NEWS = "news"
# What is read of a folder: not every JSON or HTML file there need be an inventory
FILES = ("*.xml", "*.csv", "HealthChecker-*.json", "ExchangeAllServersReport*.html")
PUBLISHED = "published_servers"
"""Note: the marks of the pages that show servers."""


def read(path: Path) -> Inventory:
    """Read an inventory file.

    Raises ConfigurationError with cause and remedy when it cannot be read at all.
    """
    try:
        if path.is_dir():
            return _read_folder(path)
        return inventory.parse(_bytes(path))
    except ParseError as error:
        raise ConfigurationError(f"{path}: {error.cause}. {error.remedy}") from error
    except OSError as error:
        remedy = "Correct the path, or write the file; a run goes on without it."
        raise ConfigurationError(
            f"{path}: the inventory cannot be read ({error.strerror or error}). {remedy}"
        ) from error


def _bytes(path: Path) -> bytes:
    """Read a file, or a pipe or device that need not end, as far as an inventory may go.

    One byte more is what is refused.  Raises OSError.
    """
    with path.open("rb") as file:
        return file.read(inventory.LARGEST + 1)


def _read_folder(folder: Path) -> Inventory:
    """Read the files of a folder together; of a server the last file by name counts.

    Health Checker writes a file a server and run, its time at the end of its name, and a
    report of all of them.
    """
    servers: dict[str, Server] = {}
    wrong: list[str] = []
    for path in sorted({path for form in FILES for path in folder.glob(form)}):
        try:
            found = inventory.parse(_bytes(path))
        except ParseError as error:
            wrong.append(f"{path.name}: {error.cause}")
            continue
        servers |= {server.name.lower(): server for server in found.servers}
        wrong += [f"{path.name}: {text}" for text in found.complaints]
    return Inventory(tuple(servers.values()), tuple(wrong))


def complaints(settings: Settings) -> tuple[str, ...]:
    """Say what is wrong with the configured inventories, line by line, and which owners
    they do not have; nothing without one.
    """
    wrong: list[str] = []
    for each in settings.each_organisation:
        for named, path in _paths(each).items():
            readers = [one for one in each.subscribers if one.inventory == named]
            wrong += _complaints(path, readers)
    return tuple(wrong)


def _complaints(path: Path, readers: Iterable[Subscriber]) -> list[str]:
    """Say what is wrong with one inventory, and which owners of its readers it lacks."""
    try:
        found = read(path)
    except ConfigurationError as error:
        return [str(error)]
    wrong = [f"{path}: {text}. The other lines count." for text in found.complaints]
    owners: set[str] = set()
    for server in found.servers:
        owners.update(owner.lower() for owner in server.owners)
    for subscriber in readers:
        # A typing error here would otherwise send a team every server's mail
        wrong += [
            f'{path}: no server has an owner "{name}", whom the subscriber '
            f"{subscriber.name} names. Correct one of the two; a subscriber "
            "whose owners have no server at all is told of everything."
            for name in subscriber.owners
            if not fnmatch.filter(owners, name.lower())
        ]
    return wrong


def _paths(settings: Settings) -> dict[str, Path]:
    """Give the configured inventories: everybody's under "", subscribers' own by path."""
    paths = {} if settings.inventory is None else {"": settings.inventory}
    for subscriber in settings.subscribers:
        if subscriber.inventory:
            paths[subscriber.inventory] = Path(subscriber.inventory)
    return paths


def listed(settings: Settings) -> tuple[Server, ...]:
    """Give the servers of everybody's inventory, which pages may show.

    None without one, and none where it cannot be read (``complaints`` says so).
    """
    return tuple(each for each in listed_all(settings) if not each.inventory)


def listed_all(settings: Settings) -> tuple[Server, ...]:
    """Give the servers of everybody's inventory, and of those of subscribers."""
    found: list[Server] = []
    for named, path in _paths(settings).items():
        try:
            servers = read(path).servers
        except ConfigurationError:
            continue
        found += [replace(server, inventory=named) for server in servers]
    return tuple(found)


def exposures(
    settings: Settings, store: Store, ledger: Ledger | None = None
) -> tuple[Exposure, ...]:
    """Judge the servers of the configured inventories.

    ``ledger`` is given where several organisations' are judged at one time.
    """
    servers = listed_all(settings)
    if not servers:
        return ()
    index = (ledger or Ledger(store)).index
    return server_status.exposures_by(index, servers)


class Ledger:
    """The ledger's builds, read when the first server is judged by them."""

    def __init__(self, store: Store) -> None:
        """Read nothing yet."""
        self._store = store

    @cached_property
    def index(self) -> BuildIndex:
        """The builds, sorted by what servers are compared by."""
        return server_status.build_index(self._store.updates())


class PublishedServers(Struct, frozen=True):
    """Servers by the id of the update whose page shows them."""

    servers: Mapping[str, tuple[Exposure, ...]] = field(default_factory=dict)
    # Updates whose published page says otherwise
    changed: frozenset[str] = frozenset()
    # The marks of all pages, as they are kept
    marks: str = ""


def published(settings: Settings, store: Store) -> PublishedServers:
    """Give the servers that pages show; none unless they are to be published."""
    previous = store.meta(PUBLISHED)
    if not settings.publish_servers and not previous:
        return PublishedServers()
    servers = _by_update(settings, store) if settings.publish_servers else {}
    marks = {update: _digest(repr(mine).encode()) for update, mine in servers.items()}
    previous_marks: dict[str, str] = json.loads(previous or "{}")
    # An update of which no server is shown any more changes, too
    changed = {update for update, _ in marks.items() ^ previous_marks.items()}
    # An update that another one has taken over has no page of its own any more
    changed -= store.heirs(changed).keys()
    kept = json.dumps(marks, sort_keys=True) if marks else ""
    return PublishedServers(servers, frozenset(changed), kept)


def _by_update(settings: Settings, store: Store) -> dict[str, tuple[Exposure, ...]]:
    servers = listed(settings)
    updates = store.updates() if servers else ()
    judged = server_status.exposures(servers, updates)
    found = {}
    for update in updates:
        exposures = server_status.servers_of_update(update, judged)
        if exposures and update.type != NEWS:
            found[update.id] = exposures
    return found


def keep_published(store: Store, published: PublishedServers) -> None:
    """Keep the marks of what is published now."""
    if published.marks != store.meta(PUBLISHED):
        store.set_meta(PUBLISHED, published.marks)


def inventory_mark(settings: Settings) -> str:
    """Give a word that changes with what is written of servers in the inventory.

    "-" where none is published.
    """
    if not settings.publish_servers or settings.inventory is None:
        return "-"
    # The check warns of one that cannot be read
    return _digest(repr(listed(settings)).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
