"""From tables to settings.

Each value checked, built-in sources merged in, secrets fetched from the environment.
"""

from __future__ import annotations

import os.path
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path

from msgspec import UNSET

from watcher.config import environment, values, ways
from watcher.config.builtin import BUILTIN
from watcher.config.complaints import Complaints, Key, Wrong, meant
from watcher.config.reading import Tables
from watcher.config.tables import (
    OperatorTable,
    SourceTable,
    SubscriberTable,
    WatchTable,
)
from watcher.kinds import SOURCE_KINDS
from watcher.records import Kind, Source, Subscriber, Watch
from watcher.settings import NOBODY_NAMED, Operator, Secret, Settings

LANGUAGES = ("en", "de")


def settings(
    tables: Tables,
    file: Path | None,
    environ: Mapping[str, str],
    complaints: Complaints,
) -> Settings:
    """Compose the settings.

    What is wrong is noted in ``complaints``, and the result is then of no use.

    Relative paths start at the folder of ``file``, at the working directory when there
    is none.
    """
    base = file.absolute().parent if file else Path()
    watch = tables.watch
    attempt = complaints.attempt
    channels = ways.channels(tables.channel, environ, complaints)
    names = tuple(channel.name for channel in channels)
    return Settings(
        file=file,
        watch=Watch(_patterns(watch.products, ("watch", "products"), complaints)),
        state=attempt(
            ("watch", "state"),
            partial(_state, watch.state, base, environ, complaints.secrets),
            "",
        ),
        site=attempt(("watch", "site"), partial(values.path, watch.site, base), base),
        base_url=attempt(
            ("watch", "base_url"), partial(values.base_url, watch.base_url), ""
        ),
        stale_after=attempt(
            ("watch", "stale_after"), partial(values.duration, watch.stale_after), None
        )
        if watch.stale_after
        else None,
        timezone=attempt(
            ("watch", "timezone"), partial(values.zone, watch.timezone), "UTC"
        ),
        ca_bundle=_optional(
            watch.ca_bundle, "ca_bundle", base, complaints, exists=True
        ),
        evidence=_optional(watch.evidence, "evidence", base, complaints),
        evidence_files=watch.evidence_files,
        evidence_bytes=watch.evidence_megabytes << 20,
        inventory=_optional(watch.inventory, "inventory", base, complaints),
        publish_servers=_publish_servers(watch, complaints),
        templates=_optional(
            watch.templates, "templates", base, complaints, exists=True
        ),
        keep=attempt(
            ("watch", "keep"), partial(values.duration, watch.keep), timedelta(days=400)
        ),
        metrics=_optional(watch.metrics, "metrics", base, complaints),
        contact=attempt(
            ("watch", "contact"), partial(values.one_line, watch.contact), ""
        ),
        sources=_sources(tables, environ, complaints),
        subscribers=_subscribers(
            tables.subscriber, names, complaints, inventory=bool(watch.inventory)
        ),
        channels=channels,
        mail=ways.mail(
            tables.mail, base, environ, complaints, told=bool(tables.subscriber)
        ),
        operator=_operator(tables.operator, names, complaints)
        if tables.operator
        else None,
        heartbeat=ways.heartbeat(tables.heartbeat, environ, complaints)
        if tables.heartbeat
        else None,
        secrets=tuple(complaints.secrets),
        warnings=tuple(complaints.warnings),
    )


def _state(
    text: str, base: Path, environ: Mapping[str, str], secrets: list[Secret]
) -> str:
    environment.without_password(text)
    return values.state_url(environment.expanded(text, environ, secrets), base)


def _publish_servers(watch: WatchTable, complaints: Complaints) -> bool:
    if watch.publish_servers and not watch.inventory:
        key = ("watch", "publish_servers")
        complaints.add(
            key,
            "no server is known that could be published",
            'Name them: inventory = "inventory.csv"; or leave the key out.',
        )
    return watch.publish_servers


