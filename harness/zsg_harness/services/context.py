"""The context of an arrangement: it holds what was declared and nothing else.

The query that reaches this module was already cut down to the declared access, and the evaluation examples never
come here: what a plugin may not see is not forbidden but absent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from zsg_harness.identity import identity
from zsg_harness.services.embeddings import Embedded, hash_texts
from zsg_harness.services.ngrams import kl_ngram
from zsg_harness.store.cache import Cache
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.tokens.text_form import TextForm
from zsg_registry import (
    ContractError,
    ExampleSet,
    LossOf,
    Measure,
    ModelHandle,
    Need,
    Role,
    Similarity,
    View,
    generator,
)

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    # What needs torch is imported where it is used: many arrangements need none of it.
    from zsg_harness.models.causal_lm import CausalLM


class VectorSource(Protocol):
    """Where embeddings come from."""

    @property
    def embedded(self) -> Sequence[Embedded]:
        """What was embedded so far."""

    def vectors(self, examples: ExampleSet, role: Role, view: View) -> NDArray[np.float32]:
        """Embeddings of a role's examples, float32 `[n, d]`."""

    def release(self) -> None:
        """Let go of models: nothing more is asked for, for now."""


@dataclass(slots=True)
class Workbench:
    """The services of one cell, shared by the parts of its pipe.

    Attributes:
        roles: The examples of each role, cut down to what the pipe declared; a role that may not be seen is missing.
        load_model: Loads the cell's base model anew.
        base: The base model, loaded when first needed.
        encode: Makes tokens of examples, if not the form alone does.
        embeddings: None when the pipe needs no embedder.
        form: How examples become tokens.
        model_key: Stands for the base model, as it is loaded, in cache keys.
        cache: Where losses are kept.
        batch_tokens: Tokens per forward pass.
        find_device: Where to compute; asked only by what computes on a device.
    """

    roles: dict[Role, ExampleSet]
    load_model: Callable[[], CausalLM]
    embeddings: VectorSource | None
    form: TextForm
    model_key: str
    cache: Cache
    batch_tokens: int
    find_device: Callable[[], str]
    base: CausalLM | None = None
    encode: Callable[[ExampleSet, PreTrainedTokenizerBase], Encoded] | None = None
    _encoded: dict[Role, Encoded] = field(default_factory=dict)

    def base_model(self) -> CausalLM:
        """The untrained base model, which nobody may change."""
        if self.base is None:
            self.base = self.load_model()
        return self.base

    def encoded(self, role: Role) -> Encoded:
        """A role's examples as tokens."""
        if role not in self._encoded:
            encode = self.encode or self.form.encode
            self._encoded[role] = encode(self.roles[role], self.base_model().tokenizer)
        return self._encoded[role]

    def losses(self, role: Role, of: LossOf) -> NDArray[np.float64]:
        """The base model's loss on each example of a role, from the cache where it is known."""
        from zsg_harness.evaluation.losses import example_losses

        # Prompts and answers apart: where an answer begins decides which tokens are predicted.
        texts = [hash_texts(self.roles[role].texts(view)) for view in ("prompt", "completion")]
        key = identity({"model": self.model_key, "texts": texts, "form": self.form.content(), "of": of})
        return self.cache.array(
            f"losses/{key}",
            lambda: example_losses(self.base_model(), self._predicting(role, of), self.batch_tokens),
        )

    def _predicting(self, role: Role, of: LossOf) -> Encoded:
        encoded = self.encoded(role)
        if of == "answer":
            return encoded
        if of == "text":
            return encoded.whole()
        return encoded.answers_alone(bos=self.base_model().tokenizer.bos_token_id is not None)


class CellContext:
    """The registry's `ArrangeContext`, for one component at one place of a pipe."""

    def __init__(
        self,
        bench: Workbench,
        *,
        needs: frozenset[Need],
        stochastic: bool,
        roles: dict[Role, ExampleSet],
        budget: int,
        batch_size: int,
        order_seed: int,
        position: int,
    ) -> None:
        self._bench = bench
        self._needs = needs
        self._stochastic = stochastic
        self._roles = roles
        self._budget = budget
        self._batch_size = batch_size
        self._order_seed = order_seed
        self._position = position

    @property
    def pool(self) -> ExampleSet:
        """The training examples."""
        return self._roles["pool"]

    @property
    def query(self) -> ExampleSet:
        """What the declared access leaves of the query."""
        return self._role("query")

    @property
    def budget(self) -> int:
        """How many examples to return."""
        return self._budget

    @property
    def batch_size(self) -> int:
        """Examples per optimizer step."""
        return self._batch_size

    def rng(self, *keys: str | int) -> np.random.Generator:
        """A generator of the order stream, keyed by the place in the pipe."""
        if not self._stochastic:
            raise ContractError("context.rng was used, but stochastic = True was not declared")
        return generator("order", self._order_seed, self._position, *keys)

    def texts(self, role: Role, view: View = "both") -> list[str]:
        """The texts of a role's examples."""
        return self._role(role).texts(view)

    def lengths(self, role: Role) -> NDArray[np.int64]:
        """Tokens of each example."""
        self._need(Need.TOKENIZER)
        self._with_answers(role)
        return self._bench.encoded(role).lengths

    def losses(self, role: Role, of: LossOf = "answer") -> NDArray[np.float64]:
        """The base model's loss on each example."""
        self._need(Need.LOSSES)
        self._with_answers(role)
        return self._bench.losses(role, of)

    def kl_ngram(self, texts: Sequence[str], reference: Sequence[str], n: int = 2) -> NDArray[np.float64]:
        """The divergence of each text's n-grams from the reference's."""
        return kl_ngram(texts, reference, n)

    def embeddings(self, role: Role, view: View = "both") -> NDArray[np.float32]:
        """Embeddings of a role's examples."""
        self._need(Need.EMBEDDER)
        assert self._bench.embeddings is not None
        return self._bench.embeddings.vectors(self._role(role), role, view)

    def similarity(
        self, rows: NDArray[np.float32], columns: NDArray[np.float32], measure: Measure = "cosine"
    ) -> Similarity:
        """The similarity of two embedding matrices."""
        import torch

        from zsg_harness.services.similarity import BlockwiseSimilarity

        return BlockwiseSimilarity(rows, columns, measure, device=torch.device(self._bench.find_device()))

    def model(self, fresh: bool = False) -> ModelHandle:
        """The base model."""
        from zsg_harness.services.handle import Handle

        self._need(Need.GRADIENTS if Need.MODEL not in self._needs else Need.MODEL)
        lm = self._bench.load_model() if fresh else self._bench.base_model()
        return Handle(lm, self._bench.form)

    def _role(self, role: Role) -> ExampleSet:
        if role not in self._roles:
            raise ContractError(f"the {role} was used, but the declared access does not include it")
        return self._roles[role]

    def _with_answers(self, role: Role) -> None:
        if "completion" not in self._role(role).columns:
            raise ContractError(f"lengths and losses of the {role} tell of its answers: they need access 'answers'")

    def _need(self, need: Need) -> None:
        if need not in self._needs:
            raise ContractError(f"the service {need.value!r} was used, but needs does not declare it")
