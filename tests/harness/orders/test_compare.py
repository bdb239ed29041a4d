"""Comparing orders: each figure against its definition, by hand or in plain loops."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.orders.compare import BINS, compare
from zsg_harness.orders.picture import picture
from zsg_harness.orders.reading import ReadOrder, read_order
from zsg_registry import Order, OrderFile, ZsgError


def read(ids: list[str], tasks: dict[str, str] | None = None, **order: Any) -> ReadOrder:
    made = Order(np.arange(len(ids)), **order)
    return ReadOrder("x", OrderFile.of(made, ids, 4, {}), tasks or {})


IDS = st.lists(st.sampled_from("abcdefghijklmno"), min_size=1, max_size=24)


@given(IDS, IDS)
def test_overlap_and_tau_are_their_definitions(a: list[str], b: list[str]) -> None:
    found = compare(read(a), read(b), {})
    common = sorted(set(a) & set(b))
    assert found.common == len(common)
    for prefix in found.curve:
        begins = [set(ids[: math.ceil(prefix.percent * len(ids) / 100)]) for ids in (a, b)]
        assert prefix.shared == len(begins[0] & begins[1])
        assert prefix.jaccard == pytest.approx(len(begins[0] & begins[1]) / len(begins[0] | begins[1]))
    assert [prefix.percent for prefix in found.prefixes] == [1, 2, 5, 10, 20, 50, 100]
    if len(common) < 2:
        assert found.kendall_tau is None
        return
    signs = [
        np.sign((a.index(x) - a.index(y)) * (b.index(x) - b.index(y))) for x, y in itertools.combinations(common, 2)
    ]
    assert found.kendall_tau == pytest.approx(np.mean(signs))
    assert found.same_set == (sorted(a) == sorted(b))
    assert found.same_order == (a == b)


def test_a_reversed_order() -> None:
    ids = [f"e{i}" for i in range(10)]
    found = compare(read(ids), read(ids[::-1]), {})
    assert found.kendall_tau == -1
    assert (found.same_set, found.same_order) == (True, False)
    assert [prefix.shared for prefix in found.prefixes] == [0, 0, 0, 0, 0, 0, 10]


def test_steps_make_another_order_where_they_are_known() -> None:
    ids = ["a", "b", "c"]
    in_threes, in_twos = read(ids, steps=[3]), read(ids, steps=[2, 3])
    assert not compare(in_threes, in_twos, {}).same_order
    untold = ReadOrder("old", OrderFile(tuple(ids), Order([0, 1, 2]), {}), {})  # type: ignore[arg-type]
    found = compare(untold, in_twos, {})
    assert found.same_order
    assert found.a.steps is None


def test_the_task_mix_of_each_tenth() -> None:
    ids = [f"e{i}" for i in range(20)]
    tasks = {example: "early" if i < 6 else "late" for i, example in enumerate(ids) if i != 19}
    mix = compare(read(ids, tasks), read(ids[:5]), {}).a.task_mix
    assert mix["early"] == (1.0, 1.0, 1.0, *[0.0] * 7)
    assert mix["late"] == (*[0.0] * 3, *[1.0] * 6, 0.5)
    assert mix[""] == (*[0.0] * 9, 0.5)
    assert list(mix)[-1] == ""
    few = compare(read(ids[:3]), read(ids[:3]), tasks).b.task_mix
    assert len(few["early"]) == BINS
    assert sum(share > 0 for share in few["early"]) == 3
    assert compare(read(ids), read(ids), {}).a.task_mix == {}


def test_where_stages_fall() -> None:
    ids = [f"e{i}" for i in range(10)]
    named = read(ids, stages=[1, 1, 0, 1, 0, 0, 0, 0, 0, 0], stage_names=("late", "early"))
    early, late = compare(named, read(ids), {}).a.stages
    assert (early.name, early.count, early.first, early.median, early.last) == ("early", 3, 0.0, 0.1, 0.3)
    assert (late.name, late.count, late.first, late.median, late.last) == ("late", 7, 0.2, 0.6, 0.9)


def test_the_picture_holds_what_the_data_says_as_text() -> None:
    bad = '"/><script>alert(1)</script>'
    ids = [f"e{i}" for i in range(30)]
    tasks = {example: f"{bad}{i % 9}" for i, example in enumerate(ids)}
    comparison = compare(ReadOrder(bad, read(ids).file, tasks), read(ids[::-1], tasks), {})
    for kind in ("svg", "html"):
        text = picture(comparison, kind)  # type: ignore[arg-type]
        assert "<script" not in text
        assert "://" not in text.replace('xmlns="http://www.w3.org/2000/svg"', "")
    root = ElementTree.fromstring(picture(comparison, "svg"))
    space = "{http://www.w3.org/2000/svg}"
    texts = [element.text for element in root.iter(f"{space}text")]
    assert f"A: {bad}" in texts
    assert "30 common" not in " ".join(filter(None, texts))
    assert any("Kendall's τ -1.000" in (text or "") for text in texts)
    bars = [rect for rect in root.iter(f"{space}rect") if rect.find(f"{space}title") is not None]
    stacked: dict[str | None, float] = {}
    for bar in bars:
        stacked[bar.get("x")] = stacked.get(bar.get("x"), 0) + float(bar.get("height", "nan"))
    assert len(stacked) == 2 * BINS
    assert list(stacked.values()) == pytest.approx([300] * len(stacked))
    assert len({bar.get("class") for bar in bars}) == 7  # nine tasks: six colours and the rest


def test_orders_without_tasks_or_common_examples_are_drawn_too() -> None:
    ElementTree.fromstring(picture(compare(read(["a"]), read(["b"]), {}), "svg"))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "line 1: not JSON"),
        ('{"id": "a"}\n[]', "line 2: not an object with an id"),
        ('{"id": 3}', "line 1: not an object with an id"),
        ('{"prompt": "p"}', "line 1: not an object with an id"),
        ("", "it has no rows"),
        ('{"id": "a", "step": 7}', "steps are not 1"),
        ('{"id": "a", "step": 1}\n{"id": "b", "step": {}}', "is not an order"),
        ('{"id": "a", "stage": "first"}', "'stage' holds string"),
    ],
)
def test_a_jsonl_that_is_no_order(text: str, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "ordered.jsonl"
    path.write_text(text)
    with pytest.raises(ZsgError) as caught:
        read_order(path)
    assert complaint in str(caught.value)
    assert "ordered.jsonl" in str(caught.value)
    assert "\n" not in str(caught.value)
