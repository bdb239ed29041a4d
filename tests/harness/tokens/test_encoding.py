"""Tokens and labels: what carries the loss, and what is cut when there is too much."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.batches import token_budget
from zsg_harness.tokens.encoding import encode
from zsg_registry import Example, ExampleSet, Message, ZsgError


def one(**fields: object) -> ExampleSet:
    return ExampleSet.from_examples([Example(id="x", **fields)])  # type: ignore[arg-type]


def test_the_template_is_the_papers_and_only_answer_and_eos_are_labels(lm: CausalLM) -> None:
    encoded = encode(one(prompt="What is red?", completion="a rose"), lm.tokenizer, 64)
    tokens, is_label = encoded.example(0)
    assert tokens[0] == lm.tokenizer.bos_token_id
    assert tokens[-1] == lm.tokenizer.eos_token_id
    assert lm.tokenizer.decode(tokens[1:-1]) == "User: What is red?\nAssistant: a rose"
    assert lm.tokenizer.decode(tokens[is_label]) == " a rose" + lm.tokenizer.eos_token
    assert lm.tokenizer.decode(encoded.prompt(0)[1:]) == "User: What is red?\nAssistant:"


def test_a_long_prompt_is_cut_on_its_left_and_the_answer_kept(lm: CausalLM) -> None:
    encoded = encode(one(prompt="left " * 100 + "right", completion="a rose"), lm.tokenizer, 24)
    tokens, is_label = encoded.example(0)
    assert len(tokens) == 24
    assert tokens[0] == lm.tokenizer.bos_token_id
    assert lm.tokenizer.decode(tokens).endswith("left right\nAssistant: a rose" + lm.tokenizer.eos_token)
    assert lm.tokenizer.decode(tokens[is_label]) == " a rose" + lm.tokenizer.eos_token


def test_only_an_answer_that_is_too_long_by_itself_loses_its_end(lm: CausalLM) -> None:
    tokens, is_label = encode(one(prompt="p", completion="rose " * 100), lm.tokenizer, 16).example(0)
    assert len(tokens) == 16
    assert is_label.sum() == 15
    assert tokens[0] == lm.tokenizer.bos_token_id


def test_every_assistant_turn_of_a_dialogue_carries_loss(lm: CausalLM) -> None:
    turns = [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "Ciao")]
    encoded = encode(one(messages=tuple(Message(*turn) for turn in turns)), lm.tokenizer, 128)
    tokens, is_label = encoded.example(0)
    eos = lm.tokenizer.eos_token
    assert lm.tokenizer.decode(tokens[is_label]) == f" Hello{eos} Ciao{eos}"
    assert lm.tokenizer.decode(encoded.prompt(0)).endswith("User: Bye\nAssistant:")


def test_answers_alone_keep_bos_and_labels_and_the_whole_predicts_all_but_bos(lm: CausalLM) -> None:
    turns = [("user", "Hi"), ("assistant", "Hello"), ("user", "Bye"), ("assistant", "Ciao")]
    dialogue = Example(id="d", messages=tuple(Message(*turn) for turn in turns))
    plain = Example(id="p", prompt="What is red?", completion="a rose")
    bos, eos = lm.tokenizer.bos_token, lm.tokenizer.eos_token
    encoded = encode(ExampleSet.from_examples([dialogue, plain]), lm.tokenizer, 64)
    alone, whole = encoded.answers_alone(bos=True), encoded.whole()
    for i, answer in enumerate([f" Hello{eos} Ciao{eos}", f" a rose{eos}"]):
        tokens, is_label = alone.example(i)
        assert lm.tokenizer.decode(tokens) == bos + answer
        assert is_label.tolist() == [False] + [True] * (len(tokens) - 1)
        tokens, is_label = whole.example(i)
        assert tokens.tolist() == encoded.example(i)[0].tolist()
        assert is_label.tolist() == [False] + [True] * (len(tokens) - 1)


def test_the_answer_alone_is_cut_as_it_is_behind_its_prompt(lm: CausalLM) -> None:
    encoded = encode(one(prompt="p " * 50, completion="rose " * 100), lm.tokenizer, 16)
    tokens, is_label = encoded.answers_alone(bos=True).example(0)
    assert tokens.tolist() == encoded.example(0)[0].tolist()
    assert is_label.sum() == encoded.label_counts[0] == 15


def test_without_a_bos_nothing_predicts_the_first_token(lm: CausalLM) -> None:
    lm.tokenizer.bos_token = None
    answer = [*lm.tokenizer.encode(" a rose", add_special_tokens=False), lm.tokenizer.eos_token_id]
    encoded = encode(one(prompt="What is red?", completion="a rose"), lm.tokenizer, 64)
    assert encoded.label_counts[0] == len(answer)
    alone = encoded.answers_alone(bos=False)
    assert alone.tokens.tolist() == answer
    assert alone.is_label.tolist() == [False] + [True] * (len(answer) - 1)
    assert encoded.whole().label_counts[0] == encoded.lengths[0] - 1
    cut = encode(one(prompt="p", completion="rose " * 100), lm.tokenizer, 16)
    assert (cut.lengths[0], cut.label_counts[0]) == (16, 15)


def test_label_counts_and_lengths(lm: CausalLM, examples: ExampleSet) -> None:
    encoded = encode(examples, lm.tokenizer, 64)
    for i in range(len(examples)):
        tokens, is_label = encoded.example(i)
        assert encoded.lengths[i] == len(tokens)
        assert encoded.label_counts[i] == is_label.sum()


def test_a_tokenizer_without_eos_is_one_clear_line(lm: CausalLM) -> None:
    lm.tokenizer.eos_token = None
    with pytest.raises(ZsgError, match="no EOS token"):
        encode(one(prompt="p", completion="c"), lm.tokenizer, 16)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.integers(1, 500))
def test_a_token_budget_splits_rows_into_groups_that_fit(lengths: list[int], budget: int) -> None:
    sizes = np.array(lengths)
    rows = np.arange(len(sizes))
    groups = list(token_budget(sizes, rows, budget))
    assert sorted(np.concatenate(groups)) == rows.tolist()
    for group in groups:
        assert len(group) == 1 or len(group) * sizes[group].max() <= budget


def test_pieces_of_a_tokenizer_that_begins_texts_with_a_space_are_those_of_the_whole() -> None:
    from tokenizers import Tokenizer, models, normalizers
    from transformers import PreTrainedTokenizerFast

    names = ["<unk>", "<s>", "</s>", "<0x0A>", "▁", *"UserAitn:ab", "▁a", "▁b"]
    vocabulary = {name: number for number, name in enumerate(dict.fromkeys(names))}
    model = models.BPE(vocabulary, [("▁", "a"), ("▁", "b")], unk_token="<unk>", byte_fallback=True)
    llama_like = Tokenizer(model)
    llama_like.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=llama_like, bos_token="<s>", eos_token="</s>")
    example = Example(id="0", prompt="a b", completion="b a")
    encoded = encode(ExampleSet.from_examples([example]), tokenizer, 64)
    whole = tokenizer("User: a b\nAssistant: b a", add_special_tokens=False)["input_ids"]
    assert encoded.tokens.tolist() == [1, *whole, 2]
    assert tokenizer.convert_ids_to_tokens(encoded.tokens[encoded.is_label].tolist()) == ["▁b", "▁a", "</s>"]
