"""From a TOML text to its tables.

Where the file is looked for, and what is said of unknown keys and wrong types.
"""

from __future__ import annotations

import json
import os.path
import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from watcher.config.complaints import Complaints, Key, nearest
from watcher.config.tables import (
    REPEATED,
    SINGLE,
    ChannelTable,
    HeartbeatTable,
    MailTable,
    OperatorTable,
    SourceTable,
    SubscriberTable,
    WatchTable,
    heading,
)
from watcher.errors import ConfigurationError

NAME = "watcher.toml"
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


def places(environ: Mapping[str, str]) -> Iterator[Path]:
    """List where a configuration is looked for when none is named, the first one first."""
    yield Path(NAME)
    if environ.get("XDG_CONFIG_HOME"):
        yield Path(environ["XDG_CONFIG_HOME"]) / "watcher" / NAME
    else:
        # Not loaded where the first place has one
        import platformdirs

        yield platformdirs.user_config_path("watcher", False) / NAME
    yield Path("/etc/watcher") / NAME


def find(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Give the configuration file: the one named, else the first that exists, else None.

    Raises ConfigurationError when a named one does not exist.
    """
    named, by = (
        (path, "--config")
        if path
        else (environ.get("WATCHER_CONFIG", ""), "WATCHER_CONFIG")
    )
    if named:
        if not os.path.exists(named):  # unlike Path.exists it never raises  # noqa: PTH110
            raise ConfigurationError(
                f"{named}: there is no such file. Correct {by}, or write one: "
                f"watcher init --config {named}"
            )
        return Path(named)
    return next(
        (place for place in places(environ) if os.path.isfile(place)),  # noqa: PTH113
        None,
    )  # likewise


def read(file: Path) -> str:
    """Give the text of a configuration file, which is UTF-8."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            f"{file}: it cannot be read ({error.strerror}). Correct the path or the file's rights."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{file}: it is not UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8."
        ) from error


class Tables(Struct, frozen=True):
    """What the file holds, each repeated table with its key (``("source", 1)``: the second one)."""

    watch: WatchTable
    mail: MailTable
    source: tuple[tuple[Key, SourceTable], ...] = ()
    subscriber: tuple[tuple[Key, SubscriberTable], ...] = ()
    channel: tuple[tuple[Key, ChannelTable], ...] = ()
    operator: OperatorTable | None = None
    heartbeat: HeartbeatTable | None = None


def tables(text: str, complaints: Complaints) -> Tables:
    """Read the TOML ``text``.

    What is wrong with single keys is noted in ``complaints``, and they keep their
    defaults.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        at = re.search(r"line (\d+)", str(error))
        place = f"{complaints.file}:{at[1]}" if at else complaints.file
        raise ConfigurationError(
            f"{place}: it is not TOML: {error}. Correct that line (see https://toml.io)."
        ) from error
    for name in raw:
        if name not in SINGLE and name not in REPEATED:
            complaints.add((name,), f'unknown table or key "{name}"', _meant(name, ""))
    return Tables(
        watch=_table(raw.get("watch", {}), WatchTable, ("watch",), complaints)
        or WatchTable(),
        mail=_table(raw.get("mail", {}), MailTable, ("mail",), complaints)
        or MailTable(),
        source=_repeated(raw.get("source", []), SourceTable, "source", complaints),
        subscriber=_repeated(
            raw.get("subscriber", []), SubscriberTable, "subscriber", complaints
        ),
        channel=_repeated(raw.get("channel", []), ChannelTable, "channel", complaints),
        operator=_table(raw["operator"], OperatorTable, ("operator",), complaints)
        if "operator" in raw
        else None,
        heartbeat=_table(raw["heartbeat"], HeartbeatTable, ("heartbeat",), complaints)
        if "heartbeat" in raw
        else None,
    )


def _repeated(
    raw: Any,  # noqa: ANN401
    form: type[S],
    name: str,
    complaints: Complaints,
) -> tuple[tuple[Key, S], ...]:  # what TOML holds
    """Read each of ``[[name]]``; those that cannot be used are left out."""
    if not isinstance(raw, list):
        complaints.add(
            (name,),
            f"it is a single [{name}]",
            f"Write [[{name}]] with two brackets: there may be several.",
        )
        return ()
    found = (
        ((name, number), _table(item, form, (name, number), complaints))
        for number, item in enumerate(raw)
    )
    return tuple((key, table) for key, table in found if table is not None)


def _table(
    raw: Any,  # noqa: ANN401
    form: type[S],
    key: Key,
    complaints: Complaints,
) -> S | None:  # what TOML holds
    """Read one table; None when it is none or lacks what it must have."""
    table = str(key[0])
    if not isinstance(raw, dict):
        complaints.add(
            key,
            "it is no table",
            f"Write {heading(table)} on a line of its own, and its keys below.",
        )
        return None
    fields = {field.encode_name: field for field in _fields(form)}
    values: dict[str, Any] = {}
    for name, value in raw.items():
        if name not in fields:
            complaints.add(
                (*key, name),
                f'unknown key "{name}" in {heading(table)}',
                _meant(name, table),
            )
            continue
        try:
            values[fields[name].name] = msgspec.convert(value, fields[name].type)
        except msgspec.ValidationError as error:
            complaints.add(
                (*key, name), _type_in_words(str(error)), _for_example(fields[name])
            )
            values[fields[name].name] = None if fields[name].required else msgspec.UNSET
    lacking = [
        field
        for field in fields.values()
        if field.required and field.name not in values
    ]
    for field in lacking:
        complaints.add(
            key, f'{heading(table)} lacks "{field.encode_name}"', _for_example(field)
        )
    if lacking or any(value is None for value in values.values()):
        return None
    return form(
        **{name: value for name, value in values.items() if value is not msgspec.UNSET}
    )


@cache
def _fields(form: type[msgspec.Struct]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """List a table's keys; msgspec works its annotations out anew each time."""
    return msgspec.structs.fields(form)


def _type_in_words(error: str) -> str:
    """Say in plain words what msgspec says: Expected `array`, got `str`."""
    match = _EXPECTED.search(error)
    if not match:
        return error
    expected, got = (
        " or ".join(_TYPES.get(name, name) for name in group.split(" | "))
        for group in match.groups()
    )
    return f"{expected} is wanted here, not {got}"


def _for_example(field: msgspec.structs.FieldInfo) -> str:
    """Show how a key is written; JSON's texts, lists and Booleans are TOML's too."""
    return (
        f"Write for example: {field.encode_name} = "
        f"{json.dumps(_example(field), ensure_ascii=False)}"
    )


def _example(field: msgspec.structs.FieldInfo) -> Any:  # of the key's own type  # noqa: ANN401
    (meta,) = field.type.__metadata__
    return meta.examples[0]


def _meant(name: str, table: str) -> str:
    """Say what was probably meant by a key unknown in ``table`` ("" is the file itself)."""
    forms = SINGLE | REPEATED
    homes = {
        other: [field.encode_name for field in _fields(form)]
        for other, form in forms.items()
        if other != table
    }
    known = (
        [field.encode_name for field in _fields(forms[table])] if table else list(forms)
    )
    if near := nearest(name, known):
        return f'Do you mean "{near}"?' if table else f"Do you mean {heading(near)}?"
    near = nearest(name, [key for keys in homes.values() for key in keys])
    if near and (near == name or not table):
        places = " or ".join(
            heading(other) for other, keys in homes.items() if near in keys
        )
        return f'"{near}" belongs under {places}.'
    return f"Known are: {', '.join(known if table else map(heading, known))}."
