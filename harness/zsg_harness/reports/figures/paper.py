"""The figures of the paper (He et al., arXiv 2406.11721), in form, of the arrangements that a leaderboard has.

Curves over linear steps: nearest first, random and farthest first; the modes of TMA; its turns; fine and coarse
granularity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from zsg_harness.reports.board import Section
from zsg_harness.reports.figures.drawing import RANDOM_PEN, WIDTH, Pen, add_legend, pens, shortened
from zsg_harness.reports.series import Series, section_rows
from zsg_registry import InvalidReference, Reference, parse_pipeline

_FAMILIES: Final[dict[str, tuple[str, Callable[[Reference], bool]]]] = {
    "nft-rt-fft": ("Nearest first, random, farthest first", lambda head: head.name in ("nft", "fft")),
    "tma": ("Modes of test-centric multi-turn arrangement",
            lambda head: head.name == "tma" and "turns" not in head.params),
    "granularity": ("Fine-grained (nft) and coarse-grained", lambda head: head.name in ("nft", "coarse")),
}  # fmt: skip
_MARKERS: Final = ("s", "^", "D", "v", "P", "X")


def paper_figures(section: Section, series: Sequence[Series]) -> Iterator[tuple[str, Figure]]:
    """The figures for which a section has at least two arrangements, by name.

    Args:
        section: The section.
        series: Its series, in the order of its rows.
    """
    heads = [_head(row.key.arrangement) for row in section_rows(section)]
    named = list(zip(heads, series, strict=True))
    random = [one for one in series if one.is_random]
    for name, (title, belongs) in _FAMILIES.items():
        members = [(head, one) for head, one in named if head is not None and belongs(head)]
        if len({(head.name, *map(str, head.params.items())) for head, _ in members}) >= 2:
            drawn = [*random, *(one for _, one in members)][: len(_MARKERS)]
            yield name, _curves(f"{title}: {section.title}", section.held_out, drawn, pens(drawn))
    turns = sorted(
        ((head.params["turns"], one) for head, one in named if head and head.name == "tma" and "turns" in head.params),
        key=lambda member: member[0],
    )
    if len(turns) >= 2:
        yield "turns", _turns(section, random, [one for _, one in turns])


def _head(arrangement: str) -> Reference | None:
    """An arrangement's component, if nothing stands behind it: a control or a label of one's own is not the paper's."""
    try:
        pipeline = parse_pipeline(arrangement)
    except InvalidReference:
        return None
    return None if pipeline.transforms else pipeline.head


def _turns(section: Section, random: Sequence[Series], turns: Sequence[Series]) -> Figure:
    """Turns from light to dark, the nearest darkest, so that their sequence is seen in grey too."""
    shades = colormaps["cividis"]
    last = max(1, len(turns) - 1)
    drawn = [
        Pen(to_hex(shades(0.85 * place / last)), marker=_MARKERS[place % len(_MARKERS)]) for place in range(len(turns))
    ]
    title = f"Turns of test-centric multi-turn arrangement: {section.title}"
    return _curves(title, section.held_out, [*random, *turns], [*(RANDOM_PEN for _ in random), *drawn])


def _curves(title: str, held_out: str, series: Sequence[Series], drawing: Sequence[Pen]) -> Figure:
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.set_title(shortened(title, 100))
    axes.set_xlabel("optimizer step")
    axes.set_ylabel(f"loss on {held_out}")
    for one, pen in zip(series, drawing, strict=True):
        pen.shade(axes, one.level)
    handles = [pen.draw(axes, one.level) for one, pen in zip(series, drawing, strict=True)]
    add_legend(figure, handles, [shortened(one.name) for one in series])
    return figure
