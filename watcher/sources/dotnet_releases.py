"""Kind ``dotnet-releases``: .NET's releases index, and each channel's ``releases.json``.

The index names the channels; a channel lists its releases, newest first, each with its
runtime, its SDKs and the CVEs that it fixes.

Nothing marks a release that was withdrawn.  2.1.29 was gone for good in August 2021,
with 2.1.30 in its place; 10.0.4 was gone for 70 minutes in March 2026, because somebody
had mended a file by hand.  So what is gone counts after a day only, as the kind's row
says.  For twenty minutes in May 2025 release 8.0.16 stood twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time

import msgspec
from msgspec import Struct

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import (
    Coverage,
    Entry,
    Follow,
    Label,
    Package,
    Page,
    Snapshot,
    Watch,
)
from watcher.sources.answer import decode, quoted, snapshot, unique

_WANTED = ".NET's releases"
_VERSION = re.compile(r"\d+\.\d+\.\d+")
# "8.0.410" is the tenth SDK of the feature band 8.0.4xx
_BAND = re.compile(r"(\d+\.\d+\.\d+)\d\d")


class Channel(Struct, frozen=True, rename="kebab"):
    """A channel as the index names it."""

    channel_version: str
    support_phase: str = ""
    address: str = msgspec.field(name="releases.json", default="")


class Index(Struct, frozen=True, rename="kebab"):
    """The releases index."""

    releases_index: tuple[Channel, ...]


class Part(Struct, frozen=True, rename="kebab"):
    """A runtime or an SDK."""

    version: str = ""


class Fixed(Struct, frozen=True, rename="kebab"):
    """A vulnerability that a release fixes."""

    cve_id: str = ""


class Release(Struct, frozen=True, rename="kebab"):
    """A release of a channel; what may be absent was absent, or null."""

    release_version: str
    release_date: date
    release_notes: str | None = None
    cve_list: tuple[Fixed, ...] | None = None
    runtime: Part | None = None
    sdk: Part | None = None
    sdks: tuple[Part, ...] | None = None


class Releases(Struct, frozen=True, rename="kebab"):
    """A channel's file."""

    channel_version: str
    releases: tuple[Release, ...]


def parse(page: Page, watch: Watch) -> Snapshot:
    """Read a channel's releases, keyed by their numbers, or the index that leads to them.

    Previews are no updates, and are left out.

    Raises:
        ParseError: it is neither, or no whole JSON (four times from 2019 to 2024, for up
            to sixteen hours); the text names the JSON path.

    """
    members = decode(page.body, dict[str, msgspec.Raw], _WANTED)
    if "releases-index" in members:
        index = decode(page.body, Index, _WANTED)
        total = len(index.releases_index)
        return snapshot(page, total=total, follow=tuple(_follow(index, watch)))
    if "releases" in members:
        return _channel(page, decode(page.body, Releases, _WANTED), watch)
    raise ParseError(
        f"this is not {_WANTED}: it has the members {quoted(', '.join(members))}"
    )


def _follow(index: Index, watch: Watch) -> Iterator[Follow]:
    """Yield the files of the watched channels that are supported still.

    They are asked at each check: a file has changed while the index stayed as it was.
    """
    for channel in index.releases_index:
        is_over = channel.support_phase == "eol"
        if (
            channel.address
            and not is_over
            and _is_watched(channel.channel_version, watch)
        ):
            yield Follow(channel.channel_version, channel.address)


def _is_watched(channel: str, watch: Watch) -> bool:
    return normalize.concerns(watch, _product(channel)) or watch.wants(".NET")


def _product(channel: str) -> str:
    """Return the name of a channel, which was ".NET Core 3.1" until it was ".NET 5.0"."""
    major = channel.partition(".")[0]
    is_core = major.isdigit() and int(major) < 5
    return f".NET Core {channel}" if is_core else f".NET {channel}"


def _channel(page: Page, file: Releases, watch: Watch) -> Snapshot:
    product = _product(file.channel_version)
    days = [_day(release) for release in file.releases]
    releases: dict[str, list[Release]] = {}
    for release in file.releases:
        releases.setdefault(release.release_version, []).append(release)
    entries = [
        _entry(page, product, version, same)
        for version, same in releases.items()
        if _VERSION.fullmatch(version)
    ]
    return snapshot(
        page,
        total=len(releases),
        # A file of another channel is not believed
        identity=file.channel_version,
        entries=entries if _is_watched(file.channel_version, watch) else (),
        # Of a cut list the oldest leave, which says nothing
        coverage=Coverage.WINDOW,
        oldest=min(days, default=None),
        newest=max(days, default=None),
    )


def _entry(page: Page, product: str, version: str, same: list[Release]) -> Entry:
    """Read a release; one that stands twice has the later date and the SDKs of both."""
    name = f"{product.removesuffix(' ' + version.rpartition('.')[0])} {version}"
    cves = [fixed.cve_id for release in same for fixed in release.cve_list or ()]
    notes = unique(release.release_notes or "" for release in same)
    return Entry(
        key=version,
        title=name,
        url=notes[0] if notes else page.url,
        published=max(map(_day, same)),
        cves=unique(cves),
        products=(product,),
        packages=tuple(_packages(product, same)),
        label=Label(".NET", name, "release"),
        links=notes,
    )


def _packages(product: str, same: list[Release]) -> Iterator[Package]:
    """Yield the runtime, and the newest SDK of each feature band.

    An SDK that is issued again (8.0.409 as 8.0.410, for a missed fix) is a package with a
    higher build under the same name; the runtime stays what it is.
    """
    bands: dict[str, str] = {}
    runtimes = set()
    for release in same:
        if release.runtime is not None:
            runtimes.add(normalize.build(release.runtime.version))
        for sdk in (*(release.sdks or ()), *filter(None, [release.sdk])):
            band = _BAND.fullmatch(sdk.version)
            if band is None:
                continue
            newest = bands.get(band[1], "")
            if normalize.build_key(sdk.version) > normalize.build_key(newest):
                bands[band[1]] = sdk.version
    for runtime in sorted(filter(None, runtimes)):
        yield Package(product, build=runtime, type="Runtime")
    for name, version in sorted(bands.items()):
        yield Package(f"{product} SDK {name}xx", build=version, type="SDK")


def _day(release: Release) -> datetime:
    return datetime.combine(release.release_date, time.min, UTC)
