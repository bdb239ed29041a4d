"""A short timed pilot: a few optimizer steps and one evaluation of each kind of cell. Imports torch."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np

from zsg_harness.cells.data import load_roles
from zsg_harness.cells.preparation import Environment
from zsg_harness.cells.provenance import provenance
from zsg_harness.evaluation.generation import generate
from zsg_harness.evaluation.losses import example_losses
from zsg_harness.executors.process import WorkerSettings, make_environment
from zsg_harness.executors.slots import make_slots
from zsg_harness.matrix.schema import RunTable
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.models.loading import load_model
from zsg_harness.plan.cell import Cell
from zsg_harness.plan.estimate import Estimator, Rates, kind_of
from zsg_harness.plan.past import device_words
from zsg_harness.services.surroundings import DownloadFolder
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.loop import Trainer
from zsg_harness.training.trainable import make_trainable

_STEPS: Final = 5
"""Steps that are timed, behind one that is not."""

_ANSWERS: Final = 64
"""Examples whose answers are generated, at most."""


def pilot_rates(cells: Sequence[Cell], run: RunTable, known: Estimator, tell: Callable[[str], None]) -> Estimator:
    """The estimator with the rates of those kinds of cells that it knows nothing of. Writes nothing into any store.

    Args:
        cells: The cells to be run.
        run: How they would be run.
        known: What is known.
        tell: Told what is being timed.

    Raises:
        ZsgError: Data or model cannot be loaded, or a step fails.
    """
    unknown = {kind_of(cell.spec): cell for cell in reversed(cells) if known.of(cell) is None}
    if not unknown:
        return known
    with tempfile.TemporaryDirectory(prefix="zsg-pilot-") as folder:
        environment = make_environment(WorkerSettings(folder, run, make_slots(run)[0]))
        measured = {}
        for kind, cell in reversed(unknown.items()):
            tell(f"timing {cell.labels.model} on {cell.labels.dataset} …")
            measured[kind] = _timed(cell, environment)
    return Estimator(known.of_arrangements, {**known.of_kinds, **measured})


def _timed(cell: Cell, environment: Environment) -> Rates:
    """The rates of a cell's kind."""
    run, started = environment.run, time.monotonic()
    downloads = DownloadFolder(environment.cache.folder / "downloads", environment.offline)
    roles = load_roles(cell, environment.registry, downloads, environment.cache)
    lm = load_model(cell.model, Path(cell.base_dir), environment.device)
    some = roles.eval.take(np.arange(min(_ANSWERS, len(roles.eval))))
    pool, scored, asked = (cell.text_form.encode(each, lm.tokenizer) for each in (roles.pool, roles.eval, some))
    loading = time.monotonic() - started
    make_trainable(lm, cell.training, run, cell.seeds.train or 0, environment.world)
    seconds_per_token = _training(cell, lm, pool, environment)
    answering = partial(generate, lm, asked, cell.evaluation.max_new_tokens, run.eval_batch_tokens)
    where = device_words(provenance(cell, environment))
    return Rates(
        basis=f"a pilot of {_STEPS} steps on {where}, without arranging and embedding",
        cells=0,
        pool=len(pool),
        tokens_per_example=float(pool.lengths.mean()),
        seconds_per_token=seconds_per_token,
        seconds_per_evaluation=_seconds(partial(example_losses, lm, scored, run.eval_batch_tokens)),
        seconds_per_generation=_seconds(answering) * len(scored) / len(asked),
        seconds_besides=loading,
    )


def _training(cell: Cell, lm: CausalLM, pool: Encoded, environment: Environment) -> float:
    """Seconds per token, the median of some steps."""
    batch = cell.training.batch_size
    order = np.random.default_rng(0).permutation(np.flatnonzero(pool.label_counts > 0))
    rows = np.resize(order, (_STEPS + 1, batch))
    trainer = Trainer(lm, pool, len(rows), cell.training, environment.run, environment.world)
    trainer.step(rows[0])  # kernels and the optimizer's state are made
    return median(_seconds(partial(trainer.step, own)) / int(pool.lengths[own].sum()) for own in rows[1:])


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
