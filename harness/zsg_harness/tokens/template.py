"""How an example becomes text, and which of that text carries the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from zsg_registry import Example, Message


class Piece(NamedTuple):
    """A stretch of text that is tokenized on its own.

    Attributes:
        text: The text.
        label: Whether its tokens are to be predicted.
        ends: Whether an EOS follows it, a label like the text.
        plain: Whether a special token's name in it is text like any other.
    """

    text: str
    label: bool
    ends: bool = False
    plain: bool = True


Template = Callable[[Example], list[Piece]]
"""Takes an example apart."""

LossOn = Literal["all", "last"]
"""Which of a dialogue's answers carry the loss."""


def dialogue(example: Example) -> Sequence[Message]:
    """An example as messages."""
    if example.messages is not None:
        return example.messages
    return [Message("user", example.prompt or ""), Message("assistant", example.completion or "")]


def labelled(messages: Sequence[Message], loss_on: LossOn) -> set[int]:
    """Which messages carry the loss."""
    answers = [position for position, message in enumerate(messages) if message.role == "assistant"]
    return set(answers if loss_on == "all" else answers[-1:])


def paper_template(loss_on: LossOn = "all") -> Template:
    r"""The paper's template, `User: {prompt}\nAssistant: {completion}`.

    The answer begins with the space behind the colon, which byte-level tokenizers keep with the word; a model that
    generates continues from the colon.
    """

    def pieces(example: Example) -> list[Piece]:
        messages = dialogue(example)
        own = labelled(messages, loss_on)
        return [_piece(message, position in own) for position, message in enumerate(messages)]

    return pieces


def _piece(message: Message, label: bool) -> Piece:
    if message.role == "assistant":
        return Piece(f" {message.content}", label, ends=True)
    if message.role == "system":
        return Piece(f"{message.content}\n", False)
    return Piece(f"User: {message.content}\nAssistant:", False)
