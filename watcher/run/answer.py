"""What became of a source's documents when they were asked for."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import Struct

from watcher.records import Document, Entry, Failure, Page, Snapshot, Source, Validators


class Answer(Struct, frozen=True):
    """What became of one document.

    ``result`` is its snapshot, None where the copy is the one that the state has read,
    or a failure.
    """

    document: str
    url: str
    result: Snapshot | Failure | None
    validators: Validators = Validators()
    # Where it was parsed, or is wanted as evidence
    page: Page | None = None
    # What the index said of it
    mark: str = ""
    # Where its address leads for good
    moved: str = ""


class SourceAnswers(Struct, frozen=True):
    """A source's answers of one check.

    ``previous`` is what the state had of its documents before.
    """

    source: Source
    answers: tuple[Answer, ...]
    previous: dict[str, Document]
    # Something may be suspected at this source
    suspected: bool = True
    # Entries of this check's sources that bear the vendor's name of an update
    stated: tuple[Entry, ...] = ()


class _Packed(Struct, frozen=True):
    """An answer as it is packed: its result stands in the field of its kind."""

    document: str
    url: str
    snapshot: Snapshot | None
    failure: Failure | None
    validators: Validators
    page: Page | None
    mark: str
    moved: str


class PackedAnswers(Struct, frozen=True):
    """What a source answered at a time, for whoever judges it in another process.

    Without what the state had before: that may be otherwise by then.
    """

    source: str
    time: datetime
    packed: tuple[_Packed, ...]

    @property
    def answers(self) -> tuple[Answer, ...]:
        """The answers as they came."""
        return tuple(
            Answer(
                each.document,
                each.url,
                each.snapshot or each.failure,
                each.validators,
                each.page,
                each.mark,
                each.moved,
            )
            for each in self.packed
        )


def pack(answers: SourceAnswers, time: datetime) -> bytes:
    """Write a source's answers of ``time`` as bytes."""
    packed = []
    for answer in answers.answers:
        result = answer.result
        packed.append(
            _Packed(
                answer.document,
                answer.url,
                result if isinstance(result, Snapshot) else None,
                result if isinstance(result, Failure) else None,
                answer.validators,
                answer.page,
                answer.mark,
                answer.moved,
            )
        )
    return msgspec.msgpack.encode(
        PackedAnswers(answers.source.name, time, tuple(packed))
    )


def unpack(content: bytes) -> PackedAnswers:
    """Read what ``pack`` wrote."""
    return msgspec.msgpack.decode(content, type=PackedAnswers)
