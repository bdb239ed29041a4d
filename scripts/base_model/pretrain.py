"""Pre-train a base model on the corpus that corpus.py made, for a number of tokens or until the time is over.

    python scripts/base_model/pretrain.py --work WORK --out OUT --tokens 20_000_000 --minutes 60 --size tiny

On Linux, ``MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000`` in the environment saves about a tenth of the
time: memory is kept rather than given back to the system and zeroed again in every step. On a shared machine set
``OMP_WAIT_POLICY=PASSIVE`` too: otherwise a thread that waits for a preempted one spins, and steps can take seconds.

``WORK`` is the folder with the corpus. ``OUT`` receives the model in bfloat16, its tokenizer and the training log;
it is rewritten every few minutes, so that a stopped run leaves a usable model.
"""

from __future__ import annotations

import argparse
import csv
import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

TOKENS_PER_STEP = 4096
LOGITS_PER_PASS = 2**24  # a step in several passes: their logits stay in the processor's cache
FINAL_SHARE = 0.05
IGNORED = -100
WARM_UP_SHARE = 0.03
SEQUENCE_LENGTHS = ((0.75, 256), (0.92, 512), (1.01, 1024))
"""Up to which share of the run which length is used: short ones are faster, long ones teach far positions."""


class Size(NamedTuple):
    """The shape of a model of four layers."""

    width: int
    feed_forward: int
    heads: int


SIZES = {"tiny": Size(256, 576, 4), "small": Size(512, 1408, 8)}
"""3.9 million parameters with 4,096 tokens, and 21.3 million with 16,384."""


def new_model(tokenizer: Any, size: Size) -> LlamaForCausalLM:
    """Return a model with fresh weights and tied embeddings."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.width,
        intermediate_size=size.feed_forward,
        num_hidden_layers=4,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return LlamaForCausalLM(config)


class Stream:
    """An endless stream of tokens: all documents in random order, then all of them in another order."""

    def __init__(self, stem: Path, seed: int) -> None:
        """Open the arrays that belong to ``stem``."""
        self._tokens = np.load(stem.with_suffix(".tokens.npy"), mmap_mode="r")
        self._offsets = np.load(stem.with_suffix(".offsets.npy"))
        self._random = np.random.default_rng(seed)
        self._buffer = np.empty(0, dtype=np.uint16)

    def _pass(self) -> NDArray[np.uint16]:
        order = self._random.permutation(len(self._offsets) - 1)
        return np.concatenate([self._tokens[self._offsets[i] : self._offsets[i + 1]] for i in order])

    def take(self, count: int) -> torch.Tensor:
        """Return the next ``count`` tokens."""
        if len(self._buffer) < count:
            self._buffer = np.concatenate([self._buffer, self._pass()])
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return torch.from_numpy(taken.astype(np.int64))


def documents(stem: Path, limit: int, length: int) -> Iterator[torch.Tensor]:
    """Yield the first ``limit`` documents, each cut to ``length`` tokens."""
    tokens = np.load(stem.with_suffix(".tokens.npy"), mmap_mode="r")
    offsets = np.load(stem.with_suffix(".offsets.npy"))
    for start, end in islice(pairwise(offsets), limit):
        yield torch.from_numpy(tokens[start : min(end, start + length)].astype(np.int64))


def held_out_loss(model: torch.nn.Module, stem: Path) -> float:
    """Return the mean loss per token, in nats and fp32, over 150 held-out documents of at most 512 tokens."""
    total, count = 0.0, 0
    model.eval()
    with torch.inference_mode():
        for ids in documents(stem, 150, 512):
            logits = model(input_ids=ids[None]).logits[0, :-1].float()
            total += float(functional.cross_entropy(logits, ids[1:], reduction="sum"))
            count += len(ids) - 1
    model.train()
    return total / count


def held_out_losses(model: torch.nn.Module, work: Path) -> dict[str, float]:
    """Return the loss on each held-out set of the corpus, by its name."""
    sets = sorted(file.name.removesuffix(".tokens.npy") for file in work.glob("heldout_*.tokens.npy"))
    return {name: held_out_loss(model, work / name) for name in sets}


def learning_rate(share: float, peak: float) -> float:
    """Return the learning rate once ``share`` of the run is over: a linear warm-up to ``peak``, then a cosine."""
    if share < WARM_UP_SHARE:
        return peak * max(share, 1e-3) / WARM_UP_SHARE
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, (share - WARM_UP_SHARE) / (1 - WARM_UP_SHARE))))
    return peak * (FINAL_SHARE + (1 - FINAL_SHARE) * cosine)


def new_optimizer(model: torch.nn.Module) -> torch.optim.AdamW:
    """Return AdamW with weight decay on the matrices only."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8, fused=True)


