"""Small example sets in one line."""

from __future__ import annotations

from collections.abc import Sequence

from zsg_registry.examples import Example, ExampleSet, Message, Side


def example_set(
    tasks: Sequence[str | None],
    *,
    prompts: Sequence[str] | None = None,
    completions: Sequence[str] | None = None,
    sources: Sequence[str | None] | None = None,
    side: Side = "seen",
    prefix: str = "example-",
) -> ExampleSet:
    """One example for each of `tasks`, with ids `example-0`, `example-1`, ….

    Args:
        tasks: The task of each example; None where there is no task.
        prompts: By default "prompt 0", "prompt 1", ….
        completions: By default "answer 0", "answer 1", ….
        sources: By default none.
        side: The side of all of them.
        prefix: What the ids begin with. Sets that meet in one context need different prefixes.
    """
    n = len(tasks)
    rows = zip(
        tasks,
        prompts or [f"prompt {i}" for i in range(n)],
        completions or [f"answer {i}" for i in range(n)],
        sources or [None] * n,
        strict=True,
    )
    return ExampleSet.from_examples(
        Example(id=f"{prefix}{i}", task=task, source=source, side=side, prompt=prompt, completion=completion)
        for i, (task, prompt, completion, source) in enumerate(rows)
    )


def dialogue_set(
    dialogues: Sequence[Sequence[str]],
    *,
    tasks: Sequence[str | None] | None = None,
    side: Side = "seen",
    prefix: str = "dialogue-",
) -> ExampleSet:
    """One example for each dialogue, given as its turns: user, assistant, user, … with an even number of turns.

    Args:
        dialogues: The turns of each dialogue.
        tasks: The task of each; by default there are no tasks.
        side: The side of all of them.
        prefix: What the ids begin with.
    """
    return ExampleSet.from_examples(
        Example(
            id=f"{prefix}{i}",
            task=None if tasks is None else tasks[i],
            side=side,
            messages=tuple(Message(("user", "assistant")[t % 2], content) for t, content in enumerate(turns)),
        )
        for i, turns in enumerate(dialogues)
    )
