"""Running one cell, from its data to its commit."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch

from zsg_harness.cells.model_card import save_model
from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.preparation import (
    Bound,
    CellStopped,
    CellUnfit,
    Environment,
    bind_cell,
    describe_order,
    fitting_roles,
    prepare_segments,
)
from zsg_harness.cells.progress import Progress, Report
from zsg_harness.cells.provenance import provenance
from zsg_harness.cells.records import Records, write_order
from zsg_harness.cells.roles import Roles
from zsg_harness.cells.segments import Segments
from zsg_harness.cells.session import TrainingSession
from zsg_harness.cells.trackers import Trackers, start_trackers
from zsg_harness.cells.usage import Usage
from zsg_harness.evaluation.scoring import describe_outputs
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.models.loading import load_model
from zsg_harness.plan.cell import Cell
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.store import Store
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.checkpoint import Checkpoints
from zsg_harness.training.sharding import whole_weights
from zsg_harness.training.trainable import make_trainable
from zsg_registry import ZsgError


def run_cell(cell: Cell, store: Store, environment: Environment, report: Report) -> Outcome:
    """Run a cell. Whatever goes wrong inside it is its own failure, recorded with its reason, and nobody else's."""
    attempt = store.new_attempt(cell.cell_id, _description(cell))
    record = _Record(attempt, cell, environment)
    try:
        scores, facts = _run(cell, store, attempt, environment, record.looking(report))
    except CellUnfit as error:
        return record.ended("skipped", str(error))
    except CellStopped as error:
        return record.ended("stopped", str(error))
    except Exception as error:  # the one boundary around a cell: its failure must not end the matrix
        attempt.write("log.txt", traceback.format_exc().encode())
        reason = str(error) if isinstance(error, ZsgError) else f"{type(error).__name__}: {error}"
        return record.ended("failed", " ".join(reason.split())[:500])
    outcome = record.ended("finished", None, facts, scores)
    attempt.commit()
    Checkpoints(store, cell.cell_id, environment.world).clear()
    return outcome


class _Record:
    """A cell's `status.json`, from its beginning to its end."""

    def __init__(self, attempt: Attempt, cell: Cell, environment: Environment) -> None:
        self._attempt = attempt
        self._cell_id = cell.cell_id
        self._clock = time.monotonic()
        self._usage = Usage(environment.device)
        self._common = {"started": _now(), "reason": None, "provenance": provenance(cell, environment)}
        attempt.status("running", **self._common)

    def looking(self, report: Report) -> Report:
        """`report`, with a look at what is used meanwhile."""

        def reported(progress: Progress) -> None:
            self._usage.look()
            report(progress)

        return reported

    def ended(
        self,
        state: Literal["finished", "failed", "skipped", "stopped"],
        reason: str | None,
        facts: Mapping[str, Any] | None = None,
        scores: Mapping[str, float] | None = None,
    ) -> Outcome:
        """Say how it ended."""
        seconds = time.monotonic() - self._clock
        own = {**self._common, "reason": reason, "ended": _now(), "seconds": seconds}
        self._attempt.status(state, **own, **(facts or {}), usage=self._usage.measured())
        return Outcome(self._cell_id, state, reason, seconds, scores or {}, self._attempt.name)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def join_cell(cell: Cell, store: Store, environment: Environment) -> None:
    """Do another process's part of a cell: the same steps, with nothing written. A failure ends all of them."""
    try:
        prepared = _prepare(cell, environment, _silent)
        session = _session(cell, prepared, environment, _silent)
        records = Records(prepared.roles.pool.ids, prepared.roles.eval)
        session.run(records, store, Checkpoints(store, cell.cell_id, environment.world), Trackers())
    except (CellUnfit, CellStopped):
        return  # the first process says so
    if environment.run.save_model:
        _weights(prepared.lm)


class _Prepared(NamedTuple):
    """A cell that is ready to be trained."""

    bound: Bound
    roles: Roles
    lm: CausalLM
    segments: Segments
    pool: Encoded
    embedded: list[dict[str, Any]]
    seconds: float


