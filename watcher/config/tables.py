"""The tables and keys of ``watcher.toml``: their types, what they mean, and an example of each.

The descriptions and examples go into the JSON Schema for editors, the examples into
the remedies of errors too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from watcher.config.mail_table import MailTable
from watcher.config.values import LimitsTable
from watcher.judgement.audience import SEVERITIES
from watcher.kinds import EVENT_KINDS, SOURCE_KINDS, EventKind
from watcher.records import Kind


def _kinds(which: Callable[[EventKind], bool]) -> str:
    """Name the kinds of events whose row says so, as in "released, announced and revised"."""
    *first, last = [row.kind.value for row in EVENT_KINDS.values() if which(row)]
    return f"{', '.join(first)} and {last}" if first else last


class WatchTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is watched, and where things lie.

    A path that is not absolute starts at the folder of this file.
    """

    products: Annotated[
        list[str],
        Meta(
            description=(
                "Shell patterns, case ignored, against canonical product names; "
                "* is everything"
            ),
            examples=[["Exchange Server*"]],
        ),
    ] = msgspec.field(default_factory=lambda: ["Exchange Server*"])
    state: Annotated[
        str,
        Meta(
            description="Where the state lives: an SQLite file or a PostgreSQL database, as URL",
            examples=["sqlite:///state/watcher.db"],
        ),
    ] = "sqlite:///state/watcher.db"
    site: Annotated[
        str,
        Meta(
            description="Folder that feeds and page are published to",
            examples=["public"],
        ),
    ] = "public"
    base_url: Annotated[
        str,
        Meta(
            description="Address that the site folder is served at",
            examples=["https://advisories.example.org/"],
        ),
    ] = ""
    stale_after: Annotated[
        str,
        Meta(
            description=(
                "How long after a check the page calls itself stale; without it "
                "six hours, or three times the shortest interval"
            ),
            examples=["26h"],
        ),
    ] = ""
    timezone: Annotated[
        str,
        Meta(
            description="Time zone that mail shows times in (IANA name)",
            examples=["Europe/Berlin"],
        ),
    ] = "UTC"
    ca_bundle: Annotated[
        str,
        Meta(
            description=(
                "PEM file, or folder, of certificate authorities to trust beside the "
                "system's: for pages, mail, channels and proxies"
            ),
            examples=["/etc/ssl/corp.pem"],
        ),
    ] = ""
    evidence: Annotated[
        str,
        Meta(
            description=(
                "Folder that keeps every body that led to an event, as WARC; "
                "nothing is kept without it"
            ),
            examples=["state/evidence"],
        ),
    ] = ""
    evidence_files: Annotated[
        int,
        Meta(
            description="How many files of evidence are kept: the newest",
            examples=[2000],
            ge=1,
        ),
    ] = 2000
    evidence_megabytes: Annotated[
        int,
        Meta(description="How many MiB they may have together", examples=[1024], ge=1),
    ] = 1024
    inventory: Annotated[
        str,
        Meta(
            description="CSV file of your servers (server, product, build; owner); it "
            "stays on this machine, only "
            "subscribers are told what it says",
            examples=["inventory.csv"],
        ),
    ] = ""
    publish_servers: Annotated[
        bool,
        Meta(
            description="true: each update's page shows your servers that it concerns, "
            "with name, build and what to do, to whoever "
            "sees the site",
            examples=[True],
        ),
    ] = False
    templates: Annotated[
        str,
        Meta(
            description="Folder of your own templates, looked into before the shipped ones",
            examples=["templates"],
        ),
    ] = ""
    contact: Annotated[
        str,
        Meta(
            description="Address or page told to the servers asked (User-Agent), to reach you",
            examples=["it@example.org"],
        ),
    ] = ""
    keep: Annotated[
        str,
        Meta(
            description=(
                "How long delivered messages, and pages that nothing leads to "
                "any more, are kept; updates and events stay"
            ),
            examples=["400d"],
        ),
    ] = "400d"
    metrics: Annotated[
        str,
        Meta(
            description=(
                "File that each run writes its figures to, for Prometheus' "
                "textfile collector"
            ),
            examples=["/var/lib/node_exporter/textfile/watcher.prom"],
        ),
    ] = ""
    builtin_sources: Annotated[
        bool,
        Meta(
            description="false: only the sources named in this file are read",
            examples=[True],
        ),
    ] = True


class SourceTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A source: a new one, or what is different about the built-in one of the same name."""

    name: Annotated[
        str,
        Meta(
            description="Name of the source; a built-in one's name changes that one",
            examples=["exchange-blog"],
        ),
    ]
    kind: Annotated[
        str | UnsetType, Meta(description="What form it has", examples=["feed"])
    ] = UNSET
    url: Annotated[
        str | UnsetType,
        Meta(
            description="Its address; ${NAME} is taken from the environment",
            examples=["https://blog.example.org/feed.xml"],
        ),
    ] = UNSET
    every: Annotated[
        str | UnsetType, Meta(description="How often it is asked", examples=["30m"])
    ] = UNSET
    enabled: Annotated[
        bool | UnsetType, Meta(description="false switches it off", examples=[True])
    ] = UNSET
    silent: Annotated[
        str | UnsetType,
        Meta(
            description="How long it may show nothing new before the operator is told: "
            "45d, patch-tuesday (Microsoft's monthly hour) or "
            "never; without it never, but for built-in sources that have a rhythm",
            examples=["45d"],
        ),
    ] = UNSET
    language: Annotated[
        str | UnsetType,
        Meta(
            description="The language that it is written in; "
            "without it each text tells its own",
            examples=["de"],
        ),
    ] = UNSET


class SubscriberTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who is told what, and when."""

    name: Annotated[
        str, Meta(description="Name of the subscriber", examples=["exchange-admins"])
    ]
    to: Annotated[
        list[str],
        Meta(description="Mail addresses", examples=[["exchange-admins@example.org"]]),
    ] = []
    channels: Annotated[
        list[str],
        Meta(
            description="Channels that are told the same in short, with or without mail",
            examples=[["teams"]],
        ),
    ] = []
    products: Annotated[
        list[str],
        Meta(
            description=(
                "Shell patterns of the products that concern them; * is all that "
                "is watched"
            ),
            examples=[["Exchange Server*"]],
        ),
    ] = msgspec.field(default_factory=lambda: ["*"])
    kinds: Annotated[
        list[str] | UnsetType,
        Meta(
            description="Kinds of events they are told; without it all but "
            + _kinds(lambda row: not row.subscribed),
            examples=[["released", "pulled", "re-released"]],
        ),
    ] = UNSET
    when: Annotated[
        str,
        Meta(
            description="at-once, daily HH:MM or weekly DAY HH:MM, in the subscriber's time zone",
            examples=["daily 07:00"],
        ),
    ] = "at-once"
    fallback: Annotated[
        list[str],
        Meta(
            description=(
                "Channels told when mail of these kinds is refused or cannot be "
                "delivered: " + _kinds(lambda row: row.fallback)
            ),
            examples=[["teams"]],
        ),
    ] = []
    severity: Annotated[
        str,
        Meta(
            description="Least severity of what is new ("
            + _kinds(lambda row: row.held_by_severity)
            + "): low, moderate, important, critical; without it, and "
            "for what bears no severity, everything",
            examples=["important"],
        ),
    ] = ""
    owners: Annotated[
        list[str],
        Meta(
            description=(
                "Only what concerns the servers of these owners in the "
                "inventory, shell patterns; * is every server with an owner"
            ),
            examples=[["mail-team"]],
        ),
    ] = []
    inventory: Annotated[
        str,
        Meta(
            description="CSV file of this subscriber's own servers, in place of that of "
            "[watch]: a service provider's customer hears of these alone",
            examples=["customers/contoso.csv"],
        ),
    ] = ""
    reminders: Annotated[
        bool,
        Meta(
            description="false: no weekly reminder that a pulled build is still installed",
            examples=[False],
        ),
    ] = True
    patch_tuesday: Annotated[
        bool,
        Meta(
            description="true: a note six hours after Microsoft's monthly release, with "
            "what came or that nothing did",
            examples=[True],
        ),
    ] = False
    suspected: Annotated[
        bool, Meta(description="false: only what is confirmed", examples=[True])
    ] = True
    timezone: Annotated[
        str,
        Meta(
            description=(
                "Time zone of their mail and digests (IANA name); without it "
                "that of [watch]"
            ),
            examples=["Asia/Tokyo"],
        ),
    ] = ""
    language: Annotated[
        str,
        Meta(
            description=(
                "Language of the fixed words: en, de; without it that of their "
                "organisation, else en"
            ),
            examples=["de"],
        ),
    ] = ""


class ChannelTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A way of telling beside mail."""

    name: Annotated[
        str,
        Meta(
            description="Name by which a subscriber's channels and fallback mean it",
            examples=["teams"],
        ),
    ]
    url: Annotated[
        str,
        Meta(
            description="Any Apprise URL; ${NAME} is taken from the environment",
            examples=["${TEAMS_URL}"],
        ),
    ]


class OperatorTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who is told how the watcher itself is: what is wrong once, and once that it is well again."""

    to: Annotated[
        list[str], Meta(description="Mail addresses", examples=[["it@example.org"]])
    ] = []
    channels: Annotated[
        list[str],
        Meta(
            description="Channels that are told the same in short", examples=[["teams"]]
        ),
    ] = []
    fallback: Annotated[
        list[str],
        Meta(
            description="Channels told when this mail cannot be delivered",
            examples=[["teams"]],
        ),
    ] = []
    failures: Annotated[
        int,
        Meta(
            description="How often in a row a source may fail before it is told",
            examples=[3],
            ge=1,
            le=1000,
        ),
    ] = 3
    quiet: Annotated[
        bool,
        Meta(
            description=(
                "true: a mail every Monday at 08:00 that says how all sources "
                "are, also when all is quiet"
            ),
            examples=[True],
        ),
    ] = False
    language: Annotated[
        str, Meta(description="Language of the fixed words: en, de", examples=["de"])
    ] = "en"


class HeartbeatTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An address that is asked after each run, so that somebody notices when there are no
    runs any more.
    """

    url: Annotated[
        str,
        Meta(
            description="Asked when a run went well; ${NAME} is taken from the environment",
            examples=["${HEARTBEAT_URL}"],
        ),
    ]
    start: Annotated[
        str | UnsetType,
        Meta(
            description='Asked when a run begins; without it url and "/start", "" for none',
            examples=["${HEARTBEAT_URL}/start"],
        ),
    ] = UNSET
    failure: Annotated[
        str | UnsetType,
        Meta(
            description='Asked when a run failed; without it url and "/fail", "" for none',
            examples=["${HEARTBEAT_URL}/fail"],
        ),
    ] = UNSET


class OrganisationTable(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An organisation of a service provider: what it watches, and who is told there.

    Its subscribers stand below it, each as [[organisation.subscriber]].
    """

    name: Annotated[
        str, Meta(description="Name of the organisation", examples=["contoso"])
    ]
    products: Annotated[
        list[str],
        Meta(
            description="Shell patterns of the products that it watches, as in [watch]",
            examples=[["Exchange Server 2019*"]],
        ),
    ] = msgspec.field(default_factory=lambda: ["Exchange Server*"])
    inventory: Annotated[
        str,
        Meta(
            description="Its servers, as in [watch]; nobody else's mail names them",
            examples=["contoso/inventory.csv"],
        ),
    ] = ""
    sender: Annotated[
        str,
        Meta(
            description="The From of its messages; without it that of [mail]",
            examples=["Contoso IT <it@contoso.example.org>"],
        ),
    ] = msgspec.field(default="", name="from")
    language: Annotated[
        str,
        Meta(
            description="Language of its subscribers who name none: en, de",
            examples=["de"],
        ),
    ] = "en"
    timezone: Annotated[
        str,
        Meta(
            description="Time zone of its mail and digests; without it that of [watch]",
            examples=["Europe/Berlin"],
        ),
    ] = ""
    subscriber: Annotated[
        list[SubscriberTable],
        Meta(
            description="Who is told there, each as [[organisation.subscriber]]",
            examples=[[{"name": "admins", "to": ["admins@contoso.example.org"]}]],
        ),
    ] = []


class FileTables(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The configuration of Advisory Watcher (watcher.toml)."""

    watch: WatchTable = msgspec.field(default_factory=WatchTable)
    mail: MailTable = msgspec.field(default_factory=MailTable)
    source: list[SourceTable] = []
    subscriber: list[SubscriberTable] = []
    channel: list[ChannelTable] = []
    organisation: list[OrganisationTable] = []
    operator: OperatorTable | UnsetType = UNSET
    heartbeat: HeartbeatTable | UnsetType = UNSET
    limits: LimitsTable = msgspec.field(default_factory=LimitsTable)


SINGLE: dict[str, type[msgspec.Struct]] = {
    "watch": WatchTable,
    "mail": MailTable,
    "operator": OperatorTable,
    "heartbeat": HeartbeatTable,
    "limits": LimitsTable,
}
REPEATED: dict[str, type[msgspec.Struct]] = {
    "source": SourceTable,
    "subscriber": SubscriberTable,
    "channel": ChannelTable,
    "organisation": OrganisationTable,
}
# Tables below a repeated one
NESTED: dict[str, type[msgspec.Struct]] = {"organisation.subscriber": SubscriberTable}


def heading(table: str) -> str:
    """Write a table's name as the file does: ``[watch]``, ``[[source]]``."""
    return f"[[{table}]]" if table in REPEATED | NESTED else f"[{table}]"


def schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of ``watcher.toml``."""
    # The choices of a key are those of the tables that the program itself reads
    made = msgspec.json.schema(FileTables)
    tables = made["$defs"]
    tables["SourceTable"]["properties"]["kind"]["enum"] = sorted(SOURCE_KINDS)
    tables["SubscriberTable"]["properties"]["kinds"]["items"]["enum"] = [
        kind.value for kind in Kind
    ]
    tables["SubscriberTable"]["properties"]["severity"]["enum"] = list(SEVERITIES)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "watcher.toml",
        **made,
    }
