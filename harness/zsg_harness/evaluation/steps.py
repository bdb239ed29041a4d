"""At which optimizer steps a model is scored."""

from __future__ import annotations

from zsg_harness.matrix.schema import EvaluationTable


def evaluation_steps(settings: EvaluationTable, last: int) -> list[int]:
    """The steps at which losses are measured: always the first (0, before training) and the last.

    `"log"` is 0, 1, 2, 5, 10, 20, 50 … : most of the fall is in the first steps.
    """
    if settings.every is not None:
        steps = set(range(0, last, settings.every))
    elif settings.steps == "log":
        steps = {m * 10**e for e in range(len(str(last))) for m in (1, 2, 5)}
    else:
        steps = set(settings.steps)
    return sorted({0, last} | {step for step in steps if 0 <= step <= last})


def generation_steps(settings: EvaluationTable, last: int) -> set[int]:
    """The steps at which answers are generated, a subset of `evaluation_steps`."""
    evaluated = evaluation_steps(settings, last)
    if "all" in settings.generate_at:
        return set(evaluated)
    named = {last if step == "last" else int(step) for step in settings.generate_at}
    return named & set(evaluated)
