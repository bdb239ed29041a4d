"""The embedder `lm-hidden`: what the base model itself makes of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.embedders._sentence_encoder import CPU, Batching, SentenceModel, Tokenized, encoded_blocks
from zsg_registry import EmbedContext, EncodedBlock, ModelHandle, Need, Parameters, TextEmbedder, ZsgError

_ACCELERATOR: Final = Batching(window=16_384, tokens=16_384)
"""A base model is wider than a sentence encoder, and all of its layers' states may be kept."""


class LmHidden(TextEmbedder):
    """The base model's hidden states, averaged over the text with weights that grow by position (RDS+).

    Ivison et al., "Large-Scale Data Selection for Instruction Tuning" (arXiv 2503.01807); the weights i / (1 + … + n)
    after Muennighoff, "SGPT" (arXiv 2202.08904): in a causal model, later tokens have read more. Texts go in as they
    are, without a template, with the special tokens that the tokenizer itself puts around a text.
    """

    class Params(Parameters):
        """Which states, and how they become one vector."""

        layer: int = -1
        """0 is what goes into the first layer, -1 what comes out of the last (normalised, as the head reads it)."""

        pooling: Literal["weighted", "mean", "last"] = "weighted"
        """A mean with weights that grow by position, a plain mean, or the state of the last token."""

        max_length: int = Field(default=1024, ge=1)
        """Tokens that are read of each text; the end is cut."""

    params: Params

    @property
    def needs(self) -> frozenset[Need]:
        """The base model."""
        return frozenset({Need.MODEL})

    def embed(self, texts: Sequence[str], context: EmbedContext) -> Iterator[EncodedBlock]:
        """Vectors of the texts in order, in blocks float32 `[b, d]`, with the number of texts that were cut.

        Raises:
            ZsgError: The model has no such layer.
        """
        model = _HiddenStates(context.model(), self.params)
        return encoded_blocks(model, texts, CPU if context.device.startswith("cpu") else _ACCELERATOR)


class _HiddenStates(SentenceModel):
    def __init__(self, handle: ModelHandle, params: LmHidden.Params) -> None:
        self._tokenizer = handle.tokenizer
        self._device = handle.device
        self._backbone: Any = handle.model.base_model
        self._params = params
        layers = handle.model.config.get_text_config().num_hidden_layers
        if not -layers - 1 <= params.layer <= layers:
            raise ZsgError(f"embedder 'lm-hidden': layer = {params.layer}, but the model has {layers} layers")
        self._is_last = params.layer in (-1, layers)

    def tokenize(self, texts: Sequence[str]) -> Tokenized:
        # A special token's name in the data is text: data cannot end a turn.
        ids = self._tokenizer(list(texts), truncation=False, padding=False, split_special_tokens=True, verbose=False)
        whole: list[list[int]] = [row or [self._nothing] for row in ids["input_ids"]]
        limit = self._params.max_length
        lengths = np.array([len(row) for row in whole], dtype=np.int64)
        return Tokenized([row[:limit] for row in whole], np.minimum(lengths, limit), lengths > limit)

    def vectors(self, inputs: Sequence[list[int]]) -> NDArray[np.float32]:
        import torch

        # Padded on the right, where no real token of a causal model looks: no mask is needed, and the plainest kernels
        # can be used. Position i is the i-th token of its text.
        lengths = torch.tensor([len(row) for row in inputs])
        ids = torch.zeros((len(inputs), int(lengths.max())), dtype=torch.long)
        for row, tokens in enumerate(inputs):
            ids[row, : len(tokens)] = torch.tensor(tokens)
        is_real = torch.arange(ids.shape[1]) < lengths[:, None]
        with torch.inference_mode():
            states = self._states(ids.to(self._device)).float()
            weights = self._weights(is_real).to(self._device)
            # One matrix product, so that no second tensor as large as the states is made.
            pooled: NDArray[np.float32] = torch.bmm(weights[:, None], states)[:, 0].cpu().numpy()
        return pooled

    @property
    def _nothing(self) -> int:
        """What stands for a text without tokens."""
        known = (self._tokenizer.bos_token_id, self._tokenizer.eos_token_id, 0)
        return next(token for token in known if token is not None)

    def _states(self, ids: Any) -> Any:
        """The states of the layer, `[b, t, d]`."""
        if self._is_last:
            return self._backbone(input_ids=ids, use_cache=False).last_hidden_state
        found = self._backbone(input_ids=ids, use_cache=False, output_hidden_states=True)
        return found.hidden_states[self._params.layer]

    def _weights(self, is_real: Any) -> Any:
        """Each token's share of its text's vector, float32 `[b, t]`; 0 for padding."""
        import torch

        position = torch.arange(1, is_real.shape[1] + 1)
        last = is_real.sum(dim=1, keepdim=True)
        by_pooling = {"weighted": position * is_real, "mean": is_real, "last": position == last}
        weights = by_pooling[self._params.pooling].double()
        return (weights / weights.sum(dim=1, keepdim=True)).float()
