"""Keeps what pages show of the committed leaderboards in step with them.

    python scripts/readme_table.py            # write the tables anew
    python scripts/readme_table.py --check    # say what is not in step; the exit code is 1 if anything is not

In README.md and in the pages below leaderboards/, what stands between `<!-- table: leaderboards/NAME -->` and
`<!-- end -->` is the table of that folder's leaderboard.csv. A figure below leaderboards/ that a page shows says which
leaderboard.csv it was drawn from; it is drawn by `zsg-harness leaderboard --figures`, and only checked here.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

from zsg_harness.reports.figures import TOLD, drawn_from
from zsg_harness.reports.formatting import LOSS_DIGITS, Column, interval, text
from zsg_harness.reports.markdown import escaped

ROOT: Final = Path(__file__).resolve().parents[1]
BLOCK: Final = re.compile(r"(<!-- table: (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
FIGURE: Final = re.compile(r"""(?:\]\(|src=")([^\s)"]+\.(?:svg|png))""")
SECTION: Final = ["dataset", "model", "budget"]

RANK: Final = Column("rank", "#")
ARRANGEMENT: Final = Column("arrangement", "arrangement")
EMBEDDER: Final = Column("embedder", "embedder")
AREA: Final = Column("aulc", "aulc", LOSS_DIGITS)
DIFFERENCE: Final = Column("delta_vs_random", "Δ random (95 %)", LOSS_DIGITS, ("delta_low", "delta_high"), signed=True)
VERDICT: Final = Column("verdict", "verdict")
LOSS: Final = Column("loss_final", "final loss", LOSS_DIGITS)


def pages(root: Path) -> list[Path]:
    """The pages that may show something of a leaderboard."""
    return [root / "README.md", *sorted(root.glob("leaderboards/**/*.md"))]


def renewed(page: str, root: Path) -> str:
    """A page with its tables as they should be."""
    return BLOCK.sub(lambda match: f"{match[1]}\n{table(root / match[2])}\n\n{match[3]}", page)


def table(folder: Path) -> str:
    """The table of a leaderboard; one for each of its sections, with a title, where there are several."""
    rows = pd.read_csv(folder / "leaderboard.csv").astype({"rank": "Int64"})
    sections = [(key, own) for key, own in rows.groupby(SECTION, sort=False)]
    tables = ["\n".join(_table(own)) for _, own in sections]
    if len(sections) > 1:
        tables = [f"**{escaped(_title(key))}**\n\n{each}" for (key, _), each in zip(sections, tables, strict=True)]
    return "\n\n".join(tables)


def stale_figures(page: Path, root: Path) -> Iterator[str]:
    """The figures of leaderboards that a page shows and that were drawn from other rows than there are now."""
    for name in FIGURE.findall(page.read_text(encoding="utf-8")):
        figure = (page.parent / name).resolve()
        folder = figure.parents[1]
        if not figure.is_relative_to(root / "leaderboards") or not (folder / "leaderboard.csv").is_file():
            continue
        rows = pd.read_csv(folder / "leaderboard.csv", usecols=list(TOLD), dtype=str, keep_default_na=False)
        if not figure.is_file():
            yield f"{page.relative_to(root)} shows {name}, which is not there"
        elif drawn_from(rows).encode() not in figure.read_bytes():
            yield f"{figure.relative_to(root)} was not drawn from {(folder / 'leaderboard.csv').relative_to(root)}"


def _table(rows: pd.DataFrame) -> Iterator[str]:
    is_decided = rows["verdict"].isin(["better", "worse", "tie"]).any()
    shown = [RANK, ARRANGEMENT, AREA, DIFFERENCE, *([VERDICT] if is_decided else []), LOSS]
    if rows["embedder"].nunique() > 1:
        shown.insert(2, EMBEDDER)
    yield _line([column.heading for column in shown])
    yield _line(["--:" if column.is_number else "---" for column in shown])
    records: list[dict[Any, Any]] = rows.to_dict("records")
    for record in records:
        yield _line([escaped(f"{text(record, column)} {interval(record, column)}".rstrip()) for column in shown])


def _line(entries: Sequence[str]) -> str:
    return f"| {' | '.join(entries)} |"


def _title(key: Any) -> str:
    dataset, model, budget = map(str, key)
    return f"{dataset} · {model} · budget {budget}"


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Write the tables, or check them and the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say what is not in step")
    options = parser.parse_args(arguments)
    faults: list[str] = []
    for page in pages(root):
        before = page.read_text(encoding="utf-8")
        after = renewed(before, root)
        if after != before and options.check:
            faults.append(f"{page.relative_to(root)}: a table is not that of its leaderboard.csv")
        elif after != before:
            page.write_text(after, encoding="utf-8")
        faults += stale_figures(page, root)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
