"""An SVG, written piece by piece: dark ink on nothing, which the manual's style sheet inverts in the dark."""

from __future__ import annotations

from typing import Final, Literal
from xml.sax.saxutils import escape

INK: Final = "#1a1a1a"
FAINT: Final = "#8a8a8a"
PALE: Final = "#e4e4e4"
BLUE: Final = "#1f6feb"
GREEN: Final = "#1a7f37"
RED: Final = "#c4361d"


class Drawing:
    """Shapes in pixels from the left and the top.

    Args:
        width: In pixels.
        height: In pixels.
        title: What it shows, for those who cannot see it.
    """

    def __init__(self, width: int, height: int, title: str) -> None:
        self._size, self._title, self._parts = (width, height), title, list[str]()

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: int = 13,
        colour: str = INK,
        anchor: Literal["start", "middle", "end"] = "start",
        bold: bool = False,
        code: bool = False,
    ) -> None:
        """A line of text; `y` is its base line."""
        style = f'font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
        style += ' font-weight="600"' if bold else ""
        style += ' font-family="ui-monospace, SFMono-Regular, Menlo, monospace"' if code else ""
        self._parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>')

    def box(
        self, x: float, y: float, width: float, height: float, fill: str, *, edge: str = "none", round_by: float = 2
    ) -> None:
        """A rectangle."""
        shape = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{round_by:g}"'
        self._parts.append(f'<rect {shape} fill="{fill}" stroke="{edge}"/>')

    def dot(self, x: float, y: float, radius: float, fill: str, *, edge: str = "none") -> None:
        """A circle."""
        self._parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:g}" fill="{fill}" stroke="{edge}"/>')

    def line(self, *points: tuple[float, float], colour: str = INK, width: float = 1, dashed: bool = False) -> None:
        """Straight lines from point to point."""
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashes = ' stroke-dasharray="4 3"' if dashed else ""
        self._parts.append(
            f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width:g}"{dashes}/>'
        )

    def svg(self) -> str:
        """The whole picture."""
        width, height = self._size
        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        head += f' width="{width}" height="{height}" font-family="system-ui, sans-serif">'
        return "\n".join([head, f"<title>{escape(self._title)}</title>", *self._parts, "</svg>"]) + "\n"


def ramp(share: float) -> str:
    """From dark blue (0) to light yellow (1): the colour of a place in an order."""
    stops = ((0x30, 0x2A, 0x7C), (0x1F, 0x8A, 0x8C), (0x8F, 0xCB, 0x5B), (0xF2, 0xE2, 0x7A))
    place = min(max(share, 0.0), 1.0) * (len(stops) - 1)
    low = min(int(place), len(stops) - 2)
    mixed = (a + (b - a) * (place - low) for a, b in zip(stops[low], stops[low + 1], strict=True))
    return "#" + "".join(f"{round(part):02x}" for part in mixed)
