"""The tables of the state: one schema for SQLite and PostgreSQL.

A record is stored whole as JSON in the column ``record``; the columns beside it are
those that are searched. ``migrations/`` builds the same schema step by step; a test
compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct, field


def clean(text: str) -> str:
    """Replace what a database's text cannot hold: NUL (PostgreSQL) and lone surrogates (both)."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def written(time: datetime) -> str:
    """Write ``time`` as it is stored.

    ``2024-11-14T18:00:00.000000+00:00``.  A naive time is a bug: ValueError.
    """
    if time.tzinfo is None:
        msg = f"a time without a zone cannot be stored: {time.isoformat()}"
        raise ValueError(msg)
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def moment(text: str) -> datetime:
    """Read a time as it is stored, in UTC."""
    return datetime.fromisoformat(text)


def moment_if(text: str | None) -> datetime | None:
    """Read a time that may be missing."""
    return None if text is None else moment(text)


# Text that sorts by code point on both databases, whatever the server's collation; a
# time is such text, too.
WORD, MAYBE = "WORD NOT NULL", "WORD"
TEXT, NUMBER, YES_OR_NO, BYTES = (
    "TEXT NOT NULL",
    "INTEGER NOT NULL",
    "BOOLEAN NOT NULL",
    "BYTES NOT NULL",
)
_OF_DATABASE = {
    "sqlite": {"WORD": "TEXT", "BYTES": "BLOB"},
    "postgresql": {"WORD": 'TEXT COLLATE "C"', "BYTES": "BYTEA"},
}


