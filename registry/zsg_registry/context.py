"""What the harness hands to a plugin. A plugin needs nothing else, and can reach nothing else through it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from zsg_registry.examples import Example, ExampleSet, View

Role = Literal["pool", "query", "probe"]
Measure = Literal["cosine", "euclidean"]
Reduction = Literal["min", "mean", "max"]
LossOf = Literal["answer", "answer-alone", "text"]


class DatasetContext(Protocol):
    """What `Dataset.load` gets."""

    @property
    def cache_dir(self) -> Path:
        """A folder of the harness for downloads."""

    @property
    def offline(self) -> bool:
        """Whether the network must not be used."""


class Neighbours(NamedTuple):
    """For each column its k extreme rows. `rows` is int64 `[M, k]`, `values` is float64 `[M, k]`; nearest first
    (farthest first with `largest=False`), equal values by ascending row.
    """

    rows: NDArray[np.int64]
    values: NDArray[np.float64]


class Block(NamedTuple):
    """Rows `start … start + len(values)` against every column; `values` is float32 `[b, M]`, valid until the next."""

    start: int
    values: NDArray[np.float32]


class Cursor(Protocol):
    """Walks from the nearest remaining row to the next, for each column. Rows that are removed are gone for all."""

    def peek(self, column: int) -> int:
        """The nearest remaining row of `column`, or -1 when none remains."""

    def peek_all(self) -> NDArray[np.int64]:
        """`peek` of every column, int64 `[M]`."""

    def remove(self, rows: Sequence[int] | NDArray[np.int64]) -> None:
        """Take rows out."""


class Similarity(Protocol):
    """The similarity of N rows (usually the pool) to M columns (usually the query). The N × M matrix never exists.

    Larger is nearer: the cosine, or minus the Euclidean distance. A value is the float64 dot of float32-normalised
    vectors (norm and quotient in float64, rounded once; for "euclidean" the float32 vectors as they are), to 12
    decimals; equal values fall to the lowest index. A faster arithmetic may propose, but whatever it leaves open is
    decided by that value: an order does not depend on block size, thread count or device. A vector that is zero or
    not a number has no cosine: that is a `ContractError`.
    """

    def blocks(self) -> Iterator[Block]:
        """The similarities of some rows at a time, in order of rows."""

    def top_k(self, k: int, largest: bool = True) -> Neighbours:
        """The k nearest rows of each column (the farthest with `largest=False`)."""

    def reduce(self, how: Reduction) -> NDArray[np.float64]:
        """For each row the least, mean or greatest similarity over all columns, float64 `[N]`, to 12 decimals."""

    def pairs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The similarity of `rows[i]` to `columns[i]` for each i: float64 `[m]`, to 12 decimals."""

    def cursor(self, largest: bool = True, picks: int | None = None) -> Cursor:
        """A cursor over all rows, from the nearest (the farthest with `largest=False`).

        Args:
            largest: Nearest first.
            picks: About how many rows will be removed in all; a hint that saves time and changes no result.
        """


class LogLikelihoods(NamedTuple):
    """How likely a model finds answers: `sums` is float64 `[n]`, the sum of the log probabilities of an answer's tokens
    (NaN where none was left), `tokens` is int64 `[n]`, how many these are.
    """

    sums: NDArray[np.float64]
    tokens: NDArray[np.int64]


class ModelHandle(Protocol):
    """A base model and its tokenizer (transformers objects), on their device."""

    @property
    def model(self) -> Any:
        """A `transformers.PreTrainedModel` in evaluation mode."""

    @property
    def tokenizer(self) -> Any:
        """A `transformers.PreTrainedTokenizerBase`."""

    @property
    def device(self) -> str:
        """Such as "cpu" or "cuda:0"."""

    def encode(self, examples: ExampleSet, view: View = "both") -> Iterator[dict[str, Any]]:
        """Padded batches in the order of the examples: `input_ids`, `attention_mask`, `labels` (-100 where there is
        no loss), each a long tensor `[b, t]` on `device`.

        Args:
            examples: What to encode.
            view: "both" is an example under the template, with the loss on its answers. Any other view is that text
                alone, and the loss is on all of it; it needs no answer where the view has none.
        """

    def log_likelihoods(self, examples: ExampleSet) -> LogLikelihoods:
        """How likely each example's answer is after its prompt (of a dialogue, the last answer), in float32 arithmetic.
        What ends the answer is not counted.
        """


