"""The words of many texts at once: what white space separates, as `str.split` finds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Words(NamedTuple):
    """The words of some texts, in order.

    Attributes:
        text: Of each word the number of its text, int64 `[k]`, ascending.
        code: The place of each word in `distinct`, int64 `[k]`.
        distinct: The different words, an Arrow array of strings.
    """

    text: NDArray[np.int64]
    code: NDArray[np.int64]
    distinct: Any


def words(texts: Sequence[str]) -> Words:
    """The words of some texts."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # Trimmed: of white space at a text's end Arrow's split reads on behind it, and by what is there may take it for a
    # word (github.com/apache/arrow/issues/37757).
    trimmed = pc.utf8_trim_whitespace(pa.array(texts, pa.large_string()))
    split: Any = pc.utf8_split_whitespace(trimmed)
    encoded = split.flatten().dictionary_encode()
    text = pc.list_parent_indices(split).to_numpy().astype(np.int64)
    code = encoded.indices.to_numpy().astype(np.int64)
    empty = pc.index(encoded.dictionary, "").as_py()  # a text without a word leaves an empty one
    real = code != empty
    return Words(text[real], code[real], encoded.dictionary)
