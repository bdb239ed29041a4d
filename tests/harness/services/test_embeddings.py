"""Embeddings by content: kept block by block, through kills and rivals, and never a bad vector."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zsg_harness.services.embeddings import Embedded, EmbeddingService
from zsg_harness.services.surroundings import EmbedSurroundings
from zsg_harness.store.cache import Cache
from zsg_registry import (
    ContractError,
    Embedder,
    EncodedBlock,
    Encoder,
    Example,
    ExampleSet,
    TextEmbedder,
    ZsgError,
)


def expected(texts: list[str]) -> np.ndarray:
    return np.array([[len(text), 1, ord(text[0])] for text in texts], dtype=np.float32)


class Lengths(TextEmbedder):
    """Tells of lengths, in blocks of ten; cuts texts of more than five characters. Keeps what it was asked for."""

    def __init__(self, block: Callable[[list[str]], Any] = lambda texts: EncodedBlock(expected(texts), cut(texts))):
        super().__init__()
        self._block = block
        self.asked: list[str] = []

    def embed(self, texts: Any, context: Any) -> Iterator[Any]:
        for start in range(0, len(texts), 10):
            self.asked += texts[start : start + 10]
            yield self._block(list(texts[start : start + 10]))


def cut(texts: list[str]) -> int:
    return sum(len(text) > 5 for text in texts)


def examples_of(count: int) -> ExampleSet:
    return ExampleSet.from_examples(
        Example(f"e{n}", "task", prompt=chr(97 + n % 26) * (n % 9 + 1), completion="c") for n in range(count)
    )


def service_of(embedder: Embedder, cache: Path, on_progress: Any = None) -> EmbeddingService:
    context = EmbedSurroundings(examples_of(3), lambda: "cpu", cache, offline=True)
    return EmbeddingService(embedder, "identity", context, "", Cache(cache), on_progress)


def stopping_after(blocks: int) -> Callable[[list[str]], Any]:
    """A block function that fails once it has given some blocks."""
    left = iter(range(blocks))

    def block(texts: list[str]) -> EncodedBlock:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return EncodedBlock(expected(texts), cut(texts))

    return block


def test_vectors_are_computed_once_and_told_of(tmp_path: Path) -> None:
    examples, progress = examples_of(25), []
    embedder = Lengths()
    service = service_of(embedder, tmp_path, lambda *numbers: progress.append(numbers))

    found = service.vectors(examples, "pool", "prompt")

    np.testing.assert_array_equal(found, expected(examples.texts("prompt")))
    assert isinstance(found, np.memmap)
    assert found.dtype == np.float32
    assert not found.flags.writeable
    assert progress == [(0, 25), (10, 25), (20, 25), (25, 25)]
    again = service_of(Lengths(lambda texts: pytest.fail("it is in the cache")), tmp_path)
    np.testing.assert_array_equal(again.vectors(examples, "query", "prompt"), found)
    truncated = cut(examples.texts("prompt"))
    assert truncated > 0
    assert service.embedded == (Embedded("pool", "prompt", 25, truncated),)
    assert again.embedded == (Embedded("query", "prompt", 25, truncated),)


def test_an_encoder_that_does_not_tell_of_cuts(tmp_path: Path) -> None:
    service = service_of(Lengths(expected), tmp_path)

    service.vectors(examples_of(25), "pool", "prompt")

    assert service.embedded == (Embedded("pool", "prompt", 25, None),)


@pytest.mark.parametrize("blocks", [0, 1, 2])
def test_an_interrupted_run_is_taken_up_where_it_stopped(tmp_path: Path, blocks: int) -> None:
    examples, progress = examples_of(25), []
    texts = examples.texts("prompt")
    with pytest.raises(KeyboardInterrupt):
        service_of(Lengths(stopping_after(blocks)), tmp_path).vectors(examples, "pool", "prompt")
    assert not list(tmp_path.rglob("*.npy"))

    embedder = Lengths()
    service = service_of(embedder, tmp_path, lambda *numbers: progress.append(numbers))

    np.testing.assert_array_equal(service.vectors(examples, "pool", "prompt"), expected(texts))
    assert embedder.asked == texts[10 * blocks :]
    assert progress[0] == (10 * blocks, 25)
    assert service.embedded == (Embedded("pool", "prompt", 25, cut(texts)),)
    assert not list(tmp_path.rglob("*.part"))


def test_a_half_written_block_and_a_lost_file_are_computed_anew(tmp_path: Path) -> None:
    examples = examples_of(25)
    texts = examples.texts("prompt")
    for harm, asked in ((lambda part: part.open("ab").write(b"torn"), texts[10:]), (Path.unlink, texts)):
        cache = tmp_path / str(len(asked))
        with pytest.raises(KeyboardInterrupt):
            service_of(Lengths(stopping_after(1)), cache).vectors(examples, "pool", "prompt")
        (part,) = cache.rglob("*.part")
        harm(part)

        embedder = Lengths()

        found = service_of(embedder, cache).vectors(examples, "pool", "prompt")
        np.testing.assert_array_equal(found, expected(texts))
        assert embedder.asked == asked


def test_what_is_left_of_a_block_that_was_counted_is_not_trusted_when_it_is_short(tmp_path: Path) -> None:
    examples = examples_of(25)
    with pytest.raises(KeyboardInterrupt):
        service_of(Lengths(stopping_after(2)), tmp_path).vectors(examples, "pool", "prompt")
    (part,) = tmp_path.rglob("*.part")
    os.truncate(part, part.stat().st_size - 1)

    found = service_of(Lengths(), tmp_path).vectors(examples, "pool", "prompt")

    np.testing.assert_array_equal(found, expected(examples.texts("prompt")))


def test_killed_between_the_last_block_and_the_end(tmp_path: Path) -> None:
    examples = examples_of(20)
    with pytest.raises(KeyboardInterrupt):
        service_of(Lengths(), tmp_path, lambda done, _: interrupt() if done == 20 else None).vectors(
            examples, "pool", "prompt"
        )

    found = service_of(Lengths(lambda texts: pytest.fail("all is there")), tmp_path).vectors(examples, "pool", "prompt")

    np.testing.assert_array_equal(found, expected(examples.texts("prompt")))


def interrupt() -> None:
    raise KeyboardInterrupt


def test_no_examples(tmp_path: Path) -> None:
    nothing = examples_of(3).take(np.array([], dtype=np.int64))
    service = service_of(Lengths(), tmp_path)

    assert len(service.vectors(nothing, "pool", "prompt")) == 0
    assert len(service.vectors(nothing, "pool", "prompt")) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_a_bad_vector_names_its_example_and_what_came_before_is_kept(tmp_path: Path, value: float) -> None:
    def damaged(texts: list[str]) -> np.ndarray:
        block = expected(texts)
        if len(texts) < 10:
            block[2] = value
        return block

    examples = examples_of(25)
    with pytest.raises(ZsgError) as caught:
        service_of(Lengths(damaged), tmp_path).vectors(examples, "pool", "prompt")

    assert str(caught.value) == "embedder Lengths gave example 'e22' a vector that is zero or not a number"
    assert not list(tmp_path.rglob("*.npy"))
    embedder = Lengths()
    found = service_of(embedder, tmp_path).vectors(examples, "pool", "prompt")
    assert len(embedder.asked) == 5
    assert np.isfinite(found).all()


def test_tiny_and_huge_vectors_are_vectors(tmp_path: Path) -> None:
    scales = [1e-40, 1e30]
    found = service_of(Lengths(lambda texts: np.array([scales] * len(texts))), tmp_path).vectors(
        examples_of(3), "pool", "prompt"
    )
    assert found.tolist() == np.array([scales] * 3, dtype=np.float32).tolist()


@pytest.mark.parametrize(
    ("block", "message"),
    [
        (lambda texts: np.ones(len(texts)), "gave a block of shape 10 instead of b × d"),
        (lambda texts: np.ones((len(texts), 0)), "gave a block of shape 10 × 0 instead of b × d"),
        (lambda texts: np.ones((len(texts), 1 + len(texts))), "gave a block of shape 5 × 6 instead of b × 11"),
        (lambda texts: np.ones((len(texts) - 1, 2)), "gave 22 vectors for 25 examples"),
        (lambda texts: np.ones((12, 2)), "gave 36 or more vectors for 25 examples"),
    ],
)
def test_blocks_of_a_wrong_shape(tmp_path: Path, block: Any, message: str) -> None:
    with pytest.raises(ContractError) as caught:
        service_of(Lengths(block), tmp_path).vectors(examples_of(25), "pool", "prompt")

    assert str(caught.value) == f"embedder Lengths {message}"
    assert not list(tmp_path.rglob("*.npy"))


def test_a_resumed_run_must_have_the_same_dimensions(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        service_of(Lengths(stopping_after(1)), tmp_path).vectors(examples_of(25), "pool", "prompt")

    with pytest.raises(ContractError, match="a block of shape 10 × 2 instead of b × 3"):
        service_of(Lengths(lambda texts: np.ones((len(texts), 2))), tmp_path).vectors(examples_of(25), "pool", "prompt")


def test_a_fitted_embedder_is_fitted_again_for_the_rest(tmp_path: Path) -> None:
    class Fitted(Embedder):
        """Adds the size of the pool."""

        fitted = True

        def fit(self, context: Any) -> Encoder:
            size = len(context.pool)

            class Sized(Encoder):
                def encode(self, examples: ExampleSet, role: Any, view: Any) -> Iterator[np.ndarray]:
                    return (expected([text]) + size for text in examples.texts(view))

            return Sized()

    examples = examples_of(6)
    with pytest.raises(KeyboardInterrupt):
        service_of(Fitted(), tmp_path, lambda done, _: interrupt() if done == 4 else None).vectors(
            examples, "pool", "prompt"
        )

    found = service_of(Fitted(), tmp_path).vectors(examples, "pool", "prompt")

    np.testing.assert_array_equal(found, expected(examples.texts("prompt")) + 3)


WORKER = """if True:
    import sys, time
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from test_embeddings import Lengths, cut, examples_of, expected, service_of
    from zsg_registry import EncodedBlock

    cache, seconds = Path(sys.argv[2]), float(sys.argv[3])
    def slow(texts):
        time.sleep(seconds)
        return EncodedBlock(expected(texts), cut(texts))

    embedder = Lengths(slow)
    examples = examples_of(200)
    print("ready", flush=True)
    found = service_of(embedder, cache, lambda done, _: print(done, flush=True)).vectors(examples, "pool", "prompt")
    assert (found == expected(examples.texts("prompt"))).all()
    print("asked", len(embedder.asked), flush=True)
