"""The switch that rewrites what is expected; what it changed is then reviewed as a diff."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rewrite",
        action="store_true",
        help="write what parsers return now into the .expected.json files",
    )
