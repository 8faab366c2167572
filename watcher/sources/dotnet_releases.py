"""Kind ``dotnet-releases``: .NET's releases index, and each channel's ``releases.json``.

The index names the channels; a channel lists its releases, newest first, each with its
runtime, its SDKs and the CVEs that it fixes.

Nothing marks a release that was withdrawn.  2.1.29 was gone for good in August 2021,
with 2.1.30 in its place; 10.0.4 was gone for 70 minutes in March 2026, because somebody
had mended a file by hand.  So what is gone counts after a day only, as the kind's row
says.  For twenty minutes in May 2025 release 8.0.16 stood twice.

What a release is for stands in prose beside it: in its notes (10.0.5 "to address a
regression introduced in .NET 10.0.4", for debuggers on macOS), and in the channel's
``known-issues.md``.  Both are Markdown of the same repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from itertools import chain
from urllib.parse import urljoin

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from watcher.errors import ParseError
from watcher.judgement import normalize
from watcher.records import (
    Coverage,
    Entry,
    Follow,
    Label,
    Package,
    Page,
    Passage,
    Snapshot,
    Watch,
)
from watcher.sources import markup
from watcher.sources.answer import decode, first, quoted, snapshot, unique, unlike

_WANTED = ".NET's releases"
_VERSION = re.compile(r"\d+\.\d+\.\d+")
# "8.0.410" is the tenth SDK of the feature band 8.0.4xx
_OF_BAND = re.compile(r"\d+\.\d+\.\d+\d\d")
_NOTES, _ISSUES = " notes", " known issues"
# Where the notes stand as they are written, below the page that a channel's file names
_REPOSITORY = re.compile(
    r"https://github\.com/(dotnet/core)/blob/(main/release-notes/.+)"
)
_RAW = "https://raw.githubusercontent.com/"
_HEADING = re.compile(r"^(#{1,6}) +(.+?) *#*$", re.MULTILINE)
_LINK = re.compile(r"^\[[^\]]+\]: +\S+$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"\.NET (?:Core )?(\d+\.\d+\.[1-9]\d*)\b")
_REMEDY = re.compile(r"workaround|resolution|solution|fix", re.IGNORECASE)
# Every release's notes begin with these
_SAYS_NOTHING = re.compile(
    r"\bavailable for download\b|\balways listed at\b|^\S+ SDKs that include\b"
    r"|^[\d.]+$|\bcarries (?:security|non-security)\b.*\bfixes\b|^\.NET \w+ \d{4} Blog$",
    re.IGNORECASE,
)


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

    @property
    def day(self) -> datetime:
        """The beginning of the day on which it was released."""
        return datetime.combine(self.release_date, time.min, UTC)

    @property
    def cves(self) -> list[str]:
        """The vulnerabilities that it fixes."""
        return [fixed.cve_id for fixed in self.cve_list or ()]

    @property
    def sdk_versions(self) -> list[str]:
        """The versions of its SDKs."""
        parts = (*(self.sdks or ()), self.sdk)
        return [part.version for part in parts if part is not None]


class Releases(Struct, frozen=True, rename="kebab"):
    """A channel's file."""

    channel_version: str
    releases: tuple[Release, ...]


def parse(page: Page, watch: Watch) -> Snapshot:
    """Read a channel's releases, keyed by their numbers, the index that leads to them, or
    what is written of them.

    Previews are no updates, and are left out.

    Raises:
        ParseError: it is neither, or no whole JSON (four times from 2019 to 2024, for up
            to sixteen hours); the text names the JSON path.

    """
    if page.document.endswith(_NOTES):
        return _notes(page, page.document.removesuffix(_NOTES), watch)
    if page.document.endswith(_ISSUES):
        return _known_issues(page, page.document.removesuffix(_ISSUES), watch)
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
        is_over = channel.support_phase == "eol" or not channel.address
        if not is_over and _is_watched(channel.channel_version, watch):
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
    days = [release.day for release in file.releases]
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
        follow=tuple(_prose(file)),
    )


def _prose(file: Releases) -> Iterator[Follow]:
    """Yield the notes of a channel's newest release, and the channel's known issues."""
    for release in file.releases:
        found = _REPOSITORY.match(release.release_notes or "")
        if found is None or not _VERSION.fullmatch(release.release_version):
            continue
        notes = f"{_RAW}{found[1]}/{found[2]}"
        version, date = release.release_version, release.release_date.isoformat()
        yield Follow(f"{version}{_NOTES}", notes, mark=date, optional=True)
        issues = urljoin(notes, "../known-issues.md")
        yield Follow(f"{file.channel_version}{_ISSUES}", issues, optional=True)
        return


