"""What a context computes with the base model: each loss its own, once, and none for those who may not have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from zsg_harness.evaluation.losses import example_losses
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.services.context import CellContext, Workbench
from zsg_harness.store.cache import Cache
from zsg_harness.tokens.encoding import encode
from zsg_harness.tokens.text_form import TextForm
from zsg_registry import Access, ContractError, ExampleSet, LossOf, Need
from zsg_registry.testing import example_set


def bench_of(roles: dict[Any, ExampleSet], cache: Path, lm: CausalLM | None) -> Workbench:
    def no_model() -> CausalLM:
        raise AssertionError("the losses are known: the model must not be loaded")

    return Workbench(
        roles,
        no_model,
        None,
        form=TextForm(max_length=64),
        model_key="m",
        cache=Cache(cache),
        batch_tokens=500,
        find_device=lambda: "cpu",
        base=lm,
    )


def context_of(bench: Workbench) -> CellContext:
    options: dict[str, Any] = {"budget": 1, "batch_size": 1, "order_seed": 0, "position": 0}
    return CellContext(bench, needs=frozenset({Need.LOSSES}), stochastic=False, roles=bench.roles, **options)


def test_each_loss_is_its_own_and_is_computed_once(lm: CausalLM, examples: ExampleSet, tmp_path: Path) -> None:
    context = context_of(bench_of({"pool": examples}, tmp_path, lm))
    encoded = encode(examples, lm.tokenizer, 64)
    expected = {
        "answer": example_losses(lm, encoded, 500),
        "answer-alone": example_losses(lm, encoded.answers_alone(bos=True), 500),
        "text": example_losses(lm, encoded.whole(), 500),
    }
    assert set(expected) == set(get_args(LossOf))
    for of in get_args(LossOf):
        np.testing.assert_array_equal(context.losses("pool", of=of), expected[of])
        for other in get_args(LossOf):
            assert of == other or not np.allclose(expected[of], expected[other], atol=1e-4)
    np.testing.assert_array_equal(context.losses("pool"), expected["answer"])
    again = context_of(bench_of({"pool": examples}, tmp_path, None))
    for of in get_args(LossOf):
        np.testing.assert_array_equal(again.losses("pool", of=of), expected[of])


def test_the_same_text_cut_elsewhere_into_prompt_and_answer_has_losses_of_its_own(lm: CausalLM, tmp_path: Path) -> None:
    found = []
    for prompt, answer in (("one two", "three four"), ("one two three", "four")):
        pool = example_set(["t"], prompts=[prompt], completions=[answer])
        found.append(context_of(bench_of({"pool": pool}, tmp_path, lm)).losses("pool")[0])
    assert found[0] != found[1]


@pytest.mark.parametrize("of", get_args(LossOf))
def test_no_loss_of_a_query_whose_answers_are_withheld(
    of: LossOf, lm: CausalLM, examples: ExampleSet, tmp_path: Path
) -> None:
    query = examples.restrict(Access.PROMPTS)
    context = context_of(bench_of({"pool": examples, "query": query}, tmp_path, lm))
    with pytest.raises(ContractError, match="access 'answers'"):
        context.losses("query", of=of)
    assert not (tmp_path / "losses").exists()