class Table(Struct, frozen=True):
    """A table: its columns and their forms, the primary key, what refers to another
    table, what else is searched.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...]
    # A row goes with the row that it refers to
    refers: tuple[tuple[str, ...], str, tuple[str, ...]] | None = None
    unique: str = ""
    # By what they are named after
    indexes: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def statements(self, dialect: str) -> list[str]:
        """Give the statements that make the table in a database of this kind."""
        forms = _OF_DATABASE[dialect]
        lines = []
        for name, form in self.columns.items():
            word, *rest = form.split()
            lines.append(" ".join([name, forms.get(word, word), *rest]))
        lines.append(f"CONSTRAINT pk_{self.name} PRIMARY KEY ({', '.join(self.key)})")
        if self.unique:
            lines.append(
                f"CONSTRAINT uq_{self.name}_{self.unique} UNIQUE ({self.unique})"
            )
        if self.refers:
            mine, other, theirs = self.refers
            to = f"REFERENCES {other} ({', '.join(theirs)}) ON DELETE CASCADE"
            lines.append(
                f"CONSTRAINT fk_{self.name}_{other} FOREIGN KEY ({', '.join(mine)}) {to}"
            )
        made = [f"CREATE TABLE {self.name} ({', '.join(lines)})"]
        return made + [
            f"CREATE INDEX ix_{self.name}_{last} ON {self.name} ({', '.join(columns)})"
            for last, columns in self.indexes.items()
        ]


DOCUMENTS = Table(
    "documents",
    {"source": WORD, "document": WORD, "record": TEXT},
    key=("source", "document"),
)

# Check times lie apart: they change with every run, and nobody wants them in a commit.
TIMES = Table(
    "times",
    {"source": WORD, "document": WORD, "tried": MAYBE, "record": TEXT},
    key=("source", "document"),
)

ENTRIES = Table(
    "entries",
    {
        "source": WORD,
        "document": WORD,
        "key": WORD,
        "fingerprint": TEXT,
        "missing_since": MAYBE,
        "lost": YES_OR_NO,
        # Why the last change of it was not told, "" when it was
        "silent": TEXT,
        "record": TEXT,
    },
    key=("source", "document", "key"),
    refers=(("source", "document"), "documents", ("source", "document")),
)

# No longer used, and empty (see v0004): first copies of which nothing had been read.
# The next migration of the schema drops it.
COPIES = Table(
    "copies",
    {
        "source": WORD,
        "document": WORD,
        "url": TEXT,
        "time": WORD,
        "content_type": TEXT,
        "body": BYTES,
    },
    key=("source", "document"),
    refers=(("source", "document"), "documents", ("source", "document")),
)

UPDATES = Table(
    "updates",
    {
        "id": WORD,
        "family": WORD,
        "state": WORD,
        # The vendor's date, else when we first saw it
        "dated": WORD,
        "record": TEXT,
    },
    key=("id",),
    indexes={"dated": ("dated", "id"), "state": ("state",)},
)

_OF_UPDATE = (("update_id",), "updates", ("id",))

# Derived from the updates: by which references each is found again.
NAMES = Table(
    "names",
    {"name": WORD, "update_id": WORD},
    key=("name", "update_id"),
    refers=_OF_UPDATE,
    indexes={"update_id": ("update_id",)},
)

# Derived from the updates: which packages are offered, so that a product's newest good
# build is found without reading them all.
OFFERS = Table(
    "offers",
    # Rank sorts as build, then the update's date
    {"product": WORD, "update_id": WORD, "rank": WORD},
    key=("product", "update_id"),
    refers=_OF_UPDATE,
    indexes={"rank": ("product", "rank", "update_id"), "update_id": ("update_id",)},
)

# Derived from the updates: where an absence is not yet a verdict.
SUSPICIONS = Table(
    "suspicions",
    {"source": WORD, "document": WORD, "update_id": WORD},
    key=("source", "document", "update_id"),
    refers=_OF_UPDATE,
    indexes={"update_id": ("update_id",)},
)

# Ids of updates that were found to be another update's: an old id still leads to it.
ABSORBED = Table(
    "absorbed",
    {"id": WORD, "update_id": WORD},
    key=("id",),
    indexes={"update_id": ("update_id",)},
)

EVENTS = Table(
    "events",
    {
        "sequence": NUMBER,
        "id": WORD,
        # Who has it now; the record keeps the id it was told under
        "update_id": WORD,
        "kind": WORD,
        "time": WORD,
        "queued": YES_OR_NO,
        "record": TEXT,
    },
    key=("sequence",),
    unique="id",
    indexes={
        "update_id": ("update_id",),
        "time": ("time",),
        "queued": ("queued", "sequence"),
    },
)

# Derived from the events: which products each was about when it was told.
CONCERNED = Table(
    "concerned",
    {"product": WORD, "sequence": NUMBER},
    key=("product", "sequence"),
    refers=(("sequence",), "events", ("sequence",)),
)

MESSAGES = Table(
    "messages",
    {
        "sequence": NUMBER,
        "id": WORD,
        "update_id": WORD,
        "subscriber": WORD,
        "kind": WORD,
        # Without the body
        "record": TEXT,
        "body": BYTES,
    },
    key=("sequence",),
    unique="id",
    indexes={"update_id": ("update_id", "subscriber"), "kind": ("kind", "subscriber")},
)

_OF_MESSAGE = (("message",), "messages", ("id",))

# Derived from the messages: which events each tells of.
TOLD = Table(
    "told",
    {"event": WORD, "message": WORD},
    key=("event", "message"),
    refers=_OF_MESSAGE,
    indexes={"message": ("message",)},
)

DELIVERIES = Table(
    "deliveries",
    {
        "message": WORD,
        "channel": WORD,
        "recipient": WORD,
        # Still on its way
        "open": YES_OR_NO,
        # Will never arrive, or nobody knows whether it did
        "given_up": YES_OR_NO,
        "next_try": MAYBE,
        "record": TEXT,
    },
    key=("message", "channel", "recipient"),
    refers=_OF_MESSAGE,
    indexes={"open": ("open", "next_try"), "given_up": ("given_up",)},
)

ACKS = Table("acks", {"update_id": WORD, "time": WORD}, key=("update_id",))

# Until NULL: for good
MUTES = Table("mutes", {"target": WORD, "until": MAYBE}, key=("target",))

META = Table("meta", {"key": WORD, "value": TEXT}, key=("key",))

TABLES = (
    *(DOCUMENTS, TIMES, ENTRIES, COPIES, UPDATES, NAMES, OFFERS, SUSPICIONS, ABSORBED),
    *(EVENTS, CONCERNED, MESSAGES, TOLD, DELIVERIES, ACKS, MUTES, META),
)
"""All of them; what others refer to comes first."""
