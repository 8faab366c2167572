"""From a TOML text to its tables, and what is said of unknown keys and wrong types."""

from __future__ import annotations

import json
import re
import tomllib
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from watcher.config.mail_table import MailTable
from watcher.config.mistakes import Key, Mistakes, nearest, table_name
from watcher.config.tables import (
    NESTED,
    REPEATED,
    SINGLE,
    ChannelTable,
    HeartbeatTable,
    OperatorTable,
    OrganisationTable,
    SourceTable,
    SubscriberTable,
    WatchTable,
    heading,
)
from watcher.config.values import LimitsTable
from watcher.errors import ConfigurationError

S = TypeVar("S", bound=msgspec.Struct)

_TYPES = {
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
}
_EXPECTED = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")


class Organisation(Struct, frozen=True):
    """An organisation's table with its key, and its subscribers with theirs."""

    key: Key
    table: OrganisationTable
    subscribers: tuple[tuple[Key, SubscriberTable], ...]


class Tables(Struct, frozen=True):
    """What the file holds, each repeated table with its key (``("source", 1)``: the second one)."""

    watch: WatchTable
    mail: MailTable
    source: tuple[tuple[Key, SourceTable], ...] = ()
    subscriber: tuple[tuple[Key, SubscriberTable], ...] = ()
    channel: tuple[tuple[Key, ChannelTable], ...] = ()
    organisation: tuple[Organisation, ...] = ()
    operator: OperatorTable | None = None
    heartbeat: HeartbeatTable | None = None
    limits: LimitsTable = msgspec.field(default_factory=LimitsTable)


def read_tables(text: str, mistakes: Mistakes) -> Tables:
    """Read the TOML ``text``.

    What is wrong with single keys is noted in ``mistakes``, and they keep their
    defaults.

    Raises:
        ConfigurationError: it is not TOML; the error names the line.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Python 3.14 gives the line as a field, those before only in the text
        at = re.search(r"line (\d+)", str(error))
        where = f"{mistakes.file}:{at[1]}" if at else mistakes.file
        raise ConfigurationError(
            f"{where}: it is not TOML: {error}. Correct that line (see https://toml.io)."
        ) from error
    for name in raw:
        if name not in SINGLE and name not in REPEATED:
            mistakes.add((name,), f'unknown table or key "{name}"', _meant(name, ""))
    watch = _table(raw.get("watch", {}), WatchTable, ("watch",), mistakes)
    mail = _table(raw.get("mail", {}), MailTable, ("mail",), mistakes)
    limits = _table(raw.get("limits", {}), LimitsTable, ("limits",), mistakes)
    operator = heartbeat = None
    if "operator" in raw:
        operator = _table(raw["operator"], OperatorTable, ("operator",), mistakes)
    if "heartbeat" in raw:
        heartbeat = _table(raw["heartbeat"], HeartbeatTable, ("heartbeat",), mistakes)
    return Tables(
        watch=watch or WatchTable(),
        mail=mail or MailTable(),
        source=_repeated(raw.get("source", []), SourceTable, ("source",), mistakes),
        subscriber=_repeated(
            raw.get("subscriber", []), SubscriberTable, ("subscriber",), mistakes
        ),
        channel=_repeated(raw.get("channel", []), ChannelTable, ("channel",), mistakes),
        organisation=_organisations(raw.get("organisation", []), mistakes),
        operator=operator,
        heartbeat=heartbeat,
        limits=limits or LimitsTable(),
    )


def _organisations(raw: object, mistakes: Mistakes) -> tuple[Organisation, ...]:
    """Read each ``[[organisation]]``, with its ``[[organisation.subscriber]]``."""
    below: dict[Key, object] = {}
    bare = raw
    if isinstance(raw, list):
        bare = []
        for number, item in enumerate(raw):
            alone = item
            if isinstance(item, dict):
                alone = {key: item[key] for key in item if key != "subscriber"}
                below["organisation", number] = item.get("subscriber", [])
            bare.append(alone)
    found = []
    for key, table in _repeated(bare, OrganisationTable, ("organisation",), mistakes):
        subscribers = _repeated(
            below[key], SubscriberTable, (*key, "subscriber"), mistakes
        )
        found.append(Organisation(key, table, subscribers))
    return tuple(found)


def _repeated(
    raw: object, form: type[S], name: Key, mistakes: Mistakes
) -> tuple[tuple[Key, S], ...]:
    """Read each of ``[[name]]``; those that cannot be used are left out."""
    if not isinstance(raw, list):
        written = table_name(name)
        mistakes.add(
            name,
            f"it is a single [{written}]",
            f"Write [[{written}]] with two brackets: there may be several.",
        )
        return ()
    found: list[tuple[Key, S]] = []
    for number, item in enumerate(raw):
        key = (*name, number)
        table = _table(item, form, key, mistakes)
        # The others are read all the same, so that all mistakes are said at once
        if table is not None:
            found.append((key, table))
    return tuple(found)


def _table(raw: object, form: type[S], key: Key, mistakes: Mistakes) -> S | None:
    """Read one table; None when it is none or lacks what it must have."""
    table = table_name(key)
    if not isinstance(raw, dict):
        mistakes.add(
            key,
            "it is no table",
            f"Write {heading(table)} on a line of its own, and its keys below.",
        )
        return None
    fields = {field.encode_name: field for field in _fields(form)}
    values: dict[str, Any] = {}
    complete = True
    for name, value in raw.items():
        field = fields.get(name)
        if field is None:
            unknown = f'unknown key "{name}" in {heading(table)}'
            mistakes.add((*key, name), unknown, _meant(name, table))
            continue
        try:
            values[field.name] = msgspec.convert(value, field.type)
        except msgspec.ValidationError as error:
            mistakes.add((*key, name), _type_in_words(str(error)), _for_example(field))
            # It keeps its default, so that the rest is looked at
            complete = complete and not field.required
    for field in fields.values():
        if field.required and field.encode_name not in raw:
            lacking = f'{heading(table)} lacks "{field.encode_name}"'
            mistakes.add(key, lacking, _for_example(field))
            complete = False
    return form(**values) if complete else None


@cache
def _fields(form: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """List a table's keys; msgspec works its annotations out anew each time."""
    return msgspec.structs.fields(form)


