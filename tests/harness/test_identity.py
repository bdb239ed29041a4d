"""Golden identities: if one of these moves, every result that users have stored becomes unreachable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.identity import canonical, identity
from zsg_harness.matrix.load import check_matrix
from zsg_harness.plan.build import build_plan
from zsg_harness.plan.cell import Cell
from zsg_registry import Registry


def plan(**tables: Any) -> list[Cell]:
    matrix = {"arrangements": ["random"], "metrics": ["loss"], **tables.pop("matrix", {})}
    loaded = check_matrix({"matrix": matrix, **tables}, "the test", Path())
    return list(build_plan(loaded, Registry()).cells)


def test_the_canonical_text_is_frozen() -> None:
    document = {"b": [1, 2.5, 1e-6, None, True], "a": {"é": "x"}}
    assert canonical(document) == '{"a":{"\\u00e9":"x"},"b":[1,2.5,1e-06,null,true]}'
    assert identity(document) == "5ccfb5383d46a0a4ab46"  # printf … | sha256sum
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical(float("nan"))


def test_the_spec_of_a_cell_is_frozen() -> None:
    (cell,) = plan(matrix={"arrangements": ["tma[mode=farthest] | head[n=5]"], "embedders": ["tfidf"]})
    spec = json.loads(canonical(cell.spec))
    shared = spec.pop("shared")
    shared.pop("model")  # the weights' hash: frozen with the model, not here
    assert shared == {
        "core": {"data": 1, "train": 2, "evaluate": 1},
        "dataset": [
            {"distribution": "zsg-harness", "name": "procedural", "params": {}, "revision": 1},
            {"fingerprint": "procedural-1-seed0-affinity1.0-60-24"},
        ],
        "pool": {"per_seen_task": None, "probe_per_task": 0},
        "data_seed": None,
        "eval": {"per_unseen_task": 10, "eval_seed": 0, "oracle": False},
        "budget": "all",
        "training": {
            "learning_rate": 3e-4,
            "schedule": "constant",
            "final_rate": 0.1,
            "warmup": 0,
            "weight_decay": 0.0,
            "betas": [0.9, 0.95],
            "epsilon": 1e-5,
            "clip": 1.0,
            "batch_size": 16,
            "epochs": 1,
            "max_length": 1024,
            "template": "paper",
            "precision": "float32",
            "dropout": False,
        },
        "train_seed": None,
    }
    assert spec == {
        "arranged": {
            "arrangement": [
                {"distribution": "zsg-harness", "name": "tma", "params": {"mode": "farthest"}, "revision": 1},
                {"distribution": "zsg-harness", "name": "head", "params": {"n": 5}, "revision": 1},
            ],
            "embedder": [{"distribution": "zsg-harness", "name": "tfidf", "params": {}, "revision": 1}],
            "order_seed": None,
            "query": {"access": "answers", "query_per_task": 10, "data_seed": 0},
        },
        "evaluation": {
            "steps": "log",
            "generate": {"at": ["last"], "max_new_tokens": 32},
            "metrics": [],
        },
    }


def test_what_says_how_does_not_change_the_identity() -> None:
    (plain,) = plan()
    (same,) = plan(run={"workers": 7, "micro_batch_tokens": 128}, matrix={"metrics": ["loss", "rouge"], "name": "x"})
    assert plain.cell_id == same.cell_id


@pytest.mark.parametrize(
    "tables",
    [
        {"training": {"learning_rate": 1e-3}},
        {"data": {"per_unseen_task": 9}},
        {"data": {"oracle": True}},
        {"evaluation": {"every": 5}},
        {"evaluation": {"max_new_tokens": 5}},
        {"matrix": {"budgets": [10]}},
        {"matrix": {"budgets": [{"tokens": 10}]}},
        {"matrix": {"datasets": ["procedural[affinity=0]"]}},
        {"matrix": {"models": [{"use": "zsg-tiny", "dtype": "bfloat16"}]}},
        {"matrix": {"arrangements": ["random | reverse"]}},
        {"matrix": {"seeds": [1]}},
    ],
)
def test_what_can_change_a_result_changes_the_identity(tables: dict[str, Any]) -> None:
    (plain,) = plan()
    (other,) = plan(**tables)
    assert plain.cell_id != other.cell_id


def test_only_evaluation_settings_leave_the_training_identity() -> None:
    (plain,) = plan()
    (scored_otherwise,) = plan(evaluation={"every": 5})
    (trained_otherwise,) = plan(training={"batch_size": 8})
    assert plain.training_id == scored_otherwise.training_id
    assert plain.training_id != trained_otherwise.training_id


def test_a_default_that_is_written_out_is_still_the_default() -> None:
    (plain,) = plan(matrix={"arrangements": ["tma"], "embedders": ["minilm"]})
    (written,) = plan(matrix={"arrangements": ["tma[mode=nearest]"], "embedders": ["minilm"]})
    assert plain.cell_id == written.cell_id
