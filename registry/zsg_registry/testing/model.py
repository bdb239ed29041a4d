"""A real base model of a few thousand random weights, for components that need one."""

from __future__ import annotations

import functools
import string
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from zsg_registry.context import LogLikelihoods, ModelHandle
from zsg_registry.examples import ExampleSet, View

_CHARACTERS: Final = ["<s>", "</s>", "<unk>", *string.ascii_lowercase, *string.digits, *" .,:?"]
_BATCH: Final = 3
_LONGEST: Final = 128


def tiny_model() -> ModelHandle:
    """A Llama with random weights, always the same ones, that reads characters. Needs torch and transformers."""
    import copy

    model, tokenizer = _parts()
    return TinyModel(copy.deepcopy(model), tokenizer)


@functools.cache
def _parts() -> tuple[Any, Any]:
    import torch
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    core = Tokenizer(models.WordLevel({name: n for n, name in enumerate(_CHARACTERS)}, unk_token="<unk>"))
    core.normalizer = normalizers.Lowercase()
    core.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer: Any = transformers.PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    sizes: dict[str, Any] = {
        "hidden_size": 16,
        "intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    ids: dict[str, Any] = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
    config = transformers.LlamaConfig(vocab_size=len(_CHARACTERS), max_position_embeddings=4096, **sizes, **ids)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model: Any = transformers.AutoModelForCausalLM.from_config(config)
    return model.eval(), tokenizer


@dataclass
class TinyModel:
    """A `ModelHandle` in the plainest code: a template of prompt, completion and end of text, in batches of three.

    Of a long example the prompt is cut on the left, as in training.
    """

    model: Any
    tokenizer: Any
    device: str = "cpu"

    def encode(self, examples: ExampleSet, view: View = "both") -> Iterator[dict[str, Any]]:
        """Padded batches in the order of the examples."""
        import torch

        rows = [_row(*pair) for pair in self._pairs(examples, view)]
        for start in range(0, len(rows), _BATCH):
            part = rows[start : start + _BATCH]
            tokens = torch.full((len(part), max(len(ids) for ids, _ in part)), 2)
            mask, labels = torch.zeros_like(tokens), torch.full_like(tokens, -100)
            for n, (ids, begins) in enumerate(part):
                tokens[n, : len(ids)] = torch.tensor(ids)
                mask[n, : len(ids)] = 1
                labels[n, begins : len(ids)] = torch.tensor(ids[begins:])
            yield {"input_ids": tokens, "attention_mask": mask, "labels": labels}

    def log_likelihoods(self, examples: ExampleSet) -> LogLikelihoods:
        """Example by example."""
        import torch

        sums, counts = [], []
        for pair in self._pairs(examples, "both"):
            ids, begins = _row(*pair)
            tokens = torch.tensor([ids[:-1]])  # what ends the answer is not counted
            with torch.inference_mode():
                found = self.model(input_ids=tokens).logits[0].double().log_softmax(-1)
            answer = range(begins, len(ids) - 1)
            sums.append(float(sum(found[place - 1, ids[place]] for place in answer)))
            counts.append(len(answer))
        return LogLikelihoods(np.array(sums, dtype=np.float64), np.array(counts, dtype=np.int64))

    def _pairs(self, examples: ExampleSet, view: View) -> list[tuple[list[int], list[int]]]:
        texts = [("", text) for text in examples.texts(view)]
        if view == "both":
            texts = list(zip(examples.texts("prompt"), examples.texts("completion"), strict=True))
        return [(self._ids(prompt), self._ids(answer)) for prompt, answer in texts]

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text)["input_ids"]
        return ids


def _row(prompt: list[int], answer: list[int]) -> tuple[list[int], int]:
    """The tokens of an example, and where its answer begins."""
    answer = answer[: _LONGEST - 2]
    prompt = prompt[max(0, len(prompt) + len(answer) + 2 - _LONGEST) :]
    return [0, *prompt, *answer, 1], 1 + len(prompt)
