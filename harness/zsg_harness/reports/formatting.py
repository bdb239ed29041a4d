"""Figures as people read them, the same in every format."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from zsg_harness.reports.contamination import CLEAN
from zsg_harness.reports.table import score_column
from zsg_harness.reports.transitions import KINDS

MISSING: Final = "–"
LOSS_DIGITS: Final = 3
SCORE_DIGITS: Final = 2
P_DIGITS: Final = 3
HASH_DIGITS: Final = 12
SCORE_HEADINGS: Final = {
    "rouge1": "ROUGE-1",
    "rougeL": "ROUGE-L",
    "exact_match": "exact match",
    "token_f1": "token F1",
    "rank_accuracy": "rank accuracy",
    "seen_loss": "loss",
}
CLEAN_TITLE: Final = "Without the scored examples that the pool has too"
_SCOPES: Final = {"seen": "On held-out examples of seen tasks", "external": "A benchmark of its own,"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it is shown.

    Attributes:
        key: The column of the leaderboard it shows, and is sorted by.
        heading: What stands above it.
        digits: Decimals of a number; None for text and whole numbers.
        limits: The columns that hold the limits of its 95 % interval.
        signed: Whether a plus is written.
        secondary: Whether it is left out until asked for.
        title: The heading in full, for those who wonder.
        added: Whether a plugin added it.
    """

    key: str
    heading: str
    digits: int | None = None
    limits: tuple[str, str] | None = None
    signed: bool = False
    secondary: bool = False
    title: str = ""
    added: bool = False

    @property
    def is_number(self) -> bool:
        """Whether it holds figures, which are set flush right."""
        return self.digits is not None or self.key in _COUNTS


HOLDS: Final = " *"
"""Behind a verdict that holds with Holm's correction too."""
_VERDICTS: Final = {"verdict": "verdict_holm", "loss_verdict": "loss_verdict_holm"}
_COUNTS: Final = frozenset({"rank", "tie_group", "seeds", "replicates", "failed"})
_TOLD_BY: Final = (
    {"failed": "failed", "dropped": "dropped"}
    | dict.fromkeys(("affected", "aulc_clean", "loss_final_clean"), "affected")
    | {name: name for name in ("sudden_drops", *(f"tasks_{kind}" for kind in KINDS))}
)
"""Columns that say nothing while another column is 0."""

_FIRST: Final = (
    Column("rank", "#", title="Rank by aulc"),
    Column("tie_group", "group", title="Arrangements that are not told apart share a group"),
    Column("arrangement", "arrangement"),
    Column("embedder", "embedder"),
    Column("access", "sees", title="What the arrangement may see of the unseen tasks"),
    Column("aulc", "aulc", LOSS_DIGITS, title="Area under the unseen loss over log(1 + step): a mean loss"),
    Column("delta_vs_random", "Δ random", LOSS_DIGITS, ("delta_low", "delta_high"), signed=True,
           title="aulc minus that of random order, with its 95 % interval"),
    Column("verdict", "verdict",
           title="What the interval allows to be said; with * for all comparisons together"),
    Column("loss_final", "final loss", LOSS_DIGITS, ("loss_final_low", "loss_final_high"),
           title="Unseen loss at the last step, with its 95 % interval"),
)  # fmt: skip
EXPLAINED: Final = (
    Column("regret", "regret", LOSS_DIGITS, secondary=True, title="Final loss minus the lowest"),
    Column("onset_step", "onset", 1, secondary=True, title="Step at a tenth of random's total drop"),
    Column("steps_to_50", "steps to 50 %", 1, secondary=True, title="Step at half of random's total drop"),
    Column("steps_to_90", "steps to 90 %", 1, secondary=True, title="Step at nine tenths of random's total drop"),
    Column("tokens_to_50", "tokens to 50 %", 0, secondary=True, title="Tokens at half of random's total drop"),
    Column("tokens_to_90", "tokens to 90 %", 0, secondary=True, title="Tokens at nine tenths of random's total drop"),
    Column("selection_effect", "selection", LOSS_DIGITS, ("selection_low", "selection_high"), signed=True,
           secondary=True, title="The part of Δ random that is what was trained on: its shuffled control minus random"),
    Column("order_effect", "order", LOSS_DIGITS, ("order_low", "order_high"), signed=True, secondary=True,
           title="The part of Δ random that is the order: the arrangement minus its shuffled control"),
    Column("seen_harm", "seen harm", LOSS_DIGITS, ("seen_harm_low", "seen_harm_high"), signed=True, secondary=True,
           title="Change of the loss on held-out examples of seen tasks, minus random's: more than 0 is harm"),
    Column("sudden_drops", "sudden drops", 1, secondary=True, title="Sudden drops of tasks' losses, by order"),
    *(Column(f"tasks_{kind}", f"{kind} tasks", 1, secondary=True, title=f"Tasks whose loss curve is {kind}, by order")
      for kind in KINDS),
)  # fmt: skip
_LAST: Final = (
    Column("replicates", "orders", title="Distinct orders within a block: the replicates"),
    Column("failed", "failed", title="Cells that failed"),
    Column("seeds", "seeds", secondary=True, title="Seeds covered"),
    Column("p_value", "p", P_DIGITS, secondary=True, title="p-value of Δ random alone"),
    Column("p_holm", "p, Holm", P_DIGITS, secondary=True,
           title="The same with Holm's correction for the number of arrangements; the * is made from it"),
    Column("delta_source_low", "Δ over sources, low", LOSS_DIGITS, signed=True, secondary=True,
           title="Δ random on tasks of other sources: the lower 95 % limit"),
    Column("delta_source_high", "Δ over sources, high", LOSS_DIGITS, signed=True, secondary=True,
           title="Δ random on tasks of other sources: the upper 95 % limit"),
    Column("win_rate", "tasks won", SCORE_DIGITS, secondary=True,
           title="Share of the tasks with less loss than with random order"),
    Column("loss_best", "best loss", LOSS_DIGITS, secondary=True,
           title="Lowest unseen loss; picked on the scored examples"),
    Column("aulc_linear", "aulc, linear", LOSS_DIGITS, secondary=True, title="The same over steps"),
    Column("aulc_tokens", "aulc, tokens", LOSS_DIGITS, secondary=True, title="The same over training tokens"),
    Column("loss_delta_vs_random", "Δ final loss", LOSS_DIGITS, ("loss_delta_low", "loss_delta_high"),
           signed=True, secondary=True, title="Final loss minus that of random order"),
    Column("loss_verdict", "verdict, final loss", secondary=True, title="What the interval of Δ final loss allows"),
    Column("loss_p_value", "p, final loss", P_DIGITS, secondary=True, title="p-value of Δ final loss alone"),
    Column("loss_p_holm", "p, Holm, final loss", P_DIGITS, secondary=True, title="The same with Holm's correction"),
    Column("loss_final_example", "final loss, by example", LOSS_DIGITS, secondary=True,
           title="Every example weighs the same, not every task"),
    Column("loss_final_token", "final loss, by token", LOSS_DIGITS, secondary=True,
           title="Every token of an answer weighs the same"),
    Column("step_final", "steps", 0, secondary=True),
    Column("tokens_final", "tokens", 0, secondary=True),
    Column("affected", "in the pool too", 0, secondary=True, title="Scored examples that the training pool has too"),
    Column("dropped", "dropped", 0, secondary=True, title="Pool examples that the evaluation has too"),
    Column("aulc_clean", "aulc, clean", LOSS_DIGITS, secondary=True, title=CLEAN_TITLE),
    Column("loss_final_clean", "final loss, clean", LOSS_DIGITS, secondary=True, title="The same at the last step"),
    *EXPLAINED,
    Column("set_hash", "set", secondary=True, title="Which examples were trained on"),
    Column("order_hash", "order", secondary=True, title="In which order"),
)  # fmt: skip


