"""Scripts and data inside a page: only the page's own scripts may run, and no text can end the element it is in."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterable
from typing import Any, Final

import plotly.offline
from markupsafe import Markup

from zsg_harness.templates import templates

PACKAGE: Final = "zsg_harness.reports.page"
_OWN: Final = ("tables.js", "curves.js", "tasks.js", "orders.js", "choice.js")
_IN_SCRIPT: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def scripts() -> list[Markup]:
    """The page's scripts: Plotly, and its own."""
    return [_script(plotly.offline.get_plotlyjs()), *(_script(template_text(name)) for name in _OWN)]


def content_hash(script: str) -> str:
    """A script's name in the page's Content-Security-Policy, under which no other script runs."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def data(value: Any) -> Markup:
    """JSON for a script element: nothing in it can end the element or a line."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return Markup(text.translate(_IN_SCRIPT))


def rounded(values: Iterable[float], digits: int) -> list[float | None]:
    """Numbers as short as a picture needs them; what is not finite is null."""
    return [round(float(value), digits) if math.isfinite(value) else None for value in values]


def template_text(name: str) -> str:
    """A file among the templates, as it is."""
    found = templates(PACKAGE)
    assert found.loader is not None
    return found.loader.get_source(found, name)[0]


def _script(source: str) -> Markup:
    """A script of ours, with the line ends that a browser reads it with, as its hash is taken over those."""
    return Markup(source.replace("\r\n", "\n").replace("\r", "\n"))
