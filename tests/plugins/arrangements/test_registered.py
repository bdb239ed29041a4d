"""The arrangements and transforms under the names that users write."""

from __future__ import annotations

import pytest

from zsg_registry import Kind, Reference, Registry

NAMES: dict[Kind, list[str]] = {
    "arrangement": ["cluster", "fft", "nft", "random", "round-robin", "sequential", "tma"],
    "transform": ["head", "reverse", "shuffle"],
}


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in NAMES.items() for name in names])
def test_each_is_found_loads_and_describes_itself(kind: Kind, name: str) -> None:
    component = Registry().component(kind, Reference(name, distribution="zsg-harness"))
    assert len(component.summary()) > 10
    assert all(field.description for field in component.Params.model_fields.values())
