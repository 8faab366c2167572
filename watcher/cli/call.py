"""How every command is called and how it ends.

The program itself, which only says its version; the options that all commands share; how it
asks the web; events and times as several commands print them; and what becomes of errors and
signals.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import shlex
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from msgspec import Struct
from typer.core import TyperGroup

from watcher import __version__, config, report
from watcher.config import Settings
from watcher.config.load import usual_files
from watcher.config.mistakes import BadValueError, meant
from watcher.config.values import duration
from watcher.errors import ConfigurationError, DeliveryError, WatcherError
from watcher.records import Confidence, Event, Source
from watcher.settings import OAuth
from watcher.store import Store
from watcher.store.address import address_of
from watcher.text import event_json
from watcher.web import FetchError, FetchSettings
from watcher.web.failures import AGAIN
from watcher.web.fetch import Fetcher
from watcher.web.recorder import Recorder

if TYPE_CHECKING:
    from watcher.notifiers.microsoft import Tokens


class GraphLogin:
    """The client of [mail], which logs in for the sources that Graph has, too."""

    def __init__(self, oauth: OAuth, ca_bundle: Path | None) -> None:
        """Prepare; a token is fetched when a source wants one."""
        self.graph = oauth.graph
        self._oauth = oauth
        self._ca_bundle = str(ca_bundle) if ca_bundle else None
        self._tokens: Tokens | None = None
        self._lock = threading.Lock()

    def token(self) -> str:
        """Give a token of Graph's.  Raises FetchError with Microsoft's own words."""
        # Loads requests and msal, which a run that asks nothing of Graph does not need
        from watcher.notifiers.microsoft import Tokens

        with self._lock:
            # msal keeps a token until shortly before its end
            self._tokens = self._tokens or Tokens(self._oauth, self._ca_bundle)
            try:
                return self._tokens.token(f"{self.graph}/.default")
            except DeliveryError as error:
                raise FetchError(
                    error.answer, AGAIN, passing=not error.settings_wrong
                ) from error

    def forget(self) -> None:
        """Let the next token be a new one."""
        with self._lock:
            self._tokens = None


@contextmanager
def live_web(settings: Settings, record: Path | None = None) -> Iterator[Fetcher]:
    """Open the live web, asked as the configuration says.

    Every response is appended to the recording ``record``.
    """
    secrets = {secret.name: secret.reveal() for secret in settings.secrets}
    oauth = settings.mail.oauth
    asked = FetchSettings(
        contact=settings.contact,
        ca_bundle=settings.ca_bundle,
        secrets=secrets,
        login=GraphLogin(oauth, settings.ca_bundle) if oauth else None,
        source=settings.limits.source.total_seconds(),
        run=settings.limits.asking.total_seconds(),
    )
    if record is None:
        with Fetcher(asked) as web:
            yield web
        return
    # A recording is made to be passed on: the secrets are taken out of its addresses
    with Recorder(record, secrets) as recorder, Fetcher(asked, recorder) as web:
        yield web


class Commands(TyperGroup):
    """The commands of a group.

    Of an option before their names it says that it belongs after them.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer has moved the class of contexts
        """Read what stands before the command."""
        own: set[str] = set()
        for parameter in self.get_params(ctx):
            own.update(parameter.opts)
        name = next((word for word in args if word in self.commands), None)
        # "watcher --config FILE run": click would only say that there is no such option
        is_option = bool(args) and args[0].startswith("-")
        if name and is_option and args[0].partition("=")[0] not in own:
            place = args.index(name)
            meant = shlex.join([name, *args[place + 1 :], *args[:place]])
            ctx.fail(
                f"{args[0]} stands before the command. Options of a command "
                f"belong after it: {ctx.command_path} {meant}"
            )
        return super().parse_args(ctx, args)


app = typer.Typer(
    name="watcher",
    cls=Commands,
    epilog="Example: watcher init && watcher check && watcher run",
    no_args_is_help=True,
    # Plain help: rich is not loaded for it
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


# Typer calls it with the flag's value
def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"watcher {__version__}")
        raise typer.Exit


@app.callback()
def watcher(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Say which version this is.",
            callback=_say_version,
            is_eager=True,
        ),
    ] = False,
) -> None:
    """Tells administrators that an update is out, was pulled, or is back as v2."""


Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="The configuration file."),
]


Verbose = Annotated[
    bool,
    typer.Option(
        "-v", "--verbose", help="Say more; tracebacks of what should not happen."
    ),
]


Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say errors only.")]


LogJson = Annotated[bool, typer.Option("--log-json", help="Log lines as JSON objects.")]


