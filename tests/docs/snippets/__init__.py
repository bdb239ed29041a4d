"""What a page of the manual shows, run as its reader would run it.

A page is read from top to bottom. A block with a title (`title="mine.toml"`) is a file, which is written; a `console`
block has commands behind `$ `, and lines that they print; a `python` block is run. What stands behind the next fence is
said in an HTML comment above it, which readers do not see:

    <!-- file: mine.toml -->              the block is that file (where a title would not be shown)
    <!-- prepared: pool.jsonl -->         files that a reader has, and the page does not show (prepared.py)
    <!-- before: pool = [] -->            code that is run before the block
    <!-- shrunk: 30000 → 20 -->           another text in its place, to save time
    <!-- exits: 2 -->                     the exit code of its last command, where it is not 0
    <!-- whole -->                        all cells of a matrix are run; else one is, to save time
    <!-- not run: why -->                 the block is only checked for its form
    <!-- not run (serve): why -->         so are those of its commands that hold the text `serve`

In printed lines `…` stands for anything, and a line of `…` alone for any lines. A cell's id of eight digits stands for
the first finished cell of the store. All pages share one store, `runs`.
"""

from snippets.blocks import Block, blocks
from snippets.commands import Command, commands, parse
from snippets.sandbox import Sandbox

__all__ = ["Block", "Command", "Sandbox", "blocks", "commands", "parse"]
