"""Greedy answers, generated in batches of like length."""

from __future__ import annotations

import numpy as np
import torch

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.training.encoding import Encoded

_BATCH_SIZE = 16


@torch.no_grad()
def generate(lm: CausalLM, encoded: Encoded, max_new_tokens: int) -> list[str]:
    """A greedy answer to each example's prompt, without white space at its ends.

    Prompts are padded on the left, with the attention mask and position ids that make padding invisible.

    Args:
        lm: The model, in evaluation mode.
        encoded: n examples; their answers are not looked at.
        max_new_tokens: Where an answer without EOS is cut.
    """
    prompts = [encoded.prompt(i) for i in range(len(encoded))]
    longest_first = np.argsort([-len(prompt) for prompt in prompts], kind="stable")
    answers = [""] * len(prompts)
    eos = lm.tokenizer.eos_token_id
    for start in range(0, len(prompts), _BATCH_SIZE):
        rows = longest_first[start : start + _BATCH_SIZE]
        width = max(1, len(prompts[rows[0]]))
        ids = torch.full((len(rows), width), eos, dtype=torch.long)
        mask = torch.zeros((len(rows), width), dtype=torch.long)
        for i, row in enumerate(rows):
            own = torch.from_numpy(prompts[row].astype(np.int64))
            ids[i, width - len(own) :] = own
            mask[i, width - len(own) :] = 1
        output = lm.model.generate(
            input_ids=ids.to(lm.device),
            attention_mask=mask.to(lm.device),
            max_new_tokens=max_new_tokens,
            do_sample=False,
            num_beams=1,
            use_cache=True,
            eos_token_id=eos,
            pad_token_id=eos,
        )
        texts = lm.tokenizer.batch_decode(output[:, width:], skip_special_tokens=True)
        for row, text in zip(rows, texts, strict=True):
            answers[row] = text.strip()
    return answers