def export(model: LlamaForCausalLM, work: Path, out: Path) -> None:
    """Write the model in bfloat16 with its tokenizer, without touching the weights being trained."""
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.bfloat16().save_pretrained(out)
    for file in (work / "tokenizer").iterdir():
        shutil.copy(file, out / file.name)


@dataclass
class Log:
    """The training log: one CSV row for each look at the held-out text."""

    path: Path
    start: float

    def row(self, step: int, tokens: int, train_loss: float, rate: float, held_out: dict[str, float]) -> None:
        """Append a row and print it."""
        minutes = (time.monotonic() - self.start) / 60
        values: dict[str, float | str] = {
            "step": step,
            "tokens": tokens,
            "minutes": round(minutes, 2),
            "learning_rate": f"{rate:.3e}",
            "train_loss": round(train_loss, 4),
        }
        for name, loss in held_out.items():
            values |= {f"{name}_loss": round(loss, 4), f"{name}_perplexity": round(math.exp(loss), 2)}
        fresh = not self.path.exists()
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(values), lineterminator="\n")
            if fresh:
                writer.writeheader()
            writer.writerow(values)
        print(values, flush=True)


def train_step(model: LlamaForCausalLM, optimizer: torch.optim.AdamW, batch: torch.Tensor, rate: float) -> float:
    """Do one optimizer step on a batch of packed sequences and return its loss."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    total = 0.0
    nothing_follows = torch.full((len(batch), 1), IGNORED)
    following = torch.cat([batch[:, 1:], nothing_follows], dim=1)
    sequences = max(1, LOGITS_PER_PASS // model.config.vocab_size // batch.shape[1])
    for part, labels in zip(batch.split(sequences), following.split(sequences), strict=True):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(input_ids=part, use_cache=False).logits
        loss = functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED)
        share = len(part) / len(batch)
        (loss * share).backward()
        total += loss.item() * share
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return total


def train(model: LlamaForCausalLM, arguments: argparse.Namespace) -> None:
    """Train until the time is over, logging and exporting on the way."""
    optimizer = new_optimizer(model)
    stream = Stream(arguments.work / "train", arguments.seed)
    start = time.monotonic()
    log = Log(arguments.out / "training_log.csv", start)
    log.path.unlink(missing_ok=True)
    step, tokens, recent, next_look = 0, 0, [math.log(model.config.vocab_size)], 0.0
    while True:
        minutes = (time.monotonic() - start) / 60
        share = max(tokens / arguments.tokens, minutes / arguments.minutes)
        rate = learning_rate(share, arguments.peak)
        if minutes >= next_look or share >= 1:
            log.row(step, tokens, float(np.mean(recent)), rate, held_out_losses(model, arguments.work))
            export(model, arguments.work, arguments.out)
            recent, next_look = [], minutes + arguments.look_every
        if share >= 1:
            return
        length = next(length for until, length in SEQUENCE_LENGTHS if share < until)
        batch = stream.take(TOKENS_PER_STEP).view(-1, length)
        recent.append(train_step(model, optimizer, batch, rate))
        step, tokens = step + 1, tokens + TOKENS_PER_STEP


def main() -> None:
    """Read the arguments and train."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, required=True, help="the folder that corpus.py filled")
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--tokens", type=int, default=20_000_000, help="tokens to train on")
    parser.add_argument("--minutes", type=float, default=60.0, help="time after which to end in any case")
    parser.add_argument("--look-every", type=float, default=3.0, help="minutes between looks at held-out text")
    parser.add_argument("--size", choices=list(SIZES), default="tiny")
    parser.add_argument("--peak", type=float, default=2e-3, help="the highest learning rate")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    tokenizer = AutoTokenizer.from_pretrained(arguments.work / "tokenizer")
    train(new_model(tokenizer, SIZES[arguments.size]), arguments)


if __name__ == "__main__":
    main()
