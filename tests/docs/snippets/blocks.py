"""The fenced blocks of a page, with what the comments above them say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

_MARK = re.compile(
    r"<!--\s*(file|prepared|before|shrunk|exits|whole|not run)(?:\s*\((.+?)\))?(?::\s*(.*?))?\s*-->", re.DOTALL
)
_TITLE = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: The page it is on.
        line: Its line there.
        language: What its fence says.
        text: What is in it.
        file: The file that it is, if it is one.
        prepared: Files that must be there.
        before: Code that is run first.
        exits: The exit code of its last command.
        whole: Whether every cell of a matrix is to be run.
        not_run: Why it is not run, by a text that commands hold; "" for the whole block.
    """

    page: Path
    line: int
    language: str
    text: str
    file: str | None = None
    prepared: tuple[str, ...] = ()
    before: str = ""
    exits: int = 0
    whole: bool = False
    not_run: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"

    def reason(self, command: str) -> str | None:
        """Why a command of the block is not run, or None."""
        return next((why for part, why in self.not_run.items() if part in command), None)


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, from top to bottom."""
    text = page.read_text("utf-8")
    marks: list[re.Match[str]] = []
    found = 0
    for token in MarkdownIt().enable("table").parse(text):
        if token.type == "html_block":
            marks += _MARK.finditer(token.content)
        elif token.type == "fence":
            found += 1
            yield _block(page, token, marks)
            marks = []
    fences = len(re.findall(r"^\s*```", text, re.MULTILINE))
    assert fences == 2 * found, f"{page}: a fence that is not a block of its own (indented?) would not be run"


def _block(page: Path, token: Token, marks: list[re.Match[str]]) -> Block:
    language, _, rest = token.info.strip().partition(" ")
    title = _TITLE.search(rest)
    said = {mark[1]: mark[3] or "" for mark in marks}
    assert token.map is not None
    return Block(
        page,
        token.map[0] + 1,
        language,
        _shrunk(token.content, said.get("shrunk", "")),
        file=said.get("file", title[1] if title else None),
        prepared=tuple(said.get("prepared", "").split()),
        before=said.get("before", ""),
        exits=int(said.get("exits", 0)),
        whole="whole" in said,
        not_run={mark[2] or "": " ".join(mark[3].split()) for mark in marks if mark[1] == "not run"},
    )


def _shrunk(text: str, said: str) -> str:
    """The text, with `A → B` done to it."""
    before, arrow, after = said.partition(" → ")
    assert not arrow or before in text, f"{before!r} is not in the block that is to be shrunk"
    return text.replace(before, after) if arrow else text
