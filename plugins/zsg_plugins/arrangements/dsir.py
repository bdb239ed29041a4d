"""DSIR: examples resampled so that their words are distributed as the unseen tasks' are. No model, no embedder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_registry import Access, ArrangeContext, Arrangement, Order, Parameters, View, ZsgError

_BLOCK: Final = 8192
_SMOOTHING: Final = 1e-8


class ImportanceResampling(Arrangement):
    """Data selection by importance resampling over hashed words and pairs of words (DSIR).

    Xie et al., arXiv 2302.03169. A text is a bag of hashed n-grams; its log importance weight is the sum over them of
    ln(p_target + 1e-8) − ln(p_raw + 1e-8), with the frequencies of buckets in the query's texts and in the pool's
    (smoothed as in the authors' code). Gumbel noise added to the weights makes the greatest of them a sample without
    replacement, and the order is that of the draw. Longer texts have more extreme weights: the sum is no mean.

    Texts are lower-cased and split into runs of letters and digits and runs of signs, as in the authors' code; buckets
    are by MurmurHash3 (there SHA-256), so that other n-grams share a bucket. Scores are the log weights, without noise.
    """

    class Params(Parameters):
        """What a text is made of, and whether to draw."""

        view: View = "both"
        """Which text is compared. With `prompt` or `instruction` the query's answers are not seen."""
        buckets: int = Field(default=10_000, ge=1)
        """How many buckets the n-grams are hashed into."""
        max_ngram: int = Field(default=2, ge=1)
        """The longest run of words that counts as a feature."""
        sample: bool = True
        """Draw by importance; if false, the examples of greatest weight, equal ones in pool order."""

    params: Params

    @property
    def access(self) -> Access:
        """Answers, where the view has them."""
        return Access.ANSWERS if self.params.view in ("both", "completion") else Access.PROMPTS

    @property
    def stochastic(self) -> bool:
        """A draw depends on the seed."""
        return self.params.sample

    def arrange(self, context: ArrangeContext) -> Order:
        """The greatest weights, with or without noise.

        Raises:
            ZsgError: There is no query example.
        """
        if len(context.query) == 0:
            raise ZsgError("there are no query examples, so there is no target to resample for")
        weights = self._log_weights(context.texts("pool", self.params.view), context.texts("query", self.params.view))
        noise = context.rng().gumbel(size=len(weights)) if self.params.sample else np.zeros(len(weights))
        order = np.argsort(-(weights + noise), kind="stable")[: context.budget]
        return Order(order, scores=weights[order].astype(np.float32))

    def _log_weights(self, pool: Sequence[str], query: Sequence[str]) -> NDArray[np.float64]:
        """float64 `[N]`. The pool's features are made twice rather than kept."""
        ratio = np.log(self._frequencies(query) + _SMOOTHING) - np.log(self._frequencies(pool) + _SMOOTHING)
        return np.concatenate([np.empty(0), *(counts @ ratio for counts in self._features(pool))])

    def _frequencies(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """The share of each bucket in all n-grams, float64 `[buckets]`."""
        counts = np.zeros(self.params.buckets)
        for block in self._features(texts):
            counts += np.asarray(block.sum(axis=0)).ravel()
        return counts / max(float(counts.sum()), 1.0)

    def _features(self, texts: Sequence[str]) -> Iterator[Any]:
        """Counts of hashed n-grams of some texts at a time, sparse float64 `[b, buckets]`."""
        from sklearn.feature_extraction.text import HashingVectorizer

        vectorizer = HashingVectorizer(
            n_features=self.params.buckets,
            ngram_range=(1, self.params.max_ngram),
            token_pattern=r"\w+|[^\w\s]+",
            alternate_sign=False,
            norm=None,
        )
        for start in range(0, len(texts), _BLOCK):
            yield vectorizer.transform(texts[start : start + _BLOCK])
