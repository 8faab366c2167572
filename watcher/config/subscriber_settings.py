"""Who hears what: the subscribers, the operator, and the organisations that a service provider
watches for, each as settings of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec import UNSET
from msgspec.structs import replace

from watcher.config import values
from watcher.config.mistakes import BadValueError, Key, Mistakes, TableReader, meant
from watcher.config.tables import OperatorTable, SubscriberTable
from watcher.config.toml_tables import Organisation, Tables
from watcher.judgement.normalize.products import patterns_of
from watcher.records import Kind, Subscriber, Watch
from watcher.settings import NOBODY_NAMED, Operator, Settings

LANGUAGES = ("en", "de")


def subscribers(
    tables: tuple[tuple[Key, SubscriberTable], ...],
    channels: tuple[str, ...],
    mistakes: Mistakes,
    base: Path,
    *,
    inventory: bool,
) -> tuple[Subscriber, ...]:
    """Give the subscribers; one who is nobody where none is named."""
    mistakes.unique(((key, table.name) for key, table in tables), "subscriber")
    for key, table in tables:
        if table.owners and not inventory and not table.inventory:
            mistakes.add(
                (*key, "owners"),
                "owners are those of the inventory, and there is none",
                'Write under [watch]: inventory = "inventory.csv", a file with a '
                "column owner; or leave owners out.",
            )
    # Without anybody named messages are still made, so that a first try shows some
    if not tables:
        return (NOBODY_NAMED,)
    return tuple(
        subscriber(table, mistakes.table(*key), channels, base) for key, table in tables
    )


def subscriber(
    table: SubscriberTable,
    given: TableReader,
    channels: tuple[str, ...],
    base: Path,
) -> Subscriber:
    """Give one subscriber."""
    _check_that_somebody_hears(table, given)
    inventory = ""
    if table.inventory:
        inventory = str(
            given.value("inventory", values.path, "", table.inventory, base)
        )
    return Subscriber(
        name=given.value("name", values.name, "", table.name),
        to=given.each("to", values.address, table.to),
        products=patterns(table.products, given),
        kinds=_kinds(table, given),
        when=given.value("when", values.when, "at-once", table.when),
        fallback=_channel_names("fallback", table.fallback, given, channels),
        suspected=table.suspected,
        language=language(table.language or "en", given),
        channels=_channel_names("channels", table.channels, given, channels),
        severity=given.value("severity", values.severity, "", table.severity),
        owners=given.each("owners", values.owner, table.owners),
        timezone=given.optional("timezone", values.zone, table.timezone) or "",
        inventory=inventory,
        reminders=table.reminders,
        patch_tuesday=table.patch_tuesday,
    )


def operator(
    table: OperatorTable, channels: tuple[str, ...], mistakes: Mistakes
) -> Operator:
    """Give who hears how the watcher itself is."""
    given = mistakes.table("operator")
    _check_that_somebody_hears(table, given)
    reader = Subscriber(
        name="operator",
        to=given.each("to", values.address, table.to),
        fallback=_channel_names("fallback", table.fallback, given, channels),
        language=language(table.language or "en", given),
        channels=_channel_names("channels", table.channels, given, channels),
    )
    return Operator(reader, table.failures, table.quiet)


def patterns(texts: list[str], given: TableReader) -> tuple[str, ...]:
    """Give the patterns of a table's key ``products``."""
    # An empty list looks like "no filter", and would match nothing
    if not texts:
        given.add(
            "products",
            "the list is empty: nothing would be told",
            'Write patterns such as "Exchange Server*", or "*" for everything.',
        )
    written = given.each("products", values.pattern, texts)
    # As people write them: "Exchange 2019", "Microsoft SQL Server 2022*"
    found = [pattern for text in written for pattern in patterns_of(text)]
    return tuple(dict.fromkeys(found))


def _kinds(table: SubscriberTable, given: TableReader) -> tuple[Kind, ...]:
    if table.kinds is UNSET:
        return NOBODY_NAMED.kinds
    if not table.kinds:
        given.add(
            "kinds",
            "the list is empty: nothing would be told",
            "Leave kinds out, or name some.",
        )
    words = tuple(kind.value for kind in Kind)

    def kind(text: str) -> str:
        return values.choice(text, words, "kind of event")

    chosen = given.each("kinds", kind, table.kinds)
    # In the order of the kinds: equal settings are equal, however they are written
    return tuple(kind for kind in Kind if kind.value in chosen)


def _check_that_somebody_hears(
    table: SubscriberTable | OperatorTable, given: TableReader
) -> None:
    if not table.to and not table.channels:
        given.add(
            "to",
            "nobody would be told",
            'Write addresses, to = ["name@example.org"], or the names of channels.',
        )


def language(text: str, given: TableReader) -> str:
    """Give the language of a table's key ``language``."""
    return given.value(
        "language", values.choice, "en", text, LANGUAGES, "language known here"
    )


def _channel_names(
    name: str, texts: list[str], given: TableReader, channels: tuple[str, ...]
) -> tuple[str, ...]:
    """Give the names of channels under the key ``name``, each once."""

    def channel(text: str) -> str:
        if text in channels:
            return text
        add = f'Add a [[channel]] with name = "{text}".'
        remedy = meant(text, channels) if channels else add
        raise BadValueError(f'there is no channel "{text}"', remedy)

    return given.each(name, channel, texts)


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
