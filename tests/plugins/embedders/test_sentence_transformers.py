"""Any model of the library, here from a folder; what is not there is one clear line."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zsg_plugins.embedders.minilm import MiniLm, weights_folder
from zsg_plugins.embedders.sentence_transformers import SentenceTransformers
from zsg_registry import ZsgError, bind, parse_reference


def vectors(embedder: Any, texts: list[str], context: Any) -> np.ndarray:
    return np.concatenate([block.vectors for block in embedder.embed(texts, context)])


def test_equals_the_library(texts: list[str], context: Any) -> None:
    from sentence_transformers import SentenceTransformer

    folder = str(weights_folder())
    embedder = SentenceTransformers(model=folder)
    reference = SentenceTransformer(folder, device="cpu")

    found = vectors(embedder, texts, context)

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference.encode(texts), atol=1e-5)
    np.testing.assert_allclose(found, vectors(MiniLm(), texts, context), atol=1e-5)
    assert [block.truncated for block in embedder.embed(texts, context)] == [1]

    prompted = vectors(SentenceTransformers(model=folder, prompt="query: ", max_length=16), texts, context)
    reference.max_seq_length = 16
    np.testing.assert_allclose(prompted, reference.encode(texts, prompt="query: "), atol=1e-5)

    half = vectors(SentenceTransformers(model=folder, dtype="bfloat16"), texts, context)
    assert half.dtype == np.float32
    assert 0.99 < (half * found).sum(axis=1).min() < 0.9999999


def test_a_folder_is_found_beside_the_matrix_and_known_by_its_content(tmp_path: Path) -> None:
    identities = []
    for place in ("here", "there"):
        folder = tmp_path / place / "my-model"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("{}", encoding="utf-8")
        reference = parse_reference("sentence-transformers[model=my-model,max_length=9]")
        embedder = bind(SentenceTransformers, reference, base_dir=tmp_path / place)
        assert embedder.params.model == str(folder)
        assert embedder.unavailable() is None
        identities.append(embedder.identity_params())

    assert identities[0] == identities[1]
    assert set(identities[0]["model"]) == {"config.json"}
    (tmp_path / "there" / "my-model" / "config.json").write_text("{ }", encoding="utf-8")
    changed = bind(SentenceTransformers, reference, base_dir=tmp_path / "there")
    assert changed.identity_params() != identities[0]
    hub = bind(SentenceTransformers, parse_reference("sentence-transformers[model=org/name,revision=abc]"))
    assert hub.identity_params() == {"model": "org/name", "revision": "abc"}


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ZsgError) as caught:
        bind(SentenceTransformers, parse_reference("sentence-transformers[model=./nope]"), base_dir=tmp_path)
    assert str(caught.value) == (
        f"embedder 'sentence-transformers': parameter 'model': there is no folder {tmp_path / 'nope'}"
    )


def test_a_hub_model_without_a_network(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = SentenceTransformers(model="zsg-test/no-such-model", revision="v1")
    line = (
        "the model 'zsg-test/no-such-model' is not in the local cache and the network is off; "
        "once, with network: hf download zsg-test/no-such-model --revision v1"
    )

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert embedder.unavailable() == line
    with pytest.raises(ZsgError) as caught:
        list(embedder.embed(["x"], context))
    assert str(caught.value) == f"embedder 'sentence-transformers': {line}"


def test_a_folder_that_is_no_model(tmp_path: Path, context: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    with pytest.raises(ZsgError) as caught:
        list(SentenceTransformers(model=str(tmp_path)).embed(["x"], context))

    assert str(caught.value).startswith(f"embedder 'sentence-transformers': {str(tmp_path)!r} cannot be loaded: ")
    assert "\n" not in str(caught.value)


def test_more_tokens_than_the_model_has_positions(context: Any) -> None:
    embedder = SentenceTransformers(model=str(weights_folder()), max_length=513)

    with pytest.raises(ZsgError, match=r"cannot be loaded: max_length = 513, but it has only 512 positions$"):
        list(embedder.embed(["x"], context))


def test_code_of_a_model_is_never_run(tmp_path: Path, context: Any) -> None:
    folder = tmp_path / "model"
    shutil.copytree(weights_folder(), folder)
    marker = tmp_path / "ran"
    (folder / "custom.py").write_text(f"open({str(marker)!r}, 'w')\nclass Transformer: pass\n", encoding="utf-8")
    modules = (folder / "modules.json").read_text(encoding="utf-8")
    modules = modules.replace("sentence_transformers.models.Transformer", "custom.Transformer")
    (folder / "modules.json").write_text(modules, encoding="utf-8")

    with pytest.raises(ZsgError, match="cannot be loaded"):
        list(SentenceTransformers(model=str(folder)).embed(["x"], context))
    assert not marker.exists()
