"""Greedy answers, generated in batches of like length."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.evaluation.buckets import Rows, in_buckets
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.world import World

_DEARER: Final = 2
"""A token costs so much more than in a pass that only scores: its keys and values are kept, and copied at each step."""


@torch.no_grad()
def generate(
    lm: CausalLM, encoded: Encoded, max_new_tokens: int, batch_tokens: int, world: World | None = None
) -> list[str]:
    """A greedy answer to each example's prompt, without white space at its ends.

    Prompts are padded on the left, with the attention mask and position ids that make padding invisible.

    Args:
        lm: The model, in evaluation mode.
        encoded: n examples; their answers are not looked at.
        max_new_tokens: Where an answer without EOS is cut.
        batch_tokens: Tokens of a pass that scores, padding included; here it is half as many, new ones included.
        world: Who shares the work, and calls this with the same arguments.
    """
    prompts = [encoded.prompt(row) for row in range(len(encoded))]
    lengths = np.array([len(prompt) + max_new_tokens for prompt in prompts], dtype=np.int64)

    def answer(rows: Rows) -> list[str]:
        return _answers(lm, [prompts[row] for row in rows], max_new_tokens)

    answers = [""] * len(prompts)
    everything = np.arange(len(prompts))
    for rows, texts in in_buckets(lm, lengths, everything, batch_tokens // _DEARER, world or World(), answer):
        for row, text in zip(rows, texts, strict=True):
            answers[row] = text
    return answers


def _answers(lm: CausalLM, prompts: list[NDArray[np.int32]], max_new_tokens: int) -> list[str]:
    """The answers to a batch of prompts, of which the first is the longest."""
    width = max(1, len(prompts[0]))
    eos = lm.tokenizer.eos_token_id
    ids = torch.full((len(prompts), width), eos, dtype=torch.long)
    mask = torch.zeros((len(prompts), width), dtype=torch.long)
    for i, prompt in enumerate(prompts):
        ids[i, width - len(prompt) :] = torch.from_numpy(prompt.astype(np.int64))
        mask[i, width - len(prompt) :] = 1
    output = lm.model.generate(
        input_ids=ids.to(lm.device),
        attention_mask=mask.to(lm.device),
        max_new_tokens=max_new_tokens,
        do_sample=False,
        num_beams=1,
        use_cache=True,
        eos_token_id=lm.ends,
        pad_token_id=eos,
        synced_gpus=lm.sharded,
    )
    texts = lm.tokenizer.batch_decode(output[:, width:], skip_special_tokens=True)
    return [text.strip() for text in texts]
