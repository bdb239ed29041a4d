"""The published schema of `leaderboard.json`: what a program may rely on.

Rows and sections may have more than is named here: scores of metrics, columns of plugins, and what later versions add.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from zsg_harness.reports.expectations import Outcome
from zsg_harness.reports.records import Direction

Count = Annotated[int, Field(ge=0)]
Figure = float | None

_TITLE: Final = "zsg-harness leaderboard"


class _Object(BaseModel):
    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)


class Limits(_Object):
    """A figure with its 95 % limits; null where it cannot be computed."""

    mean: Figure
    low: Figure
    high: Figure


class Place(_Object):
    """What rows that are ranked against each other share."""

    dataset: str
    model: str
    budget: str


class Row(Place):
    """An arrangement on a dataset with an embedder, a model and a budget."""

    rank: Annotated[int, Field(ge=1)] | None
    """By `aulc`, within the rows of the same dataset, model and budget."""
    arrangement: str
    embedder: str | None
    access: str
    """What it may see of the unseen tasks: none, prompts or answers; or how many of these, where its cells differ."""
    seeds: Count
    """How many seeds its cells cover."""
    replicates: Count
    """Distinct orders within a block: the replicates."""
    failed: Count
    """Cells that failed."""
    aulc: Figure
    """Area under the loss curve over log(1 + step), as a mean loss. Less is better, as in all losses."""
    aulc_linear: Figure
    """The same over steps."""
    aulc_tokens: Figure
    """The same over training tokens."""
    delta_vs_random: Figure
    """`aulc` minus that of random order, within blocks."""
    delta_low: Figure
    delta_high: Figure
    verdict: str
    """better, worse, tie, reference (random itself), or undecided with the reason: of this comparison by itself."""
    verdict_holm: str | None = None
    """The same for all comparisons of the table together, by Holm's correction."""
    loss_final: Figure
    """Loss on the unseen tasks at the last step, every task weighing the same."""
    loss_final_low: Figure
    loss_final_high: Figure
    loss_final_example: Figure
    """The same with every example weighing the same."""
    loss_final_token: Figure
    """The same with every token of an answer weighing the same."""
    loss_best: Figure
    """The lowest loss; picked on the scored examples, so never ranked."""
    loss_delta_vs_random: Figure
    """`loss_final` minus that of random order, within blocks."""
    loss_delta_low: Figure
    loss_delta_high: Figure
    loss_verdict: str
    step_final: Figure
    tokens_final: Figure
    set_hash: str
    """Which examples were trained on; or how many sets, where there are several."""
    order_hash: str
    """In which order; likewise."""
    held_out: str
    """What was scored: "unseen tasks", or "held-out examples" of data without tasks."""
    oracle: bool
    """Whether the arrangement saw the very examples that are scored."""


class SectionNotes(Place):
    """What to know before rows are compared."""

    held_out: str
    headline: str
    notes: list[str]
    contamination: list[dict[str, str | int]]
    """Of each task the scored examples that the pool has too, by kind."""
    null_band_aulc: Limits
    """Where the `aulc` of one more random order falls with 95 %."""


class Found(_Object):
    """What somebody found elsewhere, and what was found here."""

    lower: str
    than: str
    figure: str
    source: str
    dataset: str | None
    model: str | None
    budget: str | None
    difference: Limits | None
    replicates: Count | None
    outcome: Outcome


class CellWithoutResult(Place):
    """A cell that failed, was skipped, or has not run yet."""

    cell_id: str
    arrangement: str
    embedder: str | None
    seeds: list[str]
    state: Literal["failed", "skipped", "unfinished"]
    reason: str


class FrozenMatrix(_Object):
    """A matrix that was run."""

    plan: str
    name: str
    matrix: dict[str, Any]


class KnownRevision(_Object):
    """A model or a data set, and which of it: a hub's commit, or a hash of its content."""

    kind: Literal["model", "dataset"]
    label: str
    name: str
    commit: str | None
    content: str | None
    fault: str | None
    """Why it cannot be told."""


class LeaderboardDocument(_Object):
    """What a matrix came to. A figure that cannot be computed is null."""

    model_config = ConfigDict(title=_TITLE)

    schema_version: Literal[1]
    title: str
    state: str
    """How far the matrix has come."""
    rows: list[Row]
    sections: list[SectionNotes]
    findings: list[Found]
    open: list[CellWithoutResult]
    directions: dict[str, Direction]
    """Which way each metric is better."""
    provenance: dict[str, list[str]]
    """The values of each entry of the cells' provenance."""
    differences: dict[str, dict[str, int]]
    """Those entries that differ between cells that are compared: how many cells have which value."""
    matrices: list[FrozenMatrix]
    revisions: list[KnownRevision]


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12)."""
    schema = LeaderboardDocument.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
