"""A context for embedders that needs no harness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zsg_registry.components import Need
from zsg_registry.context import EmbedContext, ModelHandle
from zsg_registry.embedder import Embedder
from zsg_registry.errors import ContractError
from zsg_registry.examples import ExampleSet
from zsg_registry.seeds import generator


class NaiveEmbedContext(EmbedContext):
    """What an embedder is told, by the test.

        encoder = MyEmbedder().fit(NaiveEmbedContext(example_set(tasks=["a", "b"]), cache_dir=tmp_path))

    `NaiveEmbedContext.of(embedder, …)` allows exactly what the embedder declares.

    Args:
        pool: The training examples.
        cache_dir: A folder for downloads.
        device: Where to compute.
        offline: Whether the network must not be used.
        model: Makes a model handle; called once, and again for each `fresh` one.
        others: Make other models, by name.
        needs: The services that may be used.
    """

    def __init__(
        self,
        pool: ExampleSet,
        cache_dir: Path = Path(),
        *,
        device: str = "cpu",
        offline: bool = True,
        model: Callable[[], ModelHandle] | None = None,
        others: Mapping[str, Callable[[], ModelHandle]] | None = None,
        needs: frozenset[Need] = frozenset(Need),
    ) -> None:
        self._pool = pool
        self._cache_dir = cache_dir
        self._device = device
        self._offline = offline
        self._make_model = model
        self._others = {} if others is None else others
        self._model: ModelHandle | None = None
        self._needs = needs

    @classmethod
    def of(
        cls,
        embedder: Embedder,
        pool: ExampleSet,
        cache_dir: Path = Path(),
        **given: Any,
    ) -> NaiveEmbedContext:
        """A context that allows what `embedder` declares and nothing else."""
        return cls(pool, cache_dir, needs=embedder.needs, **given)

    @property
    def pool(self) -> ExampleSet:
        """The training examples."""
        return self._pool

    @property
    def device(self) -> str:
        """Where to compute."""
        return self._device

    @property
    def cache_dir(self) -> Path:
        """The given folder."""
        return self._cache_dir

    @property
    def offline(self) -> bool:
        """Whether the network must not be used."""
        return self._offline

    def rng(self, *keys: str | int) -> np.random.Generator:
        """The fixed stream."""
        return generator("fixed", 0, "embedder", *keys)

    def model(self, fresh: bool = False, use: str | None = None) -> ModelHandle:
        """The given model."""
        if Need.MODEL not in self._needs:
            raise ContractError("the model was used without declaring Need.MODEL")
        if use is not None:
            return self._others[use]()
        if self._make_model is None:
            raise ValueError("this NaiveEmbedContext was given no model")
        if fresh:
            return self._make_model()
        self._model = self._model or self._make_model()
        return self._model
