"""Scripts and data inside a page: only the page's own scripts may run, and no text can end the element it is in.

Plotly and the numbers of charts are packed (gzip, base64), which makes a page less than half as large; `unpack.js` has
the browser unpack them.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
from collections.abc import Iterable
from typing import Any, Final

import plotly.offline
from markupsafe import Markup

from zsg_harness.templates import templates

PACKAGE: Final = "zsg_harness.reports.page"
_OWN: Final = ("unpack.js", "tables.js", "curves.js", "tasks.js", "orders.js", "choice.js")


def scripts() -> list[Markup]:
    """The page's own scripts."""
    return [Markup(_as_read(template_text(name))) for name in _OWN]


def plotly_source() -> str:
    """Plotly's script."""
    return _as_read(plotly.offline.get_plotlyjs())


def content_hash(script: str) -> str:
    """A script's name in the page's Content-Security-Policy, under which no other script runs."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def packed(text: str) -> str:
    """A text for a script element that nobody runs: gzip, in base64."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def packed_json(value: Any) -> str:
    """A value as packed JSON."""
    return packed(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")))


def rounded(values: Iterable[float], digits: int) -> list[float | None]:
    """Numbers as short as a picture needs them; what is not finite is null."""
    return [round(float(value), digits) if math.isfinite(value) else None for value in values]


def template_text(name: str) -> str:
    """A file among the templates, as it is."""
    found = templates(PACKAGE)
    assert found.loader is not None
    return found.loader.get_source(found, name)[0]


def _as_read(source: str) -> str:
    """A script with the line ends that a browser reads it with, as its hash is taken over those."""
    return source.replace("\r\n", "\n").replace("\r", "\n")
