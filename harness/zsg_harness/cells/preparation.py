"""Everything a cell needs before its first optimizer step: examples, components, order."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch

from zsg_harness.cells.data import DownloadFolder, load_roles
from zsg_harness.cells.ordering import make_order
from zsg_harness.cells.roles import Roles
from zsg_harness.matrix.expand import Choice, Expander
from zsg_harness.matrix.schema import RunTable, TokenBudget
from zsg_harness.models.causal_lm import CausalLM, load_model
from zsg_harness.plan.cell import Cell
from zsg_harness.services.context import CellContext, Handle, Workbench
from zsg_harness.services.embeddings import EmbeddingService
from zsg_registry import (
    Access,
    ArrangeContext,
    Component,
    ContractError,
    Embedder,
    ExampleSet,
    Metric,
    ModelHandle,
    Need,
    Order,
    Registry,
    Role,
    Transform,
    generator,
    parse_pipeline,
)
from zsg_registry.arrangement import Arranging


class CellUnfit(Exception):
    """The cell cannot run on this data, through nobody's fault: it is skipped with this reason."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where cells run.

    Attributes:
        registry: The installed plugins.
        cache: The store's cache folder.
        run: The matrix's `[run]` settings.
        device: Where models run.
        offline: Whether the network must not be used.
    """

    registry: Registry
    cache: Path
    run: RunTable
    device: torch.device
    offline: bool


@dataclass(frozen=True, slots=True)
class _EmbedSurroundings:
    """The registry's `EmbedContext`."""

    pool: ExampleSet
    device: str
    cache_dir: Path
    offline: bool
    lm: CausalLM | None = None
    max_length: int = 0

    def rng(self, *keys: str | int) -> np.random.Generator:
        return generator("fixed", 0, "embedder", *keys)

    def model(self) -> ModelHandle:
        if self.lm is None:
            raise ContractError("the service 'model' was used, but needs does not declare it")
        return Handle(self.lm, self.max_length)


@dataclass(frozen=True, slots=True)
class Bound:
    """A cell's components, made from its references."""

    arrangement: Choice
    embedder: tuple[Embedder, object] | None
    metrics: tuple[Metric, ...]


def bind_cell(cell: Cell, registry: Registry) -> Bound:
    """Make a cell's components.

    Raises:
        ZsgError: A component is not there any more, or is broken.
    """
    expander = Expander(registry, Path(cell.base_dir))
    arrangement = expander.choice("arrangement", parse_pipeline(cell.arrangement))
    embedder = None
    if cell.embedder is not None:
        choice = expander.choice("embedder", parse_pipeline(cell.embedder))
        embedder = (cast("Embedder", choice.components[0]), choice.identity)
    metrics = [expander.choice("metric", parse_pipeline(text)).components[0] for text in cell.metrics]
    return Bound(arrangement, embedder, tuple(cast("list[Metric]", metrics)))


def fitting_roles(cell: Cell, bound: Bound, environment: Environment) -> Roles:
    """Load a cell's data set, cut its roles, and see that the arrangement can work on them.

    Raises:
        ZsgError: The data is missing or damaged.
        CellUnfit: The arrangement needs something that this data has not.
    """
    downloads = DownloadFolder(environment.cache / "downloads", environment.offline)
    roles = load_roles(cell, environment.registry, downloads)
    if Need.TASKS in bound.arrangement.needs and roles.pool.arrow.column("task").null_count:
        raise CellUnfit(f"{cell.labels.arrangement} needs tasks, and this data has none")
    if bound.arrangement.access is not Access.NONE and not len(roles.query):
        raise CellUnfit("evaluation left no examples for the query: lower per_unseen_task, or set oracle = true")
    return roles


def prepare_order(
    cell: Cell, bound: Bound, roles: Roles, environment: Environment, base: CausalLM
) -> tuple[Order, Workbench]:
    """Arrange the pool.

    Raises:
        ContractError: A component broke its promise.
    """
    bench = _workbench(cell, bound, roles, environment, base)
    budget, token_budget = len(roles.pool), None
    if isinstance(cell.budget, TokenBudget):
        token_budget = cell.budget.tokens
    elif cell.budget != "all":
        budget = cell.budget
        if budget > len(roles.pool):
            raise ContractError(f"the budget is {budget} examples, and the pool has {len(roles.pool)}")

    def context_of(component: Component, position: int) -> ArrangeContext:
        assert isinstance(component, Arranging)
        return CellContext(
            bench,
            needs=component.needs,
            stochastic=component.stochastic,
            roles=_visible(bench.roles, component.access),
            budget=budget,
            batch_size=cell.training.batch_size,
            order_seed=cell.seeds.order or 0,
            position=position,
        )

    order = make_order(
        bound.arrangement.components,
        _names(bound.arrangement),
        context_of,
        pool_size=len(roles.pool),
        budget=budget,
        token_budget=token_budget,
        lengths=lambda: bench.encoded("pool").lengths,
        epochs=cell.training.epochs,
        batch_size=cell.training.batch_size,
    )
    return order, bench


def _names(arrangement: Choice) -> list[str]:
    kinds = ["transform" if isinstance(part, Transform) else "arrangement" for part in arrangement.components]
    references = (arrangement.pipeline.head, *arrangement.pipeline.transforms)
    return [f"{kind} {reference.name!r}" for kind, reference in zip(kinds, references, strict=True)]


def _workbench(cell: Cell, bound: Bound, roles: Roles, environment: Environment, base: CausalLM) -> Workbench:
    visible: dict[Role, ExampleSet] = {"pool": roles.pool, "probe": roles.probe}
    if bound.arrangement.access is not Access.NONE:
        visible["query"] = roles.query.restrict(bound.arrangement.access)
    embeddings = None
    if bound.embedder is not None:
        embedder, embedder_identity = bound.embedder
        surroundings = _EmbedSurroundings(
            pool=roles.pool,
            device=str(environment.device),
            cache_dir=environment.cache / "downloads",
            offline=environment.offline,
            lm=base if Need.MODEL in embedder.needs else None,
            max_length=cell.training.max_length,
        )
        embeddings = EmbeddingService(embedder, embedder_identity, surroundings, cell.model_hash, environment.cache)
    return Workbench(
        roles=visible,
        load_model=lambda: load_model(cell.model, Path(cell.base_dir), environment.device),
        embeddings=embeddings,
        max_length=cell.training.max_length,
        model_hash=cell.model_hash,
        cache=environment.cache,
        batch_tokens=environment.run.eval_batch_tokens,
        base=base,
    )


def _visible(roles: dict[Role, ExampleSet], access: Access) -> dict[Role, ExampleSet]:
    """The roles that one component of the pipe may see: another may have declared more."""
    if access is Access.NONE:
        return {role: examples for role, examples in roles.items() if role != "query"}
    if access is Access.PROMPTS:
        return roles | {"query": roles["query"].restrict(access)}
    return roles
