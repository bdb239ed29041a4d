"""What an arrangement may not see is absent: no path from its context leads there."""

from __future__ import annotations

import gc
import json
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.cells.preparation import bind_cell, fitting_roles, prepare_segments
from zsg_harness.models.loading import load_model
from zsg_harness.plan.cell import Cell
from zsg_registry import ContractError, Order

_OUTSIDE = (types.ModuleType, type, types.FrameType, types.BuiltinFunctionType, types.CodeType)


def reachable(start: object) -> Iterator[object]:
    """Every object that can be reached from `start`, without passing through modules, classes and frames."""
    seen: set[int] = set()
    waiting = [start]
    while waiting:
        current = waiting.pop()
        if id(current) in seen or isinstance(current, _OUTSIDE):
            continue
        seen.add(id(current))
        yield current
        if isinstance(current, types.FunctionType):
            waiting += [current.__closure__, current.__defaults__]
        elif not (isinstance(current, dict) and "__builtins__" in current):
            waiting += gc.get_referents(current)


def text_of(thing: object) -> str:
    """Whatever text an object holds, Arrow buffers included."""
    import pyarrow as pa

    if isinstance(thing, str):
        return thing
    if isinstance(thing, bytes):
        return thing.decode(errors="replace")
    if isinstance(thing, pa.Table):
        buffers = [b for column in thing.columns for chunk in column.chunks for b in chunk.buffers() if b]
        return " ".join(buffer.to_pybytes().decode(errors="replace") for buffer in buffers)
    return ""


@pytest.mark.parametrize(
    ("arrangement", "sees_prompts", "sees_answers"),
    [("random", False, False), ("tma[view=prompt]", True, False), ("tma", True, True)],
)
def test_withheld_text_cannot_be_reached(
    arrangement: str,
    sees_prompts: bool,
    sees_answers: bool,
    plan_cells: Callable[..., list[Cell]],
    environment_of: Callable[[Path], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = [
        json.dumps(
            {
                "id": f"{side}-{i}",
                "task": f"{side}-{i % 3}",
                "prompt": f"{side}-QUESTION-{i}",
                "completion": f"{side}-ANSWER-{i}",
            }
        )
        for side in ("seen", "unseen")
        for i in range(24)
    ]
    (tmp_path / "data.jsonl").write_text("\n".join(rows))
    dataset = {"use": "jsonl", "path": str(tmp_path / "data.jsonl"), "unseen": ["unseen-0", "unseen-1", "unseen-2"]}
    (cell,) = plan_cells(matrix={"datasets": [dataset], "arrangements": [arrangement], "budgets": ["all"]})
    environment = environment_of(tmp_path)
    bound = bind_cell(cell, environment.registry)
    found: list[str] = []

    def arrange(self: Any, context: Any) -> Order:
        for use in ("pool", "query"):
            if use == "pool" or sees_prompts:
                getattr(context, use)
        found.extend(text_of(thing) for thing in reachable(context))
        return Order(list(range(context.budget)))  # type: ignore[arg-type]

    monkeypatch.setattr(type(bound.arrangement.components[0]), "arrange", arrange)
    roles = fitting_roles(cell, bound, environment)
    prepare_segments(cell, bound, roles, environment, load_model(cell.model, Path(), environment.device))
    everything = " ".join(found)
    assert "seen-ANSWER-1" in everything
    assert ("unseen-QUESTION" in everything) == sees_prompts
    assert ("unseen-ANSWER" in everything) == sees_answers
    scored = set(roles.eval.texts("prompt"))
    assert not any(prompt in everything.split() for prompt in scored)


def test_what_was_not_declared_is_refused(
    plan_cells: Callable[..., list[Cell]],
    environment_of: Callable[[Path], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (cell,) = plan_cells(matrix={"arrangements": ["tma[view=prompt]"]})
    environment = environment_of(tmp_path)
    bound = bind_cell(cell, environment.registry)
    uses: dict[str, Callable[[Any], object]] = {
        "completion": lambda context: context.query["completion"],
        "both": lambda context: context.texts("query", "both"),
        "embedding of answers": lambda context: context.embeddings("query", "both"),
        "losses": lambda context: context.losses("pool"),
        "losses without the prompt": lambda context: context.losses("pool", of="answer-alone"),
        "losses of the text": lambda context: context.losses("pool", of="text"),
        "lengths": lambda context: context.lengths("pool"),
        "model": lambda context: context.model(),
        "eval": lambda context: context.texts("eval"),
    }
    refused: list[str] = []

    def arrange(self: Any, context: Any) -> Order:
        for name, use in uses.items():
            try:
                use(context)
            except ContractError:
                refused.append(name)
        return Order(list(range(context.budget)))  # type: ignore[arg-type]

    monkeypatch.setattr(type(bound.arrangement.components[0]), "arrange", arrange)
    roles = fitting_roles(cell, bound, environment)
    prepare_segments(cell, bound, roles, environment, load_model(cell.model, Path(), environment.device))
    assert refused == list(uses)
