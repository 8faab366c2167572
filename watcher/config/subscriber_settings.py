"""Who hears what: the subscribers, and the operator."""

from __future__ import annotations

from pathlib import Path

from msgspec import UNSET

from watcher.config import values
from watcher.config.mistakes import BadValueError, Key, Mistakes, TableReader, meant
from watcher.config.tables import OperatorTable, SubscriberTable
from watcher.judgement.normalize.patterns import patterns_of
from watcher.records import Kind, Subscriber
from watcher.settings import NOBODY_NAMED, Operator

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
