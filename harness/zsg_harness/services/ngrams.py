"""How far the n-grams of texts are from those of a reference, for a million texts in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zsg_harness.services.words import words

_EPSILON: Final = 1e-10
_BLOCK: Final = 8192


def kl_ngram(
    texts: Sequence[str], reference: Sequence[str], n: int = 2, *, block_texts: int = _BLOCK
) -> NDArray[np.float64]:
    """The registry's `ArrangeContext.kl_ngram`.

    Texts are taken a block at a time, each block coded together with the reference, so that memory grows with the
    reference and the block alone. A block is no smaller than the reference, lest that be most of the work.

    Args:
        texts: m texts.
        reference: What they are compared with.
        n: Tokens in an n-gram.
        block_texts: Texts at a time; it changes no result.

    Returns:
        float64 `[m]`, in nats, to 12 decimals.
    """
    divergences = np.empty(len(texts))
    step = max(block_texts, len(reference))
    for start in range(0, len(texts), step):
        block = texts[start : start + step]
        grams = _ngrams([*reference, *block], n)
        divergences[start : start + step] = _divergences(grams, len(reference), len(block))
    return divergences.round(12)


class _NGrams(NamedTuple):
    """The n-grams of some texts: of each, int64 `[k]`, the number of its text and a code (0, 1, …) that is its own."""

    text: NDArray[np.int64]
    code: NDArray[np.int64]


def _ngrams(texts: Sequence[str], n: int) -> _NGrams:
    text, token, _ = words(texts)
    code = token
    for _ in range(1, n):
        # The n-gram that begins here is the shorter one that begins here, and the last token.
        longer = code[:-1] * (int(token.max(initial=0)) + 1) + token[len(token) - len(code) + 1 :]
        code = np.unique(longer, return_inverse=True)[1]
    first, last = text[: len(code)], text[len(text) - len(code) :]
    return _NGrams(first[first == last], code[first == last])


def _divergences(grams: _NGrams, references: int, texts: int) -> NDArray[np.float64]:
    """Of each text behind the first `references`, float64 `[texts]`."""
    of_text = grams.text >= references
    kinds = int(grams.code.max(initial=0)) + 1
    counts = np.bincount(grams.code[~of_text], minlength=kinds)
    q = counts / max(counts.sum(), 1)
    pairs, times = np.unique((grams.text[of_text] - references) * kinds + grams.code[of_text], return_counts=True)
    text, code = np.divmod(pairs, kinds)
    totals = np.bincount(text, weights=times, minlength=texts)
    p = times / totals[text]
    sums = np.bincount(text, weights=p * (np.log(p) - np.log(q[code] + _EPSILON)), minlength=texts)
    return np.where(totals > 0, sums, -np.log(_EPSILON))
