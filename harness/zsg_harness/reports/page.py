"""The leaderboard as one HTML file that needs nothing else: no network, no server, no other file."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import pandas as pd
import plotly.offline
from markupsafe import Markup

from zsg_harness.reports.board import Leaderboard, Section
from zsg_harness.reports.collect import OpenCell
from zsg_harness.reports.contamination import KINDS
from zsg_harness.reports.curves import PALETTE, RANDOM_COLOUR, Style, curves
from zsg_harness.reports.dynamics import DatedDrop
from zsg_harness.reports.environment import counted_values, environment_text
from zsg_harness.reports.expectations import EXPLANATION
from zsg_harness.reports.formatting import LOSS_DIGITS, Column, interval, number, text
from zsg_harness.reports.matrix_text import matrix_file, matrix_toml, reproduce_command
from zsg_harness.reports.series import section_series
from zsg_harness.reports.table import RANDOM
from zsg_harness.templates import templates

_MOST_DROPS: Final = 12
_IN_SCRIPT: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


@dataclass(frozen=True, slots=True)
class Whisker:
    """A difference to random drawn on its section's common scale, in per cent of the width.

    Attributes:
        low, high: The limits, None where there are none.
        band: The null band's limits, None where there is none.
    """

    mean: float
    low: float | None
    high: float | None
    zero: float
    band: tuple[float, float] | None


def page(board: Leaderboard) -> str:
    """The page."""
    styles = _styles(board)
    sections = [
        {
            "id": f"section-{number}",
            "section": section,
            "lines": _lines(section, styles),
            "minor": _minor(section),
            "kinds": [kind for kind in KINDS if any(each.kinds[kind] for each in section.contaminated)],
            "drops": _drops(board, section),
            "apart": [board.decompositions[row.key] for row in section.rows if row.key in board.decompositions],
            "chart": _in_script(_chart(board, section, styles)),
        }
        for number, section in enumerate(board.sections, start=1)
    ]
    scripts = [_script(plotly.offline.get_plotlyjs()), _script(_template_text("page.js"))] if sections else []
    template = templates("zsg_harness.reports").get_template("page.html.j2")
    return template.render(
        board=board,
        sections=sections,
        scripts=scripts,
        script_hashes=[_content_hash(script) for script in scripts],
        style=Markup(_template_text("page.css")),
        colours=[RANDOM_COLOUR, *PALETTE],
        loss=partial(number, digits=LOSS_DIGITS),
        explanation=EXPLANATION,
        reasons=_reasons(board),
        matrices=[
            (stem, matrix_file(plan.name), matrix_toml(plan.matrix), reproduce_command(plan.name))
            for stem, plan in board.results.plans.items()
        ],
        differences={name: environment_text(counted_values(cells)) for name, cells in board.differences.items()},
        environment={
            name: environment_text(values)
            for name, values in board.environment.items()
            if name not in board.differences
        },
    )


def _styles(board: Leaderboard) -> dict[tuple[str, str], Style]:
    """One style for each arrangement and embedder, the same in every section."""
    styles: dict[tuple[str, str], Style] = {}
    for section in board.sections:
        for line in section.records:
            key = _style_key(line)
            position = sum(name != RANDOM for name, _ in styles)
            styles.setdefault(key, Style(position, is_random=key[0] == RANDOM))
    return styles


def _style_key(line: Mapping[str, Any]) -> tuple[str, str]:
    return str(line["arrangement"]), "" if pd.isna(line["embedder"]) else str(line["embedder"])


def _reasons(board: Leaderboard) -> dict[tuple[str, str], list[OpenCell]]:
    """The cells without a result by state and reason, which is often the same for many."""
    reasons: dict[tuple[str, str], list[OpenCell]] = {}
    for cell in board.reasons:
        reasons.setdefault((cell.state, cell.reason), []).append(cell)
    return reasons


def _chart(board: Leaderboard, section: Section, styles: Mapping[tuple[str, str], Style]) -> dict[str, Any]:
    ordered = [styles[_style_key(line)] for line in section.records]
    return curves(section_series(board, section), ordered, section.held_out)


def _lines(section: Section, styles: Mapping[tuple[str, str], Style]) -> list[dict[str, Any]]:
    """The section's rows as the template shows them."""
    records = section.records
    whiskers = _whiskers(section, records)
    return [
        {
            "style": styles[_style_key(line)],
            "whisker": whisker,
            "entries": [_entry(line, column) for column in section.columns],
        }
        for line, whisker in zip(records, whiskers, strict=True)
    ]


def _drops(board: Leaderboard, section: Section) -> list[tuple[str, DatedDrop]]:
    """The greatest sudden drops of a section, each with its arrangement."""
    drops = [(row.key.arrangement, drop) for row in section.rows for drop in board.dynamics[row.key].drops]
    return sorted(drops, key=lambda each: -each[1].fall)[:_MOST_DROPS]


def _minor(section: Section) -> set[str]:
    """The columns that a narrow screen leaves out until asked: those that tell no two rows apart."""
    return {"access", "embedder"} if section.lines["embedder"].nunique() <= 1 else {"access"}


def _entry(line: Mapping[str, Any], column: Column) -> dict[str, Any]:
    value = line[column.key]
    plain = "" if pd.isna(value) else str(value)
    shown, below = text(line, column), interval(line, column)
    if column.key == "verdict":
        shown, _, below = shown.partition(" ")
    return {
        "column": column,
        "text": shown,
        "below": below,
        "sort": plain,
        "full": plain if column.key.endswith("_hash") else "",
    }


def _whiskers(section: Section, records: Sequence[Mapping[str, Any]]) -> list[Whisker | None]:
    """Every row's difference to random, all on one scale that holds them, zero and the null band."""
    half_band = section.null_band.high - section.null_band.mean
    values = [0.0, half_band, -half_band]
    values += [float(line[key]) for line in records for key in ("delta_vs_random", "delta_low", "delta_high")]
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite), max(finite)
    width = high - low or 1.0

    def place(value: float) -> float | None:
        return 4 + 92 * (value - low) / width if math.isfinite(value) else None

    def whisker(line: Mapping[str, Any]) -> Whisker | None:
        mean, zero = place(float(line["delta_vs_random"])), place(0.0)
        if mean is None or zero is None:
            return None
        left, right = place(-half_band), place(half_band)
        band = (left, right) if left is not None and right is not None else None
        return Whisker(mean, place(float(line["delta_low"])), place(float(line["delta_high"])), zero, band)

    return [whisker(line) for line in records]


def _template_text(name: str) -> str:
    found = templates("zsg_harness.reports")
    assert found.loader is not None
    return found.loader.get_source(found, name)[0]


def _script(source: str) -> Markup:
    """A script of ours, with the line ends that a browser reads it with, as its hash is taken over those."""
    return Markup(source.replace("\r\n", "\n").replace("\r", "\n"))


def _content_hash(script: str) -> str:
    """A script's name in the page's Content-Security-Policy, under which no other script runs."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _in_script(value: Any) -> Markup:
    """JSON for a script element: nothing in it can end the element or a line."""
    return Markup(json.dumps(value, ensure_ascii=False, allow_nan=False).translate(_IN_SCRIPT))
