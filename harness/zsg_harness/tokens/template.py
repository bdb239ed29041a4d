"""How an example becomes text, and which of that text carries the loss."""

from __future__ import annotations

from typing import NamedTuple

from zsg_registry import Example, Message


class Piece(NamedTuple):
    """A stretch of text that is tokenized on its own. `answer` text carries the loss, and ends with EOS."""

    text: str
    answer: bool


def pieces(example: Example) -> list[Piece]:
    r"""An example under the paper's template, `User: {prompt}\nAssistant: {completion}`.

    The answer begins with the space behind the colon, which byte-level tokenizers keep with the word; a model that
    generates continues from the colon. In a dialogue every assistant's turn is an answer.
    """
    if example.messages is not None:
        return [_piece(message) for message in example.messages]
    return [_piece(Message("user", example.prompt or "")), _piece(Message("assistant", example.completion or ""))]


def _piece(message: Message) -> Piece:
    if message.role == "assistant":
        return Piece(f" {message.content}", True)
    if message.role == "system":
        return Piece(f"{message.content}\n", False)
    return Piece(f"User: {message.content}\nAssistant:", False)
