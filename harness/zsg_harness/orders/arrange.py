"""Ordering one's own data: the work behind `zsg-harness arrange` and `zsg_harness.arrange`."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zsg_harness.matrix.expand import Choice, Expander
from zsg_harness.matrix.schema import ModelEntry, RunTable, TrainingTable
from zsg_harness.models.resolve import resolve_model
from zsg_harness.orders.document import embedder_document, model_needs, order_document
from zsg_harness.orders.given import GivenVectors
from zsg_harness.orders.ordering import Recipe, make_order, visible_roles
from zsg_harness.services.cached_vectors import OnProgress
from zsg_harness.services.context import VectorSource, Workbench
from zsg_harness.services.embedder_pipe import embedder_pipe
from zsg_harness.services.embeddings import Embedded
from zsg_harness.services.surroundings import EmbedSurroundings
from zsg_harness.store.cache import Cache
from zsg_harness.store.places import user_cache
from zsg_harness.tokens.text_form import TextForm
from zsg_registry import (
    Access,
    ExampleSet,
    Need,
    OnlineArrangement,
    Order,
    OrderFile,
    Registry,
    ZsgError,
    parse_pipeline,
)

if TYPE_CHECKING:
    from zsg_harness.models.causal_lm import CausalLM


@dataclass(frozen=True, slots=True)
class Settings:
    """What is wanted.

    Attributes:
        arrangement: A pipe of references, such as `tma[mode=farthest] | reverse`.
        embedder: A reference; used only by arrangements that need one.
        budget: How many examples; None for the whole pool.
        token_budget: Where the order is cut, in tokens of the model.
        batch_size: Examples of an optimizer step, where the arrangement does not set the steps.
        seed: What stochastic arrangements draw from.
        model: A bundled name, a folder or a hub id, for what needs one.
        oracle: Whether the query is the very set that will be scored.
        cache: Where embeddings and losses are kept by content; by default the user's cache folder.
    """

    arrangement: str
    embedder: str | None = "minilm"
    budget: int | None = None
    token_budget: int | None = None
    batch_size: int = 16
    seed: int = 0
    model: str | None = None
    oracle: bool = False
    cache: Path | None = None


@dataclass(frozen=True, slots=True)
class Arranged:
    """An order, and what is to be told of it.

    Attributes:
        order: Over the pool.
        file: The same by ids, with where it came from.
        embedded: Which texts were embedded, and how many of them were cut.
        seconds: How long it took, embedding included.
    """

    order: Order
    file: OrderFile
    embedded: tuple[Embedded, ...]
    seconds: float


class Arranger:
    """A pipe that is bound and can run here, waiting for data.

    Args:
        settings: What is wanted.
        registry: The installed plugins.
        embeds: False where the caller brings the embeddings.

    Raises:
        ZsgError: A component, parameter or model is unknown, broken or not available, or a model is missing.
    """

    def __init__(self, settings: Settings, registry: Registry, *, embeds: bool = True) -> None:
        for name in ("budget", "token_budget", "batch_size"):
            value = getattr(settings, name)
            if value is not None and value < 1:
                raise ZsgError(f"{name} is {value}: it must be at least 1")
        self._settings = settings
        expander = Expander(registry, Path.cwd())
        self._arrangement = expander.choice("arrangement", parse_pipeline(settings.arrangement))
        if isinstance(self._arrangement.components[0], OnlineArrangement):
            raise ZsgError(f"{self._arrangement.label!r} decides while a model is trained: it has no order before that")
        self._embedder = self._bind_embedder(expander) if embeds else None
        for choice in (self._arrangement, self._embedder):
            reason = None if choice is None else choice.unavailable()
            if choice is not None and reason is not None:
                raise ZsgError(f"{choice.label!r} is not available: {reason}")
        self._recipe = Recipe(
            self._arrangement, settings.budget, settings.token_budget, settings.batch_size, settings.seed
        )
        self._model = self._find_model()
        self._form = TextForm(max_length=TrainingTable().max_length)

    @property
    def access(self) -> Access:
        """What the pipe sees of a query."""
        return self._arrangement.access

    def arrange(
        self,
        pool: ExampleSet,
        query: ExampleSet | None,
        *,
        given: GivenVectors | None = None,
        on_progress: OnProgress | None = None,
    ) -> Arranged:
        """Order a pool.

        Args:
            pool: What is to be ordered.
            query: Examples of what the model shall become good at; None where the pipe looks at none.
            given: Embeddings that the caller brings.
            on_progress: Told how far the embedding is.

        Raises:
            ZsgError: The data is not what the pipe needs, or a component broke its promise.
        """
        self._check(pool, query)
        started = time.monotonic()
        bench = self._workbench(pool, query)
        bench.embeddings = given
        if given is None and self._embedder is not None:
            bench.embeddings = self._embeddings(self._embedder, bench, on_progress)
        order = make_order(self._recipe, bench)
        embedder = None if self._embedder is None else embedder_document(self._embedder)
        document = order_document(
            self._recipe,
            embedder=embedder if given is None else {"given": {"dimensions": given.dimensions}},
            model=self._model_document(),
            pool=pool,
            query=query,
            oracle=self._settings.oracle,
        )
        file = OrderFile.of(order, pool.ids, self._settings.batch_size, document)
        embedded = () if bench.embeddings is None else bench.embeddings.embedded
        return Arranged(order, file, tuple(embedded), time.monotonic() - started)

    def _bind_embedder(self, expander: Expander) -> Choice | None:
        if Need.EMBEDDER not in self._arrangement.needs:
            return None
        if self._settings.embedder is None:
            raise ZsgError(f"arrangement {self._arrangement.label!r} needs an embedder")
        return expander.choice("embedder", parse_pipeline(self._settings.embedder))

    def _find_model(self) -> ModelEntry | None:
        needs = model_needs(self._recipe, self._embedder)
        if not needs:
            return None
        if self._settings.model is None:
            own = self._embedder
            choice = own if own is not None and needs <= own.needs else self._arrangement
            who = "a token budget" if self._recipe.token_budget is not None else repr(choice.label)
            raise ZsgError(f"{who} needs a base model ({', '.join(sorted(needs))}): name one with --model")
        return ModelEntry(use=self._settings.model)

    def _model_document(self) -> dict[str, Any] | None:
        if self._model is None:
            return None
        content = resolve_model(self._model, Path.cwd()).content
        return {"use": self._model.use, "content": content, **self._form.content()}

    def _check(self, pool: ExampleSet, query: ExampleSet | None) -> None:
        name = self._arrangement.label
        if not len(pool):
            raise ZsgError("the pool is empty")
        if Need.TASKS in self._arrangement.needs and pool.arrow.column("task").null_count:
            raise ZsgError(f"arrangement {name!r} needs the task of every example, and the pool does not tell it")
        if self.access is Access.NONE:
            return
        if query is None:
            raise ZsgError(f"arrangement {name!r} needs a query: examples of what the model shall do well (--query)")
        if not len(query):
            raise ZsgError("the query is empty")
        if self.access is Access.ANSWERS and "completion" not in query.columns:
            raise ZsgError(f"arrangement {name!r} looks at the query's answers, and the query has none")

    def _workbench(self, pool: ExampleSet, query: ExampleSet | None) -> Workbench:
        cache = Cache(_usable(self._settings.cache or user_cache()))
        model_key = "" if self._model is None else resolve_model(self._model, Path.cwd()).content
        return Workbench(
            roles=visible_roles(self.access, pool, query),
            load_model=self._load_model,
            embeddings=None,
            form=self._form,
            model_key=model_key,
            cache=cache,
            batch_tokens=RunTable().eval_batch_tokens,
            find_device=_device,
        )

    def _embeddings(self, choice: Choice, bench: Workbench, on_progress: OnProgress | None) -> VectorSource:
        from huggingface_hub import is_offline_mode

        uses_model = Need.MODEL in choice.needs
        surroundings = EmbedSurroundings(
            pool=bench.roles["pool"],
            find_device=_device,
            cache_dir=bench.cache.folder / "downloads",
            offline=is_offline_mode(),
            base_model=bench.base_model if uses_model else None,
            load_model=self._load_model if uses_model else None,
            form=self._form,
        )
        return embedder_pipe(choice, surroundings, bench.model_key, bench.cache, on_progress)

    def _load_model(self, use: str | None = None) -> CausalLM:
        import torch

        from zsg_harness.models.loading import load_model

        entry = self._model if use is None else ModelEntry(use=use)
        assert entry is not None
        return load_model(entry, Path.cwd(), torch.device(_device()))


def _usable(cache: Path) -> Path:
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ZsgError(f"the cache {cache} cannot be made: {error.strerror or error}") from None
    if not os.access(cache, os.W_OK):
        raise ZsgError(f"the cache {cache} cannot be written: choose another")
    return cache


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
