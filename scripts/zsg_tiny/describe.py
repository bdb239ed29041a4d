"""Print what the model card says of a pre-trained zsg-tiny: held-out losses and sampled continuations.

python scripts/zsg_tiny/describe.py --work WORK --model FOLDER
"""

from __future__ import annotations

import argparse
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

BEGINNINGS = (
    "The president of the",
    "I bought this book because",
    "Given the following passage, answer the question. The first world war",
    "Tarek is a ship. The ship has a golden hull and carries honey. In addition, Tarek",
    "There are two of them, Mogar and Selin. Mogar",
)
MAX_LENGTH = 1024


def loss_of_set(model: Any, stem: Path) -> tuple[float, int]:
    """Return the mean loss per token in fp32 over all held-out documents, each cut to 1,024 tokens."""
    tokens = np.load(stem.with_suffix(".tokens.npy"))
    offsets = np.load(stem.with_suffix(".offsets.npy"))
    total, count = 0.0, 0
    for start, end in pairwise(offsets):
        ids = torch.from_numpy(tokens[start : min(end, start + MAX_LENGTH)].astype(np.int64))
        logits = model(input_ids=ids[None]).logits[0, :-1].float()
        total += float(functional.cross_entropy(logits, ids[1:], reduction="sum"))
        count += len(ids) - 1
    return total / count, count


def continuation(model: Any, tokenizer: Any, beginning: str) -> str:
    """Return a sampled continuation of 40 tokens at temperature 0.8."""
    ids = torch.tensor([[tokenizer.bos_token_id, *tokenizer(beginning, add_special_tokens=False)["input_ids"]]])
    made = model.generate(ids, max_new_tokens=40, do_sample=True, temperature=0.8, top_p=0.95)
    text: str = tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
    return " ".join(text.split())


def main() -> None:
    """Load the model and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, required=True, help="the folder that corpus.py filled")
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    arguments = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32).eval()
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters")
    torch.manual_seed(0)
    with torch.inference_mode():
        for name in ("heldout_p3", "heldout_world"):
            loss, count = loss_of_set(model, arguments.work / name)
            print(f"{name}: {loss:.3f} nats per token over {count:,} tokens, perplexity {math.exp(loss):.1f}")
        for beginning in BEGINNINGS:
            print(f"> {beginning} **{continuation(model, tokenizer, beginning)}**\n")


if __name__ == "__main__":
    main()
