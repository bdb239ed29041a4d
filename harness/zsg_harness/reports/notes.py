"""What a leaderboard says in words: what a section shows, and what to know before reading it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from zsg_harness.reports.contamination import contamination_notes
from zsg_harness.reports.environment import difference_notes
from zsg_harness.reports.formatting import LOSS_DIGITS, count, holds, number
from zsg_harness.reports.statistics import MINIMUM_REPLICATES, SIGNIFICANCE
from zsg_harness.reports.table import RANDOM, Row, plain_records

_NAMED_ROWS: Final = 6
"""Arrangements that a sentence names."""

_UNLIKE: Final = 1.05
"""How many times the tokens of another row a row may train on without being told of."""


def headline(lines: Sequence[Mapping[str, Any]], held_out: str) -> str:
    """What the ranked lines of a section show, in a sentence or two."""
    return " ".join(_sentences(lines, held_out))


def _sentences(lines: Sequence[Mapping[str, Any]], held_out: str) -> Iterator[str]:
    names = _names(lines)
    area = number(lines[0]["aulc"], LOSS_DIGITS)
    yield f"Lowest area under the loss curve on {held_out}: {names[0]}, {area}."
    last = min(range(len(lines)), key=lambda place: float(lines[place]["loss_final"]))
    if names[last] != names[0]:
        # Which is lower may depend on when one stops, and that must not be left to a column.
        yield f"Lowest at the last step: {names[last]}, {number(lines[last]['loss_final'], LOSS_DIGITS)}."
    verdicts: dict[str, list[str]] = {}
    for name, line in zip(names, lines, strict=True):
        word = str(line["verdict"]).partition(" ")[0]
        verdicts.setdefault(word, []).append(name + ("*" if holds(line) else ""))
    for word in ("better", "worse"):
        if found := verdicts.get(word):
            yield f"{word.capitalize()} than random: {_some(found)}."
    if found := verdicts.get("tie"):
        yield f"Not told apart from random: {_some(found)}."
    if found := verdicts.get("undecided"):
        yield f"Undecided: {_some(found)}."


def _names(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """What lines are called: the arrangement, with its embedder where it is there with several."""
    often = Counter(line["arrangement"] for line in lines)
    return [
        f"{line['arrangement']} ({line['embedder']})" if often[line["arrangement"]] > 1 else str(line["arrangement"])
        for line in lines
    ]


def _some(names: Sequence[str]) -> str:
    """Names, or how many they are where nobody would read them all."""
    return ", ".join(names) if len(names) <= _NAMED_ROWS else f"{count(len(names), 'arrangement')}"


def section_notes(
    rows: Sequence[Row], random: Row | None, lines: pd.DataFrame, sources: Mapping[str, str]
) -> Iterator[str]:
    """What to know before reading the lines of a section.

    Args:
        rows: Its rows.
        random: The one of them that the others are compared with.
        lines: Their part of the leaderboard.
        sources: What data each scored task was made from, as far as it is known.
    """
    if lines["verdict"].str.startswith("undecided").any():
        yield f"Nothing is called better or worse under {MINIMUM_REPLICATES} distinct orders a side."
    yield from _chance_note(lines)
    if random is None:
        yield "Random order was not run, or has not finished: there is nothing to compare with."
    repeats = sum(len(row.cells) - len(row.replicates) for row in rows)
    if repeats:
        yield f"{count(repeats, 'cell')} came to an order that another seed had given; an order counts once."
    yield from _lacking(rows, random)
    yield from _unlike_random(rows, random)
    if len(steps := sorted(set(lines["step_final"]))) > 1:
        yield f"The rows end at different steps ({', '.join(number(step, 0) for step in steps)})."
    yield from _token_note(lines)
    if lines["oracle"].any():
        yield "Oracle: the arrangement saw the very examples that are scored."
    yield from contamination_notes([cell for row in rows for cell in row.cells])
    yield from difference_notes(cell for row in rows for cell in row.cells)
    if left_out := max(cell.status.counts.get("invalid_eval", 0) for row in rows for cell in row.cells):
        yield f"{count(left_out, 'evaluation example')} could not be scored and left out."
    yield from _group_notes(lines)
    yield from _source_notes(lines, sources)


def _token_note(lines: pd.DataFrame) -> Iterator[str]:
    """A note where rows that are compared trained on numbers of tokens more than 5 % apart."""
    tokens = lines["tokens_final"].set_axis(_names(plain_records(lines))).dropna()
    if len(tokens) > 1 and tokens.max() > _UNLIKE * tokens.min() > 0:
        most, least = str(tokens.idxmax()), str(tokens.idxmin())
        more = tokens.max() / tokens.min() - 1
        yield (
            f"Token budgets differ: {most} trained on {more:.0%} more tokens than {least} "
            f"({tokens.max():,.0f} and {tokens.min():,.0f}); compare over tokens too."
        )


def _chance_note(lines: pd.DataFrame) -> Iterator[str]:
    """How many verdicts are to be expected of chance, and which hold whatever their number."""
    compared = int(lines["p_holm"].notna().sum())
    if compared > 1 and lines["verdict"].isin(["better", "worse"]).any():
        held = "Those marked * hold" if any(map(holds, plain_records(lines))) else "None of them holds"
        yield (
            f"A verdict is of one comparison: were all {compared} arrangements no other than random, "
            f"{number(SIGNIFICANCE * compared, 1)} of them would get one by chance. {held} for all {compared} together "
            "(Holm's correction)."
        )


def _group_notes(lines: pd.DataFrame) -> Iterator[str]:
    """Which group is random's."""
    group = lines.loc[lines["verdict"] == "reference", "tie_group"].dropna()
    if len(group) and lines["tie_group"].nunique() > 1:
        yield f"Group {group.iloc[0]} is random's: all that is not told apart from it."