def _prepare(cell: Cell, environment: Environment, report: Report) -> _Prepared:
    report(Progress(cell.cell_id, "loading"))
    bound = bind_cell(cell, environment.registry)
    roles = fitting_roles(cell, bound, environment)
    lm = load_model(cell.model, Path(cell.base_dir), environment.device)
    report(Progress(cell.cell_id, "arranging"))
    started = time.monotonic()
    told = partial(_embedding, environment, report, cell.cell_id)
    segments, bench = prepare_segments(cell, bound, roles, environment, lm, told)
    embedded = [] if bench.embeddings is None else [asdict(part) for part in bench.embeddings.embedded]
    return _Prepared(bound, roles, lm, segments, bench.encoded("pool"), embedded, time.monotonic() - started)


def _session(cell: Cell, prepared: _Prepared, environment: Environment, report: Report) -> TrainingSession:
    lm, roles, run = prepared.lm, prepared.roles, environment.run
    make_trainable(lm, cell.training, run, cell.seeds.train or 0, environment.world)
    return TrainingSession(
        cell, prepared.bound.metrics, roles, lm, prepared.pool, prepared.segments, environment, report
    )


def _run(
    cell: Cell, store: Store, attempt: Attempt, environment: Environment, report: Report
) -> tuple[Mapping[str, float], dict[str, Any]]:
    prepared = _prepare(cell, environment, report)
    roles, segments = prepared.roles, prepared.segments
    session = _session(cell, prepared, environment, report)
    records = Records(roles.pool.ids, roles.eval)
    document = describe_order(cell, prepared.bound, roles)

    def written() -> dict[str, str]:
        return write_order(attempt, segments.order, roles.pool.ids, cell.training.batch_size, document)

    hashes = written() if segments.steps else None  # at once, if it is known: a cell that fails shows its order too
    checkpoints = Checkpoints(store, cell.cell_id, environment.world)
    trackers = start_trackers(environment.run.track, cell, store.scratch / "trackers", environment.device.type == "cpu")
    try:
        scores = session.run(records, store, checkpoints, trackers)
    finally:
        trackers.end()
    for name, table in records.tables.items():
        attempt.write_table(name, table)
    hashes = hashes or written()
    attempt.write_json("metrics", describe_outputs(prepared.bound.metrics))
    if environment.run.save_model:
        weights = _weights(prepared.lm)
        with store.making("model") as folder:
            save_model(folder, prepared.lm, weights, cell, hashes, scores)
            attempt.put_folder(folder, "model")
    facts = {
        **hashes,
        "held_out": roles.held_out,
        "evalset": store.write_eval_set(roles.eval.arrow),
        "roles": roles.sizes,
        "examples": len(segments.order),
        "steps": len(segments.steps),
        "tokens": records.tokens,
        "tokens_per_second": records.tokens / max(session.timings["train"], 1e-9),
        "counts": session.counts,
        "embedded": prepared.embedded,
        "form": prepared.lm.form,
        "processes": environment.world.size,
        "resumed_at": session.resumed_at,
        "timings": {"arrange": prepared.seconds, **session.timings},
    }
    return scores, facts


def _weights(lm: CausalLM) -> dict[str, torch.Tensor] | None:
    """All weights of a model of which this process has only parts; every process must ask."""
    return whole_weights(lm.model) if lm.sharded else None


def _silent(progress: Progress) -> None:
    """Tell nobody."""


def _embedding(environment: Environment, report: Report, cell_id: str, done: int, total: int) -> None:
    if environment.asked_to_stop():
        raise CellStopped(f"stopped with {done:,} of {total:,} texts embedded")
    report(Progress(cell_id, f"embedding {done:,} of {total:,}" if done < total else "arranging"))


def _description(cell: Cell) -> dict[str, Any]:
    plain = cell.model_dump(mode="json", exclude={"state", "reason", "user_seeds"})
    return {**plain, "oracle": cell.data.oracle}
