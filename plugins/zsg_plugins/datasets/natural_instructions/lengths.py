"""Lengths in tokens, where a tokenizer is given: what fits into a prompt, and where a text is cut."""

from __future__ import annotations

from pathlib import Path

from zsg_registry import ZsgError


class Lengths:
    """Measures and cuts texts as Tk-Instruct does, with the tokens of one tokenizer.

    Args:
        file: A `tokenizer.json`.
        source: The most tokens of a prompt, those that the tokenizer adds included.
        target: The most tokens of an answer.
    """

    def __init__(self, file: Path, source: int, target: int) -> None:
        from tokenizers import Tokenizer

        try:
            self._tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # a bare Exception is all that the library raises
            raise ZsgError(f"{file} cannot be read as a tokenizer.json: {error}") from None
        self._source = source
        self._target = target

    def fits(self, source: str) -> bool:
        """Whether a prompt is short enough."""
        return len(self._tokenizer.encode(source).ids) <= self._source

    def cut_source(self, source: str) -> str:
        """The prompt; one that is too long loses its end, and is what its tokens decode to."""
        ids = self._tokenizer.encode(source).ids
        if len(ids) <= self._source:
            return source
        cut: str = self._tokenizer.decode(ids[: self._source], skip_special_tokens=True)
        return cut

    def cut_target(self, target: str) -> str:
        """The answer's beginning, as far as its tokens go."""
        tokens = self._tokenizer.encode(target, add_special_tokens=False)
        return target if len(tokens.ids) <= self._target else target[: tokens.offsets[self._target - 1][1]]
