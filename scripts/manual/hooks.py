"""Hooks of mkdocs.

The catalogue's pages join the navigation by kind, so that a new plugin needs no line in mkdocs.yml. Links that lead out
of `docs`, to the repository's files, work where the repository is read; in the built manual their text is left.
"""

from __future__ import annotations

import re
from itertools import groupby
from pathlib import Path, PurePosixPath
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
_LINK_UP: Final = re.compile(r"\[([^\]]*)\]\(((?:\.\./)+)[^)]*\)")


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


def on_page_markdown(text: str, page: Any, **_: Any) -> str:
    """Leave the text of links that lead out of the manual."""
    depth = len(PurePosixPath(page.file.src_uri).parts) - 1
    return _LINK_UP.sub(lambda link: link[1] if len(link[2]) // len("../") > depth else link[0], text)
