"""How far verdicts can be trusted: the statistics of the leaderboards on made-up results of which the truth is known.

    python benchmarks/verdicts.py [--simulations 2000] [--out benchmarks/results/verdicts.json] [--summary]

A figure of an order on a task is what the arrangement gives, plus effects of the block (data and training seeds), of
the arrangement in that block, of the order (on all tasks, on the tasks of a source, on the task alone), and of what the
arrangement does for a source and a task. Units are order-sd: the standard deviation of the mean over tasks from order
to order. What the statistics say of it is counted: how often the intervals hold the truth, how often an arrangement
that is random order with another seed is called better, and how often one that is better is.

For contrast, the bootstrap over seeds × tasks, which takes the seeds that came to one order for as many orders.
`--summary` writes the few figures that every leaderboard tells, into the package.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from measuring import command_and_hardware, seconds, write_results

from zsg_harness.reports import simulated
from zsg_harness.reports.statistics import (
    MINIMUM_REPLICATES,
    Sample,
    Standing,
    difference,
    over_sources,
    standings,
    tie_groups,
)

Floats = npt.NDArray[np.float64]

EQUAL: Final = (5,) * 12
"""Tasks of each source: as many of each."""
P3: Final = (4, 13, 4, 12, 5, 10, 7, 5)
"""Those of the unseen sources of P3's split."""
ON_ALL, ON_SOURCE, ON_TASK = 0.5, 0.3, 0.2
"""Shares in the variance of an order's mean over tasks: of effects on all tasks, on those of a source, on one."""
BLOCK, IN_BLOCK, TASK, FOR_SOURCE, FOR_TASK = 3.0, 0.5, 5.0, 1.0, 1.0
"""Standard deviations: of blocks, of an arrangement's effect among blocks, of tasks, of what it does for a source, a
task."""
SECTION: Final = 8
"""Arrangements of a section beside random."""
RESAMPLES: Final = 1000
AIMS: Final = {"coverage": (0.93, 0.97), "false_better": 0.055, "power": 0.9}


class Design(NamedTuple):
    """What was run: blocks, random orders in each, an arrangement's own orders in each (one: it has a single order)."""

    name: str
    blocks: int
    random: int
    own: int
    sources: tuple[int, ...] = EQUAL
    tails: str = "normal"
    spread: float = 1.0


DESIGNS: Final = (
    Design("a single order, 5 random ones", 1, 5, 1),
    Design("a single order, 10 random ones", 1, 10, 1),
    Design("5 orders, 5 random ones", 1, 5, 5),
    Design("10 orders, 10 random ones", 1, 10, 10),
    Design("10 orders, 5 random ones", 1, 5, 10),
    Design("2 blocks, 5 orders and 5 random ones in each", 2, 5, 5),
    Design("5 blocks of an order each", 5, 1, 1),
    Design("10 blocks of an order each", 10, 1, 1),
    Design("5 blocks, each a single order and 3 random ones", 5, 3, 1),
    Design("P3's sources: a single order, 5 random ones", 1, 5, 1, P3),
    Design("P3's sources: 10 orders, 10 random ones", 1, 10, 10, P3),
    Design("P3's sources: 5 blocks of an order each", 5, 1, 1, P3),
)
FEW: Final = tuple(Design(f"a single order, {n} random ones", 1, n, 1) for n in range(2, MINIMUM_REPLICATES)) + tuple(
    Design(f"{n} orders, 10 random ones", 1, 10, n) for n in range(2, MINIMUM_REPLICATES)
)
STRESSES: Final = (
    Design("heavy tails (t with 4 degrees): a single order, 5 random ones", 1, 5, 1, tails="t4"),
    Design("heavy tails (t with 4 degrees): 5 orders, 5 random ones", 1, 5, 5, tails="t4"),
    Design("skewed (exponential): a single order, 5 random ones", 1, 5, 1, tails="skewed"),
    Design("skewed (exponential): 5 orders, 5 random ones", 1, 5, 5, tails="skewed"),
    Design("a single order of half as much spread, 5 random ones", 1, 5, 1, spread=0.5),
    Design("a single order of twice the spread, 5 random ones", 1, 5, 1, spread=2.0),
    Design("5 orders of twice the spread, 5 random ones", 1, 5, 5, spread=2.0),
)


class Drawn(NamedTuple):
    """Made-up figures, a line for each simulation.

    Attributes:
        random, own: By simulation, (arrangement,) block, order and task.
        here: The true difference of each arrangement on these tasks.
        these: That of the very orders that were drawn, on tasks of any source.
    """

    random: Floats
    own: Floats
    here: Floats
    these: Floats


