"""What vendors' words say: sentences, a lexicon for each language, frames, statements."""

from watcher.judgement.reading.lexicon import LANGUAGES, language_of
from watcher.judgement.reading.sentences import sentences, words
from watcher.judgement.reading.statements import Statement, kinds, new_sentences, read

__all__ = [
    "LANGUAGES",
    "Statement",
    "kinds",
    "language_of",
    "new_sentences",
    "read",
    "sentences",
    "words",
]
