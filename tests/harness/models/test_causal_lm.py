"""Finding and loading base models of several architectures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from zsg_harness.evaluation.generation import generate
from zsg_harness.evaluation.losses import example_losses
from zsg_harness.matrix.schema import ModelEntry
from zsg_harness.models.loading import load_model
from zsg_harness.models.resolve import resolve_model
from zsg_harness.tokens.encoding import encode
from zsg_registry import ExampleSet, ZsgError

CPU = torch.device("cpu")


def save(folder: Path, architecture: str, tokenizer_from: Path, **config: Any) -> Path:
    """A randomly initialised model of some architecture, with the small model's tokenizer."""
    import transformers

    settings = {"vocab_size": 4096, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2} | config
    torch.manual_seed(3)
    model_class = getattr(transformers, f"{architecture}ForCausalLM", None) or getattr(
        transformers, f"{architecture}LMHeadModel"
    )
    model_class(getattr(transformers, f"{architecture}Config")(**settings)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(tokenizer_from / name, folder)
    return folder


@pytest.mark.parametrize(
    ("architecture", "config", "form"),
    [
        ("GPT2", {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 128}, "packed"),
        (
            "Gemma2",
            {
                "hidden_size": 16,
                "intermediate_size": 32,
                "num_hidden_layers": 2,
                "num_attention_heads": 2,
                "num_key_value_heads": 1,
                "head_dim": 8,
                "final_logit_softcapping": 0.5,
            },
            "whole",
        ),
    ],
)
def test_losses_and_answers_are_the_models_own(
    architecture: str,
    config: dict[str, Any],
    form: str,
    small_model: Path,
    examples: ExampleSet,
    tmp_path: Path,
) -> None:
    folder = save(tmp_path, architecture, small_model, **config)
    lm = load_model(ModelEntry(use=str(folder)), Path(), CPU)
    assert lm.form == form
    encoded = encode(examples.take(range(6)), lm.tokenizer, 64)
    losses = example_losses(lm, encoded, 200)
    answers = generate(lm, encoded, 4, 100)
    for i in range(len(encoded)):
        tokens, is_label = encoded.example(i)
        ids = torch.from_numpy(tokens.astype(np.int64))[None]
        labels = ids.masked_fill(torch.from_numpy(~is_label)[None], -100)
        with torch.no_grad():
            own = float(lm.model(input_ids=ids, labels=labels).loss)
        assert losses[i] == pytest.approx(own, abs=1e-5)
        prompt = torch.from_numpy(encoded.prompt(i).astype(np.int64))[None]
        alone = lm.model.generate(input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=4)
        assert answers[i] == lm.tokenizer.decode(alone[0, prompt.shape[1] :], skip_special_tokens=True).strip()


def test_a_model_is_known_by_its_content_and_not_by_its_place(small_model: Path, tmp_path: Path) -> None:
    first = resolve_model(ModelEntry(use=str(small_model)), Path())
    moved = Path(shutil.copytree(small_model, tmp_path / "elsewhere"))
    assert resolve_model(ModelEntry(use="elsewhere"), tmp_path).content == first.content
    config = json.loads((moved / "config.json").read_text())
    (moved / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 1e-5}))
    assert resolve_model(ModelEntry(use=str(moved)), Path()).content != first.content


def test_bfloat16_weights_are_loaded_as_such(small_model: Path) -> None:
    lm = load_model(ModelEntry(use=str(small_model), dtype="bfloat16"), Path(), CPU)
    assert {parameter.dtype for parameter in lm.model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: (folder / "config.json").unlink(), "is not a model: it has no config.json"),
        (lambda folder: (folder / "model.safetensors").unlink(), r"has no \*.safetensors"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"torn"), "cannot be loaded"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "cannot be loaded"),
    ],
)
def test_damaged_models_are_one_clear_line(make: Any, message: str, small_model: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small_model, tmp_path / "model"))
    make(folder)
    with pytest.raises(ZsgError, match=message) as caught:
        load_model(ModelEntry(use=str(folder)), Path(), CPU)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("use", "message"),
    [
        ("./missing", "no such model folder: ./missing"),
        ("/a/b/c", "no such model folder: /a/b/c"),
        ("some-org/some-model", "'some-org/some-model' is not bundled, not a folder and not in the hub's cache"),
    ],
)
def test_models_that_are_not_there(use: str, message: str) -> None:
    with pytest.raises(ZsgError, match=message):
        resolve_model(ModelEntry(use=use), Path("/tmp"))


def test_a_hub_model_is_known_by_its_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    commit = "0123456789abcdef0123456789abcdef01234567"
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    refs = tmp_path / "models--an-org--a-model" / "refs"
    refs.mkdir(parents=True)
    (refs / "v2").write_text(commit)
    assert resolve_model(ModelEntry(use="an-org/a-model", revision="v2"), tmp_path).content == commit
    assert resolve_model(ModelEntry(use="an-org/other", revision=commit), tmp_path).revision == commit
