"""`docs/security.md` names a test for each threat: those tests are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
AUDIT = (PROJECT / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| \*\*(.+?)\*\* \| (.+) \|$", AUDIT, re.MULTILINE)
NAMED = sorted(set(re.findall(r"`(tests/[\w/-]+\.py)::(\w+)`", AUDIT)))


def test_every_threat_has_a_test() -> None:
    assert len(ROWS) >= 25
    without = [threat for threat, rest in ROWS if not re.search(r"`tests/[\w/-]+\.py::\w+`", rest)]
    assert without == []


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_the_named_tests_are_there(path: str) -> None:
    tree = ast.parse((PROJECT / path).read_text(encoding="utf-8"))
    there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    assert {name for file, name in NAMED if file == path} <= there
