"""Tasks: a family in one domain on one side, with the wordings it uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .families import FAMILIES, Family

PHRASINGS_PER_TASK = 3


@dataclass(frozen=True)
class Task:
    """A task.

    Attributes:
        name: Its name, unique in the data set.
        side: Whether it is for training or held out.
        family: The family it belongs to.
        domain: What its passages are about.
        phrasings: The wordings it uses.
        number: Its place among all tasks.
    """

    name: str
    side: Literal["seen", "unseen"]
    family: Family
    domain: str
    phrasings: tuple[str, ...]
    number: int


def _choose(phrasings: tuple[str, ...], start: int) -> tuple[str, ...]:
    """Take three wordings from ``start`` on, cyclically, so that the tasks of a family differ in theirs."""
    return tuple(phrasings[(start + i) % len(phrasings)] for i in range(PHRASINGS_PER_TASK))


def all_tasks() -> list[Task]:
    """Return every task: the seen ones first, then the unseen ones."""
    seen = [
        ("seen", family, domain, _choose(family.seen_phrasings, place))
        for family in FAMILIES
        for place, domain in enumerate(family.seen_domains)
    ]
    unseen = [
        ("unseen", family, domain, family.unseen_phrasings) for family in FAMILIES for domain in family.unseen_domains
    ]
    return [
        Task(f"{family.name}_{domain}", "seen" if side == "seen" else "unseen", family, domain, phrasings, number)
        for number, (side, family, domain, phrasings) in enumerate(seen + unseen)
    ]