class EmbedContext(Protocol):
    """What `Embedder.fit` gets."""

    @property
    def pool(self) -> ExampleSet:
        """The training examples, for embedders that are fitted."""

    @property
    def device(self) -> str:
        """Where to compute."""

    @property
    def cache_dir(self) -> Path:
        """A folder of the harness for downloads."""

    @property
    def offline(self) -> bool:
        """Whether the network must not be used."""

    def rng(self, *keys: str | int) -> np.random.Generator:
        """A generator of the fixed stream: it does not vary with the cell's seed."""

    def model(self, fresh: bool = False, use: str | None = None) -> ModelHandle:
        """The cell's base model; needs `Need.MODEL`.

        Args:
            fresh: Give a copy that may be trained.
            use: Give another model, which may be trained, with the cell's template: a bundled one by name, a folder
                or a hub id.
        """


class ArrangeContext(Protocol):
    """What `Arrangement.arrange`, `Transform.apply` and `OnlineArrangement.next_segment` get."""

    @property
    def pool(self) -> ExampleSet:
        """The training examples, whole: N of them."""

    @property
    def query(self) -> ExampleSet:
        """Examples of the unseen tasks, cut down to the declared access. Access `none` has no query."""

    @property
    def budget(self) -> int:
        """How many examples to return."""

    @property
    def batch_size(self) -> int:
        """How many examples make an optimizer step, where the order does not say otherwise."""

    def rng(self, *keys: str | int) -> np.random.Generator:
        """A generator of the order stream. Declare `stochastic = True` to use it."""

    def texts(self, role: Role, view: View = "both") -> list[str]:
        """`ExampleSet.texts` of the pool or the query."""

    def lengths(self, role: Role) -> NDArray[np.int64]:
        """Tokens of each example, answer included, under the base model's template, int64 `[n]`; needs
        `Need.TOKENIZER`, and for the query the access `answers`.
        """

    def losses(self, role: Role, of: LossOf = "answer") -> NDArray[np.float64]:
        """The base model's mean loss per token, float64 `[n]`; needs `Need.LOSSES`, and for the query the access
        `answers`.

        Args:
            role: Whose.
            of: "answer" is that of the answer and its EOS, given the prompt: what training lowers; "answer-alone" is
                that of the same tokens without the prompt; "text" that of prompt and answer. BOS is never counted,
                and without a BOS nothing predicts the first token. NaN where truncation left none.
        """

    def kl_ngram(self, texts: Sequence[str], reference: Sequence[str], n: int = 2) -> NDArray[np.float64]:
        """The divergence KL(p ‖ q) of each text's n-grams from those of the whole reference, in nats: float64 `[m]`,
        to 12 decimals.

        p is the distribution of the n-grams of one text, q that of all reference texts together; the sum of
        p (ln p − ln(q + 1e-10)) is over the text's distinct n-grams, so that it is never above −ln 1e-10 ≈ 23.03.
        Tokens are split at white space, as they are written. A text with fewer than n tokens has no n-gram, tells of
        no nearness, and is given that upper bound.

        Args:
            texts: m of them.
            reference: What they are compared with.
            n: Tokens in an n-gram, at least 1.
        """

    def embeddings(self, role: Role, view: View = "both") -> NDArray[np.float32]:
        """Embeddings, float32 `[n, d]`, read-only; needs `Need.EMBEDDER`."""

    def similarity(
        self, rows: NDArray[np.float32], columns: NDArray[np.float32], measure: Measure = "cosine"
    ) -> Similarity:
        """The similarity of any two embedding matrices `[N, d]` and `[M, d]`."""

    def model(self, fresh: bool = False) -> ModelHandle:
        """The base model; `fresh` gives a copy that may be trained. Needs `Need.MODEL` or `Need.GRADIENTS`."""


__all__ = [
    "ArrangeContext",
    "Block",
    "Cursor",
    "DatasetContext",
    "EmbedContext",
    "Example",
    "LogLikelihoods",
    "LossOf",
    "Measure",
    "ModelHandle",
    "Neighbours",
    "Reduction",
    "Role",
    "Similarity",
]
