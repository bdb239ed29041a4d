"""The arrangements and transforms under the names that users write."""

from __future__ import annotations

import pytest

from zsg_registry import Kind, Reference, Registry

NAMES: dict[Kind, list[str]] = {
    "arrangement": [
        "cluster",
        "coarse",
        "commonit",
        "deita",
        "doubly-greedy",
        "dsir",
        "fft",
        "k-center",
        "knn-union",
        "nft",
        "optimal-transport",
        "per-task",
        "random",
        "replay",
        "round-robin",
        "round-robin-nearest",
        "sequential",
        "skill-it",
        "sort",
        "tma",
        "tsds",
    ],
    "transform": [
        "fold",
        "head",
        "jitter",
        "length-matched",
        "reverse",
        "saw",
        "shuffle",
        "shuffle-within",
        "stair",
        "zigzag",
    ],
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names])
def test_each_is_found_loads_and_describes_itself(kind: Kind, name: str) -> None:
    component = Registry().component(kind, Reference(name, distribution="zsg-harness"))
    assert len(component.summary()) > 10
    assert all(field.description for field in component.Params.model_fields.values())
