"""The configuration file is found, read, and made into settings."""

from __future__ import annotations

import hashlib
import os.path
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from msgspec.structs import replace

from watcher.config import environment, mail_settings, subscriber_settings, values
from watcher.config.mistakes import BadValueError, Mistakes
from watcher.config.source_settings import sources
from watcher.config.subscriber_settings import operator, patterns, subscribers
from watcher.config.tables import WatchTable
from watcher.config.toml_tables import Tables, read_tables
from watcher.config.values import limits
from watcher.errors import ConfigurationError
from watcher.records import Watch
from watcher.settings import Settings

NAME = "watcher.toml"


def load(
    path: Path | None, environ: Mapping[str, str], *, sends: bool = True
) -> Settings:
    """Read the configuration.

    ``path`` is what ``--config`` names, None to look in the usual places; without any
    file the built-in defaults run.  Where nothing ``sends``, a secret that only sending
    needs may be missing: that is a warning.

    Raises:
        ConfigurationError: it holds everything that is wrong, a line each.

    """
    file = find_file(path, environ)
    text = read_text(file) if file else ""
    return read_settings(text, file, environ, sends=sends)


def read_settings(
    text: str, file: Path | None, environ: Mapping[str, str], *, sends: bool = True
) -> Settings:
    """Read the ``text`` of a configuration as that of ``file``, None for the defaults.

    Raises ConfigurationError as ``load`` does.
    """
    name = str(file) if file else "(built-in defaults)"
    mistakes = Mistakes(name, text, sends=sends)
    mistakes.secrets += environment.proxy_secrets(environ)
    tables = read_tables(text, mistakes)
    settings = settings_of(tables, file, environ, mistakes)
    mistakes.raise_all()
    mark = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return replace(settings, mark=mark)


def usual_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """List where a configuration is looked for when none is named, the first one first."""
    yield Path(NAME)
    if environ.get("XDG_CONFIG_HOME"):
        yield Path(environ["XDG_CONFIG_HOME"]) / "watcher" / NAME
    else:
        # Not loaded where the first place has one
        import platformdirs

        yield platformdirs.user_config_path("watcher", False) / NAME
    yield Path("/etc/watcher") / NAME


def find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Give the configuration file: the one named, else the first that exists, else None.

    Raises ConfigurationError when a named one does not exist.
    """
    named: Path | str = environ.get("WATCHER_CONFIG", "")
    by = "WATCHER_CONFIG"
    # What is typed now goes before what stands in the environment
    if path:
        named, by = path, "--config"
    # A named file that is missing is a mistake: the defaults would watch other products
    if named:
        if not os.path.exists(named):  # unlike Path.exists it never raises  # noqa: PTH110
            raise ConfigurationError(
                f"{named}: there is no such file. Correct {by}, or write one: "
                f"watcher init --config {named}"
            )
        return Path(named)
    for usual in usual_files(environ):
        if os.path.isfile(usual):  # likewise  # noqa: PTH113
            return usual
    return None


def read_text(file: Path) -> str:
    """Give the text of a configuration file, which is UTF-8.

    Raises:
        ConfigurationError: it cannot be read, or is not UTF-8.
    """
    try:
        # Notepad begins UTF-8 with a byte order mark
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigurationError(
            f"{file}: it cannot be read ({error.strerror}). Correct the path or the file's rights."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{file}: it is not UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8."
        ) from error


def settings_of(
    tables: Tables,
    file: Path | None,
    environ: Mapping[str, str],
    mistakes: Mistakes,
) -> Settings:
    """Check every value, and compose the settings of them.

    What is wrong is gathered in ``mistakes``, and the result is then of no use.
    Relative paths start at the folder of ``file``, at the working directory when there
    is none.
    """
    # Not the working directory: cron starts in the home folder, and a run there would
    # begin a new state
    base = file.absolute().parent if file else Path()
    own = Watch(patterns(tables.watch.products, mistakes.table("watch")))
    others = subscriber_settings.watches(tables, mistakes)
    watched = subscriber_settings.together(own, others)
    whole = replace(_whole(tables, watched, base, environ, mistakes), file=file)
    return subscriber_settings.with_organisations(
        whole, own, others, tables, base, mistakes
    )


def _whole(
    tables: Tables,
    watched: Watch,
    base: Path,
    environ: Mapping[str, str],
    mistakes: Mistakes,
) -> Settings:
    """Compose the settings of all that stands outside of organisations."""
    watch = tables.watch
    given = mistakes.table("watch")

    def path(name: str, text: str) -> Path | None:
        return given.value(name, values.path, None, text, base) if text else None

    def existing(name: str, text: str) -> Path | None:
        return given.value(name, _existing, None, text, base) if text else None

    state = given.value("state", _state, "", watch.state, base, environ, mistakes)
    channels = mail_settings.channels(tables.channel, environ, mistakes)
    channel_names = tuple(channel.name for channel in channels)
    keep = given.value("keep", values.duration, timedelta(days=400), watch.keep)
    readers = subscribers(
        tables.subscriber,
        channel_names,
        mistakes,
        base,
        inventory=bool(watch.inventory),
    )
    operator_settings = heartbeat = None
    if tables.operator:
        operator_settings = operator(tables.operator, channel_names, mistakes)
    if tables.heartbeat:
        heartbeat = mail_settings.heartbeat(tables.heartbeat, environ, mistakes)
    has_readers = bool(tables.subscriber or tables.organisation)
    read = sources(tables, watched, environ, mistakes)
    mail = mail_settings.mail(
        tables.mail, base, environ, mistakes, subscribed=has_readers
    )
    mail_settings.require_client(read, mail, mistakes)
    return Settings(
        watch=watched,
        state=state,
        site=given.value("site", values.path, base, watch.site, base),
        base_url=given.value("base_url", values.base_url, "", watch.base_url),
        stale_after=given.optional("stale_after", values.duration, watch.stale_after),
        timezone=given.value("timezone", values.zone, "UTC", watch.timezone),
        ca_bundle=existing("ca_bundle", watch.ca_bundle),
        evidence=path("evidence", watch.evidence),
        evidence_files=watch.evidence_files,
        evidence_bytes=watch.evidence_megabytes << 20,
        inventory=path("inventory", watch.inventory),
        publish_servers=_publish_servers(watch, mistakes),
        templates=existing("templates", watch.templates),
        keep=keep,
        metrics=path("metrics", watch.metrics),
        contact=given.value("contact", values.one_line, "", watch.contact),
        sources=read,
        subscribers=readers,
        channels=channels,
        mail=mail,
        operator=operator_settings,
        heartbeat=heartbeat,
        limits=limits(tables.limits, mistakes),
        secrets=tuple(mistakes.secrets),
        warnings=tuple(mistakes.warnings),
    )


def _state(
    text: str, base: Path, environ: Mapping[str, str], mistakes: Mistakes
) -> str:
    environment.without_password(text)
    expanded = environment.expanded(text, environ, mistakes.secrets)
    return values.state_url(expanded, base)


def _existing(text: str, base: Path) -> Path:
    """Give the path of ``text``, which must be there."""
    path = values.path(text, base)
    if not os.path.exists(path):  # unlike Path.exists it never raises  # noqa: PTH110
        raise BadValueError(
            f"there is no {path}", "Correct the path, or leave the key out."
        )
    return path


def _publish_servers(watch: WatchTable, mistakes: Mistakes) -> bool:
    if watch.publish_servers and not watch.inventory:
        mistakes.add(
            ("watch", "publish_servers"),
            "no server is known that could be published",
            'Name them: inventory = "inventory.csv"; or leave the key out.',
        )
    return watch.publish_servers
