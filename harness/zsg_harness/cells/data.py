"""Loading a cell's data set and cutting its roles. Imports no torch: a run does it before anything else."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, cast

from zsg_harness.cells.contamination import decontaminated
from zsg_harness.cells.roles import Roles, cut_roles
from zsg_harness.matrix.expand import Expander
from zsg_harness.plan.cell import Cell
from zsg_harness.services.surroundings import DownloadFolder
from zsg_harness.store.cache import Cache
from zsg_registry import Dataset, ExampleSet, Registry, ZsgError, parse_pipeline


class Content(NamedTuple):
    """What tells two loaded data sets apart."""

    reference: str
    base_dir: str
    fingerprint: str


_LOADED: dict[Content, ExampleSet] = {}
_TOLD: dict[Content, dict[str, str | None]] = {}
_CUT: dict[tuple[Content, str, int], Roles] = {}


def load_roles(cell: Cell, registry: Registry, downloads: DownloadFolder, cache: Cache) -> Roles:
    """Load a cell's data set, cut it into roles, and drop from the pool what eval has too, if that is asked for.

    Raises:
        ZsgError: The data is missing or damaged, or leaves a role empty.
    """
    key = (content_of(cell), cell.data.model_dump_json(), cell.seeds.data or 0)
    if key not in _CUT:
        roles = cut_roles(_examples(cell, registry, downloads), cell.data, cell.seeds.data or 0)
        if cell.data.decontaminate == "drop":
            roles = decontaminated(roles, cache)
        _CUT.clear()
        _CUT[key] = roles
    return _CUT[key]


def content_of(cell: Cell) -> Content:
    """Which data set a cell has."""
    return Content(cell.dataset, cell.base_dir, cell.spec["shared"]["dataset"][-1]["fingerprint"])


def told_of_data(cell: Cell) -> dict[str, str | None]:
    """What a cell's status says of its data, which has been loaded."""
    return _TOLD[content_of(cell)]


def _examples(cell: Cell, registry: Registry, downloads: DownloadFolder) -> ExampleSet:
    """A data set's examples; the last one loaded is kept for the next cell of this process."""
    content = content_of(cell)
    if content not in _LOADED:
        expander = Expander(registry, Path(cell.base_dir))
        dataset = cast("Dataset", expander.choice("dataset", parse_pipeline(cell.dataset)).components[0])
        examples = ExampleSet.from_examples(dataset.load(downloads))
        if dataset.fingerprint() != content.fingerprint:
            raise ZsgError(f"{cell.labels.dataset}: the data changed since it was planned; the same command plans anew")
        _TOLD[content] = {"fingerprint": content.fingerprint, "published_as": dataset.published_as()}
        _LOADED.clear()
        _LOADED[content] = examples
    return _LOADED[content]
