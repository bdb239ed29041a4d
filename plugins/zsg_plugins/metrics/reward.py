"""The metric `reward`: what a reward model thinks of a generated answer."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.metrics._answers import answers
from zsg_registry import Direction, Example, HubIdOrFolder, Metric, MetricBatch, MetricRows, Parameters, ZsgError

_PLAIN_TEMPLATE: Final = "Human: {prompt}\n\nAssistant: {answer}"
_LONGEST: Final = 1_000_000
"""A tokenizer without a limit says that it takes more tokens than this."""


class Reward(Metric):
    """The score that a reward model, or any sequence classifier, gives to a generated answer after its prompt.

    Any transformers sequence-classification model, by hub id or from a folder, from safetensors alone; code in a model
    is never run. A model with one output gives that output; of one with several classes, the value is the probability
    of the class `label`. Values of different models do not compare.
    """

    examples = ("reward[model=OpenAssistant/reward-model-deberta-v3-large-v2]",)

    class Params(Parameters):
        """Which model, and how a prompt and its answer go into it."""

        model: HubIdOrFolder
        """A hub id such as "org/name", or a folder (relative to the matrix file)."""

        revision: str | None = None
        """Of a hub id: a commit, tag or branch. Only a commit says for ever what gave the scores."""

        template: str | None = None
        """Text with `{prompt}` and `{answer}` in it. By default the model's own chat template, or, where it has none,
        the paper's (UltraRM's): `Human: {prompt}`, an empty line, `Assistant: {answer}`."""

        label: str | int | None = None
        """Of a model with several classes: which one, by name or number."""

        batch_size: int = Field(default=8, ge=1)
        """Answers that are scored together, those of like length."""

        max_length: int | None = Field(default=None, ge=8)
        """Tokens that are read, the last ones; by default as many as the model takes."""

        dtype: Literal["float32", "bfloat16", "float16"] = "float32"
        """The weights' type."""

    outputs: ClassVar[Mapping[str, Direction]] = {"reward": "higher"}
    requires = frozenset({"generations"})
    params: Params
    _judge: _Judge | None = None

    def unavailable(self) -> str | None:
        """Tells when the model would have to be downloaded and the network is off."""
        if Path(self.params.model).is_absolute() or not _network_is_off() or self._is_cached():
            return None
        model, revision = self.params.model, self.params.revision
        command = f"hf download {model}" + (f" --revision {revision}" if revision else "")
        return f"the model {model!r} is not in the local cache and the network is off; once, with network: {command}"

    def check(self) -> None:
        """Read the model's configuration.

        Raises:
            ZsgError: There is no such model, it is no classifier, or it has no such class.
        """
        template = self.params.template
        if template is not None and not ("{prompt}" in template and "{answer}" in template):
            raise ZsgError(f"metric 'reward': the template {template!r} needs both {{prompt}} and {{answer}}")
        _class_number(self.params, _loaded(self.params, "AutoConfig"))

    def score(self, batch: MetricBatch) -> MetricRows:
        """The reward of each answer. The model is loaded when there are first answers to score."""
        pairs = answers(batch, "reward")
        if self._judge is None:
            self._judge = _Judge(self.params)
        texts = [self._judge.text(example, answer) for example, (answer, _) in zip(batch.examples, pairs, strict=True)]
        return MetricRows.per_example(batch.examples, reward=self._judge.rewards(texts))

    def close(self) -> None:
        """Let the model go."""
        self._judge = None

    def _is_cached(self) -> bool:
        from huggingface_hub import try_to_load_from_cache

        return isinstance(try_to_load_from_cache(self.params.model, "config.json", revision=self.params.revision), str)


class _Text(NamedTuple):
    """What a model reads, and whether its special tokens are in it already."""

    text: str
    is_whole: bool


