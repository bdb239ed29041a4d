"""Greedy answers, generated in batches of like length."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.world import World

_BATCH_SIZE: Final = 16


@torch.no_grad()
def generate(lm: CausalLM, encoded: Encoded, max_new_tokens: int, world: World | None = None) -> list[str]:
    """A greedy answer to each example's prompt, without white space at its ends.

    Prompts are padded on the left, with the attention mask and position ids that make padding invisible.

    Args:
        lm: The model, in evaluation mode.
        encoded: n examples; their answers are not looked at.
        max_new_tokens: Where an answer without EOS is cut.
        world: Who shares the batches out, and calls this with the same arguments.
    """
    world = world or World()
    prompts = [encoded.prompt(i) for i in range(len(encoded))]
    longest_first = np.argsort([-len(prompt) for prompt in prompts], kind="stable")
    batches = np.split(longest_first, range(_BATCH_SIZE, len(prompts), _BATCH_SIZE))
    own = batches[world.rank :: world.size]
    if lm.sharded:  # all must make as many passes
        own += batches[:1] * (math.ceil(len(batches) / world.size) - len(own))
    made = [_answers(lm, [prompts[row] for row in rows], max_new_tokens) for rows in own]
    answers = [""] * len(prompts)
    for found in world.gather((own, made)):
        for rows, texts in zip(*found, strict=True):
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
