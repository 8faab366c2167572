"""What became of a source's documents when they were asked for."""

from __future__ import annotations

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