def effects(rng: np.random.Generator, tails: str, shape: Sequence[int]) -> Floats:
    """Effects of variance 1."""
    if tails == "t4":
        return rng.standard_t(4, shape) / np.sqrt(2)
    if tails == "skewed":
        return rng.exponential(1, shape) - 1
    return rng.normal(size=shape)


def draw(rng: np.random.Generator, design: Design, simulations: int, effect: Floats) -> Drawn:
    """Make up results of random order and of as many arrangements as `effect` has; 0 is random with another seed."""
    sizes, count = np.array(design.sources), len(effect)
    source = np.repeat(np.arange(len(sizes)), sizes)
    shares = sizes / len(source)
    scale = np.sqrt([ON_ALL, ON_SOURCE / np.sum(shares**2), ON_TASK * len(source)])

    def orders(*shape: int) -> tuple[Floats, Floats]:
        on_all = scale[0] * effects(rng, design.tails, (*shape, 1))
        on_source = scale[1] * effects(rng, design.tails, (*shape, len(sizes)))
        on_task = scale[2] * effects(rng, design.tails, (*shape, len(source)))
        return on_all[..., 0], on_all + on_source[..., source] + on_task

    world = TASK * rng.normal(size=(simulations, 1, 1, len(source)))
    world = world + BLOCK * rng.normal(size=(simulations, design.blocks, 1, 1))
    random_on_all, random = orders(simulations, design.blocks, design.random)
    own_on_all, own = orders(simulations, count, design.blocks, design.own)
    in_block = IN_BLOCK * rng.normal(size=(simulations, count, design.blocks, 1, 1)) * (design.blocks > 1)
    for_task = FOR_SOURCE * rng.normal(size=(simulations, count, len(sizes)))[..., source]
    for_task = (for_task + FOR_TASK * rng.normal(size=(simulations, count, len(source)))) * (effect != 0)[:, None]
    own = design.spread * own + in_block + effect[:, None, None, None] + for_task[:, :, None, None, :]
    on_all = design.spread * own_on_all.mean(axis=(2, 3)) + in_block.mean(axis=(2, 3, 4))
    these = effect + on_all - random_on_all.mean(axis=(1, 2))[:, None]
    return Drawn(random + world, own + world[:, None], effect + for_task.mean(axis=-1), these)


def samples(design: Design, random: Floats, own: Floats) -> list[Sample]:
    """One simulation's random order and arrangements, as a leaderboard has them."""
    means = [random.mean(axis=-1), *own.mean(axis=-1)]
    stochastic = [True] + [design.own > 1] * len(own)
    return [
        Sample({str(block): list(values) for block, values in enumerate(each)}, varies)
        for each, varies in zip(means, stochastic, strict=True)
    ]


@dataclass
class Trust:
    """What was counted of a design, as shares of the simulations.

    Attributes:
        coverage: The interval of an arrangement that is unlike random holds the truth on these tasks.
        coverage_sources: The interval over sources holds that of these orders on tasks of any source.
        false_better, false_worse: An arrangement equal to random gets that verdict.
        false_better_of_8: Any of eight such in one section is called better.
        false_better_of_8_holm: Any of them is with Holm's correction.
        outside: An arrangement equal to random is not in random's group.
    """

    design: str
    coverage: float
    coverage_sources: float
    false_better: float
    false_worse: float
    false_better_of_8: float
    false_better_of_8_holm: float
    outside: float


def trust(rng: np.random.Generator, design: Design, simulations: int) -> Trust:
    """Count what is said of arrangements that differ from random, and of such that do not."""
    held, held_sources = [], []
    drawn = draw(rng, design, simulations, np.ones(1))
    sources = [str(number) for number, size in enumerate(design.sources) for _ in range(size)]
    for random, own, here, these in zip(*drawn, strict=True):
        base, ours = samples(design, random, own)
        found = difference(ours, base, base)
        assert found is not None
        held.append(found.interval.low <= here[0] <= found.interval.high)
        apart = own[0].mean(axis=(0, 1)) - random.mean(axis=(0, 1))
        limits = over_sources(apart, sources).interval
        held_sources.append(limits.low <= these[0] <= limits.high)
    verdicts, corrected, outside = [], [], []
    drawn = draw(rng, design, simulations, np.zeros(SECTION))
    for random, own in zip(drawn.random, drawn.own, strict=True):
        every = samples(design, random, own)
        standing = standings(every, 0)
        verdicts.append([each.verdict for each in standing[1:]])
        corrected.append([each.verdict_holm for each in standing[1:]])
        groups = groups_of(every, standing)
        outside.append([group != groups[0] for group in groups[1:]])
    better = np.array(verdicts) == "better"
    return Trust(
        design.name,
        float(np.mean(held)),
        float(np.mean(held_sources)),
        float(np.mean(better)),
        float(np.mean(np.array(verdicts) == "worse")),
        float(np.mean(better.any(axis=1))),
        float(np.mean((np.array(corrected) == "better").any(axis=1))),
        float(np.mean(outside)),
    )


