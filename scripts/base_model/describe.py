"""Print what the model card says of a pre-trained model: held-out losses and sampled continuations.

python scripts/base_model/describe.py --work WORK --model FOLDER
"""

from __future__ import annotations

import argparse
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
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
RUN = 16


def load(stem: Path) -> list[NDArray[np.uint16]]:
    """Return the documents that were saved under ``stem``, as token ids."""
    tokens = np.load(stem.with_suffix(".tokens.npy"))
    offsets = np.load(stem.with_suffix(".offsets.npy"))
    return [tokens[start:end] for start, end in pairwise(offsets)]


def run_hashes(tokens: NDArray[np.uint16]) -> NDArray[np.uint64]:
    """Return a hash of every run of ``RUN`` tokens."""
    count = max(0, len(tokens) - RUN + 1)
    hashes = np.zeros(count, dtype=np.uint64)
    for place in range(RUN):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + tokens[place : place + count].astype(np.uint64)
    return hashes


def without_overlap(held_out: list[NDArray[np.uint16]], train: NDArray[np.uint16]) -> list[NDArray[np.uint16]]:
    """Return the held-out documents that share no run of ``RUN`` tokens with the training text."""
    own = [run_hashes(document) for document in held_out]
    common = np.intersect1d(run_hashes(train), np.concatenate(own))
    return [document for document, hashes in zip(held_out, own, strict=True) if not np.isin(hashes, common).any()]


def mean_loss(model: Any, documents: list[NDArray[np.uint16]]) -> tuple[float, int]:
    """Return the mean loss per token in fp32, and the tokens, of documents cut to 1,024 tokens each."""
    total, count = 0.0, 0
    for document in documents:
        ids = torch.from_numpy(document[:MAX_LENGTH].astype(np.int64))
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


def _is_there(arguments: argparse.Namespace, name: str) -> bool:
    return (arguments.work / f"heldout_{name}.tokens.npy").exists()


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
        there = [name for name in ("p3", "world") if _is_there(arguments, name)]
        sets = {name: load(arguments.work / f"heldout_{name}") for name in there}
        sets["p3 without overlap"] = without_overlap(sets["p3"], np.load(arguments.work / "train.tokens.npy"))
        for name, documents in sets.items():
            loss, count = mean_loss(model, documents)
            print(
                f"{name}: {loss:.3f} nats per token, perplexity {math.exp(loss):.1f} "
                f"({len(documents)} documents, {count:,} tokens)"
            )
        for beginning in BEGINNINGS:
            print(f"> {beginning} **{continuation(model, tokenizer, beginning)}**\n")


if __name__ == "__main__":
    main()
