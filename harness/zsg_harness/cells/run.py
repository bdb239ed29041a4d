"""Running one cell, from its data to its commit."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any, NamedTuple, cast

import torch

from zsg_harness.cells.as_planned import check_as_planned
from zsg_harness.cells.contamination import cell_findings
from zsg_harness.cells.data import told_of_data
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
from zsg_harness.cells.records import Records, write_order
from zsg_harness.cells.roles import Roles
from zsg_harness.cells.segments import Segments
from zsg_harness.cells.session import TrainingSession
from zsg_harness.cells.trackers import Trackers, start_trackers
from zsg_harness.cells.trial import Trial
from zsg_harness.cells.warm import fresh_model
from zsg_harness.contamination.account import account, affected_ids
from zsg_harness.evaluation.scoring import describe_outputs, scores_without
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.plan.cell import Cell
from zsg_harness.services.context import VectorSource
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.store import Store
from zsg_harness.store.tables import METRICS
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.checkpoint import Checkpoints
from zsg_harness.training.sharding import whole_weights
from zsg_harness.training.trainable import make_trainable
from zsg_registry import Embedder, ZsgError


def run_cell(cell: Cell, store: Store, environment: Environment, report: Report) -> Outcome:
    """Run a cell. Whatever goes wrong inside it is its own failure, recorded with its reason, and nobody else's."""
    trial = Trial(cell, store, environment)
    try:
        scores, facts = _run(cell, store, trial.begin(), environment, trial.looking(report))
        outcome = trial.commit(facts, scores)
    except CellUnfit as error:
        return trial.ended("skipped", str(error))
    except CellStopped as error:
        return trial.ended("stopped", str(error))
    except Exception as error:  # the one boundary around a cell: its failure must not end the matrix
        reason = str(error) if isinstance(error, ZsgError) else f"{type(error).__name__}: {error}"
        return trial.ended("failed", " ".join(reason.split())[:500], traceback.format_exc())
    with suppress(OSError):  # what is left of them is in nobody's way
        Checkpoints(store, cell.cell_id, environment.world).clear()
    return outcome


def join_cell(cell: Cell, store: Store, environment: Environment) -> None:
    """Do another process's part of a cell: the same steps, with nothing written. A failure ends all of them."""
    try:
        prepared = _prepare(cell, environment, _silent)
        session = _session(cell, prepared, environment, _silent)
        records = Records(prepared.roles.pool.ids)
        session.run(records, Checkpoints(store, cell.cell_id, environment.world), Trackers())
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
    embeddings: VectorSource | None
    embedded: list[dict[str, Any]]
    seconds: float


def _prepare(cell: Cell, environment: Environment, report: Report) -> _Prepared:
    report(Progress(cell.cell_id, "loading"))
    bound = bind_cell(cell, environment.registry)
    check_as_planned(cell, bound)
    roles = fitting_roles(cell, bound, environment)
    lm = fresh_model(cell, environment.device)
    report(Progress(cell.cell_id, "arranging"))
    started = time.monotonic()
    told = partial(_embedding, environment, report, cell.cell_id)
    segments, bench = prepare_segments(cell, bound, roles, environment, lm, told)
    embedded = [] if bench.embeddings is None else [asdict(part) for part in bench.embeddings.embedded]
    seconds = time.monotonic() - started
    return _Prepared(bound, roles, lm, segments, bench.encoded("pool"), bench.embeddings, embedded, seconds)


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
    offered = roles.offered or roles.pool
    report(Progress(cell.cell_id, "looking for what the pool and the evaluation share"))
    embedder = None if prepared.bound.embedder is None else cast("Embedder", prepared.bound.embedder.components[0])
    findings = cell_findings(roles, embedder, prepared.embeddings, environment.cache, environment.device)
    session = _session(cell, prepared, environment, report)
    records = Records(roles.pool.ids)
    document = describe_order(cell, prepared.bound, roles)

    def written() -> dict[str, str]:
        return write_order(attempt, segments.order, roles.pool.ids, cell.training.batch_size, document)

    hashes = written() if segments.steps else None  # at once, if it is known: a cell that fails shows its order too
    checkpoints = Checkpoints(store, cell.cell_id, environment.world)
    trackers = start_trackers(environment.run.track, cell, store.scratch / "trackers", environment.device.type == "cpu")
    try:
        scores = session.run(records, checkpoints, trackers)
    finally:
        trackers.end()
    tables = records.tables
    for name, table in tables.items():
        attempt.write_table(name, table)
    hashes = hashes or written()
    found = findings.table(offered, roles.eval)
    attempt.write_table("contamination", found)
    affected = affected_ids(found, len(offered) - len(roles.pool))
    values = tables.get("metrics", METRICS.empty_table())
    without = scores_without(affected, values, len(segments.steps), prepared.bound.metrics)
    attempt.write_json("metrics", describe_outputs(prepared.bound.metrics, without))
    if environment.run.save_model:
        weights = _weights(prepared.lm)
        with store.making("model") as folder:
            save_model(folder, prepared.lm, weights, cell, hashes, scores)
            attempt.put_folder(folder, "model")
    facts = {
        **hashes,
        "held_out": roles.held_out,
        "dataset": told_of_data(cell),
        "contamination": account(findings, offered, roles.pool, roles.eval, tables["examples"]),
        "evalset": store.write_eval_set(roles.eval.arrow),
        **({"probeset": store.write_eval_set(roles.probe.arrow)} if len(roles.probe) else {}),
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
