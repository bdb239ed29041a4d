"""How fast models are trained and scored, beside the usual ways to do the same.

    python benchmarks/training.py [--case NAME …] [--rounds 5] [--out benchmarks/results/….json]

Two random Llamas, of 7 and 27 million parameters; examples with a median of 125 tokens and a tail to 1,024, of which
the last 9.5 % are labels; batches of 16. Every round does each way once, one after the other, in this process. A
figure is a ratio of median speeds in tokens a second, padding not counted.

training    The harness's optimizer steps, beside batches padded to 1,024 tokens with all logits in float32, and beside
            TRL's SFTTrainer in sequential order. All make the same updates: where losses disagree, there is no figure.
            A padded step takes as long whatever is in it, so that one a round stands for all. Of the larger model also
            the share of the speed of the best float32 matrix product, where only operations count that must be done.
evaluation  Losses of 160 examples, beside padded batches of 16 with all logits; and how far the two are apart.
generation  64 greedy answers of 32 tokens, beside one prompt at a time.
cell        The share of a cell of the bundled model, from the beginning of its session to the end, that is neither
            the model's (forward with the loss, backward, generation) nor the optimizer's (with clipping).
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import partial, wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from measuring import command_and_hardware, write_results
from numpy.typing import NDArray
from operations import executed_flops, product_speed
from transformers import LlamaForCausalLM
from ways import IGNORED, HarnessLoop, PlainLoop, Ran, TrlLoop, Way, check_same_losses, padded
from workload import LONGEST, Rows, Shape, random_examples, random_llama

from zsg_harness.cells.run import run_cell
from zsg_harness.cells.session import TrainingSession
from zsg_harness.evaluation.generation import generate
from zsg_harness.evaluation.losses import example_losses
from zsg_harness.executors.process import WorkerSettings, make_environment
from zsg_harness.executors.slots import Slot
from zsg_harness.matrix.load import check_matrix
from zsg_harness.matrix.schema import RunTable, TrainingTable
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.plan.build import build_plan
from zsg_harness.store.store import Store
from zsg_harness.tokens.encoding import Encoded
from zsg_registry import Registry

SHAPES: Final = {"7m": Shape(256, 4, 688), "27m": Shape(512, 6, 1376)}
BATCH: Final = 16
STEPS: Final = 2
"""Optimizer steps of a round."""

SCORED: Final = 160
PROMPTS: Final = 64
NEW_TOKENS: Final = 32
PRODUCTS: Final = (1024, 2048, 3072)
"""Sizes of the square matrices whose product is timed."""

SAME_LOSS: Final = 1e-3
"""How far apart the losses of a step may be where two ways train the same."""

CELL: Final[dict[str, Any]] = {"matrix": {"arrangements": ["random"], "budgets": [320]}}
"""A matrix of one cell: 20 steps, scored after 0, 1, 2, 5, 10 and 20 of them."""

WATCHED: Final = (
    ("forward", LlamaForCausalLM, "forward"),
    ("forward", F, "cross_entropy"),
    ("generation", LlamaForCausalLM, "generate"),
    ("backward", torch.Tensor, "backward"),
    ("optimizer", torch.nn.utils, "clip_grad_norm_"),
    ("optimizer", torch.optim.AdamW, "step"),
)


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, and what it should be: at least the aim, or at most.

    Attributes:
        what: Two things by their names, or one.
        value: Their ratio.
        aim: What it should be.
        speeds: Of the two.
        unit: Of the speeds.
        at_most: Whether the aim is an upper bound.
        parts: What else there is to know: seconds by activity.
    """

    what: str
    value: float
    aim: float
    speeds: tuple[float, float] | None = None
    unit: str = "tokens/s"
    at_most: bool = False
    parts: dict[str, float] | None = None

    def __str__(self) -> str:
        told = "" if self.speeds is None else f"{self.speeds[0]:,.0f} / {self.speeds[1]:,.0f} {self.unit}"
        told += ", ".join(f"{name} {own:.2f} s" for name, own in (self.parts or {}).items())
        return f"{self.what:36} {self.value:9.3g} {'≤' if self.at_most else '≥'} {self.aim:<6g} {told}".rstrip()


def ratio(what: str, aim: float, speeds: tuple[float, float], unit: str = "tokens/s") -> Figure:
    """The figure of two speeds."""
    return Figure(what, speeds[0] / speeds[1], aim, speeds, unit)


