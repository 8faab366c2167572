"""The organisations that a service provider watches for, each as settings of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from watcher.config import values
from watcher.config.mistakes import Key, Mistakes
from watcher.config.subscriber_settings import language, patterns, subscribers
from watcher.config.toml_tables import Organisation, Tables
from watcher.records import Subscriber, Watch
from watcher.settings import Settings


def watches(tables: Tables, mistakes: Mistakes) -> dict[Key, Watch]:
    """Give what each organisation watches, by its key."""
    found = {}
    for each in tables.organisation:
        given = mistakes.table(*each.key)
        found[each.key] = Watch(patterns(each.table.products, given))
    return found


def together(own: Watch, others: Mapping[Key, Watch]) -> Watch:
    """Give what is watched for all: sources are asked once."""
    products = list(own.products)
    for each in others.values():
        products += each.products
    return Watch(tuple(dict.fromkeys(products)))


def with_organisations(
    whole: Settings,
    own: Watch,
    others: Mapping[Key, Watch],
    tables: Tables,
    base: Path,
    mistakes: Mistakes,
) -> Settings:
    """Give ``whole`` with the settings of each ``[[organisation]]``.

    What the provider's own ``[watch]`` and ``[[subscriber]]`` say is one of them,
    without a name.
    """
    if not tables.organisation:
        return whole
    named = ((each.key, each.table.name) for each in tables.organisation)
    mistakes.unique(named, "organisation")
    found = []
    if tables.subscriber:
        mine = [replace(each, watched=own.products) for each in whole.subscribers]
        found.append(replace(whole, watch=own, subscribers=tuple(mine), operator=None))
    for each in tables.organisation:
        watch = others[each.key]
        found.append(_settings(each, whole, watch, base, mistakes))
    readers: list[Subscriber] = []
    for each_settings in found:
        readers += each_settings.subscribers
    return replace(whole, subscribers=tuple(readers), organisations=tuple(found))


def _settings(
    organisation: Organisation,
    whole: Settings,
    watch: Watch,
    base: Path,
    mistakes: Mistakes,
) -> Settings:
    """Give the settings of one organisation; what it leaves open is the whole's."""
    table, key = organisation.table, organisation.key
    given = mistakes.table(*key)
    name = given.value("name", values.name, table.name, table.name)
    sender = given.optional("from", values.sender, table.sender)
    inventory = None
    if table.inventory:
        inventory = given.value("inventory", values.path, None, table.inventory, base)
    if not organisation.subscribers:
        given.add(
            "",
            "nobody would be told",
            "Write [[organisation.subscriber]] below it, with name and to.",
        )
    speaks = language(table.language, given)
    channels = tuple(channel.name for channel in whole.channels)
    readers = []
    for row, reader in zip(
        organisation.subscribers,
        subscribers(
            organisation.subscribers,
            channels,
            mistakes,
            base,
            inventory=bool(inventory),
        ),
        strict=False,
    ):
        theirs = replace(
            reader,
            # No two readers of the state bear one name
            name=f"{name}/{reader.name}",
            organisation=name,
            watched=watch.products,
            language=reader.language if row[1].language else speaks,
        )
        readers.append(theirs)
    zone = given.optional("timezone", values.zone, table.timezone)
    return replace(
        whole,
        watch=watch,
        inventory=inventory,
        # Its servers are nobody else's business
        publish_servers=False,
        timezone=zone or whole.timezone,
        mail=replace(whole.mail, sender=sender or whole.mail.sender),
        subscribers=tuple(readers),
        operator=None,
        organisation=name,
    )
