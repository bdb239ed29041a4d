"""The embedder `sentence-transformers`: any model of that library, by hub id or from a folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.embedders._sentence_encoder import SentenceEmbedder, SentenceModel, Tokenized
from zsg_registry import EmbedContext, HubIdOrFolder, Parameters, ZsgError


class SentenceTransformers(SentenceEmbedder):
    """Any sentence-transformers model: a hub id, or a folder that holds one. Code in a model is never run.

    Reimers and Gurevych, "Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks" (2019).
    """

    examples = ("sentence-transformers[model=sentence-transformers/all-mpnet-base-v2]",)

    class Params(Parameters):
        """Which model, and how texts go into it."""

        model: HubIdOrFolder
        """A hub id such as "org/name", or a folder (relative to the matrix file)."""

        revision: str | None = None
        """Of a hub id: a commit, tag or branch. Only a commit says for ever what the vectors were made with."""

        prompt: str | None = None
        """Text put before every text; by default what the model itself prescribes, if anything."""

        max_length: int | None = Field(default=None, ge=3)
        """Tokens that are read of each text; by default as many as the model prescribes."""

        dtype: Literal["float32", "bfloat16", "float16"] = "float32"
        """The weights' type. Less than float32 is faster, and may flip near-ties in an order."""

    params: Params

    def unavailable(self) -> str | None:
        """Tells when the model would have to be downloaded and the network is off."""
        if self._is_local or not _network_is_off() or self._is_cached():
            return None
        return self._not_cached()

    def load(self, context: EmbedContext) -> SentenceModel:
        """The model, on `context.device`.

        Raises:
            ZsgError: It is not to be had, or not a model of this kind.
        """
        offline = context.offline or _network_is_off()
        if offline and not self._is_local and not self._is_cached():
            raise ZsgError(f"embedder 'sentence-transformers': {self._not_cached()}")
        try:
            return _LibraryModel(self.params, context.device, offline)
        except (OSError, ValueError, KeyError, ImportError) as error:
            first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
            name = self.params.model
            raise ZsgError(f"embedder 'sentence-transformers': {name!r} cannot be loaded: {first_line}") from None

    @property
    def _is_local(self) -> bool:
        return Path(self.params.model).is_absolute()

    def _is_cached(self) -> bool:
        from huggingface_hub import try_to_load_from_cache

        # "modules.json" is what a sentence-transformers model has; a plain encoder has only its "config.json".
        model, revision = self.params.model, self.params.revision
        names = ("modules.json", "config.json")
        return any(isinstance(try_to_load_from_cache(model, name, revision=revision), str) for name in names)

    def _not_cached(self) -> str:
        model, revision = self.params.model, self.params.revision
        command = f"hf download {model}" + (f" --revision {revision}" if revision else "")
        return f"the model {model!r} is not in the local cache and the network is off; once, with network: {command}"


def _network_is_off() -> bool:
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(os.environ.get(name, "").lower() in ("1", "true", "yes", "on") for name in names)


class _LibraryModel(SentenceModel):
    def __init__(self, params: SentenceTransformers.Params, device: str, offline: bool) -> None:
        import torch
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(
            params.model,
            device=device,
            revision=params.revision,
            local_files_only=offline,
            trust_remote_code=False,
            # Without it the checkpoint's own type is taken, often a half precision.
            model_kwargs={"dtype": getattr(torch, params.dtype)},
        )
        self._prompt = params.prompt
        own = self._model.prompts.get(self._model.default_prompt_name or "")
        self._prefix = (own if params.prompt is None else params.prompt) or ""
        if params.max_length is not None:
            _check_length(self._model, params.max_length)
            self._model.max_seq_length = params.max_length
        self._max_length = self._model.max_seq_length

    def tokenize(self, texts: Sequence[str]) -> Tokenized:
        """The texts themselves: the library's own pipeline tokenizes them again, as each model prescribes."""
        tokenizer = self._model.tokenizer
        if not callable(tokenizer):  # static word vectors: no transformers tokenizer, and nothing is cut
            lengths = np.array([len(text) for text in texts], dtype=np.int64)
            return Tokenized(texts, lengths, np.zeros(len(texts), dtype=np.bool_))
        full = [f"{self._prefix}{text}" for text in texts]
        ids = tokenizer(full, truncation=False, padding=False, return_attention_mask=False, verbose=False)["input_ids"]
        lengths = np.array([len(row) for row in ids], dtype=np.int64)
        limit = np.iinfo(np.int64).max if self._max_length is None else self._max_length
        return Tokenized(texts, np.minimum(lengths, limit), lengths > limit)

    def vectors(self, inputs: Sequence[str]) -> NDArray[np.float32]:
        found = self._model.encode(
            list(inputs), batch_size=len(inputs), prompt=self._prompt, show_progress_bar=False, convert_to_numpy=True
        )
        return np.asarray(found, dtype=np.float32)


def _check_length(model: Any, max_length: int) -> None:
    config = getattr(model.transformers_model, "config", None)
    limit = getattr(config, "max_position_embeddings", None)
    if limit is not None and max_length > limit:
        raise ValueError(f"max_length = {max_length}, but it has only {limit} positions")
