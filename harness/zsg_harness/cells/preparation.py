"""Everything a cell needs before its first optimizer step: examples, components, order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch

from zsg_harness.cells.data import load_roles
from zsg_harness.cells.origin import Origin
from zsg_harness.cells.roles import Roles
from zsg_harness.cells.segments import OnlineSegments, Segments, WholeOrder
from zsg_harness.cells.warm import encoded, fresh_model
from zsg_harness.matrix.expand import Choice, Expander
from zsg_harness.matrix.schema import ModelEntry, RunTable, TokenBudget
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.models.loading import load_model
from zsg_harness.orders.document import embedder_document, model_needs, order_document
from zsg_harness.orders.ordering import OnlineOrder, Recipe, make_order, visible_roles
from zsg_harness.plan.cell import Cell
from zsg_harness.services.cached_vectors import OnProgress
from zsg_harness.services.context import Workbench
from zsg_harness.services.embedder_pipe import embedder_pipe
from zsg_harness.services.surroundings import DownloadFolder, EmbedSurroundings
from zsg_harness.store.cache import Cache
from zsg_harness.training.world import World
from zsg_registry import Access, Metric, Need, OnlineArrangement, Order, Registry, Segment, parse_pipeline


def never() -> bool:
    """Nobody asks for an end."""
    return False


class CellStopped(Exception):
    """The cell was asked to stop, and did; what it says is where."""


class CellUnfit(Exception):
    """The cell cannot run on this data, through nobody's fault: it is skipped with this reason."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Where cells run.

    Attributes:
        registry: The installed plugins.
        cache: The store's cache.
        run: The matrix's `[run]` settings.
        device: Where models run.
        offline: Whether the network must not be used.
        world: The processes of a cell.
        asked_to_stop: Whether the cell is to save its state and end.
        origin: Which code the run was started from.
    """

    registry: Registry
    cache: Cache
    run: RunTable
    device: torch.device
    offline: bool
    world: World = field(default_factory=World)
    asked_to_stop: Callable[[], bool] = never
    origin: Origin = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bound:
    """A cell's components, made from its references."""

    arrangement: Choice
    embedder: Choice | None
    metrics: tuple[Metric, ...]


def bind_cell(cell: Cell, registry: Registry) -> Bound:
    """Make a cell's components.

    Raises:
        ZsgError: A component is not there any more, or is broken.
    """
    expander = Expander(registry, Path(cell.base_dir))
    arrangement = expander.choice("arrangement", parse_pipeline(cell.arrangement))
    embedder = None if cell.embedder is None else expander.choice("embedder", parse_pipeline(cell.embedder))
    metrics = [expander.choice("metric", parse_pipeline(text)).components[0] for text in cell.metrics]
    return Bound(arrangement, embedder, tuple(cast("list[Metric]", metrics)))


def fitting_roles(cell: Cell, bound: Bound, environment: Environment) -> Roles:
    """Load a cell's data set, cut its roles, and see that the arrangement can work on them.

    Raises:
        ZsgError: The data is missing or damaged.
        CellUnfit: The arrangement needs something that this data has not.
    """
    downloads = DownloadFolder(environment.cache.folder / "downloads", environment.offline)
    roles = load_roles(cell, environment.registry, downloads, environment.cache)
    if Need.TASKS in bound.arrangement.needs and roles.pool.arrow.column("task").null_count:
        raise CellUnfit(f"{cell.labels.arrangement} needs tasks, and this data has none")
    if bound.arrangement.access is not Access.NONE and not len(roles.query):
        raise CellUnfit("evaluation left no examples for the query: lower per_unseen_task, or set oracle = true")
    return roles


def prepare_segments(
    cell: Cell,
    bound: Bound,
    roles: Roles,
    environment: Environment,
    base: CausalLM,
    on_embedding: OnProgress | None = None,
) -> tuple[Segments, Workbench]:
    """Arrange the pool: all of it now, or segment by segment as training goes.

    The first process of a cell arranges, and the others follow it.

    Args:
        cell: Which cell.
        bound: Its components.
        roles: Its examples.
        environment: Where it runs.
        base: Its base model, untrained.
        on_embedding: Told how many texts of how many are embedded.

    Raises:
        ContractError: A component broke its promise.
    """
    world, batch_size = environment.world, cell.training.batch_size
    bench = _workbench(cell, bound, roles, environment, base, on_embedding)
    recipe = _recipe(cell, bound)
    if not isinstance(bound.arrangement.components[0], OnlineArrangement):
        order = world.agree(make_order(recipe, bench) if world.is_first else None)
        if bench.embeddings is not None:
            bench.embeddings.release()  # training needs the memory
        return WholeOrder(order, batch_size), bench
    online = OnlineOrder(recipe, bench)
    bench.base = None  # it is about to be trained: who needs the base model later gets one of its own

    def ask(history: Sequence[Segment]) -> Order | None:
        order: Order | None = world.agree(online.next_segment(history) if world.is_first else None)
        return order

    return OnlineSegments(ask, online.budget, batch_size), bench


def describe_order(cell: Cell, bound: Bound, roles: Roles) -> dict[str, Any]:
    """Where a cell's order comes from, for its file."""
    recipe = _recipe(cell, bound)
    used = model_needs(recipe, bound.embedder)
    return order_document(
        recipe,
        embedder=None if bound.embedder is None else embedder_document(bound.embedder),
        model={"content": cell.model_hash, **cell.text_form.content()} if used else None,
        pool=roles.pool,
        query=roles.query,
        oracle=cell.data.oracle,
    )


def _recipe(cell: Cell, bound: Bound) -> Recipe:
    return Recipe(
        arrangement=bound.arrangement,
        budget=cell.budget if isinstance(cell.budget, int) else None,
        token_budget=cell.budget.tokens if isinstance(cell.budget, TokenBudget) else None,
        batch_size=cell.training.batch_size,
        order_seed=cell.seeds.order or 0,
        epochs=cell.training.epochs,
    )


def _workbench(
    cell: Cell, bound: Bound, roles: Roles, environment: Environment, base: CausalLM, on_embedding: OnProgress | None
) -> Workbench:
    def find_device() -> str:
        return str(environment.device)

    def load(use: str | None = None) -> CausalLM:
        if use is None:
            return fresh_model(cell, environment.device)
        return load_model(ModelEntry(use=use), Path(cell.base_dir), environment.device)

    embeddings = None
    if bound.embedder is not None:
        uses_model = Need.MODEL in bound.embedder.needs
        surroundings = EmbedSurroundings(
            pool=roles.pool,
            find_device=find_device,
            cache_dir=environment.cache.folder / "downloads",
            offline=environment.offline,
            base_model=(lambda: base) if uses_model else None,
            load_model=load if uses_model else None,
            form=cell.text_form,
        )
        embeddings = embedder_pipe(bound.embedder, surroundings, cell.model_key, environment.cache, on_embedding)
    return Workbench(
        roles=visible_roles(bound.arrangement.access, roles.pool, roles.query, probe=roles.probe),
        load_model=load,
        encode=partial(encoded, cell),
        embeddings=embeddings,
        form=cell.text_form,
        model_key=cell.model_key,
        cache=environment.cache,
        batch_tokens=environment.run.eval_batch_tokens,
        find_device=find_device,
        base=base,
    )
