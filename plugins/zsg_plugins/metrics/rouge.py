"""The metric `rouge`: overlap of a generated answer with the acceptable ones."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

from zsg_plugins.metrics._answers import answers
from zsg_registry import Direction, Metric, MetricBatch, MetricRows


class Rouge(Metric):
    """ROUGE-1 and ROUGE-L F-measures in percent, with Porter's stemmer, the best over all acceptable answers.

    Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004), by Google's rouge-score. Its tokens are ASCII
    letters and digits: a text in another script scores 0.
    """

    outputs: ClassVar[Mapping[str, Direction]] = {"rouge1": "higher", "rougeL": "higher"}
    requires = frozenset({"generations"})
    _scorer: Any = None

    def open(self) -> None:
        """Load the scorer, which takes more than a second to import."""
        self._scorer = _scorer()

    def score(self, batch: MetricBatch) -> MetricRows:
        """Both outputs of each example."""
        if self._scorer is None:
            self.open()
        found = [self._scorer.score_multi(references, answer) for answer, references in answers(batch, "rouge")]
        scores = {name: [100 * score[name].fmeasure for score in found] for name in self.outputs}
        return MetricRows.per_example(batch.examples, **scores)

    def close(self) -> None:
        """Let the scorer go."""
        self._scorer = None


def _scorer() -> Any:
    from nltk.stem.porter import PorterStemmer
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(list(Rouge.outputs), tokenizer=_Tokenizer(PorterStemmer()))


class _Tokenizer:
    """rouge-score's tokenizer over a stemmer that remembers: stemming is most of the work, and words come again."""

    def __init__(self, stemmer: Any) -> None:
        self.stem = functools.lru_cache(maxsize=100_000)(stemmer.stem)

    def tokenize(self, text: str) -> Any:
        from rouge_score.tokenize import tokenize

        return tokenize(text, self)