def groups_of(every: Sequence[Sample], standing: Sequence[Standing]) -> list[int | None]:
    """The groups of arrangements of which the first is random."""
    heights = [float(np.mean([np.mean(values) for values in sample.values.values()])) for sample in every]
    return tie_groups(heights, every, standing, 0)


@dataclass
class Power:
    """How often an arrangement that is better by so many order-sd is called so.

    Attributes:
        found: Whatever else is in its section.
        found_holm: With Holm's correction, beside seven that equal random.
        all_found_holm: The same beside seven that are as good; of all of these.
        split: So often were the eight, equally good, not put into one group.
    """

    design: str
    effect: float
    found: float
    found_holm: float
    all_found_holm: float
    split: float


def power(rng: np.random.Generator, design: Design, effect: float, simulations: int) -> Power:
    """Count how often an effect, the same on all tasks, is found."""
    one, all_of_them = np.eye(1, SECTION)[0] * effect, np.full(SECTION, effect)
    found, found_holm, all_found_holm, split = 0, 0, 0.0, 0
    for gains in (one, all_of_them):
        drawn = draw(rng, design, simulations, np.zeros(SECTION))
        for random, own in zip(drawn.random, drawn.own, strict=True):
            every = samples(design, random, own - gains[:, None, None, None])
            standing = standings(every, 0)
            if gains is one:
                found += standing[1].verdict == "better"
                found_holm += standing[1].verdict_holm == "better"
            else:
                groups = zip(groups_of(every, standing), standing, strict=True)
                all_found_holm += float(np.mean([each.verdict_holm == "better" for each in standing[1:]]))
                split += len({group for group, each in groups if each.verdict == "better"}) > 1
    return Power(design.name, effect, *(count / simulations for count in (found, found_holm, all_found_holm, split)))


@dataclass
class Bootstrap:
    """What the bootstrap over seeds × tasks says where an arrangement is equal to random: its false verdicts."""

    design: str
    false_better: float
    false_worse: float


def bootstrap(rng: np.random.Generator, design: Design, simulations: int) -> Bootstrap:
    """Resample seeds and tasks; percentiles of the mean difference. A single order is what every seed came to."""
    drawn = draw(rng, design, simulations, np.zeros(1))
    apart = drawn.own[:, 0, 0] - drawn.random[:, 0]
    seeds, tasks = apart.shape[1:]
    seed_weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES) / seeds
    task_weights = rng.multinomial(tasks, np.full(tasks, 1 / tasks), RESAMPLES) / tasks
    means = np.stack([np.sum((seed_weights @ each) * task_weights, axis=1) for each in apart])
    low, high = np.percentile(means, [2.5, 97.5], axis=1)
    return Bootstrap(design.name, float(np.mean(high < 0)), float(np.mean(low > 0)))


def main() -> None:
    """Simulate, and print and write what was counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulations", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--summary", action="store_true")
    options = parser.parse_args()
    rng, simulations = np.random.default_rng(options.seed), options.simulations
    found: dict[str, list[Any]] = {}

    def simulate() -> None:
        found["designs"] = [told(trust(rng, design, simulations)) for design in DESIGNS]
        found["few"] = [told(trust(rng, design, simulations)) for design in FEW]
        found["stresses"] = [told(trust(rng, design, simulations)) for design in STRESSES]
        found["power"] = [
            told(power(rng, design, effect, simulations)) for design, effect in zip(DESIGNS, (5.0, 4.2), strict=False)
        ]
        found["bootstrap"] = [told(bootstrap(rng, design, simulations)) for design in DESIGNS[:4]]

    took = seconds(simulate)
    print(f"{took:.0f} s")
    document = {**command_and_hardware(), "simulations": simulations, "seconds": took, "aims": AIMS, **found}
    write_results(options.out, document)
    if options.summary:
        simulated.FILE.write_text(json.dumps(simulated.summary(document), indent=2) + "\n")


def told(found: Trust | Power | Bootstrap) -> dict[str, Any]:
    """One design's figures, which are printed on the way."""
    figures = asdict(found)
    print(f"{figures['design']:62}", *(f"{key} {value:.4g}" for key, value in figures.items() if key != "design"))
    return figures


if __name__ == "__main__":
    main()
