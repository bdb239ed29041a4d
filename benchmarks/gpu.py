"""How fast a model of a billion parameters is trained and scored on a GPU, beside the usual ways to do the same.

    python benchmarks/gpu.py [--batch 16] [--rounds 5] [--peak-tflops 989] [--out benchmarks/results/….json] [--tiny]

A random Llama of the shape of Llama 3.2 1B in bfloat16, and examples with a median of 125 tokens and a tail to 1,024,
of which the last 9.5 % are labels. Each way trains a new model on the same ordered batches, and the rounds after the
first count: the median of tokens a second, padding not counted; the share of the device's peak, where only operations
count that must be done; and the most memory allocated. Beside the harness: a plain loop (padded to the longest, all
logits), and TRL's SFTTrainer where it is installed. Evaluation in the loop is timed beside saving a checkpoint, loading
it, and the same evaluation of that. `--tiny` does all this with a toy model on the CPU, to try the code.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from measuring import command_and_hardware, write_results
from operations import executed_flops, product_speed
from transformers import AutoModelForCausalLM
from transformers.utils.logging import disable_progress_bar
from ways import HarnessLoop, PlainLoop, TrlLoop, Way, check_same_losses
from workload import Rows, Shape, random_examples, random_llama

from zsg_harness.evaluation.losses import example_losses
from zsg_harness.matrix.schema import RunTable
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.encoding import Encoded

STEPS: Final = 8
"""Optimizer steps of a round."""

AIM: Final = 0.45
"""The share of the peak that the harness should reach."""

SAME_LOSS: Final = 0.05
"""How far apart the first losses may be, in bfloat16."""

GIB: Final = 2**30

MakeWay = Callable[[CausalLM, Encoded, Sequence[Rows]], Way]


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured where.

    Attributes:
        shape: The model's.
        device: Where it is.
        batch: Examples of a step.
        run: Tokens that go through the model at once.
        scored: Examples of an evaluation.
        products: Sizes of the square matrices whose product is timed.
    """

    shape: Shape
    device: torch.device
    batch: int
    run: RunTable
    scored: int
    products: tuple[int, ...]

    def model(self) -> CausalLM:
        """A new model; the same one each time."""
        return random_llama(self.shape, str(self.device), torch.bfloat16)

    def examples(self, count: int) -> Encoded:
        """Some examples."""
        return random_examples(count, self.shape.vocabulary)


@dataclass(frozen=True, slots=True)
class Trained:
    """How a way trained.

    Attributes:
        way: Its name.
        tokens_per_second: Padding not counted.
        tflops: Operations that must be done, a second, in 10¹².
        memory_gib: The most that was allocated; None on a CPU.
        first_loss: Of the first step.
    """

    way: str
    tokens_per_second: float
    tflops: float
    memory_gib: float | None
    first_loss: float


class Evaluated(NamedTuple):
    """Seconds of an evaluation in the loop and of one by way of a checkpoint, and the largest difference of a loss."""

    in_loop: float
    by_checkpoint: float
    apart: float


def one_billion(batch: int, micro_batch_tokens: int) -> Bench:
    """What is meant to be measured: the shape of Llama 3.2 1B."""
    shape = Shape(2048, 16, 8192, vocabulary=128_256, shared_by=4, tied=True)
    run = RunTable(micro_batch_tokens=micro_batch_tokens, eval_batch_tokens=4 * micro_batch_tokens)
    return Bench(shape, torch.device("cuda"), batch, run, scored=512, products=(4096, 8192, 16_384))


def toy() -> Bench:
    """The same with next to nothing to do."""
    return Bench(
        Shape(128, 2, 256, shared_by=2, tied=True), torch.device("cpu"), 2, RunTable(), scored=16, products=(512,)
    )


def ways(bench: Bench) -> dict[str, MakeWay]:
    """The ways that are compared, the harness's first."""
    found: dict[str, MakeWay] = {"harness": partial(HarnessLoop, run=bench.run), "plain": PlainLoop}
    return found | ({"TRL": TrlLoop} if find_spec("trl") else {})


def train_all(bench: Bench, rounds: int) -> Iterator[Trained]:
    """Train in every way, one after the other, so that each has the memory to itself. One may run out of it."""
    pool = bench.examples(STEPS * bench.batch)
    expected: list[float] = []
    for name, make in ways(bench).items():
        try:
            trained = train(bench, name, make, pool, rounds)
        except torch.OutOfMemoryError:
            print(f"{name:8} out of memory", flush=True)
            continue
        expected = expected or [trained.first_loss]
        check_same_losses(expected, [trained.first_loss], SAME_LOSS)
        yield trained


