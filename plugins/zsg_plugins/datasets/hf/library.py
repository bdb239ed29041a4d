"""Reading with the library `datasets`: files of any format it knows, folders laid out like the hub's, saved tables."""

from __future__ import annotations

import fnmatch
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zsg_plugins.datasets.files import should_exist
from zsg_registry import ZsgError

if TYPE_CHECKING:
    import datasets


def read(path: Path, config: str | None, split: str, files: Sequence[str] | None, cache: Path) -> datasets.Dataset:
    """The table of one split.

    Args:
        path: A file; a folder laid out like a data set's repository on the hub; or what `save_to_disk` wrote.
        config: Which of the folder's configurations.
        split: Which split; of files whose names tell none, all is "train".
        files: Patterns of a folder's files, if not all are meant.
        cache: Where the library keeps its tables.

    Raises:
        ZsgError: There is no such configuration or split, or a file is damaged.
    """
    import datasets

    should_exist(path)
    datasets.disable_progress_bars()  # what waits for the data has its own
    try:
        if (path / "state.json").exists() or (path / "dataset_dict.json").exists():
            saved = datasets.load_from_disk(str(path))
            return _one_split(saved, split, path)
        folder, patterns = (path.parent, [path.name]) if path.is_file() else (path, files)
        data_files = None if patterns is None else list(patterns)
        return datasets.load_dataset(str(folder), config, data_files=data_files, split=split, cache_dir=str(cache))
    except ZsgError:
        raise
    except Exception as error:  # whatever a reader of one of a dozen formats raises
        raise ZsgError(f"{path} cannot be read by the library 'datasets': {_innermost(error)}") from None


def matching(folder: Path, files: Sequence[str] | None) -> list[Path]:
    """The files of a folder that patterns name (None: all), in the order of their names; hidden ones are left out."""
    relative = sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    visible = [name for name in relative if not any(part.startswith(".") for part in name.split("/"))]
    wanted = visible if files is None else [n for n in visible if any(fnmatch.fnmatch(n, p) for p in files)]
    return [folder / name for name in wanted]


def _one_split(saved: Any, split: str, path: Path) -> datasets.Dataset:
    import datasets

    if isinstance(saved, datasets.Dataset):
        return saved
    if split not in saved:
        raise ZsgError(f"{path} has no split {split!r} (there are: {', '.join(saved)})")
    return saved[split]


def _innermost(error: BaseException) -> str:
    """In one line, the error that began it all: the library wraps what its readers raise."""
    while error.__cause__ is not None:
        error = error.__cause__
    return textwrap.shorten(str(error) or type(error).__name__, 300, placeholder=" …")
