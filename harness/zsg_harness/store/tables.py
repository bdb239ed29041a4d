"""The schemas of a cell's tables that more than one module reads or writes."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

SCORES: Final = pa.schema(
    [
        ("step", pa.int32()),
        ("tokens", pa.int64()),
        ("task", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
        ("count", pa.int64()),
    ]
)
"""`scores.parquet`: the mean of one metric output over one task's examples, after `step` optimizer steps."""

EXAMPLES: Final = pa.schema(
    [
        ("step", pa.int32()),
        ("example_id", pa.string()),
        ("task", pa.string()),
        ("loss", pa.float64()),
        ("tokens", pa.int64()),
        ("prediction", pa.string()),
    ]
)
"""`examples.parquet`: one scored example after `step` steps; a prediction where one was generated. `probe.parquet`: the
same of held-out examples of seen tasks."""

METRICS: Final = pa.schema(
    [
        ("step", pa.int32()),
        ("example_id", pa.string()),
        ("task", pa.string()),
        ("metric", pa.string()),
        ("value", pa.float64()),
    ]
)
"""`metrics.parquet`: what one metric output says of one example after `step` steps. Losses are in
`examples.parquet`."""

LOSS_TOKEN: Final = "loss_token"
"""The metric output whose counts are tokens: over tasks it is averaged by them."""

TRAIN: Final = pa.schema(
    [
        ("step", pa.int32()),
        ("loss", pa.float64()),
        ("lr", pa.float64()),
        ("grad_norm", pa.float64()),
        ("tokens", pa.int64()),
        ("seconds", pa.float64()),
    ]
)
"""`train.parquet`: one optimizer step; its loss is of before the update, its tokens are without padding."""
