"""A hook of mkdocs: the catalogue's pages join the navigation by kind, so that a new plugin needs no line in mkdocs.yml."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any, Final

_KINDS: Final = {
    "dataset": "Data sets",
    "embedder": "Embedders",
    "vector-transform": "Vector transforms",
    "arrangement": "Arrangements",
    "transform": "Transforms",
    "metric": "Metrics",
}
_FOLDER: Final = "reference/plugins"


def on_config(config: Any) -> Any:
    """Put the pages behind the catalogue's index."""
    for section in config.nav:
        for name, items in section.items():
            if name == "Reference":
                items.append({"The catalogue": [f"{_FOLDER}/index.md", *_pages(Path(config.docs_dir, _FOLDER))]})
    return config


def _pages(folder: Path) -> list[dict[str, list[dict[str, str]]]]:
    pages = [path.stem for path in folder.glob("*-*.md")]
    kinds = list(_KINDS)
    by_kind = sorted(pages, key=lambda page: (kinds.index(_kind(page)), page))
    return [
        {_KINDS[kind]: [{page.removeprefix(f"{kind}-"): f"{_FOLDER}/{page}.md"} for page in group]}
        for kind, group in groupby(by_kind, _kind)
    ]


def _kind(page: str) -> str:
    return next(kind for kind in _KINDS if page.startswith(f"{kind}-"))
