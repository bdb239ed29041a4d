"""Examples that an embedder takes for the same."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.contamination.findings import Findings, Kind
from zsg_harness.services.similarity import BlockwiseSimilarity

SIMILAR: Final = 0.95
"""The cosine from which two examples are taken for the same."""


def find_similar(
    pool: NDArray[np.float32], evaluated: NDArray[np.float32], rows: NDArray[np.int64], device: torch.device
) -> Findings:
    """Of each evaluation example the nearest pool example, where it is that near.

    Args:
        pool: Embeddings, float32 `[n, d]`; they may be memory-mapped.
        evaluated: Embeddings, float32 `[m, d]`.
        rows: What to call the pool's examples, int64 `[n]`.
        device: Where they are multiplied.
    """
    nearest = BlockwiseSimilarity(pool, evaluated, device=device).top_k(1)
    cosines, pooled = nearest.values[:, 0], rows[nearest.rows[:, 0]]
    places = np.flatnonzero(cosines >= SIMILAR)
    return Findings.of((int(each), int(pooled[each]), Kind.SIMILAR, float(cosines[each])) for each in places)
