"""Progress of embedding on stderr: a line now and then, and nothing for what is quickly done."""

from __future__ import annotations

import pytest

from zsg_harness.cli import embedding
from zsg_harness.cli.embedding import watch_embedding


def test_lines_come_now_and_then(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = 0.0
    monkeypatch.setattr(embedding.time, "monotonic", lambda: seconds)
    with watch_embedding(quiet=False) as show:
        assert show is not None
        for done in range(0, 25_001, 1000):
            show(done, 25_000)
            seconds += 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["embedded 10,000 of 25,000 texts", "embedded 20,000 of 25,000 texts"]


def test_quiet_is_quiet() -> None:
    with watch_embedding(quiet=True) as show:
        assert show is None