class _Judge:
    """A loaded reward model."""

    def __init__(self, params: Reward.Params) -> None:
        import torch

        self._params = params
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._tokenizer = _loaded(params, "AutoTokenizer", truncation_side="left", padding_side="right")
        dtype = getattr(torch, params.dtype)
        self._model = _loaded(params, "AutoModelForSequenceClassification", use_safetensors=True, dtype=dtype)
        self._model.to(self._device).eval()
        self._class = _class_number(params, self._model.config)
        # Without a padding token a model cannot tell where a padded text ends: then each goes alone.
        has_padding = self._model.config.pad_token_id is not None and self._tokenizer.pad_token_id is not None
        self._batch_size = params.batch_size if has_padding else 1

    def text(self, example: Example, answer: str) -> _Text:
        """An example's prompt with an answer."""
        if self._params.template is None and self._tokenizer.chat_template is not None:
            turns = [turn._asdict() for turn in (example.messages or ())[:-1]]
            turns = turns or [{"role": "user", "content": example.prompt or ""}]
            turns.append({"role": "assistant", "content": answer})
            return _Text(self._tokenizer.apply_chat_template(turns, tokenize=False), is_whole=True)
        prompt = example.prompt
        if prompt is None:
            prompt = "\n".join(turn.content for turn in (example.messages or ())[:-1])
        before, _, rest = (self._params.template or _PLAIN_TEMPLATE).partition("{prompt}")
        between, _, behind = rest.partition("{answer}")
        return _Text(f"{before}{prompt}{between}{answer}{behind}", is_whole=False)

    def rewards(self, texts: Sequence[_Text]) -> NDArray[np.float64]:
        """The reward of each text, whatever it is batched with."""
        limit = self._params.max_length or self._own_limit()
        options: dict[str, Any] = {"truncation": limit is not None, "max_length": limit}
        inputs = [self._tokenizer(own.text, add_special_tokens=not own.is_whole, **options) for own in texts]
        order = np.argsort([-len(own["input_ids"]) for own in inputs], kind="stable")
        values = np.empty(len(texts))
        for start in range(0, len(order), self._batch_size):
            rows = order[start : start + self._batch_size]
            values[rows] = self._scores([inputs[row] for row in rows])
        return values

    def _scores(self, inputs: Sequence[Any]) -> NDArray[np.float64]:
        import torch

        if len(inputs) > 1:
            padded = self._tokenizer.pad(list(inputs), return_tensors="pt")
        else:  # which may not have what to pad with
            padded = inputs[0].convert_to_tensors("pt", prepend_batch_axis=True)
        with torch.inference_mode():
            logits = self._model(**padded.to(self._device)).logits.double()
        chosen = logits[:, 0] if self._class is None else logits.softmax(dim=1)[:, self._class]
        values: NDArray[np.float64] = chosen.cpu().numpy()
        return values

    def _own_limit(self) -> int | None:
        positions = getattr(self._model.config, "max_position_embeddings", None) or _LONGEST
        limit = min(int(self._tokenizer.model_max_length), int(positions))
        return limit if limit < _LONGEST else None


def _loaded(params: Reward.Params, kind: str, **options: Any) -> Any:
    """A part of the model, by one of transformers' Auto classes.

    Raises:
        ZsgError: It is not to be had.
    """
    import transformers

    try:
        return getattr(transformers, kind).from_pretrained(
            params.model,
            revision=params.revision or "main",
            local_files_only=_network_is_off() or Path(params.model).is_absolute(),
            trust_remote_code=False,
            **options,
        )
    except (OSError, ValueError, KeyError, ImportError) as error:
        first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ZsgError(f"metric 'reward': {params.model!r} cannot be loaded: {first_line}") from None


def _class_number(params: Reward.Params, config: Any) -> int | None:
    """Which class's probability is the reward; None of a model that has one output.

    Raises:
        ZsgError: There is no such class, or it is not said which one.
    """
    names = {int(number): str(name) for number, name in config.id2label.items()}
    if not any("SequenceClassification" in name for name in config.architectures or ()):
        raise ZsgError(f"metric 'reward': {params.model!r} is no sequence classifier ({config.architectures})")
    if len(names) == 1:
        return None
    found = [number for number, name in names.items() if params.label in (number, name)]
    if not found:
        raise ZsgError(
            f"metric 'reward': {params.model!r} has {len(names)} classes, and label must be one of them: "
            f"{', '.join(names.values())}"
        )
    return found[0]


def _network_is_off() -> bool:
    names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(os.environ.get(name, "").lower() in ("1", "true", "yes", "on") for name in names)