def _type_in_words(error: str) -> str:
    """Say in plain words what msgspec says: Expected `array`, got `str`."""
    match = _EXPECTED.search(error)
    if not match:
        return error
    words = []
    for group in match.groups():
        types = [_TYPES.get(name, name) for name in group.split(" | ")]
        words.append(" or ".join(types))
    expected, got = words
    return f"{expected} is wanted here, not {got}"


def _for_example(field: msgspec.structs.FieldInfo) -> str:
    """Show how a key is written; JSON's texts, lists and Booleans are TOML's too."""
    return (
        f"Write for example: {field.encode_name} = "
        f"{json.dumps(_example(field), ensure_ascii=False)}"
    )


def _example(field: msgspec.structs.FieldInfo) -> object:
    # Every key of tables.py has an example; the schema that editors read has it, too
    (meta,) = field.type.__metadata__
    return meta.examples[0]


def _meant(name: str, table: str) -> str:
    """Say what was probably meant by a key unknown in ``table`` ("" is the file itself)."""
    tables = {each: _keys(form) for each, form in (SINGLE | REPEATED).items()}
    here = tables.pop(table, list(tables))
    if table in NESTED:
        here = _keys(NESTED[table])
    near = nearest(name, here)
    if near:
        return f'Do you mean "{near}"?' if table else f"Do you mean {heading(near)}?"
    # The key may be right and stand under the wrong heading: "smtp" in [watch]
    owners: dict[str, list[str]] = {}
    for each, keys in tables.items():
        for key in keys:
            owners.setdefault(key, []).append(heading(each))
    # Within a table a similar key of another one would mislead: it must be that key
    owner = name if table else nearest(name, list(owners))
    if owner in owners:
        return f'"{owner}" belongs under {" or ".join(owners[owner])}.'
    choices = here if table else [heading(each) for each in here]
    return f"Known are: {', '.join(choices)}."


def _keys(form: type[Struct]) -> list[str]:
    return [field.encode_name for field in _fields(form)]
