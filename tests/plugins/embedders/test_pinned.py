"""Well-known encoders: each a model of the library at one commit, and a clear line where it is not to be had."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from zsg_plugins.embedders import pinned
from zsg_plugins.embedders.minilm import weights_folder
from zsg_plugins.embedders.pinned import E5, Bge, GtrT5Base
from zsg_registry import ExampleSet


@pytest.mark.parametrize(
    ("embedder", "model"),
    [
        (GtrT5Base(), "sentence-transformers/gtr-t5-base"),
        (Bge(), "BAAI/bge-base-en-v1.5"),
        (Bge(size="small"), "BAAI/bge-small-en-v1.5"),
        (E5(), "intfloat/e5-base-v2"),
    ],
)
def test_without_a_network_it_says_what_to_do(embedder: Any, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    reason = embedder.unavailable()
    assert re.fullmatch(
        f"the model '{model}' is not in the local cache and the network is off; "
        rf"once, with network: hf download {model} --revision [0-9a-f]{{40}}",
        reason,
    )


@pytest.mark.parametrize("retrieval", [False, True])
def test_prefixes_by_role(
    retrieval: bool, context: Any, make_examples: Callable[[Sequence[str]], ExampleSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentence_transformers import SentenceTransformer

    folder, texts = str(weights_folder()), ["a fox", "the lazy dog sleeps"]
    monkeypatch.setattr(pinned, "_E5", pinned._Pin(folder, None))  # type: ignore[arg-type]
    library = SentenceTransformer(folder, device="cpu")
    encoder = E5(retrieval=retrieval).fit(context)

    for role in ("pool", "query"):
        prefix = "passage: " if retrieval and role == "pool" else "query: "
        blocks = encoder.encode(make_examples(texts), role, "prompt")  # type: ignore[arg-type]
        found = np.concatenate([block.vectors for block in blocks])  # type: ignore[union-attr]
        np.testing.assert_allclose(found, library.encode(texts, prompt=prefix), atol=1e-5)


def test_a_size_is_a_model_of_its_own(context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pinned._BGE, "large", pinned._Pin(str(weights_folder()), None))  # type: ignore[arg-type]
    (block,) = Bge(size="large", max_length=9).embed(["a fox", "fox " * 20], context)
    assert block.truncated == 1  # type: ignore[union-attr]
