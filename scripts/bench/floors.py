"""What the least possible costs.

A bare loop of conditional requests, and the bare parse of the same bytes.

``python -m scripts.bench.floors requests FOLDER URLS`` asks each URL of the file URLS
over 16 threads, one connection each, as the watcher asks 16 hosts; FOLDER/etags.json
keeps the validators.  ``python -m scripts.bench.floors parse RECORDING…`` reads every
response of recordings and parses what lxml can parse.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit


def ask(kept: Path, urls: list[str]) -> None:
    """Ask conditionally, host by host, and keep the validators."""
    import requests

    etags: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
    hosts: dict[str, list[str]] = defaultdict(list)
    for url in urls:
        hosts[urlsplit(url).netloc].append(url)

    def one(group: list[str]) -> dict[str, str]:
        found = {}
        with requests.Session() as session:
            for url in group:
                answer = session.get(
                    url,
                    headers={"If-None-Match": etags[url]} if url in etags else {},
                    timeout=30,
                )
                answer.raise_for_status()
                found[url] = answer.headers["ETag"]
        return found

    with ThreadPoolExecutor(16) as threads:
        for found in threads.map(one, hosts.values()):
            etags.update(found)
    kept.write_text(json.dumps(etags))


def parse(recordings: list[Path]) -> None:
    """Parse every response of ``recordings`` with lxml, JSON with json."""
    from io import BytesIO

    from lxml import etree, html
    from warcio.archiveiterator import ArchiveIterator

    for recording in recordings:
        with recording.open("rb") as stream:
            for record in ArchiveIterator(stream):
                if (
                    record.rec_type != "response"
                    or not record.http_headers.get_statuscode().startswith("2")
                ):
                    continue
                body, kind = (
                    record.content_stream().read(),
                    record.http_headers.get_header("Content-Type") or "",
                )
                if "json" in kind:
                    json.loads(body.decode("utf-8-sig", "replace"))
                elif "html" in kind:
                    html.parse(BytesIO(body))
                elif body:
                    etree.fromstring(
                        body,
                        etree.XMLParser(
                            recover=True, huge_tree=True, resolve_entities=False
                        ),
                    )


if __name__ == "__main__":
    what, *words = sys.argv[1:]
    if what == "requests":
        ask(Path(words[0]) / "etags.json", Path(words[1]).read_text().split())
    else:
        parse([Path(word) for word in words])
