"""The files of a new plugin, rendered from templates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final

import jinja2

from zsg_harness.publishing.badge_picture import picture
from zsg_harness.scaffold.names import Names
from zsg_registry import ZsgError, __version__

_LONGEST: Final = 100
_SUMMARIES: Final = {
    "arrangement": "Short examples first.",
    "transform": "The order, begun further on.",
    "dataset": "Four small tasks about words, one of them unseen.",
    "embedder": "Runs of three characters, counted.",
    "vector-transform": "Every dimension on the same scale.",
    "metric": "How many of the reference's words an answer has.",
    "hooks": "A line in a file for each finished cell, and a column of losses per token.",
}
"""What the plugins do as they are written."""


def default_summary(kind: str) -> str:
    """What a new plugin of this kind does, before it is edited."""
    return _SUMMARIES[kind]


def checked_line(text: str, what: str) -> str:
    """A text that can stand in a docstring, in TOML and in Markdown alike.

    Raises:
        ZsgError: It cannot.
    """
    text = text.strip()
    if not text or not text.isprintable() or len(text) > _LONGEST or set(text) & set('"\\<>'):
        rule = f"one line of at most {_LONGEST} characters, without '\"', '\\', '<' and '>'"
        raise ZsgError(f"the {what} must be {rule}, not {text!r}")
    return text


def files(names: Names, summary: str, author: str) -> dict[str, str]:
    """The files of the distribution, by their paths in it.

    Args:
        names: What it is called.
        summary: What it does, in one sentence.
        author: Who holds the rights.
    """
    summary = checked_line(summary, "summary")
    given = {
        "kind": names.kind,
        "name": names.name,
        "distribution": names.distribution,
        "package": names.package,
        "class_name": names.class_name,
        "output": names.name.replace("-", "_"),
        "group": "zsg_harness.hooks" if names.kind == "hooks" else f"zsg_harness.{names.kind.replace('-', '_')}s",
        "summary": summary if summary.endswith((".", "!", "?")) else f"{summary}.",
        "author": checked_line(author, "author"),
        "year": date.today().year,
        "version": __version__,
    }
    package, kind = names.package, names.kind
    templates = {
        "pyproject.toml": "pyproject.toml.j2",
        "README.md": "README.md.j2",
        "LICENSE": "LICENSE.j2",
        ".gitignore": "gitignore.j2",
        ".github/workflows/ci.yml": "ci.yml.j2",
        f"{package}/__init__.py": f"package/{kind}.py.j2",
        f"{package}/py.typed": "py.typed.j2",
        f"tests/test_{package.removeprefix('zsg_')}.py": f"tests/{kind}.py.j2",
    }
    if kind == "dataset":
        templates[f"{package}/examples.jsonl"] = "package/examples.jsonl.j2"
    rendered = {path: _environment().get_template(template).render(given) for path, template in templates.items()}
    said = f"{kind} for zsg-harness"
    return rendered | {"badge.svg": picture(names.name, said, f"{names.name}: {said}") + "\n"}


def write(folder: Path, contents: Mapping[str, str]) -> None:
    """Write the files of a distribution into a new folder.

    Raises:
        ZsgError: There is something at that place already; it is left as it is.
    """
    try:
        folder.mkdir()
    except FileExistsError:
        raise ZsgError(f"{folder} exists, and is left as it is") from None
    except OSError as error:
        raise ZsgError(f"{folder} cannot be made: {error.strerror or error}") from None
    for path, content in contents.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")


def _environment() -> jinja2.Environment:
    """Of templates of code, where nothing is escaped: what is put in was checked before."""
    return jinja2.Environment(
        loader=jinja2.PackageLoader("zsg_harness.scaffold"),
        autoescape=False,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