def measure_training(shape: Shape, aims: dict[str, float], rounds: int) -> Iterator[Figure]:
    """Time the ways to train a model.

    Args:
        shape: The model's.
        aims: By the names of the two ways that are compared; `product` is the best matrix product.
        rounds: How often.
    """
    pool = random_examples(STEPS * BATCH, shape.vocabulary)
    ways = ways_to_train(shape, pool, aims)
    ran: dict[str, list[Ran]] = {name: [] for name in ways}
    products = []
    for _ in range(rounds):
        products.append(product_speed(PRODUCTS, torch.device("cpu")))
        for name, way in ways.items():
            ran[name].append(way())
    check_same_losses(*([loss for each in ran[way] for loss in each.losses] for way in ("float32", "TRL")), SAME_LOSS)
    check_same_losses(*(ran[way][0].losses for way in ("float32", "padded")), SAME_LOSS)
    of_a_step = float(pool.lengths.sum()) / STEPS
    speeds = {
        name: of_a_step * len(own[0].losses) / statistics.median(each.seconds for each in own)
        for name, own in ran.items()
    }
    for what, aim in aims.items():
        ours, _, peer = what.partition(" / ")
        if peer == "product":
            done = executed_flops(random_llama(shape), pool) / float(pool.lengths.sum()) * speeds[ours]
            yield ratio(what, aim, (done / 1e9, max(products) / 1e9), "GFLOP/s")
        else:
            yield ratio(what, aim, (speeds[ours], speeds[peer]))


def ways_to_train(shape: Shape, pool: Encoded, aims: dict[str, float]) -> dict[str, Way]:
    """The ways that are compared, each with a model of its own."""
    steps: list[Rows] = np.split(np.arange(len(pool)), STEPS)
    ways: dict[str, Way] = {"float32": HarnessLoop(random_llama(shape), pool, steps)}
    if any(what.startswith("bfloat16") for what in aims):
        ways["bfloat16"] = HarnessLoop(random_llama(shape), pool, steps, TrainingTable(precision="bfloat16"))
    ways["TRL"] = TrlLoop(random_llama(shape), pool, steps)
    ways["padded"] = PlainLoop(random_llama(shape), pool, steps[:1], LONGEST)
    return ways


