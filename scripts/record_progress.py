"""Record what a run looks like, for docs/progress.md: a real run with two workers, and one that writes into a pipe.

python scripts/record_progress.py docs/progress.md
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from rich.console import Console

from zsg_harness.cli.live import LiveDisplay
from zsg_harness.matrix.load import load_matrix
from zsg_harness.runner import RunOptions, run_matrix
from zsg_harness.store.store import Store

WIDTH = 100
MATRIX = """\
[matrix]
name = "two-workers"
datasets = [{ use = "procedural", examples_per_seen_task = 20, label = "procedural" }]
embedders = ["tfidf"]
arrangements = ["random", "nft", "sequential", "tma"]
budgets = [160, 480]
seeds = [0]

[data]
per_unseen_task = 4
query_per_task = 4

[[override]]                       # a cell that fails, to show what that looks like
when = { arrangement = "sequential" }
training = { learning_rate = 1e38 }

[run]
workers = 2
"""
PAGE = """\
# What a run looks like

Recorded by `python scripts/record_progress.py docs/progress.md`: every line below is a real run's, of the matrix at the
end of this page, on a machine with two cores.

## On a terminal

A bar for the matrix, and a line for each worker's cell: what it does, its steps, the loss, its speed, and the time it
still takes. Cells that end, failures and warnings scroll above the bars as they happen. The time that is left is
reckoned from the cells under way (steps and evaluations apart), then from those that are done; nothing is said before
the first step. In a narrower terminal speeds go first, then bars and losses.

{frames}## In a log

Where stderr is no terminal (a pipe, `nohup`, a batch job), where `TERM` is `dumb`, or with `--plain`, there is a line
for each cell that ends, and after a minute of silence one that says what is running; these get rarer, down to one in
half an hour. `--quiet` leaves only failures. `NO_COLOR` is respected. Results go to stdout, all of this to stderr.

<!-- not run: recorded by the script, with the times of that day -->
```console
$ zsg-harness run --matrix two-workers.toml 2> log
$ cat log
{log}```

## The matrix

```toml
{matrix}```
"""


class Recorded(LiveDisplay):
    """The live display, remembering the lines it wrote above the bars."""

    def __init__(self) -> None:
        console = Console(file=io.StringIO(), force_terminal=True, width=WIDTH, height=40, highlight=False)
        super().__init__("two-workers", None, console)
        self.lines: list[str] = []

    def show(self, line: str, style: str = "") -> None:
        """Remember the line too."""
        self.lines.append(line)
        super().show(line, style)

    def screen(self) -> str:
        """What stands on the terminal now."""
        console = Console(file=io.StringIO(), record=True, width=WIDTH)
        console.print(self)
        bars = [line.rstrip() for line in console.export_text().splitlines()]
        return "\n".join([*self.lines, *bars]) + "\n"


def record(matrix: Path, store: Path) -> list[tuple[float, str]]:
    """Run the matrix; returns the screen of every second."""
    display, frames, over = Recorded(), [], threading.Event()
    began = time.monotonic()

    def look() -> None:
        while not over.wait(1.0):
            frames.append((time.monotonic() - began, display.screen()))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        with display:
            run_matrix(load_matrix(matrix), Store(store), RunOptions(), display)
    finally:
        over.set()
        watcher.join()
    return frames


def chosen(frames: list[tuple[float, str]]) -> list[tuple[float, str]]:
    """The first screen with a guess, one with a failure, and one near the end."""
    guess = next(frame for frame in frames if "about" in frame[1])
    failure = next(frame for frame in frames if "1 failed" in frame[1] and frame[1].count("loss") > 2)
    late = [frame for frame in frames if "6/8 cells" in frame[1]]
    return sorted({guess, failure, *late[len(late) // 2 :][:1]})


def main() -> None:
    """Write the page."""
    (page,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        matrix = Path(folder, "two-workers.toml")
        matrix.write_text(MATRIX)
        frames = chosen(record(matrix, Path(folder, "live")))
        command = [sys.executable, "-m", "zsg_harness", "run", "--matrix", str(matrix), "--store", "runs"]
        log = subprocess.run(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True).stderr
    shown = "".join(f"After {seconds:.0f} seconds:\n\n```text\n{screen}```\n\n" for seconds, screen in frames)
    Path(page).write_text(PAGE.format(frames=shown, log=log, matrix=MATRIX))


if __name__ == "__main__":
    main()
