"""Examples as tokens: encoded once, kept flat, cut to length without ever losing the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from zsg_harness.tokens.template import Piece, Template, paper_template
from zsg_registry import ExampleSet, ZsgError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_BREAK: Final = "\n"
_PLAIN: Final[dict[str, Any]] = {"add_special_tokens": False, "verbose": False}
"""No tokens that the tokenizer adds, and no word about texts that are longer than the model reads: they are cut."""


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Tokenized examples, laid end to end.

    Attributes:
        tokens: int32 `[total]`.
        is_label: bool `[total]`. Whether the token is to be predicted.
        offsets: int64 `[n + 1]`. Example i is `tokens[offsets[i]:offsets[i + 1]]`.
    """

    tokens: NDArray[np.int32]
    is_label: NDArray[np.bool_]
    offsets: NDArray[np.int64]

    def head(self, count: int) -> Encoded:
        """The first so many examples."""
        end = self.offsets[count]
        return Encoded(self.tokens[:end], self.is_label[:end], self.offsets[: count + 1])

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each example, int64 `[n]`."""
        return np.diff(self.offsets)

    @property
    def label_counts(self) -> NDArray[np.int64]:
        """Labels of each example, int64 `[n]`. An example with none has no loss and is left out everywhere."""
        totals: NDArray[np.int64] = np.concatenate([[0], np.cumsum(self.is_label)]).astype(np.int64)
        return totals[self.offsets[1:]] - totals[self.offsets[:-1]]

    @classmethod
    def of(cls, tokens: NDArray[np.int32], is_label: NDArray[np.bool_], offsets: NDArray[np.int64]) -> Encoded:
        """The examples without the labels that nothing can predict: those of their first tokens."""
        predictable = is_label.copy()
        predictable[_begins(offsets)] = False
        return cls(tokens, predictable, offsets)

    def whole(self) -> Encoded:
        """The same tokens, where those of the prompts are to be predicted as well."""
        return Encoded.of(self.tokens, np.ones_like(self.is_label), self.offsets)

    def answers_alone(self, bos: bool) -> Encoded:
        """The labels without the tokens before and between them, but for the BOS where examples begin with one."""
        keep = self.is_label.copy()
        if bos:
            keep[_begins(self.offsets)] = True
        kept = np.concatenate([[0], np.cumsum(keep)]).astype(np.int64)
        return Encoded.of(self.tokens[keep], self.is_label[keep], kept[self.offsets])

    def without_ends(self, ends: Sequence[int]) -> Encoded:
        """The same tokens, where an answer's end (the first of `ends` in it, and what follows) is no label."""
        met = np.concatenate([[0], np.cumsum(self.is_label & np.isin(self.tokens, ends))])
        before = np.repeat(met[self.offsets[:-1]], self.lengths)
        return Encoded(self.tokens, self.is_label & (met[1:] == before), self.offsets)

    def example(self, i: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """Tokens and label mask of one example."""
        span = slice(self.offsets[i], self.offsets[i + 1])
        return self.tokens[span], self.is_label[span]

    def prompt(self, i: int) -> NDArray[np.int32]:
        """The tokens of one example before its last answer: what a model generates from."""
        tokens, is_label = self.example(i)
        others = np.flatnonzero(~is_label)
        return tokens[: others[-1] + 1 if len(others) else 0]


def encode(
    examples: ExampleSet, tokenizer: PreTrainedTokenizerBase, max_length: int, template: Template | None = None
) -> Encoded:
    """Tokenize the pieces of each example and join them: under the paper's template `<bos>` prompt answer `<eos>`.

    What is too long is cut on the prompt's left (the `<bos>` stays); only an answer that is too long by itself loses
    its end. A tokenizer without a BOS token goes without; then nothing predicts an example's first token.

    Args:
        examples: What to encode.
        tokenizer: With an EOS token.
        max_length: Tokens per example, at most.
        template: Takes examples apart; by default the paper's. Text that brings its own special tokens gets no `<bos>`.

    Raises:
        ZsgError: The tokenizer has no EOS token, so that no answer could end.
    """
    pieces = template or paper_template()
    return encode_pieces([pieces(example) for example in examples], tokenizer, max_length)


def encode_pieces(rows: list[list[Piece]], tokenizer: PreTrainedTokenizerBase, max_length: int) -> Encoded:
    """Tokenize examples that are taken apart; see `encode`."""
    if tokenizer.eos_token_id is None:
        raise ZsgError("the model's tokenizer has no EOS token: an answer could not end")
    ids = _token_ids(rows, tokenizer)
    bos, eos = tokenizer.bos_token_id, tokenizer.eos_token_id
    tokens: list[NDArray[np.int32]] = []
    labels: list[NDArray[np.bool_]] = []
    for row in rows:
        joined: list[int] = [bos] if bos is not None and all(piece.plain for piece in row) else []
        mask = [False] * len(joined)
        for piece in row:
            own = next(ids) + ([eos] if piece.ends else [])
            joined += own
            mask += [piece.label] * len(own)
        cut = _cut(np.array(joined, dtype=np.int32), np.array(mask, dtype=np.bool_), max_length, joined[:1] == [bos])
        tokens.append(cut[0])
        labels.append(cut[1])
    offsets = np.concatenate([[0], np.cumsum([len(own) for own in tokens], dtype=np.int64)])
    nothing = np.empty(0)
    return Encoded.of(
        np.concatenate([nothing, *tokens]).astype(np.int32),
        np.concatenate([nothing, *labels]).astype(np.bool_),
        offsets.astype(np.int64),
    )


def _token_ids(rows: list[list[Piece]], tokenizer: PreTrainedTokenizerBase) -> Iterator[list[int]]:
    """The tokens of each piece. A special token's name in a plain one is text: an "</s>" must not end a prompt.

    SentencePiece tokenizers begin every text with a space. Within a row there is none, so there a piece is tokenized
    behind a line break, whose tokens are dropped.
    """
    begins: list[int] = tokenizer(_BREAK, **_PLAIN)["input_ids"] if _adds_a_space(tokenizer) else []
    found: dict[bool, Iterator[list[int]]] = {}
    placed = [(piece, position > 0 and bool(begins)) for row in rows for position, piece in enumerate(row)]
    for plain in (True, False):
        texts = [_BREAK * behind + piece.text for piece, behind in placed if piece.plain == plain]
        found[plain] = iter(tokenizer(texts, split_special_tokens=plain, **_PLAIN)["input_ids"] if texts else [])
    for piece, behind in placed:
        own = next(found[piece.plain])
        yield own[len(begins) :] if behind else own


def _adds_a_space(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a text's tokens depend on whether it begins one."""
    alone: list[int]
    behind: list[int]
    line_break: list[int]
    alone, behind, line_break = (tokenizer(text, **_PLAIN)["input_ids"] for text in ("a", f"{_BREAK}a", _BREAK))
    return behind[: len(line_break)] == line_break and behind[len(line_break) :] != alone


def _cut(
    tokens: NDArray[np.int32], is_label: NDArray[np.bool_], max_length: int, bos: int
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    surplus = len(tokens) - max_length
    if surplus <= 0:
        return tokens, is_label
    first_label = int(np.argmax(is_label)) if is_label.any() else len(tokens)
    from_prompt = min(surplus, first_label - bos)
    keep = np.r_[0:bos, bos + from_prompt : len(tokens)][:max_length]
    return tokens[keep], is_label[keep]


def _begins(offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where examples that have a token begin."""
    return offsets[:-1][np.diff(offsets) > 0]
