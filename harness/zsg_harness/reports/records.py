"""The files of a store that a report reads, as typed records.

Fields that a report has no use for are ignored, so a store may grow without breaking old reports; a missing
or mistyped field is an error that names the file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Access = Literal["none", "prompts", "answers"]
Direction = Literal["lower", "higher"]
Scope = Literal["unseen", "seen", "external"]


class Record(BaseModel):
    """A read-only view of one JSON file, or of a part of it."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Labels(Record):
    """How a cell is called in a report; together they name its row."""

    arrangement: str
    dataset: str
    embedder: str | None
    model: str
    budget: str


class SeedStreams(Record):
    """The seed of each stream; null where the stream changes nothing in this cell."""

    data: int | None = None
    order: int | None = None
    train: int | None = None


class PlannedCell(Record):
    """One cell of a frozen plan, with every user seed that coincides in it."""

    cell_id: str
    labels: Labels
    seeds: tuple[int | str | dict[str, int | None], ...]
    state: Literal["planned", "skipped"]
    reason: str | None = None


class PlanRecord(Record):
    """``matrices/<name>-<hash>.json``: a matrix and the cells it came to.

    Settings of hooks are left out: they change no result, and may be secrets.
    """

    schema_version: Literal[1]
    name: str
    matrix: dict[str, Any]
    cells: tuple[PlannedCell, ...]

    @field_validator("matrix")
    @classmethod
    def _without_hooks(cls, matrix: dict[str, Any]) -> dict[str, Any]:
        return {name: table for name, table in matrix.items() if name != "hooks"}


class ModelRecord(Record):
    """What a matrix calls a model."""

    use: str


class ComponentRecord(Record):
    """A component that an order was made with, and the parameters that are not its defaults."""

    distribution: str
    name: str
    revision: int = 1
    params: dict[str, Any] = {}


class ArrangedRecord(Record):
    """What made a cell's order: the arrangement, and what stands behind its pipe."""

    arrangement: tuple[ComponentRecord, ...] = ()


class SpecRecord(Record):
    """The document that a cell's identity is the hash of."""

    arranged: ArrangedRecord = ArrangedRecord()


class CellRecord(Record):
    """``cells/<cell_id>/cell.json``: what a cell is, written before anything runs.

    ``model_hash`` is a hub's commit, or a hash of files.
    """

    schema_version: Literal[1]
    cell_id: str
    labels: Labels
    seeds: SeedStreams
    access: Access
    oracle: bool
    block: str
    model: ModelRecord | None = None
    model_hash: str = ""
    spec: SpecRecord = SpecRecord()


class DoneRecord(Record):
    """``done.json``: the attempt that counts, and the hashes of its files."""

    attempt: Annotated[str, Field(pattern=r"^[^/\\]+$")]
    files: dict[str, str]


class CurveRecord(Record):
    """A loss at each evaluated step."""

    step: tuple[int, ...]
    loss: tuple[float, ...]


class ContaminationRecord(Record):
    """What the guard found: of ``affected`` scored examples the texts are in the pool, ``without`` is the loss but for
    them; ``kinds`` and ``tasks`` count also what an embedder takes for the same.
    """

    scored: int
    affected: int
    kinds: dict[str, int]
    tasks: dict[str, dict[str, int]]
    sources: dict[str, int]
    dropped: int
    without: CurveRecord | None = None


class DatasetRecord(Record):
    """Which data a cell had: ``published_as`` is ``<id>@<commit>`` of a hub, if it came from there."""

    fingerprint: str
    published_as: str | None = None


class StatusRecord(Record):
    """``<attempt>/status.json``: how one attempt went."""

    schema_version: Literal[1]
    state: Literal["running", "finished", "failed", "skipped", "stopped"]
    reason: str | None = None
    set_hash: str | None = None
    order_hash: str | None = None
    held_out: str | None = None
    evalset: str | None = None
    started: str | None = None
    seconds: float | None = None
    counts: dict[str, int] = {}
    contamination: ContaminationRecord | None = None
    dataset: DatasetRecord | None = None
    provenance: dict[str, Any] = {}


class MetricRecord(Record):
    """An entry of ``<attempt>/metrics.json``: how to read one output."""

    direction: Direction
    scope: Scope
    averaging: Literal["arithmetic", "geometric"] = "arithmetic"
    without: float | None = None
    """The score after the last step without the examples that the pool has too; None where nothing was left out."""
