"""Running one cell, from its data to its commit."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.preparation import (
    CellUnfit,
    Environment,
    bind_cell,
    describe_order,
    fitting_roles,
    prepare_order,
)
from zsg_harness.cells.progress import Progress, Report
from zsg_harness.cells.provenance import provenance
from zsg_harness.cells.records import Records, write_order
from zsg_harness.cells.session import TrainingSession
from zsg_harness.evaluation.scoring import describe_outputs
from zsg_harness.models.causal_lm import load_model
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Attempt, Store
from zsg_registry import ZsgError


def run_cell(cell: Cell, store: Store, environment: Environment, report: Report) -> Outcome:
    """Run a cell. Whatever goes wrong inside it is its own failure, recorded with its reason, and nobody else's."""
    started = time.monotonic()
    attempt = store.new_attempt(cell.cell_id, _description(cell))
    common = {"started": datetime.now(UTC).isoformat(timespec="seconds"), "reason": None}
    attempt.status("running", **common)
    try:
        scores, facts = _run(cell, store, attempt, environment, report)
    except CellUnfit as error:
        return _ended(attempt, cell, "skipped", str(error), started, common)
    except Exception as error:  # the one boundary around a cell: its failure must not end the matrix
        (attempt.folder / "log.txt").write_text(traceback.format_exc(), encoding="utf-8")
        reason = str(error) if isinstance(error, ZsgError) else f"{type(error).__name__}: {error}"
        return _ended(attempt, cell, "failed", " ".join(reason.split())[:500], started, common)
    seconds = time.monotonic() - started
    attempt.status("finished", **{**common, **facts, "seconds": seconds, "provenance": provenance(environment)})
    attempt.commit()
    return Outcome(cell.cell_id, "finished", None, seconds, scores)


def _ended(
    attempt: Attempt,
    cell: Cell,
    state: Literal["failed", "skipped"],
    reason: str,
    started: float,
    common: Mapping[str, Any],
) -> Outcome:
    seconds = time.monotonic() - started
    attempt.status(state, **{**common, "reason": reason, "seconds": seconds})
    return Outcome(cell.cell_id, state, reason, seconds, {})


def _run(
    cell: Cell, store: Store, attempt: Attempt, environment: Environment, report: Report
) -> tuple[Mapping[str, float], dict[str, Any]]:
    report(Progress(cell.cell_id, "loading"))
    bound = bind_cell(cell, environment.registry)
    roles = fitting_roles(cell, bound, environment)
    lm = load_model(cell.model, Path(cell.base_dir), environment.device)
    report(Progress(cell.cell_id, "arranging"))
    arranging = time.monotonic()
    order, bench = prepare_order(cell, bound, roles, environment, lm, partial(_embedding, report, cell.cell_id))
    arranged = time.monotonic() - arranging
    document = describe_order(cell, bound, roles)
    hashes = write_order(attempt, order, roles.pool.ids, cell.training.batch_size, document)
    records = Records(attempt, roles.eval)
    session = TrainingSession(cell, bound.metrics, roles, lm, order, bench.encoded("pool"), environment, report)
    scores = session.run(records, store)
    records.write(order, roles.pool.ids, session.steps)
    attempt.write_json("metrics", describe_outputs(bound.metrics))
    facts = {
        **hashes,
        "held_out": roles.held_out,
        "evalset": store.write_eval_set(roles.eval.arrow),
        "roles": roles.sizes,
        "examples": len(order),
        "steps": len(session.steps),
        "tokens": session.tokens,
        "counts": session.counts,
        "embedded": [] if bench.embeddings is None else [asdict(part) for part in bench.embeddings.embedded],
        "timings": {"arrange": arranged, **session.timings},
    }
    return scores, facts


def _embedding(report: Report, cell_id: str, done: int, total: int) -> None:
    report(Progress(cell_id, f"embedding {done:,} of {total:,}" if done < total else "arranging"))


def _description(cell: Cell) -> dict[str, Any]:
    plain = cell.model_dump(mode="json", exclude={"state", "reason", "user_seeds"})
    return {**plain, "oracle": cell.data.oracle}
