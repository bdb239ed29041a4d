"""The metric `token-f1`, as SQuAD computes it."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar, Final

from zsg_plugins.metrics._answers import answers
from zsg_registry import Direction, Metric, MetricBatch, MetricRows

_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)
_ARTICLES: Final = re.compile(r"\b(a|an|the)\b")


class TokenF1(Metric):
    """F1 of the words that an answer shares with an acceptable one, in percent, the best over all acceptable answers.

    Rajpurkar et al., "SQuAD" (2016) and "Know What You Don't Know" (2018): lower case, ASCII punctuation deleted,
    articles (a, an, the) left out, words split at white space. An answer without words equals another one without
    words, and shares nothing with any other.
    """

    outputs: ClassVar[Mapping[str, Direction]] = {"token_f1": "higher"}
    requires = frozenset({"generations"})

    def score(self, batch: MetricBatch) -> MetricRows:
        """The best F1 of each example."""
        values = [
            max(_f1(_words(answer), _words(reference)) for reference in references)
            for answer, references in answers(batch, "token-f1")
        ]
        return MetricRows.per_example(batch.examples, token_f1=values)


def _words(text: str) -> list[str]:
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def _f1(answer: list[str], reference: list[str]) -> float:
    if not answer or not reference:
        return 100.0 if answer == reference else 0.0
    common = (Counter(answer) & Counter(reference)).total()
    if not common:
        return 0.0
    precision, recall = common / len(answer), common / len(reference)
    return 100 * 2 * precision * recall / (precision + recall)
