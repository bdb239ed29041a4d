"""What a running cell tells its parent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Progress:
    """A sign of life.

    Attributes:
        cell_id: Which cell.
        stage: What it is doing: "loading", "embedding 1,024 of 20,000", "arranging", "training", "evaluating".
        step: Optimizer steps done.
        steps: Optimizer steps in all; 0 before the order is known.
        loss: The last training loss.
        tokens_per_second: Of training, without padding.
        scores: Means over tasks, where the model was just scored; evaluating without them has only begun.
    """

    cell_id: str
    stage: str
    step: int = 0
    steps: int = 0
    loss: float | None = None
    tokens_per_second: float | None = None
    scores: Mapping[str, float] = field(default_factory=dict)


Report = Callable[[Progress], None]
