"""Every first-party plugin under the suite of its kind, as a third party's would be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from zsg_registry import Kind, Order, OrderFile, Registry, bind, parse_reference
from zsg_registry.testing import (
    ArrangementSuite,
    EmbedderSuite,
    MetricSuite,
    OnlineArrangementSuite,
    TransformSuite,
    VectorTransformSuite,
)
from zsg_registry.testing.suites.scenes import ordinary

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
    "lm-gradient[parameters=last-layer,dimensions=16,checkpoints=2,steps=1,batch_size=4]",
    "lm-hidden",
    "loss-trajectory[points=3,steps=1,batch_size=4]",
    "tfidf",
    "tfidf[dimensions=4]",
]
LOADED_ONCE = ["minilm"]
OF_THE_HUB = ["bge", "e5", "gtr-t5-base", "sentence-transformers[model=sentence-transformers/all-MiniLM-L6-v2]"]
METRICS = [
    "exact-match",
    "loss",
    "perplexity",
    "rank-accuracy",
    "reward[model=judge]",
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
    "metric": [*METRICS, "lm-eval"],  # see TestLmEval in tests/harness
}


def made(kind: Kind, text: str, base_dir: Path | None = None) -> Any:
    reference = parse_reference(text)
    return bind(Registry().component(kind, reference), reference, base_dir=base_dir)


@pytest.mark.parametrize("kind", UNDER_SUITES)
def test_none_is_left_out(kind: Kind) -> None:
    own = {entry.name for entry in Registry().entries if (entry.kind, entry.distribution) == (kind, "zsg-harness")}
    assert {parse_reference(text).name for text in UNDER_SUITES[kind]} == own


class TestArrangements(ArrangementSuite[Any]):
    @pytest.fixture(params=ARRANGEMENTS)
    def component(self, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
        if "=order.parquet" in request.param:
            ids = ordinary().pool.ids
            pq.write_table(OrderFile.of(Order(np.arange(len(ids))), ids, 4, {}).to_arrow(), tmp_path / "order.parquet")
        if "=scores.csv" in request.param:
            rows = [f"{name},{len(name) + place % 7}" for place, name in enumerate(ordinary().pool.ids)]
            (tmp_path / "scores.csv").write_text("\n".join(["id,score", *rows]))
        return made("arrangement", request.param, tmp_path)


class TestOnlineArrangements(OnlineArrangementSuite[Any]):
    @pytest.fixture(params=ONLINE)
    def component(self, request: pytest.FixtureRequest) -> Any:
        return made("arrangement", request.param)


class TestTransforms(TransformSuite[Any]):
    @pytest.fixture(params=TRANSFORMS)
    def component(self, request: pytest.FixtureRequest) -> Any:
        return made("transform", request.param)


class TestVectorTransforms(VectorTransformSuite[Any]):
    @pytest.fixture(params=VECTOR_TRANSFORMS)
    def component(self, request: pytest.FixtureRequest) -> Any:
        return made("vector-transform", request.param)


class TestEmbedders(EmbedderSuite[Any]):
    @pytest.fixture(params=EMBEDDERS)
    def component(self, request: pytest.FixtureRequest) -> Any:
        return made("embedder", request.param)


class TestEmbeddersLoadedOnce(EmbedderSuite[Any]):
    @pytest.fixture(params=[*LOADED_ONCE, *OF_THE_HUB], scope="class")
    def component(self, request: pytest.FixtureRequest) -> Any:
        component = made("embedder", request.param)
        if request.param in OF_THE_HUB and component.unavailable() is not None:
            pytest.skip("its model is not in the hub's cache")
        return component


class TestMetrics(MetricSuite[Any]):
    @pytest.fixture(params=METRICS)
    def component(self, request: pytest.FixtureRequest, judge: Callable[[], Path]) -> Any:
        text = request.param.replace("=judge", f"={judge()}") if "=judge" in request.param else request.param
        return made("metric", text)


@pytest.fixture(scope="module")
def judge(make_judge: Callable[[], Path]) -> Callable[[], Path]:
    """Where a tiny reward model lies; it is made when it is first asked for."""
    import functools

    return functools.cache(make_judge)
