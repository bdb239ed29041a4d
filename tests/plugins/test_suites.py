"""Every first-party plugin under the suite of its kind, as a third party's would be."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from zsg_plugins.embedders.minilm import weights_folder
from zsg_registry import Kind, Order, OrderFile, Registry, bind, parse_reference
from zsg_registry.testing import suite_of
from zsg_registry.testing.suites.checks import findings
from zsg_registry.testing.suites.scenes import ordinary

REGISTRY = Registry()
"""One for all tests: each reads the metadata of everything that is installed."""

ARRANGEMENTS = [
    "cluster",
    "coarse",
    "commonit",
    "commonit[by=cluster,groups=3]",
    "commonit[by=length]",
    "deita",
    "deita[by=ifd]",
    "doubly-greedy",
    "dsir",
    "dsir[sample=false,view=prompt]",
    "fft",
    "k-center",
    "k-center[start=query,distance=euclidean]",
    "knn-union",
    "nft",
    "nft[view=prompt,measure=centroid]",
    "optimal-transport",
    "optimal-transport[balance=balanced]",
    "per-task",
    "random",
    "replay[file=order.parquet]",
    "round-robin",
    "round-robin-nearest",
    "sequential",
    "sort",
    "sort[by=file,file=scores.csv]",
    "sort[by=loss,direction=descending]",
    "tma",
    "tma[mode=farthest,turns=[0,3]]",
    "tma[mode=nearest-then-farthest,view=prompt]",
    "tma[mode=random,within=shuffle]",
    "tsds",
    "tsds[repeats=true]",
]
ONLINE = ["skill-it[segment_steps=2]", "skill-it[segment_steps=3,graph=similarity]"]
TRANSFORMS = [
    "fold",
    "head[n=5]",
    "jitter[window=4]",
    "length-matched[classes=4]",
    "reverse",
    "saw",
    "shuffle",
    "shuffle[unit=step]",
    "shuffle-within",
    "stair",
    "zigzag",
]
VECTOR_TRANSFORMS = ["center", "whiten", "whiten[dimensions=2]"]
EMBEDDERS = [
    "hashed-ngrams",
    "hashed-ngrams[of=characters,longest=3]",
    "lm-gradient[parameters=last-layer,dimensions=16,checkpoints=1,steps=1,batch_size=2]",
    "lm-hidden",
    "loss-trajectory[points=2,steps=1,batch_size=2]",
    "tfidf",
    "tfidf[dimensions=4]",
]
LOADED_ONCE = ["minilm", f"sentence-transformers[model={weights_folder()}]"]
OF_THE_HUB = ["bge", "e5", "gtr-t5-base"]
METRICS = [
    "exact-match",
    "loss",
    "perplexity",
    "rank-accuracy",
    "rouge",
    "rouge[tokenizer=multilingual]",
    "seen-loss",
    "token-f1",
]
UNDER_SUITES: dict[Kind, list[str]] = {
    "arrangement": [*ARRANGEMENTS, *ONLINE],
    "transform": TRANSFORMS,
    "vector-transform": VECTOR_TRANSFORMS,
    "embedder": [*EMBEDDERS, *LOADED_ONCE, *OF_THE_HUB],
    "metric": [*METRICS, "reward", "lm-eval"],  # these two on a model and a task of the tests
}


LM_EVAL_TASK = """
task: local
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{prompt}}}}"
doc_to_choice: "choices"
doc_to_target: "gold"
metric_list: [{{metric: acc}}]
"""


def made(kind: Kind, text: str, base_dir: Path | None = None) -> Any:
    reference = parse_reference(text)
    return bind(REGISTRY.component(kind, reference), reference, base_dir=base_dir)


@pytest.mark.parametrize("kind", UNDER_SUITES)
def test_none_is_left_out(kind: Kind) -> None:
    own = {entry.name for entry in REGISTRY.entries if (entry.kind, entry.distribution) == (kind, "zsg-harness")}
    assert {parse_reference(text).name for text in UNDER_SUITES[kind]} == own


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What some plugins read: an order and scores of the pool on which suites try arrangements."""
    folder, ids = tmp_path_factory.mktemp("files"), ordinary().pool.ids
    pq.write_table(OrderFile.of(Order(np.arange(len(ids))), ids, 4, {}).to_arrow(), folder / "order.parquet")
    rows = [f"{name},{len(name) + place % 7}" for place, name in enumerate(ids)]
    (folder / "scores.csv").write_text("\n".join(["id,score", *rows]))
    return folder


def broken_promises(kind: Kind, text: str, base_dir: Path | None = None, *, once: bool = False) -> dict[str, str]:
    """The checks that fail, with their lines; on one object for all checks, where it loads what is large."""
    component = made(kind, text, base_dir)
    found = findings(suite_of(type(component)), lambda: component if once else made(kind, text, base_dir))
    return {each.check: each.line for each in found if each.state == "failed"}


@pytest.mark.parametrize("text", [*ARRANGEMENTS, *ONLINE])
def test_arrangements(text: str, files: Path) -> None:
    assert broken_promises("arrangement", text, files) == {}


@pytest.mark.parametrize("text", TRANSFORMS)
def test_transforms(text: str) -> None:
    assert broken_promises("transform", text) == {}


@pytest.mark.parametrize("text", VECTOR_TRANSFORMS)
def test_vector_transforms(text: str) -> None:
    assert broken_promises("vector-transform", text) == {}


@pytest.mark.parametrize("text", [*EMBEDDERS, *LOADED_ONCE])
def test_embedders(text: str) -> None:
    assert broken_promises("embedder", text, once=text in LOADED_ONCE) == {}


@pytest.mark.parametrize("text", OF_THE_HUB)
def test_embedders_of_the_hub(text: str) -> None:
    if made("embedder", text).unavailable() is not None:
        pytest.skip("its model, of 100 million parameters or more, is not in the hub's cache")
    assert broken_promises("embedder", text, once=True) == {}


@pytest.mark.parametrize("text", METRICS)
def test_metrics(text: str) -> None:
    assert broken_promises("metric", text) == {}


def test_benchmarks_of_lm_eval(tmp_path: Path) -> None:
    rows = [{"prompt": f"Is {n} nice?", "choices": ["yes", "no"], "gold": n % 2} for n in range(4)]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "local.yaml").write_text(LM_EVAL_TASK.format(data=tmp_path / "data.jsonl"))
    text = f"lm-eval[tasks=local,include_path={tmp_path.name}]"
    assert broken_promises("metric", text, tmp_path.parent, once=True) == {}


def test_rewards(make_judge: Callable[[], Path]) -> None:
    judge = make_judge()
    assert broken_promises("metric", f"reward[model={judge.name}]", judge.parent, once=True) == {}
