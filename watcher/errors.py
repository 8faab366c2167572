"""The error tree.  An error's text is what an administrator reads: what, which, why, what to do.

Expected failures of the outside world (a source is down, a mail is refused) are values
(``records.Failure``, ``records.DeliveryState``); these exceptions end a command or one
piece of work.
"""

from __future__ import annotations


class WatcherError(Exception):
    """Anything this program says on purpose.  ``exit_code`` is what the command ends with."""

    exit_code = 1


class ConfigurationError(WatcherError):
    """The configuration or the command line is wrong; nothing was touched."""

    exit_code = 2


class StateError(WatcherError):
    """The state cannot be opened, read or written.

    What was recorded before is kept, and the next run tries again.
    """


class StateRefusedError(StateError):
    """The state, its address or what should be read into it is not this program's.

    Nothing was touched.
    """

    exit_code = 2


class StateHeldError(WatcherError):
    """Another run holds the state; nothing was touched."""

    exit_code = 3


class ParseError(WatcherError):
    """A document does not have the form its kind has; the message quotes what was found.

    ``remedy`` is shown beside the cause.
    """

    def __init__(
        self,
        cause: str,
        remedy: str = "Open the address in a browser and see whether it still is what it was.",
    ) -> None:
        """Keep cause and remedy apart: a failure shows both."""
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


class DeliveryError(WatcherError):
    """A message could not be handed over, and surely was not.

    ``settings_wrong``: an address, a right or a secret is in the way.
    """

    def __init__(self, answer: str, *, settings_wrong: bool = False) -> None:
        """Keep the server's own answer."""
        super().__init__(answer)
        self.answer = answer
        self.settings_wrong = settings_wrong
