"""Work that cells share: what is computed once, for how many of them, and whether it is there."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from zsg_harness.identity import identity
from zsg_harness.plan.build import Plan
from zsg_harness.plan.cell import Cell
from zsg_harness.plan.history import Name
from zsg_harness.plan.past import Finished
from zsg_harness.store.cache import Cache
from zsg_registry import Need


@dataclass(frozen=True, slots=True)
class SharedWork:
    """Something that is computed once for several cells.

    Attributes:
        what: What it is.
        of: By what, of what.
        cells: Cells to be run that need it.
        parts: How often it is computed in all: where the data is drawn with a seed, once for each draw.
        cached: How many of the parts a finished cell has left in the cache.
    """

    what: str
    of: str
    cells: int
    parts: int
    cached: int


def _needs(plan: Plan, cell: Cell) -> Hashable:
    """What tells apart the cells of one plan that share something: there are many cells, and few of these."""
    labels, losses = cell.labels, Need.LOSSES in plan.arrangements[cell.labels.arrangement].needs
    return labels.dataset, labels.embedder, labels.model, cell.spec["shared"]["data_seed"], cell.text_form, losses


class _Part(NamedTuple):
    what: str
    of: str
    folder: str
    key: str


def shared_work(plan: Plan, cells: Sequence[Cell], finished: Iterable[Finished], cache: Cache) -> list[SharedWork]:
    """The work that cells to be run have in common.

    Which texts an arrangement looks at is known only when it runs; so a part stands for all that cells need of a model
    or an embedder on the same draw of the data.

    Args:
        plan: Whose components say what they need.
        cells: The chosen cells.
        finished: Finished cells of the store, which tell what was computed before.
        cache: Where it was put; all of a kind may have been deleted since.
    """
    alike: dict[Hashable, tuple[Cell, int]] = {}
    for cell in cells:
        if cell.state == "run":
            key = _needs(plan, cell)
            alike[key] = cell, alike[key][1] + 1 if key in alike else 1
    needed: dict[tuple[str, str, str], dict[str, int]] = {}
    for cell, count in alike.values():
        for what, of, folder, part in _parts(plan, Name.of(cell.labels), cell.spec):
            parts = needed.setdefault((what, of, folder), {})
            parts[part] = parts.get(part, 0) + count
    if not needed:
        return []
    kept = {folder for _, _, folder in needed if cache.has_any(folder)}
    known = {part.key for cell in finished for part in _parts(plan, cell.name, cell.spec) if part.folder in kept}
    return [
        SharedWork(what, of, sum(parts.values()), len(parts), len(known & set(parts)))
        for (what, of, _), parts in needed.items()
    ]


def _parts(plan: Plan, name: Name, spec: Mapping[str, Any]) -> Iterator[_Part]:
    """What a cell needs that others need too."""
    shared, arranged = spec["shared"], spec["arranged"]
    pool = {part: shared[part] for part in ("dataset", "pool", "data_seed")}
    form = {part: shared["training"].get(part) for part in ("template", "loss_on", "max_length")}
    embedder = plan.embedders.get(name.embedder or "")
    if embedder is not None:
        model = shared["model"] if Need.MODEL in embedder.needs else None
        of = f"{name.dataset} by {name.embedder}" + (f" of {name.model}" if model else "")
        key = identity({**pool, **(form if model else {}), "embedder": arranged["embedder"], "model": model})
        yield _Part("embeddings", of, "embeddings", key)
    arrangement = plan.arrangements.get(name.arrangement)
    if arrangement is not None and Need.LOSSES in arrangement.needs:
        key = identity({**pool, **form, "model": shared["model"]})
        yield _Part("base losses", f"{name.dataset} by {name.model}", "losses", key)
    first = {part: shared[part] for part in ("core", "dataset", "eval", "model")}
    yield _Part("step-0 evaluation", f"{name.dataset} by {name.model}", "first-losses", identity({**first, **form}))
