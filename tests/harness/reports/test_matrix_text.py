"""The matrix as TOML reads back as the matrix."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.reports.matrix_text import matrix_file, matrix_toml, reproduce_command

TEXTS = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(TEXTS, v, max_size=3), max_leaves=8)


@given(st.dictionaries(TEXTS, VALUES, max_size=5))
def test_round_trip(matrix: dict[str, object]) -> None:
    told = {key: value for key, value in matrix.items() if value not in ([], {})}
    assert tomllib.loads(matrix_toml(matrix)) == told


def test_it_looks_like_the_file_it_came_from() -> None:
    matrix = {
        "matrix": {"name": "p3", "datasets": [{"use": "jsonl", "path": "p3.jsonl"}], "embedders": None},
        "override": [{"when": {"model": "llama*"}, "training": {"learning_rate": 1e-6}}],
        "hooks": {"chat": {"room": "a"}},
    }
    assert matrix_toml(matrix) == (
        '[matrix]\nname = "p3"\ndatasets = [{ use = "jsonl", path = "p3.jsonl" }]\n\n'
        '[hooks.chat]\nroom = "a"\n\n'
        '[[override]]\nwhen = { model = "llama*" }\ntraining = { learning_rate = 1e-06 }\n'
    )


@pytest.mark.parametrize(
    ("name", "file"), [("p3-small", "p3-small.toml"), ("a b; rm -rf /", "a-b-rm--rf.toml"), ("../..", "matrix.toml")]
)
def test_the_command_needs_no_quoting(name: str, file: str) -> None:
    assert matrix_file(name) == file
    assert reproduce_command(name) == f"zsg-harness run --matrix {file}"
