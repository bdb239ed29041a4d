"""How far the verdicts can be trusted: what simulations of which the truth is known came to.

`benchmarks/verdicts.py` makes them and writes `simulated.json`; every leaderboard tells of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("simulated.json")


def summary(simulated: Mapping[str, Any]) -> dict[str, Any]:
    """The few figures that are told, from all that `benchmarks/verdicts.py` writes."""
    designs, bootstrap = simulated["designs"], simulated["bootstrap"]
    return {
        "simulations": simulated["simulations"],
        "designs": len(designs),
        "coverage": _range(each["coverage"] for each in designs),
        "coverage_sources": _range(each["coverage_sources"] for each in designs),
        "false_better": max(each["false_better"] for each in designs),
        "false_better_of_8": max(each["false_better_of_8"] for each in designs),
        "false_better_of_8_holm": max(each["false_better_of_8_holm"] for each in designs),
        "outside": max(each["outside"] for each in designs),
        "false_better_under_five": max(each["false_better_of_8"] for each in simulated["few"]),
        "power": [
            {key: each[key] for key in ("design", "effect", "found", "found_holm")} for each in simulated["power"]
        ],
        "bootstrap_false": _range(each["false_better"] + each["false_worse"] for each in bootstrap),
    }


@cache
def sentences() -> tuple[str, ...]:
    """The figures in words."""
    told = json.loads(FILE.read_text(encoding="utf-8"))
    found = "; ".join(
        f"by {each['effect']:g} in {_share(each['found'])} ({each['design']}; with Holm's correction among eight "
        f"arrangements in {_share(each['found_holm'])})"
        for each in told["power"]
    )
    return (
        f"In {told['simulations']:,} simulations of each of {told['designs']} designs, with effects of tasks, sources, "
        f"orders and seeds that are known, the 95 % interval held the truth in {_shares(told['coverage'])}, that over "
        f"sources in {_shares(told['coverage_sources'])}.",
        "An arrangement that was random order with another seed was called better in at most "
        f"{_share(told['false_better'])}, and was not in random's group in at most {_share(told['outside'])}. Any of "
        f"eight such was called better in up to {_share(told['false_better_of_8'])}, with Holm's correction in up to "
        f"{_share(told['false_better_of_8_holm'])}, and with fewer than five orders in "
        f"{_share(told['false_better_under_five'])}.",
        f"One that is better by so many standard deviations of single orders was found: {found}.",
        "A bootstrap over seeds and tasks, which is not used here, would have told up to "
        f"{_share(told['bootstrap_false'][1])} of the arrangements that equal random apart from it.",
    )


def _range(values: Iterable[float]) -> list[float]:
    found = list(values)
    return [min(found), max(found)]


def _shares(limits: Iterable[float]) -> str:
    low, high = limits
    return f"{100 * low:.1f} to {_share(high)}"


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"
