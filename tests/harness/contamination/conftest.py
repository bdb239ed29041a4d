"""Examples from prompts and answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from zsg_registry import Example, ExampleSet


@pytest.fixture(scope="session")
def examples_of() -> Callable[..., ExampleSet]:
    """A set of examples from pairs of prompt and completion; one without an answer has an empty one."""

    def build(texts: Sequence[str | tuple[str, str]], name: str = "e", task: str | None = None) -> ExampleSet:
        pairs = [(text, "") if isinstance(text, str) else text for text in texts]
        return ExampleSet.from_examples(
            Example(id=f"{name}{place}", task=task, source=f"source of {name}", prompt=prompt, completion=completion)
            for place, (prompt, completion) in enumerate(pairs)
        )

    return build
