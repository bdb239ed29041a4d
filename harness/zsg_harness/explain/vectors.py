"""The vectors that a cell is explained by: those of the store's cache, or computed as a cell would."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from zsg_harness.cells.roles import Roles
from zsg_harness.matrix.expand import Choice, Expander
from zsg_harness.matrix.schema import ModelEntry
from zsg_harness.plan.cell import Cell
from zsg_harness.services.cached_vectors import OnProgress
from zsg_harness.services.embedder_pipe import KeyedSource, embedder_pipe
from zsg_harness.services.surroundings import EmbedSurroundings
from zsg_harness.store.cache import Cache
from zsg_registry import Need, Registry, ZsgError, parse_pipeline

if TYPE_CHECKING:
    from zsg_harness.models.causal_lm import CausalLM


def choose_embedder(cell: Cell, others: Iterable[Cell], given: str | None, registry: Registry) -> Choice:
    """The embedder to explain a cell by: the given one, or its own, or that of most other cells on its data.

    Raises:
        ZsgError: There is none, or it cannot run here.
    """
    base_dir, reference = (Path.cwd(), given) if given is not None else (Path(cell.base_dir), cell.embedder)
    if reference is None:
        alike = [other for other in others if other.embedder is not None and other.dataset == cell.dataset]
        if not alike:
            raise ZsgError(f"the cell {cell.cell_id} has no embedder to explain it by: name one with --embedder")
        ((reference, _),) = Counter(other.embedder for other in alike).most_common(1)
        base_dir = next(Path(other.base_dir) for other in alike if other.embedder == reference)
    assert reference is not None
    choice = Expander(registry, base_dir).choice("embedder", parse_pipeline(reference))
    reason = choice.unavailable()
    if reason is not None:
        raise ZsgError(f"{choice.label!r} is not available: {reason}")
    return choice


def vector_source(
    choice: Choice, cell: Cell, roles: Roles, cache: Cache, *, offline: bool, on_progress: OnProgress | None = None
) -> KeyedSource:
    """The vectors of a cell's examples."""
    uses_model = Need.MODEL in choice.needs

    def load(use: str | None = None) -> CausalLM:
        import torch

        from zsg_harness.models.loading import load_model

        entry = cell.model if use is None else ModelEntry(use=use)
        return load_model(entry, Path(cell.base_dir), torch.device(_device()))

    surroundings = EmbedSurroundings(
        pool=roles.pool,
        find_device=_device,
        cache_dir=cache.folder / "downloads",
        offline=offline,
        base_model=load if uses_model else None,
        load_model=load if uses_model else None,
        form=cell.text_form,
    )
    return embedder_pipe(choice, surroundings, cell.model_key, cache, on_progress)


def _device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
