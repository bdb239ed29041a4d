"""The file that `matrix init` writes: a bundled matrix, and every other setting with its default and meaning."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from zsg_harness.matrix.catalogue import bundled_text
from zsg_harness.matrix.schema import Matrix

_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*")
_TABLES: Final = ("data", "training", "evaluation", "run")


def starter(source: str, file: Path) -> str:
    """The text of a new matrix file, named after the file.

    Args:
        source: The bundled matrix it begins with.
        file: Where it is going to be.

    Raises:
        ZsgError: There is no such bundled matrix.
    """
    text = bundled_text(source)
    if _NAME.fullmatch(file.stem):
        text = re.sub(r'(?m)^name = ".*"$', f'name = "{file.stem}"', text, count=1)
    return text.rstrip() + "\n\n\n" + "\n".join(_reference()) + "\n"


def _reference() -> Iterator[str]:
    yield "# All settings with their defaults. A table may stand in a file only once: move a line to its table above."
    for name in _TABLES:
        table: Any = Matrix.model_fields[name].annotation
        yield f"#\n# [{name}]"
        yield from _fields(table)


def _fields(table: type[BaseModel]) -> Iterator[str]:
    for name, field in table.model_fields.items():
        assert field.default is not PydanticUndefined
        # null has no form in TOML: such a setting is simply left out.
        value = "…" if field.default is None else json.dumps(field.default)
        meaning = " ".join((field.description or "").replace("`", "").split())
        yield f"# {f'{name} = {value}':<28} # {meaning}"
