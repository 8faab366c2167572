"""A CSAF provider over HTTP: lists that are missing, and documents that are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.run.stage import HASTY
from tests.servers import Reply, SourceServer
from tests.stories.test_csaf import PUBLISHED, advisory
from watcher import config, report
from watcher.cli import app
from watcher.run.check import Report, check
from watcher.store import Store
from watcher.web.fetch import Fetcher

NOW = datetime(2024, 11, 13, 6, 0, tzinfo=UTC)
ONE, OTHER = "2024/msrc_cve-2024-49040.json", "2024/msrc_cve-2024-50000.json"
GONE = Reply(b"", status=404)


@pytest.fixture
def web() -> Iterator[SourceServer]:
    with SourceServer() as server:
        folder = server.url("/csaf")
        metadata = {
            "canonical_url": f"{folder}/provider-metadata.json",
            "metadata_version": "2.0",
            "last_updated": "2024-11-12T08:00:00Z",
            "role": "csaf_provider",
            "publisher": {"category": "vendor", "name": "x", "namespace": folder},
            "distributions": [{"directory_url": f"{folder}/white/"}],
        }
        server.play(
            "/csaf/provider-metadata.json", Reply(json.dumps(metadata).encode())
        )
        server.play(f"/csaf/white/{ONE}", Reply(advisory(PUBLISHED)))
        server.play(f"/csaf/white/{OTHER}", GONE)
        yield server


@pytest.fixture
def file(web: SourceServer, tmp_path: Path) -> Path:
    path = tmp_path / "watcher.toml"
    address = web.url("/csaf/provider-metadata.json")
    path.write_text(
        f'[watch]\nbuiltin_sources = false\nstate = "sqlite:///{tmp_path}/state.db"\n'
        f'[[source]]\nname = "provider"\nkind = "csaf"\nurl = "{address}"\n',
        encoding="utf-8",
    )
    return path


def checked(file: Path) -> Report:
    settings = config.load(file, {})
    with Store.open(settings.state) as store, Fetcher(HASTY) as fetcher:
        return check(settings, store, fetcher, NOW, force=True, publish=False)


def test_index_txt_stands_in_for_changes_csv_that_is_not_there(
    web: SourceServer, file: Path
) -> None:
    web.play("/csaf/white/changes.csv", GONE)
    web.play("/csaf/white/index.txt", Reply(f"{ONE}\n".encode()))
    (source,) = checked(file).sources
    assert source.failures == ()
    assert source.documents == 3
    with Store.open(config.load(file, {}).state) as store:
        assert [each.id for each in store.updates()] == ["exchange-server-2024-11-su"]


def test_a_provider_without_either_list_names_what_is_missing(
    web: SourceServer, file: Path
) -> None:
    web.play("/csaf/white/changes.csv", GONE)
    web.play("/csaf/white/index.txt", GONE)
    (source,) = checked(file).sources
    (failure,) = source.failures
    assert failure.url.endswith("/csaf/white/index.txt")


def test_a_listed_document_that_is_missing_is_that_documents_failure_alone(
    web: SourceServer, file: Path
) -> None:
    day = f"{datetime.now(UTC):%Y-%m-%dT00:00:00Z}"
    lines = f'"{ONE}","{day}"\n"{OTHER}","{day}"'
    web.play("/csaf/white/changes.csv", Reply(lines.encode()))
    log = report.LOG
    kept = (log.handlers[:], log.level, log.propagate)
    said = CliRunner().invoke(app, ["run", "--force", "--config", str(file)])
    log.handlers[:], log.level, log.propagate = kept
    assert said.exit_code == 1
    assert OTHER in said.stderr
    assert "No source could be read" not in said.stderr
