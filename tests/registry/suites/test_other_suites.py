"""The suites of embedders, metrics, data sets and hooks: who breaks one promise fails one check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import broken_datasets as d  # see conftest.py
import broken_embedders as e
import broken_hooks as h
import broken_metrics as m
import pytest

from zsg_registry.testing import DatasetSuite, EmbedderSuite, HooksSuite, MetricSuite, VectorTransformSuite
from zsg_registry.testing.suites.component import ComponentSuite

BROKEN: dict[type[object], list[tuple[str, Any, str]]] = {
    EmbedderSuite: [
        ("works on ordinary data", e.Raising, "KeyError: 'vector' (broken_embedders.py:"),
        ("works on ordinary data", e.UndeclaredModel, "Need.MODEL"),
        ("yields float32 vectors of one length", e.Doubles, "float64"),
        ("vectors have a direction", e.Directionless, "zero"),
        ("a vector depends on its example alone", e.GoesByBatch, "batched with"),
        ("is the same at every call", e.Noisy, "context.rng"),
        ("is the same in another process", e.GoesByHash, "hash()"),
        ("is the same with any number of threads", e.GoesByThreads, "3 threads"),
        ("goes by the pool only if fitted", e.GoesByPool, "fitted = True"),
        ("goes by the text alone", e.GoesByRole, "the role made a difference"),
        ("needs no answers for prompts", e.AlwaysBoth, "view's text"),
        ("tells what it cuts", e.Cuts, "EncodedBlock"),
        ("leaves the base model as it was", e.TrainsTheModel, "fresh=True"),
        ("copes with awkward data", e.AsciiOnly, "texts in other scripts: UnicodeEncodeError"),
    ],
    VectorTransformSuite: [
        ("works on ordinary data", e.RaisingTransform, "KeyError: 'mean'"),
        ("gives float32 vectors", e.DoublesTransform, "float64"),
        ("a vector depends on itself alone", e.BlockTransform, "fit()"),
        ("is the same at every call", e.NoisyTransform, "generator"),
        ("is the same in another process", e.HashTransform, "hash()"),
        ("is the same with any number of threads", e.ThreadsTransform, "3 threads"),
        ("leaves its input as it was", e.WritingTransform, "work on a copy"),
        ("copes with awkward data", e.DividingTransform, "a pool of one vector"),
    ],
    MetricSuite: [
        ("declares what it is", m.UnknownScope, "'everything'"),
        ("declares directions", m.UnknownDirection, "'up'"),
        ("works on ordinary data", m.Raising, "KeyError: 'answer'"),
        ("works on ordinary data", m.ReadsLosses, "requires"),
        ("returns rows of the batch", m.UndeclaredOutput, "'precision'"),
        ("returns rows of the batch", m.ForeignExamples, "'my-example-0'"),
        ("counts are true", m.NobodyCounted, "count of 0"),
        ("order does not matter", m.GoesByNeighbours, "in another order"),
        ("scores do not depend on the batch", m.ScalesByBatch, "whole batch"),
        ("the better answer scores better", m.WrongDirection, "'lower'"),
        ("nothing beats the right answer", m.Unbounded, "bound"),
        ("copes with empty references", m.WantsReferences, "an empty completion: ZeroDivisionError"),
        ("copes with awkward data", m.AsciiOnly, "answers in other scripts"),
        ("missing losses stay missing", m.ZeroForMissing, "NaN"),
        ("is the same at every call", m.Noisy, "second call"),
        ("is the same in another process", m.GoesByHash, "hash()"),
        ("is the same with any number of threads", m.GoesByThreads, "3 threads"),
        ("leaves its input as it was", m.Writes, "generations"),
    ],
    DatasetSuite: [
        ("works on its data", d.Missing, "FileNotFoundError: sums.jsonl"),
        ("examples are whole", d.WithoutAnswers, "no completion"),
        ("ids are unique", d.OneId, "'0'"),
        ("sides are declared", d.OtherSides, "'train'"),
        ("fits an example set", d.NumbersAsAnswers, "ExampleSet"),
        ("fingerprint is stable", d.RestlessFingerprint, "never be found again"),
        ("fingerprint is cheap", d.LoadsForItsFingerprint, "loads the data"),
        ("is the same at every call", d.Drawn, "second load()"),
        ("is the same in another process", d.InHashOrder, "sets"),
        ("keeps off the network", d.AlwaysOnline, "127.0.0.1"),
        ("license is declared", d.BlankLicense, "license is ''"),
    ],
    HooksSuite: [
        ("help is true", h.NoHelp, "docstring"),
        ("has hooks", h.Misspelt, "zsg_cell_ended"),
        ("has hooks", h.Unmarked, "@hookimpl"),
        ("takes what hooks are given", h.OtherArguments, "cell"),
        ("is made with nothing but settings", h.NamelessSettings, "'units'"),
        ("takes every event", h.Raising, "zsg_cell_started raises: AttributeError"),
        ("leaves events as they are", h.Changing, "work on a copy"),
        ("leaves events as they are", h.Reassigning, "FrozenInstanceError"),
        ("takes an event twice", h.OnlyOnce, "event_id"),
        ("is quick", h.Slow, "zsg_matrix_finished took 1.0 s"),
        ("columns can be shown", h.ShortColumn, "'short'"),
        ("columns leave the rows as they are", h.ChangesRows, "leave the rows alone"),
    ],
}
CASES = [(suite, *case) for suite, cases in BROKEN.items() for case in cases]


@pytest.mark.parametrize(
    ("suite", "check", "make", "words"), CASES, ids=[f"{case[0].__name__}-{case[2].__name__}" for case in CASES]
)
def test_one_broken_promise_fails_one_check(
    suite: type[object], check: str, make: Any, words: str, failed: Callable[..., Any]
) -> None:
    found = failed(suite, make)
    assert list(found) == [check], found
    assert words in found[check]
    assert "\n" not in found[check]


@pytest.mark.parametrize("suite", BROKEN)
def test_there_is_a_breach_of_every_promise(suite: type[object], own_checks: Callable[..., set[str]]) -> None:
    assert own_checks(suite, *([] if suite is HooksSuite else [ComponentSuite])) == {each[0] for each in BROKEN[suite]}


@pytest.mark.parametrize(
    ("suite", "make"),
    [
        (EmbedderSuite, e.Sound),
        (EmbedderSuite, e.TellsOfCuts),
        (VectorTransformSuite, e.SoundTransform),
        (MetricSuite, m.Sound),
        (MetricSuite, m.SoundLosses),
        (DatasetSuite, d.Sound),
        (HooksSuite, h.Sound),
    ],
)
def test_kept_promises_fail_nothing(suite: type[object], make: Any, failed: Callable[..., Any]) -> None:
    assert failed(suite, make) == {}
