"""The generator: a pure function from seed, affinity and sizes to rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .draws import Draws
from .neutral import NEUTRAL_FAMILY_SIZE, neutral_question, ticket_number
from .tasks import Task, all_tasks

GENERATOR_REVISION = 1
"""Raise when any row changes; it is part of the data's fingerprint."""


@dataclass(frozen=True)
class Row:
    """A generated example.

    Attributes:
        id: ``<task>/<index>``.
        task: The task it belongs to.
        prompt: The request.
        instruction: The request without its passage.
        answer: The right answer.
        phrasing: Which of the task's wordings was used; None for a neutral example.
    """

    id: str
    task: Task
    prompt: str
    instruction: str
    answer: str
    phrasing: int | None


def make_row(seed: int, affinity: float, task: Task, index: int) -> Row:
    """Make one example. It depends on nothing but the arguments: not on how many others are made.

    Args:
        seed: The seed of the data set.
        affinity: The probability that the example carries its family's skill.
        task: The task it belongs to.
        index: Its place in the task.

    Returns:
        The row.
    """
    # The first draw decides neutrality, so a higher affinity keeps every example that a lower one had kept.
    draws = Draws(seed, task.name, index)
    phrasing: int | None
    if draws.chance(affinity):
        phrasing = draws.below(len(task.phrasings))
        question = task.family.ask(draws, task.domain, task.phrasings[phrasing])
    else:
        phrasing = None
        question = neutral_question(draws, ticket_number(seed, task.number * NEUTRAL_FAMILY_SIZE + index))
    return Row(f"{task.name}/{index}", task, question.prompt, question.instruction, question.answer, phrasing)


def generate(seed: int, affinity: float, per_seen_task: int, per_unseen_task: int) -> Iterator[Row]:
    """Yield all rows, task by task, the seen ones first.

    Args:
        seed: The seed of the data set.
        affinity: The probability that an example carries its family's skill, from 0 to 1.
        per_seen_task: How many examples each seen task has.
        per_unseen_task: How many examples each unseen task has.

    Yields:
        One row after the other.
    """
    for task in all_tasks():
        for index in range(per_seen_task if task.side == "seen" else per_unseen_task):
            yield make_row(seed, affinity, task, index)
