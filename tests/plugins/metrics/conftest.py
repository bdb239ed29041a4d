"""Batches to score."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from zsg_registry import Example, ExampleSet, MetricBatch

Answers = Sequence[tuple[str, Sequence[str]]]


@pytest.fixture
def make_batch() -> Callable[[Answers], MetricBatch]:
    """A batch of (generated answer, acceptable answers); one acceptable answer is given as the completion alone."""

    def make(answers: Answers) -> MetricBatch:
        examples = [
            Example(
                id=str(n),
                task=f"task{n % 2}",
                prompt="p",
                completion=references[0],
                references=tuple(references) if len(references) > 1 else None,
            )
            for n, (_, references) in enumerate(answers)
        ]
        return MetricBatch(ExampleSet.from_examples(examples), generations=[answer for answer, _ in answers])

    return make