def measure_evaluation(shape: Shape, rounds: int) -> Iterator[Figure]:
    """Time the losses of examples, and compare them. Each round scores other padded batches, to compare more."""
    lm, examples = random_llama(shape), random_examples(SCORED, shape.vocabulary)
    batches = np.split(np.arange(SCORED), SCORED // BATCH)
    times: list[tuple[float, float]] = []
    apart = 0.0
    for number in range(rounds):
        rows = batches[number % len(batches)]
        started = time.perf_counter()
        ours = example_losses(lm, examples, RunTable().eval_batch_tokens)
        between = time.perf_counter()
        theirs = padded_losses(lm, examples, rows)
        times.append((between - started, time.perf_counter() - between))
        apart = max(apart, float(np.abs(ours[rows] - theirs).max()))
    of_ours, of_theirs = (statistics.median(part) for part in zip(*times, strict=True))
    tokens = float(examples.lengths.sum())
    yield ratio("harness / padded", 14, (tokens / of_ours, tokens / len(batches) / of_theirs))
    yield Figure("largest difference of a loss", apart, 1e-5, at_most=True)


@torch.no_grad()
def padded_losses(lm: CausalLM, examples: Encoded, rows: Rows) -> NDArray[np.float64]:
    """The mean loss of each example, by way of all logits."""
    batch = padded(examples, rows, lm.device, LONGEST)
    labels = batch.pop("labels")[:, 1:]
    logits = lm.model(**batch, use_cache=False).logits[:, :-1]
    each = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none").double()
    return (each.sum(dim=1) / (labels != IGNORED).sum(dim=1)).numpy()


def measure_generation(shape: Shape, rounds: int) -> Iterator[Figure]:
    """Time answers, and compare them. None ends early: the end's logit is 0, and the greatest of a step is not."""
    lm, examples = random_llama(shape), random_examples(PROMPTS, shape.vocabulary)
    with torch.no_grad():
        lm.model.get_output_embeddings().weight[lm.ends] = 0
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        started = time.perf_counter()
        ours = generate(lm, examples, NEW_TOKENS, RunTable().eval_batch_tokens)
        between = time.perf_counter()
        theirs = [answer(lm, examples.prompt(i)) for i in range(PROMPTS)]
        times.append((between - started, time.perf_counter() - between))
    of_ours, of_theirs = (statistics.median(part) for part in zip(*times, strict=True))
    tokens = PROMPTS * NEW_TOKENS
    yield ratio("harness / one prompt at a time", 2.5, (tokens / of_ours, tokens / of_theirs))
    same = sum(own == other for own, other in zip(ours, theirs, strict=True)) / PROMPTS
    yield Figure("share of answers that are the same", same, 1.0)


def answer(lm: CausalLM, prompt: NDArray[np.int32]) -> str:
    """A greedy answer to one prompt."""
    ids = torch.from_numpy(prompt.astype(np.int64))[None]
    output = lm.model.generate(input_ids=ids, max_new_tokens=NEW_TOKENS, do_sample=False, pad_token_id=lm.ends[0])
    return str(lm.tokenizer.decode(output[0, ids.shape[1] :], skip_special_tokens=True)).strip()


class Stopwatch:
    """Adds up seconds by activity. What runs within a watched function is not counted again.

    Attributes:
        seconds: By activity.
        busy: Whether an activity is under way.
    """

    def __init__(self, during: Stopwatch | None = None) -> None:
        """Begin; `during` is another whose activities are the only times that count."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.busy = False
        self._during = during

    def watched(self, activity: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function that does the same, and is timed."""

        @wraps(function)
        def timed(*args: Any, **options: Any) -> Any:
            if self.busy or not (self._during is None or self._during.busy):
                return function(*args, **options)
            self.busy, started = True, time.perf_counter()
            try:
                return function(*args, **options)
            finally:
                self.busy = False
                self.seconds[activity] += time.perf_counter() - started

        return timed


def measure_cell(rounds: int) -> Iterator[Figure]:
    """Take the time of cells apart."""
    apart = [time_cell() for _ in range(rounds)]
    medians = {activity: statistics.median(cell[activity] for cell in apart) for activity in apart[0]}
    activities = {activity for activity, _, _ in WATCHED}
    shares = [1 - sum(cell[activity] for activity in activities) / cell["session"] for cell in apart]
    what = "share outside model and optimizer"
    yield Figure(what, statistics.median(shares), 0.05, at_most=True, parts=medians)


def time_cell() -> dict[str, float]:
    """Run a cell in a new store: the seconds of its session, and of the activities in it."""
    (cell,) = build_plan(check_matrix(CELL, "the benchmark", Path()), Registry()).cells
    session = Stopwatch()
    inside = Stopwatch(during=session)
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        environment = make_environment(WorkerSettings(name, RunTable(), Slot(0, "", torch.get_num_threads())))
        for activity, owner, function in WATCHED:
            stack.enter_context(patch.object(owner, function, inside.watched(activity, getattr(owner, function))))
        for function in ("__init__", "run"):
            timed = session.watched("session", getattr(TrainingSession, function))
            stack.enter_context(patch.object(TrainingSession, function, timed))
        outcome = run_cell(cell, Store(folder), environment, lambda _: None)
    if outcome.state != "finished":
        raise SystemExit(f"the cell {outcome.state}: {outcome.reason}")
    return {**session.seconds, **inside.seconds}


CASES: Final[dict[str, Callable[[int], Iterator[Figure]]]] = {
    "training:7m": partial(measure_training, SHAPES["7m"], {"float32 / padded": 14, "float32 / TRL": 6}),
    "training:27m": partial(
        measure_training,
        SHAPES["27m"],
        {"float32 / padded": 14, "bfloat16 / padded": 22, "float32 / TRL": 6, "float32 / product": 0.45},
    ),
    "evaluation:7m": partial(measure_evaluation, SHAPES["7m"]),
    "evaluation:27m": partial(measure_evaluation, SHAPES["27m"]),
    "generation:7m": partial(measure_generation, SHAPES["7m"]),
    "cell": measure_cell,
}


def main() -> None:
    """Run the cases that were asked for, and print and write their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=list(CASES), help="may be repeated")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures = []
    print(f"{'case':15} {'figure':36} {'value':>9} {'aim':>4}")
    for case, measure in CASES.items():
        if options.case is None or case in options.case:
            for figure in measure(options.rounds):
                figures.append({"case": case, **asdict(figure)})
                print(f"{case:15} {figure}", flush=True)
    versions = {name: version(name) for name in ("transformers", "trl")}
    write_results(options.out, {**command_and_hardware(), **versions, "rounds": options.rounds, "figures": figures})


if __name__ == "__main__":
    main()