"""


def start(cache: Path, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, str(Path(__file__).parent), str(cache), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def wait_for(line: str, process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    while process.stdout.readline().strip() != line:
        assert process.poll() is None


def asked(process: subprocess.Popen[str]) -> int:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return int(out.split("asked ")[1])


def test_a_process_that_is_killed_loses_at_most_a_block(tmp_path: Path) -> None:
    process = start(tmp_path, 0.1)
    wait_for("70", process)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not list(tmp_path.rglob("*.npy"))
    (tally,) = tmp_path.rglob("*.json")
    done = json.loads(tally.read_text())["rows"]
    assert done >= 70

    embedder, examples = Lengths(), examples_of(200)
    found = service_of(embedder, tmp_path).vectors(examples, "pool", "prompt")

    np.testing.assert_array_equal(found, expected(examples.texts("prompt")))
    assert len(embedder.asked) == 200 - done


def test_processes_that_need_the_same_vectors_compute_them_once(tmp_path: Path) -> None:
    processes = [start(tmp_path, 0.02) for _ in range(3)]

    assert sorted(asked(process) for process in processes) == [0, 0, 200]


def test_the_one_that_waits_takes_over_from_a_killed_one(tmp_path: Path) -> None:
    first = start(tmp_path, 0.2)
    wait_for("30", first)
    second = start(tmp_path, 0.0)
    wait_for("ready", second)
    time.sleep(0.1)
    first.send_signal(signal.SIGKILL)
    first.communicate()

    assert 0 < asked(second) <= 170