SHARED = {
    "config": (Config, None),
    "verbose": (Verbose, False),
    "quiet": (Quiet, False),
    "log_json": (LogJson, False),
}


# 128 and the signal's number, as shells count
INTERRUPTED, TERMINATED = 130, 143


GRACE = 5.0
"""Seconds that what is open may take to be closed, when a command's time is up."""


class Terminated(BaseException):
    """SIGTERM came: what is open is closed on the way up."""


class TimeUp(BaseException):
    """A command took longer than it may: what is open is closed on the way up."""

    def __init__(self, limit: timedelta) -> None:
        """Keep how long it might take."""
        super().__init__()
        self.limit = limit


class Call(Struct, frozen=True):
    """One call of a command, with what the shared options say."""

    config: Path | None
    verbose: bool
    quiet: bool
    log_json: bool
    form: report.PlainLines | report.JsonLines

    def settings(self, *, sends: bool = False) -> Settings:
        """Load the configuration.

        From here on its secrets are masked in every log line.  Of a command that
        ``sends`` nothing a login that is not set is only warned of.  Raises
        ConfigurationError.
        """
        settings = config.load(self.config, os.environ, sends=sends)
        self.form.mask = settings.masked
        for warning in settings.warnings:
            report.LOG.warning("%s", warning)
        return settings

    def store(
        self, settings: Settings, *, hold: bool = False, rehearse: bool = False
    ) -> Store:
        """Open the state, to read beside a run unless ``hold``.

        Raises StateError, StateHeldError.

        A state that is not there yet is said to be so: in a wrong folder nobody would
        see that all is new.
        """
        file = address_of(settings.state).file
        if file is not None and not file.exists():
            begun = "nothing is known. Start a check: watcher run"
            if hold:
                begun = "a new one begins"
            elif rehearse:
                begun = "a run would begin it"
            # A first run by a configuration is as it should be; one without any may
            # have been started in a wrong folder
            level = logging.INFO if settings.file and hold else logging.WARNING
            report.LOG.log(
                level,
                "There is no state %s: %s. %s",
                file.absolute(),
                begun,
                self._configured(settings),
            )
        return Store.open(settings.state, hold=hold, rehearse=rehearse)

    @staticmethod
    def _configured(settings: Settings) -> str:
        """Say which configuration holds."""
        if settings.file is not None:
            return f"The configuration is {settings.file.absolute()}."
        looked = ", ".join(str(file.absolute()) for file in usual_files(os.environ))
        return f"The built-in defaults hold, for there is no configuration: looked for {looked}."

    @property
    def lively(self) -> bool:
        """Whether a moving line may be shown on a terminal."""
        return not (self.quiet or self.verbose or self.log_json)


