"""What a matrix takes from the environment stays there."""

from __future__ import annotations

from pathlib import Path

import pytest

from zsg_harness.matrix.load import check_matrix
from zsg_harness.plan.build import build_plan
from zsg_harness.runner import freeze
from zsg_harness.store.store import Store
from zsg_registry import Registry


def test_a_frozen_plan_has_variables_as_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUMMARY", "hunter2")
    hooks = {"chat": {"to": "https://chat.example/${SUMMARY}", "rooms": ["${SUMMARY}", "open"]}}
    document = {"matrix": {"summary": "about ${SUMMARY}", "arrangements": ["random"]}, "hooks": hooks}
    loaded = check_matrix(document, "the test", tmp_path)
    assert loaded.matrix.matrix.summary == "about hunter2"
    freeze(build_plan(loaded, Registry()), Store(tmp_path / "store"))
    (plan,) = (tmp_path / "store" / "matrices").iterdir()
    assert "hunter2" not in plan.read_text()
    assert plan.read_text().count("${SUMMARY}") == 3
