"""The manual's pictures, drawn from what the code does and from published leaderboards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
from drawing import BLUE, FAINT, GREEN, INK, PALE, RED, Drawing, ramp
from numpy.typing import NDArray

from zsg_registry import Access, Example, ExampleSet, Order, Registry, bind, parse_reference
from zsg_registry.testing import NaiveContext, example_set

LEADERBOARD: Final = Path(__file__).parents[2] / "leaderboards" / "arrangements" / "leaderboard.json"
SHOWN: Final = ("random", "nft", "fft", "tma[within=distance]")
PANEL: Final = 190


def pages() -> dict[str, str]:
    """Every picture."""
    return {
        "pictures/arrangement.svg": arrangement(),
        "pictures/selection-and-order.svg": selection_and_order(),
        "pictures/receipt.svg": receipt(),
        "pictures/null-band.svg": null_band(),
        "pictures/access.svg": access(),
    }


def arrangement() -> str:
    """The first half of a pool of points in the plane, by four arrangements that are really run."""
    rng = np.random.default_rng(4)
    centres = np.array([(-0.55, 0.4), (0.5, 0.5), (0.45, -0.5), (-0.45, -0.45)])
    pool = np.concatenate([centre + rng.normal(0, 0.11, (14, 2)) for centre in centres])
    query = np.array([(0.12, 0.3), (0.22, 0.18), (-0.2, -0.2)])
    drawing = Drawing(4 * (PANEL + 20), PANEL + 76, "Half of a pool of 56 examples, chosen and ordered in four ways")
    for number, reference in enumerate(SHOWN):
        left = number * (PANEL + 20) + 6
        _panel(drawing, left, reference, _arranged(reference, pool, query), pool, query)
    _arrangement_legend(drawing, PANEL + 58)
    return drawing.svg()


def _arranged(reference: str, pool: NDArray[np.float64], query: NDArray[np.float64]) -> Order:
    """An order of half of the points, by the plugin itself."""
    parsed = parse_reference(reference)
    component = bind(Registry().component("arrangement", parsed), parsed)
    examples = example_set(["seen"] * len(pool)), example_set(["new"] * len(query), side="unseen", prefix="q-")
    given = {"pool": _on_sphere(pool), "query": _on_sphere(query)}
    context = NaiveContext.of(component, *examples, budget=len(pool) // 2, embeddings=given)
    order = component.arrange(context)
    assert isinstance(order, Order)
    return order


def _on_sphere(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points of the plane lifted onto the sphere, so that near points are alike by the cosine."""
    return np.column_stack([points, np.sqrt(np.maximum(0.0, 1 - (points**2).sum(1)))])


def _panel(
    drawing: Drawing, left: float, name: str, order: Order, pool: NDArray[np.float64], query: NDArray[np.float64]
) -> None:
    def place(point: NDArray[np.float64]) -> tuple[float, float]:
        return left + PANEL * (point[0] + 1) / 2, 26 + PANEL * (1 - point[1]) / 2

    drawing.text(left, 16, name, bold=True, code=True)
    drawing.box(left, 26, PANEL, PANEL, "none", edge=PALE, round_by=4)
    chosen = {int(row): position for position, row in enumerate(order.indices)}
    for row, point in enumerate(pool):
        share = chosen.get(row, -1) / (len(chosen) - 1)
        drawing.dot(*place(point), 4.5, ramp(share) if row in chosen else "none", edge=INK if row in chosen else FAINT)
    for point in query:
        x, y = place(point)
        drawing.line((x - 5, y - 5), (x + 5, y + 5), colour=RED, width=2.5)
        drawing.line((x - 5, y + 5), (x + 5, y - 5), colour=RED, width=2.5)


def _arrangement_legend(drawing: Drawing, y: float) -> None:
    for step in range(40):
        drawing.box(50 + 3 * step, y - 10, 3.2, 10, ramp(step / 39), round_by=0)
    drawing.text(44, y, "first", anchor="end")
    drawing.text(178, y, "last of the budget")
    drawing.dot(330, y - 5, 4.5, "none", edge=FAINT)
    drawing.text(342, y, "not in the budget")
    drawing.line((474, y - 10), (484, y), colour=RED, width=2.5)
    drawing.line((474, y), (484, y - 10), colour=RED, width=2.5)
    drawing.text(494, y, "the query: examples of unseen tasks")


def _rows() -> dict[str, dict[str, Any]]:
    return {row["arrangement"]: row for row in json.loads(LEADERBOARD.read_text("utf-8"))["rows"]}


def selection_and_order() -> str:
    """What selection and what order contributes to a difference from random, on a published leaderboard."""
    rows, names = _rows(), ("nft", "doubly-greedy", "tma", "coarse", "cluster")
    drawing = Drawing(720, 52 * len(names) + 76, "Differences from random order, taken apart into selection and order")
    zero, scale = 420.0, 290.0
    drawing.line((zero, 30), (zero, 52 * len(names) + 24), colour=FAINT)
    drawing.text(zero, 20, "random", colour=FAINT, anchor="middle")
    for number, name in enumerate(names):
        y = 38 + 52 * number
        whole, selection = rows[name]["delta_vs_random"], rows[f"{name} | shuffle"]["delta_vs_random"]
        drawing.text(150, y + 25, name, anchor="end", code=True)
        for top, start, end, colour in ((y, 0.0, selection, BLUE), (y + 13, selection, whole, GREEN)):
            low, high = zero + scale * min(start, end), zero + scale * max(start, end)
            drawing.box(low, top, max(high - low, 1), 11, colour)
        edge = zero + scale * whole
        drawing.line((edge, y - 2), (edge, y + 36), width=2)
        drawing.text(edge + (6 if whole > 0 else -6), y + 37, f"{whole:+.2f}".replace("-", "−"),
                     anchor="start" if whole > 0 else "end", size=12)  # fmt: skip
    y = 52 * len(names) + 60
    for x, colour, text in ((60, BLUE, "selection: X | shuffle − random"), (320, GREEN, "order: X − X | shuffle")):
        drawing.box(x, y - 10, 22, 11, colour)
        drawing.text(x + 30, y, text)
    drawing.line((530, y - 12), (530, y + 2), width=2)
    drawing.text(538, y, "together: X − random")
    return drawing.svg()


