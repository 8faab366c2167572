"""Whatever a configuration holds, it is read or refused in words.

Never a crash, never a secret in what is said.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watcher import config
from watcher.config.tables import REPEATED, SINGLE
from watcher.errors import ConfigurationError

SECRET = "hunter2-and-more"
WORDS = st.sampled_from(
    [
        "", " ", "*", "Exchange Server*", "[", "feed", "cvrf", "exchange-blog", "30m", "1h", "UTC", "Europe/Berlin", "a@example.org",
        "W <w@example.org>", "smtp://mail.example.org", "https://a.example.org/", "https://[", "https://a:b@c/", "sqlite:///x.db",
        "postgresql://h/d", "${KEY}", "https://${KEY}/", "${", "at-once", "daily 07:00", "pulled", "teams", "json://x", "en", "x" * 300,
    ],
)  # fmt: skip
TEXTS = (
    WORDS
    | st.text(st.characters(codec="ascii"))
    | st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]))
)
VALUES = (
    TEXTS
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.lists(TEXTS, max_size=3)
    | st.lists(st.lists(TEXTS, max_size=1), max_size=1)
)


def table(name: str, form: type[msgspec.Struct]) -> st.SearchStrategy[str]:
    """Write a table of known and unknown keys with whatever values; JSON's are TOML's, too."""
    header = f"[[{name}]]" if name in REPEATED else f"[{name}]"
    known = [field.encode_name for field in msgspec.structs.fields(form)]
    keys = st.sampled_from(known) | st.sampled_from(["prodcuts", "x-y"])
    pairs = st.dictionaries(keys, VALUES, max_size=len(known))
    return pairs.map(
        lambda found: "\n".join(
            [header, *(f"{key} = {json.dumps(value)}" for key, value in found.items())]
        )
    )


FILES = st.tuples(
    *(st.just("") | table(name, form) for name, form in SINGLE.items()),
    *(
        st.lists(table(name, form), max_size=3).map("\n".join)
        for name, form in REPEATED.items()
    ),
).map("\n".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=FILES | st.text(st.characters(exclude_categories=["Cs"])))
def test_a_configuration_is_read_or_refused_in_words(tmp_path: Path, text: str) -> None:
    file = tmp_path / "watcher.toml"
    file.write_text(text, encoding="utf-8")
    said, found = "", None
    try:
        found = config.load(
            file,
            {
                "KEY": SECRET,
                "WATCHER_SMTP_USER": "user",
                "WATCHER_SMTP_PASSWORD": SECRET,
            },
        )
    except ConfigurationError as error:
        said = str(error)
    assert [line for line in said.splitlines() if not line.startswith(f"{file}:")] == []
    assert SECRET not in f"{said} {found!r}"
    if found:
        assert SECRET not in found.masked(found.state)
        assert all(
            source.name and source.url and source.every for source in found.sources
        )
        assert all(
            subscriber.to and subscriber.kinds and subscriber.products
            for subscriber in found.subscribers
        )
