"""The metric `exact-match`, as Natural Instructions v2 computes it."""

from __future__ import annotations

import string
from collections.abc import Mapping
from typing import ClassVar, Final

from zsg_plugins.metrics._answers import answers
from zsg_registry import Direction, Metric, MetricBatch, MetricRows

_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


class ExactMatch(Metric):
    """Percentage of answers equal to an acceptable one, but for case, punctuation and spaces.

    The normalisation of Wang et al., "Super-NaturalInstructions" (2022), `compute_metrics.py`: lower case, ASCII
    punctuation deleted (not replaced: "a-b" is "ab"), spaces squeezed. Articles stay, unlike in SQuAD.
    """

    outputs: ClassVar[Mapping[str, Direction]] = {"exact_match": "higher"}
    requires = frozenset({"generations"})

    def score(self, batch: MetricBatch) -> MetricRows:
        """100 where the answer equals one of the references, else 0."""
        values = [
            100.0 if normalise(answer) in map(normalise, references) else 0.0
            for answer, references in answers(batch, "exact-match")
        ]
        return MetricRows.per_example(batch.examples, exact_match=values)


def normalise(text: str) -> str:
    """Lower case, no ASCII punctuation, single spaces."""
    return " ".join(text.lower().translate(_PUNCTUATION).split())