def receipt() -> str:
    """Two steps of an order on two processes, as the trainer shares them out, and the receipt."""
    order, batch, processes = np.array([7, 2, 9, 0, 5, 11, 3, 8]), 4, 2
    drawing = Drawing(760, 290, "An order, the optimizer steps that consume it, and the receipt")
    colours = ("#bcd4f7", "#bfe3c8")
    drawing.text(10, 50, "order", bold=True)
    drawing.text(10, 148, "training", bold=True)
    drawing.text(10, 264, "receipt", bold=True)
    for position, example in enumerate(order):
        step = position // batch
        rank = position % batch % processes
        x = 120 + 70 * position
        lane = 108 + 42 * rank
        drawing.line((x + 28, 60), (x + 28, 244), colour=FAINT)
        for top in (30, lane, 244):
            _example(drawing, x, top, int(example), colours[step])
    for rank in range(processes):
        drawing.text(680, 128 + 42 * rank, f"process {rank}", size=12, colour=FAINT)
    for step in range(2):
        drawing.text(120 + 280 * step, 22, f"step {step + 1}", size=12, colour=FAINT)
    return drawing.svg()


def _example(drawing: Drawing, x: float, y: float, number: int, colour: str) -> None:
    drawing.box(x, y, 56, 30, colour, edge=FAINT, round_by=4)
    drawing.text(x + 28, y + 20, f"e{number}", anchor="middle", code=True)


def null_band() -> str:
    """Arrangements of a published leaderboard beside random order's interval."""
    rows = _rows()
    names = ("nft", "nft | shuffle", "tma", "coarse", "per-task[mode=uniform]", "round-robin", "commonit", "cluster")
    drawing = Drawing(720, 34 * len(names) + 96, "Differences from random order with 95 % intervals")
    low, high, left, right = -1.0, 1.8, 230, 690

    def at(value: float) -> float:
        return left + (right - left) * (min(max(value, low), high) - low) / (high - low)

    bottom = 34 * len(names) + 20
    drawing.line((at(0), 14), (at(0), bottom), colour=FAINT, dashed=True)
    for number, name in enumerate(names):
        row, y = rows[name], 34 + 34 * number
        colour = {"better": GREEN, "worse": RED}.get(row["verdict"], FAINT)
        drawing.text(left - 14, y + 4, name, anchor="end", code=True, size=12)
        drawing.line((at(row["delta_low"]), y), (at(row["delta_high"]), y), colour=colour, width=3)
        drawing.dot(at(row["delta_vs_random"]), y, 5, colour)
    drawing.line((left, bottom), (right, bottom), colour=FAINT)
    for tick in (-1.0, -0.5, 0.0, 0.5, 1.0, 1.5):
        drawing.line((at(tick), bottom), (at(tick), bottom + 5), colour=FAINT)
        drawing.text(at(tick), bottom + 20, f"{tick:g}".replace("-", "−"), anchor="middle", size=12)
    drawing.text(left, bottom + 48, "aulc minus that of random order (lower is better)", size=12, colour=FAINT)
    legend = ((GREEN, "verdict: better"), (RED, "worse"), (FAINT, "tie: no verdict"))
    for x, (colour, text) in zip((235, 365, 440), legend, strict=True):
        drawing.dot(x, bottom + 66, 5, colour)
        drawing.text(x + 10, bottom + 70, text, size=12)
    return drawing.svg()


def access() -> str:
    """The fields of a query example that the registry hands over, for each declared access."""
    example = Example(
        id="q1",
        task="t",
        source="s",
        side="unseen",
        instruction="i",
        prompt="p",
        completion="c",
        references=("c",),
        choices=("c", "d"),
    )
    whole = ExampleSet.from_examples([example])
    given = {
        Access.NONE: set[str](),
        **{one: set(whole.restrict(one).columns) for one in (Access.PROMPTS, Access.ANSWERS)},
    }
    fields = ("id", "task", "source", "instruction", "prompt", "completion", "references", "choices")
    drawing = Drawing(720, 34 * len(fields) + 80, "The fields of a query example that each access sees")
    for column, one in enumerate(given):
        drawing.text(310 + 150 * column, 24, f"access = {one}", anchor="middle", code=True, bold=True)
    for number, field in enumerate(fields):
        y = 54 + 34 * number
        drawing.text(200, y + 4, field, anchor="end", code=True)
        drawing.line((20, y + 17), (700, y + 17), colour=PALE)
        for column, seen in enumerate(given.values()):
            drawing.dot(
                310 + 150 * column, y, 7, BLUE if field in seen else "none", edge=BLUE if field in seen else FAINT
            )
    y = 34 * len(fields) + 66
    drawing.dot(30, y - 4, 7, BLUE, edge=BLUE)
    drawing.text(46, y, "in the context")
    drawing.dot(180, y - 4, 7, "none", edge=FAINT)
    drawing.text(196, y, "absent (and so are, always, the examples that are scored)")
    return drawing.svg()
