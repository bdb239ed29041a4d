"""How long metrics take, beside the libraries whose values they must give.

    python benchmarks/metrics.py [--case rouge|rank-accuracy …] [--rounds 3] [--out benchmarks/results/….json]

`rouge` scores 10,000 random pairs: answers of up to 60 words from a vocabulary in which few words are frequent, some of
them repeated, empty or in other scripts, and a few of a thousand words. Beside it stand Google's rouge-score with a
scorer for each call, as evaluation code often has it, and with one scorer for all. `rank-accuracy` asks the bundled
model for the likelihoods of four options of 100 questions; beside it stands lm-eval's own HFLM on the same model, in
batches of the size that is its fastest. Values must be equal (to 1e-12 in percent; likelihoods to 1e-3), or the command
ends without a figure. Every round times each way once; the figure is the ratio of medians.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import torch
from measuring import command_and_hardware, seconds, write_results
from numpy.typing import NDArray

from zsg_registry import Example, ExampleSet, Metric, MetricBatch, Reference, Registry

PAIRS: Final = 10_000
LONG_PAIRS: Final = 20
QUESTIONS: Final = 100
AIMS: Final = {"rouge": 8.0, "rank-accuracy": 1.0}
"""How many times as fast as the first other way a metric should be."""

Values = NDArray[np.float64]
Way = Callable[[], Values]


def main() -> None:
    """Time the cases, print their figures, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=list(AIMS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    cases = {"rouge": rouge, "rank-accuracy": rank_accuracy}
    figures = {name: compare(*cases[name](), options.rounds, AIMS[name]) for name in options.case or cases}
    write_results(options.out, {**command_and_hardware(), "figures": figures})


def compare(ways: Mapping[str, Way], tolerance: float, rounds: int, aim: float) -> dict[str, Any]:
    """Time each way in turn, the first of which is ours.

    Raises:
        SystemExit: Their values differ.
    """
    ours, *others = ways
    values = {name: way() for name, way in ways.items()}
    worst = {name: float(np.abs(values[name] - values[ours]).max()) for name in others}
    if max(worst.values()) > tolerance:
        raise SystemExit(f"the values of {ours} differ from those of others: {worst}")
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            times[name].append(seconds(way))
    medians = {name: statistics.median(own) for name, own in times.items()}
    ratios = {name: medians[name] / medians[ours] for name in others}
    for name in ways:
        print(f"{name:40} {medians[name]:8.3f} s {ratios.get(name, 1.0):7.1f} ×")
    return {"seconds": medians, "ratios": ratios, "aim": {others[0]: aim}, "largest_difference": worst}


def rouge() -> tuple[dict[str, Way], float]:
    """ROUGE-1 and ROUGE-L of random pairs."""
    from rouge_score.rouge_scorer import RougeScorer

    draw = random.Random(20261121)
    words = vocabulary(draw)
    lengths = [draw.randint(0, 60) for _ in range(PAIRS - LONG_PAIRS)] + [1000] * LONG_PAIRS
    answers, references = ([text(draw, words, length) for length in lengths] for _ in range(2))
    references[:500] = answers[:500]
    kinds = ["rouge1", "rougeL"]

    def directly(scorer: Callable[[], Any]) -> Values:
        found = [scorer().score(*pair) for pair in zip(references, answers, strict=True)]
        return np.array([100 * score[kind].fmeasure for kind in kinds for score in found])

    examples = [Example(str(n), "t", prompt="p", completion=reference) for n, reference in enumerate(references)]
    batch = MetricBatch(ExampleSet.from_examples(examples), generations=answers)

    def ours() -> Values:
        metric = made("rouge")  # anew in each round, so that it remembers nothing
        metric.open()
        return np.array(metric.score(batch).values)

    shared = RougeScorer(kinds, use_stemmer=True)
    ways = {
        "rouge": ours,
        "rouge-score, a scorer for each call": lambda: directly(lambda: RougeScorer(kinds, use_stemmer=True)),
        "rouge-score, one scorer": lambda: directly(lambda: shared),
    }
    return ways, 1e-12


def vocabulary(draw: random.Random) -> list[str]:
    """Words with endings that a stemmer cuts off, numbers, and words of other scripts."""
    endings = ["", "s", "ed", "ing", "ation", "ally", "ness"]
    letters = "etaoinshrdlu"
    stems = ["".join(draw.choices(letters, k=draw.randint(1, 8))) for _ in range(1000)]
    return [stem + draw.choice(endings) for stem in stems for _ in range(3)] + ["42", "é", "naïve", "日本", "ﬁ", "…"]


def text(draw: random.Random, words: list[str], length: int) -> str:
    """Words of which the n-th most frequent is about n times rarer than the first."""
    picks = [words[min(int(len(words) ** draw.random()) - 1, len(words) - 1)] for _ in range(length)]
    return draw.choice([" ", " ", ", ", "\n"]).join(picks)


def rank_accuracy() -> tuple[dict[str, Way], float]:
    """The log-likelihoods of all options, from which every kind of accuracy follows."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from zsg_harness.matrix.schema import ModelEntry
    from zsg_harness.models.loading import load_model
    from zsg_harness.services.handle import Handle
    from zsg_harness.tokens.text_form import TextForm

    draw = random.Random(20261121)
    words = "the of a to in is that it was for on are with as at be this have from or had by".split()  # noqa: SIM905
    examples = [
        Example(f"{n}/{k}", "t", prompt=prompt, completion=" ".join(draw.choices(words, k=draw.randint(1, 6))))
        for n in range(QUESTIONS)
        for prompt in [" ".join(draw.choices(words, k=int(60 * np.exp(draw.gauss(0, 0.8))) % 400 + 1))]
        for k in range(4)
    ]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    lm = load_model(ModelEntry(use="zsg-tiny"), Path(), device)
    handle, options = Handle(lm, TextForm()), ExampleSet.from_examples(examples)
    bos = lm.tokenizer.bos_token or ""
    pairs = [(f"{bos}User: {each.prompt}\nAssistant:", f" {each.completion}") for each in examples]

    def theirs(size: int) -> Values:
        model = HFLM(pretrained=lm.model, tokenizer=lm.tokenizer, backend="causal", batch_size=size)
        asked = [Instance("loglikelihood", {}, pair, n) for n, pair in enumerate(pairs)]
        return np.array([likelihood for likelihood, _ in model.loglikelihood(asked, disable_tqdm=True)])

    fastest = min((4, 16, 64), key=lambda size: seconds(lambda: theirs(size)))
    ways = {
        "rank-accuracy": lambda: handle.log_likelihoods(options).sums,
        f"lm-eval's HFLM, batches of {fastest}": lambda: theirs(fastest),
    }
    return ways, 1e-3


def made(name: str) -> Metric:
    """A registered metric."""
    metric = Registry().component("metric", Reference(name))()
    assert isinstance(metric, Metric)
    return metric


if __name__ == "__main__":
    main()