def train(bench: Bench, name: str, make: MakeWay, pool: Encoded, rounds: int) -> Trained:
    """Train a new model in one way."""
    before = allocated(bench.device)
    lm = bench.model()
    flops, tokens = executed_flops(lm, pool), int(pool.lengths.sum())
    way = make(lm, pool, np.split(np.arange(len(pool)), STEPS))
    first = way()
    if before is not None:
        torch.cuda.reset_peak_memory_stats()
    median = statistics.median(way().seconds for _ in range(rounds))
    memory = None if before is None else (torch.cuda.max_memory_allocated() - before) / GIB
    return Trained(name, tokens / median, flops / median / 1e12, memory, first.losses[0])


def allocated(device: torch.device) -> int | None:
    """Bytes that a GPU still holds when all that can be given back is."""
    gc.collect()
    if device.type != "cuda":
        return None
    torch.cuda.empty_cache()
    return torch.cuda.memory_allocated()


def evaluate(bench: Bench, rounds: int) -> Evaluated:
    """Score a model in the loop, and by way of a checkpoint."""
    lm, examples = bench.model(), bench.examples(bench.scored)
    example_losses(lm, examples, bench.run.eval_batch_tokens)
    times: list[tuple[float, float]] = []
    apart = 0.0
    for _ in range(rounds):
        started = time.perf_counter()
        in_loop = example_losses(lm, examples, bench.run.eval_batch_tokens)
        between = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            saved = example_losses(reloaded(lm, folder), examples, bench.run.eval_batch_tokens)
            times.append((between - started, time.perf_counter() - between))
        apart = max(apart, float(np.abs(in_loop - saved).max()))
    return Evaluated(*(statistics.median(part) for part in zip(*times, strict=True)), apart)


def reloaded(lm: CausalLM, folder: str) -> CausalLM:
    """The same model, by way of the disk."""
    lm.model.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=lm.model.dtype).to(lm.device).eval()
    return CausalLM(model, lm.tokenizer, lm.device, lm.form)


def main() -> None:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=16, help="examples of an optimizer step")
    parser.add_argument("--micro-batch-tokens", type=int, default=16_384)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peak-tflops", type=float, default=989, help="the device's (an H200's in dense bfloat16)")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--tiny", action="store_true", help="a toy model on the CPU, to try the code")
    options = parser.parse_args()
    if not (options.tiny or torch.cuda.is_available()):
        raise SystemExit("there is no CUDA device here (--tiny tries the same code on the CPU)")
    disable_progress_bar()
    bench = toy() if options.tiny else one_billion(options.batch, options.micro_batch_tokens)
    product = product_speed(bench.products, bench.device, torch.bfloat16) / 1e12
    print(f"{'way':8} {'tokens/s':>10} {'of the peak':>12} {'of a product':>13} {'memory':>11}")
    figures = []
    for trained in train_all(bench, options.rounds):
        shares = {"of_peak": trained.tflops / options.peak_tflops, "of_product": trained.tflops / product}
        figures.append({**asdict(trained), **shares, "aim": AIM if trained.way == "harness" else None})
        memory = "" if trained.memory_gib is None else f"{trained.memory_gib:.2f} GiB"
        print(
            f"{trained.way:8} {trained.tokens_per_second:10,.0f} {shares['of_peak']:12.1%} {shares['of_product']:13.1%}"
            f" {memory:>11}",
            flush=True,
        )
    print(f"aim: the harness at {AIM:.0%} of {options.peak_tflops:,.0f} TFLOP/s; a product reaches {product:,.1f}")
    evaluated = evaluate(bench, options.rounds)
    print(
        f"evaluation: {evaluated.in_loop:.2f} s in the loop, {evaluated.by_checkpoint:.2f} s by way of a checkpoint;"
        f" losses at most {evaluated.apart:.1e} apart"
    )
    document: dict[str, Any] = {
        **command_and_hardware(),
        **{name: version(name) for name in ("transformers", "trl") if find_spec(name)},
        "batch": bench.batch,
        "rounds": options.rounds,
        "peak_tflops": options.peak_tflops,
        "product_tflops": product,
        "figures": figures,
        "evaluation": evaluated._asdict(),
    }
    write_results(options.out, document)


if __name__ == "__main__":
    main()
