"""The contamination guard over a cell's roles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from zsg_harness.cells.roles import Roles
from zsg_harness.contamination.findings import Findings
from zsg_harness.contamination.guard import kept_findings
from zsg_harness.store.cache import Cache
from zsg_registry import Embedder, TextEmbedder, ZsgError

if TYPE_CHECKING:
    import torch

    from zsg_harness.services.context import VectorSource


def decontaminated(roles: Roles, cache: Cache) -> Roles:
    """The roles, without what of the pool the evaluation has too.

    Raises:
        ZsgError: Nothing would be left to train on.
    """
    dropped = kept_findings(roles.pool, roles.eval, cache).pooled
    if len(dropped) == len(roles.pool):
        raise ZsgError(
            "data.decontaminate = 'drop' leaves nothing to train on: the evaluation has all of the pool's"
            f" {len(dropped)} examples too"
        )
    pool = roles.pool.take(np.setdiff1d(np.arange(len(roles.pool)), dropped))
    return replace(roles, pool=pool, offered=roles.pool)


def cell_findings(
    roles: Roles, embedder: Embedder | None, embeddings: VectorSource | None, cache: Cache, device: torch.device
) -> Findings:
    """What the evaluation and the pool, as it was offered, have in common.

    Their texts are compared, and the vectors that the cell was arranged by. Only an embedder that reads texts is asked:
    the vectors of another tell of something else than what an example says.

    Args:
        roles: The cell's examples.
        embedder: Its embedder, if it has one.
        embeddings: That embedder's vectors.
        cache: Where what was found is kept.
        device: Where vectors are compared.
    """
    findings = kept_findings(roles.offered or roles.pool, roles.eval, cache)
    if not isinstance(embedder, TextEmbedder) or embeddings is None:
        return findings
    from zsg_harness.contamination.similar import find_similar

    rows = np.arange(len(roles.pool))
    if roles.offered is not None:
        rows = np.setdiff1d(np.arange(len(roles.offered)), findings.pooled)
    for view in sorted({part.view for part in embeddings.embedded if part.role == "pool"}):
        pool = embeddings.vectors(roles.pool, "pool", view)
        findings = findings.joined(find_similar(pool, embeddings.vectors(roles.eval, "query", view), rows, device))
    return findings