def _entry(page: Page, product: str, version: str, same: list[Release]) -> Entry:
    """Read a release; one that stands twice has the later date and the SDKs of both."""
    name = _name(product, version)
    cves = chain.from_iterable(release.cves for release in same)
    notes = unique(release.release_notes or "" for release in same)
    return Entry(
        key=version,
        title=name,
        url=first([*notes, page.url]),
        published=max(release.day for release in same),
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
    parts = filter(None, (release.runtime for release in same))
    runtimes = {normalize.build(part.version) for part in parts}
    for runtime in sorted(filter(None, runtimes)):
        yield Package(product, build=runtime, type="Runtime")
    sdks = chain.from_iterable(release.sdk_versions for release in same)
    ordered = sorted(filter(_OF_BAND.fullmatch, sdks), key=normalize.build_key)
    # The newest of a band comes last: that one stays
    newest = {version[:-2]: version for version in ordered}
    for band, version in sorted(newest.items()):
        yield Package(f"{product} SDK {band}xx", build=version, type="SDK")


# -- what is written of releases


def _notes(page: Page, version: str, watch: Watch) -> Snapshot:
    """Read what a release's notes say of it: why it is there, and what it changes.

    The rest is downloads, and the same with each release.
    """
    channel = version.rpartition(".")[0]
    product = _product(channel)
    texts = []
    for level, heading, text in _sections(page):
        if level == 1 and version not in heading:
            raise unlike(page, f"the notes of .NET {version}")
        if level == 1 or "notable changes" in heading.lower():
            texts.append(text)
    said = [line for line in "\n".join(texts).splitlines() if _says_something(line)]
    entry = Entry(
        key=version,
        title=_name(product, version),
        url=page.url,
        products=(product,),
        passages=(Passage("reason", "\n".join(said)),),
        label=Label(".NET", _name(product, version), "release"),
    )
    return snapshot(
        page,
        total=1,
        entries=[entry] if said and _is_watched(channel, watch) else (),
    )


def _known_issues(page: Page, channel: str, watch: Watch) -> Snapshot:
    """Read a channel's known issues: a section each, of the release that it names."""
    product = _product(channel)
    entries: list[Entry] = []
    for level, heading, text in _sections(page):
        if level == 2:
            entries.append(_known_issue(page, product, heading, text))
        elif level > 2 and entries:
            # "### Resolution", "### Available Workaround" below the issue
            name = "workaround" if _REMEDY.search(heading) else "issue"
            passages = (*entries[-1].passages, Passage(name, text))
            entries[-1] = replace(entries[-1], passages=passages)
    return snapshot(
        page,
        total=len(entries),
        entries={each.key: each for each in entries}.values()
        if _is_watched(channel, watch)
        else (),
    )


def _known_issue(page: Page, product: str, heading: str, text: str) -> Entry:
    named = _NAMED.search(f"{heading} {text}")
    return Entry(
        key=heading,
        title=heading,
        url=page.url,
        products=(product,),
        label=Label(".NET", _name(product, named[1]), "release") if named else None,
        passages=(Passage("issue", text or heading),),
    )


def _sections(page: Page) -> list[tuple[int, str, str]]:
    """Return level, heading and plain text of each section of a page in Markdown.

    Raises:
        ParseError: it begins with no heading.

    """
    text = markup.utf8_text(page.body)
    # A comment of a shell is no heading
    bare = _FENCED.sub(lambda block: " " * len(block[0]), text)
    found = list(_HEADING.finditer(bare))
    if not found or found[0][1] != "#":
        raise unlike(page, "a page of .NET's repository, in Markdown")
    ends = [*(each.start() for each in found[1:]), len(text)]
    # "[10.0.201]: 10.0.5.md", at the page's end, for links anywhere
    links = "\n".join(_LINK.findall(text))
    sections = []
    for each, end in zip(found, ends, strict=True):
        heading = normalize.fold(_plain(each[2]))
        body = _plain(f"{text[each.end() : end]}\n\n{links}")
        sections.append((len(each[1]), heading, body))
    return sections


def _plain(text: str) -> str:
    return markup.plain(markup.from_markdown(text))


def _says_something(line: str) -> bool:
    return line.strip() != "" and not _SAYS_NOTHING.search(line)


def _name(product: str, version: str) -> str:
    """Return ".NET 10.0.5" for a release of ".NET 10.0"."""
    return f"{product.removesuffix(' ' + version.rpartition('.')[0])} {version}"