def _optional(
    text: str, key: str, base: Path, complaints: Complaints, *, exists: bool = False
) -> Path | None:
    """Give the path of ``text``, None when it is empty; with ``exists`` it must be there."""

    def make() -> Path:
        path = values.path(text, base)
        if exists and not os.path.exists(path):  # unlike Path.exists it never raises  # noqa: PTH110
            raise Wrong(
                f"there is no {path}", "Correct the path, or leave the key out."
            )
        return path

    return complaints.attempt(("watch", key), make, None) if text else None


def _patterns(texts: list[str], key: Key, complaints: Complaints) -> tuple[str, ...]:
    if not texts:
        complaints.add(
            key,
            "the list is empty: nothing would be told",
            'Write patterns such as "Exchange Server*", or "*" for everything.',
        )
    return tuple(
        dict.fromkeys(
            complaints.attempt(key, partial(values.pattern, text), "") for text in texts
        )
    )


def _sources(
    tables: Tables, environ: Mapping[str, str], complaints: Complaints
) -> tuple[Source, ...]:
    """Lay the sources of the file over the built-in ones whose kinds this version knows."""
    known = {
        source.name: source
        for source in BUILTIN
        if tables.watch.builtin_sources and source.kind in SOURCE_KINDS
    }
    complaints.unique(((key, table.name) for key, table in tables.source), "source")
    for key, table in tables.source:
        source = _source(table, key, environ, complaints)
        if source:
            known[source.name] = source
    if not any(source.enabled for source in known.values()) and not complaints.lines:
        complaints.add(
            ("watch", "builtin_sources"),
            "no source is left to read",
            "Add a [[source]], or leave builtin_sources out.",
        )
    return tuple(known.values())


def _source(
    table: SourceTable, key: Key, environ: Mapping[str, str], complaints: Complaints
) -> Source | None:
    """Read one source; what it leaves open is taken from the built-in one of its name."""
    builtin = next((source for source in BUILTIN if source.name == table.name), None)
    kind = table.kind if table.kind is not UNSET else builtin.kind if builtin else ""
    url = table.url if table.url is not UNSET else builtin.url if builtin else ""
    every = builtin.every if builtin else Source("", "", "").every
    for name, value in (("kind", kind), ("url", url)):
        if not value:
            hint = meant(table.name, tuple(source.name for source in BUILTIN))
            complaints.add(
                key,
                f'the source "{table.name}" has no {name}',
                f"Give {name}; only a built-in source may leave it out. {hint}",
            )
            return None
    attempt = complaints.attempt
    own = (builtin.silent, builtin.monthly) if builtin else (None, _monthly(kind))
    silent, monthly = (
        own
        if table.silent is UNSET
        else attempt((*key, "silent"), partial(values.silence, table.silent), own)
    )
    return Source(
        name=attempt((*key, "name"), partial(values.name, table.name), ""),
        kind=attempt(
            (*key, "kind"),
            partial(values.choice, kind, tuple(SOURCE_KINDS), "kind of source"),
            "",
        ),
        url=attempt(
            (*key, "url"), partial(_source_url, url, environ, complaints.secrets), ""
        ),
        every=every
        if table.every is UNSET
        else attempt((*key, "every"), partial(values.duration, table.every), every),
        enabled=True if table.enabled is UNSET else table.enabled,
        silent=silent,
        monthly=monthly,
        own=table.url is not UNSET,
    )


def _monthly(kind: str) -> bool:
    return kind in SOURCE_KINDS and SOURCE_KINDS[kind].monthly


def _source_url(text: str, environ: Mapping[str, str], secrets: list[Secret]) -> str:
    """Check the URL with its secrets put in, and give it without them."""
    environment.without_password(text)
    values.web_url(environment.expanded(text, environ, secrets))
    return text


def _subscribers(
    tables: tuple[tuple[Key, SubscriberTable], ...],
    channels: tuple[str, ...],
    complaints: Complaints,
    *,
    inventory: bool,
) -> tuple[Subscriber, ...]:
    complaints.unique(((key, table.name) for key, table in tables), "subscriber")
    for key, table in tables:
        if table.owners and not inventory:
            remedy = (
                'Write under [watch]: inventory = "inventory.csv", a file with a '
                "column owner; or leave owners out."
            )
            complaints.add(
                (*key, "owners"),
                "owners are those of the inventory, and there is none",
                remedy,
            )
    return (
        tuple(_subscriber(table, key, channels, complaints) for key, table in tables)
        if tables
        else (NOBODY_NAMED,)
    )


