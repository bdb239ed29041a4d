"""Tk-Instruct's encodings: how a task's definition, its examples and an instance's input become one text.

The format, spaces and full stops included, is that of the `DataCollatorForNI` of
https://github.com/yizhongw/Tk-Instruct (MIT).
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Demonstration:
    """An example in the prompt.

    Attributes:
        input: What is given.
        output: What is answered, rightly or (as a negative example) wrongly.
        explanation: Why; None where the task's file has none.
    """

    input: str
    output: str
    explanation: str | None = None


@dataclass(frozen=True, slots=True)
class Instructions:
    """What the prompts of a task have in common.

    Attributes:
        name: The task's name, if prompts begin with it.
        definition: The task's definition, if prompts have it.
        positive: As many positive examples as prompts shall have.
        negative: As many negative ones.
        explanations: Whether examples are explained.
    """

    name: str | None = None
    definition: str | None = None
    positive: Sequence[Demonstration] = ()
    negative: Sequence[Demonstration] = ()
    explanations: bool = False


def encode(instructions: Instructions, text: str, fits: Callable[[str], bool] = lambda source: True) -> str:
    """The prompt of an instance.

    Examples are added while what came before them, the example and the instance fit together; after the first that
    does not, none of its kind follows.

    Args:
        instructions: What the task says.
        text: The instance's input.
        fits: Whether a text is short enough.
    """
    question = _stopped(f"Now complete the following example -\nInput: {text.strip()}") + "\nOutput: "
    name = "" if instructions.name is None else f"{instructions.name}. "
    head = ""
    if instructions.definition is not None:
        head = _stopped(f"Definition: {instructions.definition.strip()}") + "\n\n"

    def that_fit(kind: str, demonstrations: Sequence[Demonstration], before: str) -> list[str]:
        shown: list[str] = []
        for number, demonstration in enumerate(demonstrations, start=1):
            example = _example(f"{kind} Example {number}", demonstration, instructions.explanations)
            # Tk-Instruct measures the examples with a space between them, and then joins them without one.
            if not fits(before + " ".join(shown) + example + question):
                break
            shown.append(example)
        return shown

    positive = that_fit("Positive", instructions.positive, head)
    negative = that_fit("Negative", instructions.negative, head + " ".join(positive))
    return name + head + "".join(positive) + "".join(negative) + question


def _example(title: str, demonstration: Demonstration, explained: bool) -> str:
    lines = [
        f" {title} -",
        _stopped(f"Input: {demonstration.input.strip()}"),
        _stopped(f" Output: {demonstration.output.strip()}"),
    ]
    if explained and demonstration.explanation is not None:
        lines.append(_stopped(f" Explanation: {demonstration.explanation.strip()}"))
    return "\n".join(lines) + "\n\n"


def _stopped(text: str) -> str:
    """With a full stop, unless it ends with a punctuation mark; an empty input ends with a space, and gets one."""
    return text if text[-1] in string.punctuation else text + "."
