"""Real input: P3 as T0 was trained on it. Not part of the project, so the test is skipped where it is absent."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from zsg_plugins.datasets.jsonl import Jsonl
from zsg_registry import bind, parse_reference

P3 = Path(os.environ.get("ZSG_P3_DATA", Path(__file__).parents[3] / ".." / "shared" / "data" / "p3"))
DATA = "p3_t0_train_55k.jsonl.gz"


@pytest.mark.skipif(not (P3 / DATA).is_file(), reason="the P3 data is not here; ZSG_P3_DATA names its folder")
def test_p3_split_by_source() -> None:
    dataset = bind(Jsonl, parse_reference(f"jsonl[path={DATA},unseen=split.json]"), base_dir=P3)

    examples = list(dataset.load(None))  # type: ignore[arg-type]  # local files need no context

    assert len(examples) == 53_785
    assert len({example.id for example in examples}) == 53_785
    tasks = {(example.task, example.side) for example in examples}
    assert Counter(side for _, side in tasks) == {"seen": 216, "unseen": 60}
    sources = {side: {example.source for example in examples if example.side == side} for side in ("seen", "unseen")}
    assert (len(sources["seen"]), len(sources["unseen"])) == (25, 8)
    assert not sources["seen"] & sources["unseen"]
    assert examples[0].id == "adversarial_qa_dbert_answer_the_following_q/0"