def columns(lines: pd.DataFrame, scores: Sequence[str]) -> list[Column]:
    """The columns to show of some rows: those with anything to say."""
    middle = [_score_column(name, scores) for name in scores]
    always = {"rank", "aulc", "delta_vs_random", "loss_final"}
    shown = []
    for column in (*_FIRST, *middle, *_LAST):
        told_by = _TOLD_BY.get(column.key)
        silent = lines[column.key].isna().all() or (told_by is not None and not lines[told_by].any())
        if column.key in always or not silent:
            shown.append(column)
    return shown


def _score_column(name: str, scores: Collection[str]) -> Column:
    scope, is_apart, metric = name.rpartition("/")
    heading = SCORE_HEADINGS.get(metric, metric)
    if name.endswith(CLEAN) and name.removesuffix(CLEAN) in scores:
        heading = f"{_score_column(name.removesuffix(CLEAN), scores).heading}, clean"
        return Column(name, heading, SCORE_DIGITS, secondary=True, title=CLEAN_TITLE)
    if not is_apart:
        return Column(score_column(name), heading, SCORE_DIGITS, title="On unseen tasks at the last step")
    digits = LOSS_DIGITS if scope == "seen" else SCORE_DIGITS
    return Column(name, f"{scope}: {heading}", digits, title=f"{_SCOPES.get(scope, scope)} at the last step")


def added_columns(lines: pd.DataFrame, names: Iterable[str]) -> list[Column]:
    """The columns that plugins added: those with anything to say of these rows."""
    said = [name for name in names if not lines[name].isna().all()]
    return [Column(name, name, _digits(lines[name]), added=True) for name in said]


def _digits(values: pd.Series[Any]) -> int | None:
    """As many decimals as give the greatest of some numbers four figures; None for text."""
    kind = pd.api.types
    if kind.is_bool_dtype(values) or not kind.is_numeric_dtype(values):
        return None
    greatest = float(values.abs().max())
    if kind.is_integer_dtype(values) or not greatest:
        return 0
    return min(6, max(0, 3 - math.floor(math.log10(greatest))))


def text(line: Mapping[str, Any], column: Column) -> str:
    """One entry without its interval."""
    value = line[column.key]
    if pd.isna(value):
        return MISSING
    if column.key.endswith("_hash"):
        return str(value) if " " in str(value) else str(value)[:HASH_DIGITS]
    if column.key in _VERDICTS:
        return str(value) + (HOLDS if holds(line, column.key) else "")
    return str(value) if column.digits is None else number(float(value), column.digits, signed=column.signed)


def holds(line: Mapping[str, Any], verdict: str = "verdict") -> bool:
    """Whether a row is told apart from random for all comparisons of its table together."""
    return line[verdict] in ("better", "worse") and line.get(_VERDICTS[verdict]) == line[verdict]


def interval(line: Mapping[str, Any], column: Column) -> str:
    """An entry's interval in brackets; empty if it has none."""
    if column.limits is None or column.digits is None:
        return ""
    low, high = (float(line[limit]) for limit in column.limits)
    if math.isnan(low):
        return ""
    return "[{}, {}]".format(*(number(limit, column.digits, signed=column.signed) for limit in (low, high)))


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """A number with a true minus sign, thousands set apart, and no minus zero."""
    if math.isnan(value):
        return MISSING
    rounded = round(value, digits) + 0.0
    written = f"{rounded:{'+' if signed and rounded else ''},.{digits}f}"
    return written.replace("-", "−").replace(",", "\u202f")


def count(n: int, noun: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