def command(
    name: str, example: str, group: typer.Typer = app
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a command: a function of a Call and its own options.  ``example`` ends its help."""

    def register(body: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(body)
        def called(
            *,
            config: Path | None,
            verbose: bool,
            quiet: bool,
            log_json: bool,
            **own: Any,  # noqa: ANN401
        ) -> None:  # each has its own
            if verbose and quiet:
                raise typer.BadParameter("-v and -q exclude each other.")
            # -v is one step louder than usual, -q one step quieter
            form = report.log_to_stderr(verbose - quiet, as_json=log_json)
            with ending(form), terminable():
                _leave_folder_that_is_gone(config)
                body(Call(config, verbose, quiet, log_json, form), **own)

        signature = inspect.signature(body, eval_str=True)
        # The first one is the Call
        parameters = list(signature.parameters.values())[1:]
        parameters += [
            inspect.Parameter(
                option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind
            )
            for option, (kind, default) in SHARED.items()
        ]
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads the options from
        called.__annotations__ = {
            parameter.name: parameter.annotation for parameter in parameters
        }
        group.command(name, epilog=f"Example: {example}")(called)
        return body

    return register


def _leave_folder_that_is_gone(named: Path | None) -> None:
    """Work on where the folder that the command was started in was deleted since.

    Libraries ask for it, and fail.  Raises ConfigurationError where the configuration
    is looked for in it.
    """
    try:
        os.getcwd()  # noqa: PTH109 - Path.cwd is the same
    except FileNotFoundError:
        file = named or Path(os.environ.get("WATCHER_CONFIG", ""))
        if not file.is_absolute():
            raise ConfigurationError(
                "the folder that this was started in is gone. Change into another one "
                "(cd), or name the configuration by its whole path: --config"
            ) from None
        os.chdir(file.anchor)


@contextmanager
def ending(form: report.PlainLines | report.JsonLines) -> Iterator[None]:
    """Turn an error into its text on standard error and the command's exit code."""
    try:
        yield
        sys.stdout.flush()
    except (typer.Exit, typer.Abort, typer.BadParameter):
        raise
    except BrokenPipeError:
        # `watcher events | head` has what it wanted.  What is still to be written goes
        # nowhere, or the interpreter would complain of it at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except WatcherError as error:
        report.complain(str(error), form)
        report.LOG.debug("Where it was raised", exc_info=True)
        raise typer.Exit(error.exit_code) from error
    except KeyboardInterrupt:
        report.complain("Interrupted. The next run goes on from here.", form)
        raise typer.Exit(INTERRUPTED) from None
    except Terminated:
        report.complain("Terminated. The next run goes on from here.", form)
        raise typer.Exit(TERMINATED) from None
    except TimeUp as error:
        report.complain(
            f"The run took longer than {error.limit.total_seconds() / 60:.3g} min and "
            "was ended; what it had found is recorded, and the next run goes on from "
            "here. If it lasts, see which source or server is slow (-v), or raise run in "
            "[limits].",
            form,
        )
        raise typer.Exit(1) from None
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
        report.complain(
            (
                f"This is a mistake of the watcher's: {found}. Please report it "
                "with what -v shows; CONTRIBUTING.md says where."
            ),
            form,
        )
        report.LOG.debug("Traceback", exc_info=True)
        raise typer.Exit(1) from error


@contextmanager
def terminable() -> Iterator[None]:
    """Make SIGTERM an exception, so that files, locks and connections are closed on the way out."""
    # Python lets only the main thread set a signal's handler
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def ends_within(limit: timedelta) -> Iterator[None]:
    """Raise TimeUp in what is done inside when it takes longer.

    No source, server or disk then keeps the state held for ever.  Where a system has no
    timer of that kind (Windows), the limits of sources and servers are all there is.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or sys.platform == "win32":
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> NoReturn:
        raise TimeUp(limit)

    before = signal.signal(signal.SIGALRM, end)
    # Again where a library, on its way out, waits for the same server: Apprise's mail says
    # goodbye, and hears no end of the answer
    signal.setitimer(signal.ITIMER_REAL, limit.total_seconds(), GRACE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def now() -> datetime:
    """Read the clock: the one place where a command does, for what is called takes the
    time as an argument.
    """
    return datetime.now(UTC)


def length(text: str) -> timedelta:
    """Read a length of time given to an option: ``7d``."""
    try:
        return duration(text)
    except BadValueError as wrong:
        raise typer.BadParameter(str(wrong)) from None


def moment(text: str, *, end: bool = False) -> datetime:
    """Read a date or time given to an option, in UTC unless it says otherwise.

    With ``end`` a date means the end of that day.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(
            f'"{text}" is no date. Write 2024-11-20 or 2024-11-20T18:00:00Z.'
        ) from None
    # "--until 2024-11-20" means that this day counts
    if end and len(text) == len("2024-11-20"):
        read += timedelta(days=1, microseconds=-1)
    if read.tzinfo is None:
        read = read.replace(tzinfo=UTC)
    return read.astimezone(UTC)


def end_with_failure(*, failed: bool) -> None:
    """End the command with exit code 1 when something failed."""
    # What could not be written (a full disk) must fail here, not after the exit code
    sys.stdout.flush()
    if failed:
        raise typer.Exit(1)


def named(settings: Settings, name: str) -> Source:
    """Give the configured source of that name.

    Raises ConfigurationError that names the nearest one.
    """
    sources = {source.name: source for source in settings.sources}
    if name not in sources:
        raise ConfigurationError(
            f'there is no source "{name}". {meant(name, list(sources))}'
        )
    return sources[name]


def write_events(events: Iterable[Event]) -> None:
    """Print events, a line each."""
    for event in events:
        suspected = ""
        if event.confidence is Confidence.SUSPECTED:
            suspected = f" ({event.confidence.value})"
        kbs = f" ({', '.join(event.update.kbs)})" if event.update.kbs else ""
        title = f"{event.update.title}{kbs}: "
        # Most summaries name their update
        if event.update.title in event.summary:
            title = ""
        time = short(event_json.time(event.time))
        what = f"{event.kind.value}{suspected}  {title}{event.summary}"
        # A vendor's title may hold what moves a terminal's cursor
        report.write(report.harmless(f"{time}  {what}"))


def short(time: str | None, none: str = "never") -> str:
    """Write an RFC 3339 time to the minute, ``none`` for None."""
    return f"{time[:16].replace('T', ' ')}Z" if time else none
