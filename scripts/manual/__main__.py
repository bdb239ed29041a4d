"""Write the parts of the manual that follow from the code: the reference, the pictures, and the notebook as a page.

python scripts/manual            # write them anew
python scripts/manual --check    # only say which of them are not what the code says; exit code 1 if there are any

They are committed, so that they can be read without building the manual, and a change of the command line, of a setting
or of a plugin shows in review as what its users will read. `tests/docs/test_reference.py` runs the check.
"""

from __future__ import annotations

import sys
from pathlib import Path

import commands
import leaderboard
import matrix_file
import notebook
import overview
import pictures
import python_api
import store_format

import plugins

DOCS = Path(__file__).parents[2] / "docs"
WRITERS = (overview, commands, matrix_file, store_format, leaderboard, python_api, plugins, pictures, notebook)
GENERATED = ("reference", "pictures")
"""Folders of `docs` that hold nothing else: a file in them that no writer wrote is stale."""


def main() -> int:
    """Write or check; returns the exit code."""
    pages = {DOCS / name: text for writer in WRITERS for name, text in writer.pages().items()}
    stale = {path for folder in GENERATED for path in (DOCS / folder).rglob("*") if path.is_file()} - pages.keys()
    changed = {path for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text}
    if "--check" in sys.argv[1:]:
        for path in sorted(stale | changed):
            print(f"{path.relative_to(DOCS.parent)} is not what the code says", file=sys.stderr)
        if stale or changed:
            print("to write the reference anew: make reference", file=sys.stderr)
        return int(bool(stale or changed))
    for path in stale:
        path.unlink()
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pages[path], "utf-8")
        print(path.relative_to(DOCS.parent))
    return 0


if __name__ == "__main__":
    sys.exit(main())