def _subscriber(
    table: SubscriberTable, key: Key, channels: tuple[str, ...], complaints: Complaints
) -> Subscriber:
    attempt = complaints.attempt
    _told(table, key, complaints)
    if table.kinds == []:
        complaints.add(
            (*key, "kinds"),
            "the list is empty: nothing would be told",
            "Leave kinds out, or name some.",
        )
    kinds = (
        table.kinds
        if table.kinds is not UNSET
        else [kind.value for kind in NOBODY_NAMED.kinds]
    )
    kind_words = tuple(kind.value for kind in Kind)
    chosen = [
        attempt(
            (*key, "kinds"),
            partial(values.choice, word, kind_words, "kind of event"),
            "news",
        )
        for word in kinds
    ]
    return Subscriber(
        name=attempt((*key, "name"), partial(values.name, table.name), ""),
        to=_addresses(table, key, complaints),
        products=_patterns(table.products, (*key, "products"), complaints),
        kinds=tuple(kind for kind in Kind if kind.value in chosen),
        when=attempt((*key, "when"), partial(values.when, table.when), "at-once"),
        fallback=_named_channels(
            table.fallback, (*key, "fallback"), channels, complaints
        ),
        suspected=table.suspected,
        language=_language(table, key, complaints),
        channels=_named_channels(
            table.channels, (*key, "channels"), channels, complaints
        ),
        severity=attempt(
            (*key, "severity"), partial(values.severity, table.severity), ""
        ),
        owners=tuple(
            dict.fromkeys(
                attempt((*key, "owners"), partial(values.owner, text), "")
                for text in table.owners
            )
        ),
        timezone=attempt((*key, "timezone"), partial(values.zone, table.timezone), "")
        if table.timezone
        else "",
    )


def _operator(
    table: OperatorTable, channels: tuple[str, ...], complaints: Complaints
) -> Operator:
    key: Key = ("operator",)
    _told(table, key, complaints)
    reader = Subscriber(
        name="operator",
        to=_addresses(table, key, complaints),
        fallback=_named_channels(
            table.fallback, (*key, "fallback"), channels, complaints
        ),
        language=_language(table, key, complaints),
        channels=_named_channels(
            table.channels, (*key, "channels"), channels, complaints
        ),
    )
    return Operator(reader, table.failures, table.quiet)


def _told(
    table: SubscriberTable | OperatorTable, key: Key, complaints: Complaints
) -> None:
    """Complain of a table that names nobody."""
    if not table.to and not table.channels:
        complaints.add(
            (*key, "to"),
            "nobody would be told",
            'Write addresses, to = ["name@example.org"], or the names of channels.',
        )


def _addresses(
    table: SubscriberTable | OperatorTable, key: Key, complaints: Complaints
) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            complaints.attempt((*key, "to"), partial(values.address, text), "")
            for text in table.to
        )
    )


def _language(
    table: SubscriberTable | OperatorTable, key: Key, complaints: Complaints
) -> str:
    return complaints.attempt(
        (*key, "language"),
        partial(values.choice, table.language, LANGUAGES, "language known here"),
        "en",
    )


def _named_channels(
    texts: list[str], key: Key, channels: tuple[str, ...], complaints: Complaints
) -> tuple[str, ...]:
    """Take the names of channels, each once."""
    return tuple(
        dict.fromkeys(
            complaints.attempt(key, partial(_channel_name, text, channels), "")
            for text in texts
        )
    )


def _channel_name(text: str, channels: tuple[str, ...]) -> str:
    if text not in channels:
        raise Wrong(
            f'there is no channel "{text}"',
            meant(text, channels)
            if channels
            else f'Add a [[channel]] with name = "{text}".',
        )
    return text
