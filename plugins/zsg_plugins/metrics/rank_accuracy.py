"""The metric `rank-accuracy`: multiple choice by likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from zsg_registry import ContractError, Direction, Example, ExampleSet, Message, Metric, MetricBatch, MetricRows

_OUTPUTS: Final = ("rank_accuracy", "rank_accuracy_char", "rank_accuracy_byte", "rank_accuracy_token")


class RankAccuracy(Metric):
    """Percentage of multiple-choice examples whose right option the model finds the most likely answer.

    Rank classification, as by Brown et al., "Language Models are Few-Shot Learners" (2020), and Sanh et al., "Multitask
    Prompted Training Enables Zero-Shot Task Generalization" (2022). Each option is put in the answer's place; the log
    probabilities of its tokens are summed, the end of text left out. `rank_accuracy` compares the sums (lm-eval's
    `acc`), the others the sums per character of the option (`acc_norm`), per UTF-8 byte (`acc_bytes`) and per token.
    Equal options: the first. An option is right if it equals an acceptable answer but for white space at its ends. An
    example without options, or without a right one, is not scored.
    """

    outputs: ClassVar[Mapping[str, Direction]] = dict.fromkeys(_OUTPUTS, "higher")
    requires = frozenset({"model"})

    def score(self, batch: MetricBatch) -> MetricRows:
        """All four outputs of each example that can be scored."""
        if batch.model is None:
            raise ContractError("the metric 'rank-accuracy' requires the model, and the batch has none")
        rights = [_right(*pair) for pair in zip(batch.examples["choices"], batch.reference_lists(), strict=True)]
        scored = np.flatnonzero([bool(right) for right in rights])
        examples = batch.examples.take(scored)
        if not len(scored):
            return MetricRows([], [], [], np.empty(0), np.empty(0, dtype=np.int64))
        options = ExampleSet.from_examples(_options(examples))
        sums, tokens = batch.model.log_likelihoods(options)
        ends = np.cumsum([len(choices) for choices in examples["choices"]])
        values = np.array(
            [
                _hits(rights[row], choices, sums[end - len(choices) : end], tokens[end - len(choices) : end])
                for row, choices, end in zip(scored, examples["choices"], ends, strict=True)
            ]
        )
        return MetricRows.per_example(examples, **dict(zip(_OUTPUTS, values.T, strict=True)))


def _right(choices: Sequence[str] | None, acceptable: Sequence[str]) -> set[int]:
    """Which options are acceptable."""
    accepted = {answer.strip() for answer in acceptable}
    return {position for position, choice in enumerate(choices or ()) if choice.strip() in accepted}


def _options(examples: ExampleSet) -> list[Example]:
    """Each example once for each of its options, which is the answer."""
    return [
        _answered(replace(example, id=f"{row}/{number}"), choice)
        for row, example in enumerate(examples)
        for number, choice in enumerate(example.choices or ())
    ]


def _answered(example: Example, answer: str) -> Example:
    if example.messages is None:
        return replace(example, completion=answer)
    return replace(example, messages=(*example.messages[:-1], Message("assistant", answer)))


def _hits(right: set[int], choices: Sequence[str], sums: NDArray[np.float64], tokens: NDArray[np.int64]) -> list[float]:
    """For each output 100 if its best option is right, else 0; NaN where an option was too long to be scored."""
    if not np.isfinite(sums).all():
        return [np.nan] * len(_OUTPUTS)
    characters = [max(1, len(choice)) for choice in choices]
    utf8_bytes = [max(1, len(choice.encode())) for choice in choices]
    lengths = [np.ones(len(choices)), np.array(characters), np.array(utf8_bytes), tokens]
    return [100.0 if int(np.argmax(sums / length)) in right else 0.0 for length in lengths]