def _source_notes(lines: pd.DataFrame, sources: Mapping[str, str]) -> Iterator[str]:
    """Behind which differences other sources may stand."""
    if lines["delta_source_low"].notna().any():
        verb = "is" if len(sources) == 1 else "are"
        yield f"The {count(len(sources), 'scored task')} {verb} of {count(len(set(sources.values())), 'source')}."
    decided = lines[lines["verdict"].isin(["better", "worse"])]
    here_only = (decided["delta_source_low"] <= 0) & (decided["delta_source_high"] >= 0)
    if here_only.any():
        names = pd.Series(_names(plain_records(lines)), lines.index)[decided.index[here_only]]
        yield f"Told apart on these tasks, but not beyond their sources: {_some(list(names))}."


def _lacking(rows: Sequence[Row], random: Row | None) -> Iterator[str]:
    """Which rows are not there in every draw of the data or the training in which random is."""
    blocks = set(random.sets) if random else set()
    for row in rows:
        lacking = blocks - row.sets.keys()
        if lacking and lacking != blocks:
            yield (
                f"{row.name} has not finished in {len(lacking)} of {count(len(blocks), 'block')} (draws of the data or "
                f"the training) in which {RANDOM} has: its difference is of the others, and its own figures and its "
                "place are not of the same draws."
            )


def _unlike_random(rows: Sequence[Row], random: Row | None) -> Iterator[str]:
    """Which rows differ from random in more than the order."""
    if random is None:
        return
    sets, others = random.sets, [row for row in rows if row is not random]
    apart = [row.key.arrangement for row in others if not sets.keys() & row.sets.keys()]
    if apart:
        yield f"Trained under other settings than {RANDOM}, so not compared with it: {_some(apart)}."
    selected = [
        row.key.arrangement
        for row in others
        if any(sets[block] != mine for block, mine in row.sets.items() if block in sets)
    ]
    if selected:
        names = list(dict.fromkeys(selected))  # one name with several embedders is told once
        yield f"Trained on other examples than {RANDOM}, so selection and order are mixed: {_some(names)}."
