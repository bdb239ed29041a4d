"""A number for each example of the pool, and the pool sorted by it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from zsg_plugins.arrangements.score_file import scores_from_file
from zsg_registry import ArrangeContext, Arrangement, InputPath, Need, Order, Parameters

By = Literal["length", "loss", "perplexity", "ifd", "file"]
Direction = Literal["ascending", "descending"]


class Scored(Arrangement):
    """The base of arrangements that begin with a score per example."""

    class Params(Parameters):
        """What the score is, and which end of it comes first."""

        by: By = "length"
        """`length`: tokens under the base model's template; `loss`: the base model's mean loss on the answer;
        `perplexity`: of the whole text, prompt included; `ifd`: instruction-following difficulty; `file`: given."""
        direction: Direction | None = None
        """Least or greatest first. By default ascending, and for `ifd` descending, as in its paper."""
        file: InputPath | None = None
        """With `by=file`: a table (.csv, .tsv, .jsonl or .parquet) with a score for each example of the pool."""
        id_column: str = "id"
        """The file's column of example ids."""
        column: str = "score"
        """The file's column of scores."""

        @model_validator(mode="after")
        def _file_and_only_then(self) -> Self:
            if (self.by == "file") != (self.file is not None):
                raise ValueError("scores from a file need both 'by=file' and 'file=…', and nothing else needs a file")
            return self

    params: Params

    @property
    def needs(self) -> frozenset[Need]:
        """The tokenizer for lengths, losses for what is made of them."""
        if self.params.by == "file":
            return frozenset()
        return frozenset({Need.TOKENIZER if self.params.by == "length" else Need.LOSSES})

    def ranked(self, context: ArrangeContext) -> Order:
        """The whole pool by its scores, equal ones in pool order.

        By `ifd`, examples whose prompt does not help with the answer (a score above 1) come after all others: the
        paper drops them. An example without a score (a NaN: truncation left no label) comes last, in whichever
        direction. Where there are such, the stage of an entry says so.
        """
        params = self.params
        scores = example_scores(context, params)
        stage = np.zeros(len(scores), dtype=np.int32)
        if params.by == "ifd":
            stage[scores > 1] = 1
        stage[np.isnan(scores)] = 2
        descending = params.direction == "descending" or (params.direction is None and params.by == "ifd")
        order = np.lexsort((-scores if descending else scores, stage))
        return Order(
            order,
            stages=stage[order] if stage.any() else None,
            stage_names=("scored", "above 1", "without a score") if stage.any() else None,
            scores=scores[order].astype(np.float32),
        )


def example_scores(context: ArrangeContext, params: Scored.Params) -> NDArray[np.float64]:
    """The score of each example of the pool, float64 `[N]`; NaN where truncation left the base model no label.

    - `length`: tokens, answer included.
    - `loss`: the mean loss of the answer's tokens given the prompt.
    - `perplexity`: exp of the mean loss of all tokens (perplexity pruning: Marion et al., arXiv 2309.04564).
    - `ifd`: the mean loss of the answer given the prompt over that of the answer alone (IFD: Li et al., arXiv
      2308.12032). A ratio of losses, as in that paper and its code; Superfiltering (arXiv 2402.00530) takes the ratio
      of perplexities instead. Both exceed 1 for the same examples, and their orders may differ.
    - `file`: what stands in the file.

    Raises:
        ZsgError: The file is damaged or does not score the pool; see `scores_from_file`.
    """
    if params.file is not None:
        return scores_from_file(Path(params.file), context.pool.ids, params.id_column, params.column)
    if params.by == "length":
        return context.lengths("pool").astype(np.float64)
    if params.by == "perplexity":
        return np.exp(context.losses("pool", of="text"))
    losses = context.losses("pool")
    if params.by == "loss":
        return losses
    with np.errstate(divide="ignore", invalid="ignore"):  # an answer that needs no prompt has the loss 0
        ratios: NDArray[np.float64] = losses / context.losses("pool", of="answer-alone")
    return ratios
