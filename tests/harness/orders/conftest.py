"""Small pools and queries in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

Rows = list[dict[str, Any]]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the user's cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def pool() -> Rows:
    """Thirty examples of three tasks, whose words say which they are."""
    words = ["cat dog bird", "sum product root", "red green blue"]
    return [
        {"prompt": f"{words[i % 3]} number {i}", "completion": f"{words[i % 3].split()[i % 2]}", "task": f"t{i % 3}"}
        for i in range(30)
    ]


@pytest.fixture
def query() -> Rows:
    """Prompts alone, of what the second task is about."""
    return [{"prompt": "what is the product of a sum"}, {"prompt": "what is the root"}]
