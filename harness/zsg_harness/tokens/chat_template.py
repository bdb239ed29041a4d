"""Chat templates, as tokenizers carry them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from zsg_harness.tokens.template import LossOn, Piece, dialogue, labelled
from zsg_registry import Example, Message, ZsgError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_GENERATION: Final = re.compile(r"\{%-?\s*generation\b")
_COVER: Final = "\ue000{}\ue001"
"""What stands for a token's name in the data while a template renders it."""
_COVERED: Final = re.compile("\ue000(\\d+)\ue001")
_SIGNS: Final = ("\ue000", "\ue001")
"""What a cover is made of is covered itself: data cannot forge one."""


class ChatTemplate:
    """A Jinja chat template.

    What an assistant writes is what the template marks with `{% generation %}`. Without such marks it is what a turn
    adds to the dialogue before it, which ends in the prompt for an answer.

    A token's name in the *data* stays text where the token is special or the template writes it: data cannot end a turn
    or begin another.
    """

    def __init__(self, source: str, loss_on: LossOn, tokenizer: PreTrainedTokenizerBase) -> None:
        self._source = source
        self._loss_on = loss_on
        self._tokenizer = tokenizer
        added = {str(token): token.special for token in tokenizer.added_tokens_decoder.values()}
        written = [name for name in added if name in source and not name.isspace()]
        self._special = {name for name, special in added.items() if special}
        self._covered = sorted({*self._special, *written, *_SIGNS}, key=lambda name: (-len(name), name))
        self._names = re.compile("|".join(map(re.escape, self._covered)))

    def __call__(self, example: Example) -> list[Piece]:
        """An example's pieces.

        Raises:
            ZsgError: The template refuses the dialogue, or what an assistant writes cannot be told from the rest.
        """
        messages = dialogue(example)
        covered = [Message(message.role, self._cover(message.content)) for message in messages]
        marked = _GENERATION.search(self._source) is not None
        text, answers = self._marked(covered) if marked else self._appended(covered)
        own = labelled(messages, self._loss_on)
        turns = [position for position, message in enumerate(messages) if message.role == "assistant"]
        if len(turns) != len(answers):
            raise ZsgError(f"the chat template renders {len(answers)} answers of {len(turns)}")
        pieces: list[Piece] = []
        end = 0
        for turn, (start, stop) in zip(turns, answers, strict=True):
            pieces += self._uncover(text[end:start], label=False)
            pieces += self._uncover(text[start:stop], label=turn in own)
            end = stop
        return pieces

    def _marked(self, messages: Sequence[Message]) -> tuple[str, list[tuple[int, int]]]:
        """The text of a dialogue, and where the template marks an answer in it."""
        from transformers.utils import chat_template_utils

        # Any: its annotations leave out what it returns with a mask.
        render: Any = chat_template_utils.render_jinja_template
        try:
            texts, spans = render(
                conversations=[_plain(messages)],
                chat_template=self._source,
                return_assistant_tokens_mask=True,
                **self._tokenizer.special_tokens_map,
            )
        except Exception as error:  # whatever a template raises, by its own words or by Jinja's
            raise _refused(error) from None
        return texts[0], [(start, stop) for start, stop in spans[0]]

    def _appended(self, messages: Sequence[Message]) -> tuple[str, list[tuple[int, int]]]:
        """The text of a dialogue, and what each answer appends to the text before it."""
        text, answers = "", []
        for position, message in enumerate(messages):
            if message.role != "assistant":
                continue
            before = self._render(messages[:position], add_generation_prompt=True)
            after = self._render(messages[: position + 1])
            if not (before.startswith(text) and after.startswith(before)):
                raise ZsgError(
                    "the chat template changes earlier turns when one is added: mark its answers with {% generation %}"
                )
            answers.append((len(before), len(after)))
            text = after
        return text, answers

    def _render(self, messages: Sequence[Message], add_generation_prompt: bool = False) -> str:
        try:
            rendered = self._tokenizer.apply_chat_template(
                _plain(messages),
                chat_template=self._source,
                tokenize=False,
                add_generation_prompt=add_generation_prompt,
            )
        except Exception as error:  # see _marked
            raise _refused(error) from None
        return str(rendered)

    def _cover(self, content: str) -> str:
        return self._names.sub(lambda name: _COVER.format(self._covered.index(name[0])), content)

    def _uncover(self, text: str, label: bool) -> Iterator[Piece]:
        """Text in which names from the data are pieces of their own."""
        for position, part in enumerate(_COVERED.split(text)):
            if position % 2:
                name = self._covered[int(part)]
                # The tokenizer takes a special name in a plain piece as text, but knows any other name that is whole.
                yield from (Piece(each, label) for each in ([name] if name in self._special else name))
            elif part:
                yield Piece(part, label, plain=False)


def _plain(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _refused(error: Exception) -> ZsgError:
    return ZsgError(f"the chat template cannot render a dialogue: {' '.join(str(error).split())[:200]}")
