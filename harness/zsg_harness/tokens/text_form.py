"""How the examples of a cell become tokens. Imports nothing heavy: a plan needs to know it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from zsg_harness.tokens.template import LossOn, Piece, Template, paper_template
from zsg_registry import ExampleSet, ZsgError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from zsg_harness.tokens.encoding import Encoded


@dataclass(frozen=True, slots=True)
class TextForm:
    """How examples become tokens.

    Attributes:
        template: "paper", "tokenizer" (the tokenizer's own chat template), or the path of a Jinja file.
        loss_on: Which answers of a dialogue carry the loss.
        max_length: Tokens per example, at most.
        base_dir: What the path is relative to.
    """

    template: str = "paper"
    loss_on: LossOn = "all"
    max_length: int = 1024
    base_dir: Path = Path()

    def content(self) -> dict[str, str | int]:
        """What stands for all of it but the tokenizer in identities and cache keys.

        Raises:
            ZsgError: The template's file cannot be read.
        """
        source = self.template if self.template in ("paper", "tokenizer") else self._read()
        return {"template": source, "loss_on": self.loss_on, "max_length": self.max_length}

    def encode(self, examples: ExampleSet, tokenizer: PreTrainedTokenizerBase) -> Encoded:
        """Tokenize examples.

        Raises:
            ZsgError: The template cannot be used, or `encode` cannot.
        """
        from zsg_harness.tokens.encoding import encode

        return encode(examples, tokenizer, self.max_length, self._load(tokenizer))

    def encode_texts(self, texts: Sequence[str], tokenizer: PreTrainedTokenizerBase) -> Encoded:
        """Tokenize texts without a template, every token to be predicted. What is too long loses its end.

        Raises:
            ZsgError: See `encode`.
        """
        from zsg_harness.tokens.encoding import encode_pieces

        rows = [[Piece(text, label=True, ends=True)] for text in texts]
        return encode_pieces(rows, tokenizer, self.max_length)

    def _load(self, tokenizer: PreTrainedTokenizerBase) -> Template:
        if self.template == "paper":
            return paper_template(self.loss_on)
        from zsg_harness.tokens.chat_template import ChatTemplate

        source = tokenizer.chat_template if self.template == "tokenizer" else self._read()
        if isinstance(source, dict):  # several, by what they are for
            source = source.get("default")
        if not isinstance(source, str):
            raise ZsgError("template 'tokenizer': the model's tokenizer has no chat template; use 'paper' or a file")
        return ChatTemplate(source, self.loss_on, tokenizer)

    def _read(self) -> str:
        try:
            return (self.base_dir / Path(self.template).expanduser()).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            known = "a template is 'paper', 'tokenizer' or a Jinja file"
            raise ZsgError(f"template {self.template!r}: {reason}; {known}") from None
