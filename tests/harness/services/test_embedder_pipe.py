"""Vectors behind a pipe: fitted to the pool of their view, and cached by all that they depend on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from zsg_harness.matrix.expand import Choice
from zsg_harness.services.embedder_pipe import KeyedSource, embedder_pipe
from zsg_harness.services.surroundings import EmbedSurroundings
from zsg_harness.store.cache import Cache
from zsg_harness.tokens.text_form import TextForm
from zsg_registry import (
    Access,
    ContractError,
    Embedder,
    Encoder,
    Example,
    ExampleSet,
    FittedTransform,
    Need,
    Parameters,
    TextEmbedder,
    VectorTransform,
    ZsgError,
    parse_pipeline,
)
from zsg_registry.testing import example_set


class Letters(TextEmbedder):
    """Counts of two letters, and 1."""

    def embed(self, texts: Any, context: Any) -> Iterator[NDArray[np.float32]]:
        for text in texts:
            yield np.array([[text.count("a"), text.count("b"), 1]], dtype=np.float32)


class Shift(VectorTransform):
    """Adds a multiple of the pool's mean."""

    class Params(Parameters):
        times: float = 1.0

    params: Params
    fits = 0

    def fit(self, pool: NDArray[np.float32]) -> FittedTransform:
        assert isinstance(pool, np.memmap)
        Shift.fits += 1
        shift = (self.params.times * pool.mean(axis=0)).astype(np.float32)
        return lambda vectors: vectors + shift


class Broken(VectorTransform):
    """Gives what its function gives."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self._function = function

    def fit(self, pool: NDArray[np.float32]) -> FittedTransform:
        return self._function


def pool_of(*texts: str) -> ExampleSet:
    return example_set(["t"] * len(texts), prompts=texts, completions=["b"] * len(texts))


POOL, QUERY = pool_of("aaa", "a", "b", "ab"), example_set(["u"], prompts=["aab"], prefix="q")


def pipe_of(cache: Path, *transforms: VectorTransform, pool: ExampleSet = POOL) -> KeyedSource:
    identities = tuple({"n": type(each).__name__, **each.identity_params()} for each in (Letters(), *transforms))
    choice = Choice("x", parse_pipeline("x"), (Letters(), *transforms), identities)
    return embedder_pipe(choice, EmbedSurroundings(pool, lambda: "cpu", cache, offline=True), "", Cache(cache))


def letters(examples: ExampleSet, view: Any) -> np.ndarray:
    (*blocks,) = Letters().embed(examples.texts(view), None)
    return np.concatenate(blocks)


def test_a_transform_is_fitted_to_the_pool_of_the_same_view(tmp_path: Path) -> None:
    source = pipe_of(tmp_path, Shift())
    for view in ("prompt", "both"):
        found = source.vectors(QUERY, "query", view)  # type: ignore[arg-type]
        assert isinstance(found, np.memmap)
        np.testing.assert_allclose(found, letters(QUERY, view) + letters(POOL, view).mean(axis=0))
    # The pool was embedded on the way, and that is told.
    assert {(each.role, each.view) for each in source.embedded} == {
        (role, view) for role in ("pool", "query") for view in ("prompt", "both")
    }


def test_transforms_stand_behind_each_other(tmp_path: Path) -> None:
    found = pipe_of(tmp_path, Shift(), Shift(times=-1)).vectors(QUERY, "query", "prompt")
    mean = letters(POOL, "prompt").mean(axis=0)
    np.testing.assert_allclose(found, letters(QUERY, "prompt") + mean - 2 * mean)


def test_what_is_known_is_neither_fitted_nor_computed_again(tmp_path: Path) -> None:
    pipe_of(tmp_path, Shift()).vectors(QUERY, "query", "prompt")
    before = Shift.fits

    pipe_of(tmp_path, Shift()).vectors(QUERY, "query", "prompt")
    assert Shift.fits == before
    # Another parameter, another pool, nothing at all behind the pipe: each has vectors of its own.
    others = [pipe_of(tmp_path, Shift(times=2)), pipe_of(tmp_path, Shift(), pool=pool_of("aaaa")), pipe_of(tmp_path)]
    assert [source.vectors(QUERY, "query", "prompt").tolist() for source in others] == [
        [[2 + 2.5, 1 + 1, 3]],
        [[2 + 4, 1, 2]],
        [[2, 1, 1]],
    ]


def test_a_transform_keeps_its_promises_too(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"^vector transform Broken gave 1 vectors for 4 examples$"):
        pipe_of(tmp_path / "a", Broken(lambda vectors: vectors[:1])).vectors(POOL, "pool", "prompt")
    with pytest.raises(ZsgError, match=r"^vector transform Broken gave example 'q0' a vector that is zero or not a"):
        pipe_of(tmp_path / "b", Broken(lambda vectors: vectors * 0)).vectors(QUERY, "query", "prompt")


class Whole(Embedder):
    """Sees whole examples."""

    def __init__(self, *needs: Need) -> None:
        super().__init__()
        self._own_needs = frozenset(needs)

    @property
    def needs(self) -> frozenset[Need]:
        return self._own_needs

    def fit(self, context: Any) -> Encoder:
        raise AssertionError("only its keys are asked for")


class FittedWhole(Whole):
    """Sees the pool's too."""

    fitted = True


def key(embedder: Embedder, examples: ExampleSet = QUERY, **changes: Any) -> str:
    given = {"pool": POOL, "model": "m", "role": "query", "view": "prompt", "form": TextForm(), **changes}
    choice = Choice("x", parse_pipeline("x"), (embedder,), ({},))
    surroundings = EmbedSurroundings(given["pool"], lambda: "cpu", Path(), offline=True, form=given["form"])
    source = embedder_pipe(choice, surroundings, given["model"], Cache(Path()))
    return source.key(examples, given["role"], given["view"])


def test_what_a_key_depends_on() -> None:
    other_split = ExampleSet.from_examples([Example("q0", "u", prompt="aab answer", completion="0")])
    assert other_split.texts("both") == QUERY.texts("both")
    changes: list[dict[str, Any]] = [
        {"pool": pool_of("a")},
        {"model": "other"},
        {"role": "pool"},
        {"form": TextForm(max_length=9)},
        {"examples": other_split},
    ]

    def moved(embedder: Embedder) -> list[bool]:
        return [key(embedder, **{"view": "both", **change}) != key(embedder, view="both") for change in changes]

    assert moved(Letters()) == [False, False, False, False, False]
    assert moved(Whole()) == [False, False, True, False, True]
    assert moved(FittedWhole()) == [True, False, True, False, True]
    assert moved(Whole(Need.MODEL)) == [False, True, True, True, True]


def test_a_withheld_view_is_refused_whatever_the_embedder_does() -> None:
    prompts = QUERY.restrict(Access.PROMPTS)
    for embedder in (Letters(), Whole()):
        key(embedder, prompts)
        with pytest.raises(ContractError, match="'completion' is withheld"):
            key(embedder, prompts, view="both")
