"""Where a base model is, and what stands for its content. Loads no weights and imports no torch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from zsg_harness.matrix.schema import ModelEntry
from zsg_registry import ZsgError, did_you_mean

_BUNDLED: Final = {"zsg-tiny": Path(__file__).parent / "zsg_tiny"}
_CONTENT: Final = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
_HUB_ID: Final = re.compile(r"[\w.-]+(/[\w.-]+)?")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class ModelSource:
    """What `from_pretrained` needs.

    Attributes:
        name_or_path: A folder, or a hub id.
        revision: The hub commit, or None for a folder.
        content: What stands for weights and tokenizer in a cell's identity: a hash of the files, or the commit.
    """

    name_or_path: str
    revision: str | None
    content: str


def bundled_models() -> list[str]:
    """The names of the models that come with the package."""
    return sorted(_BUNDLED)


def resolve_model(entry: ModelEntry, base_dir: Path) -> ModelSource:
    """Find a model.

    Raises:
        ZsgError: There is no such folder, or the hub's revision cannot be told.
    """
    if entry.use in _BUNDLED:
        return _from_folder(_BUNDLED[entry.use])
    folder = base_dir / Path(entry.use).expanduser()
    if folder.is_dir():
        return _from_folder(folder)
    if entry.use.startswith((".", "/", "~")) or _HUB_ID.fullmatch(entry.use) is None:
        raise ZsgError(f"no such model folder: {entry.use}")
    return _from_hub(entry)


def _from_folder(folder: Path) -> ModelSource:
    if not (folder / "config.json").is_file():
        raise ZsgError(f"{folder} is not a model: it has no config.json")
    if not list(folder.glob("*.safetensors")):
        raise ZsgError(f"{folder} has no *.safetensors: other weight formats can run code and are not loaded")
    stamp = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in _content_files(folder))
    return ModelSource(str(folder), None, _hash_files(stamp))


def _content_files(folder: Path) -> Iterator[Path]:
    found = {path for pattern in _CONTENT for path in folder.glob(pattern)}
    yield from sorted(found)


@cache
def _hash_files(stamp: tuple[tuple[str, int, int], ...]) -> str:
    """A hash of names and contents; sizes and times in the key keep a changed file from answering with an old hash."""
    digest = hashlib.sha256()
    for name, _, _ in stamp:
        path = Path(name)
        with path.open("rb") as file:
            digest.update(f"{path.name}:{hashlib.file_digest(file, 'sha256').hexdigest()};".encode())
    return digest.hexdigest()[:32]


@cache
def _from_hub(entry: ModelEntry) -> ModelSource:
    from huggingface_hub import constants, model_info
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    revision = entry.revision or "main"
    if _COMMIT.fullmatch(revision):
        return ModelSource(entry.use, revision, revision)
    cached = Path(constants.HF_HUB_CACHE) / f"models--{entry.use.replace('/', '--')}" / "refs" / revision
    if cached.is_file():
        commit = cached.read_text().strip()
        return ModelSource(entry.use, commit, commit)
    hint = did_you_mean(entry.use, bundled_models())
    try:
        commit = model_info(entry.use, revision=revision, timeout=10).sha or ""
    except OfflineModeIsEnabled:
        raise ZsgError(f"model {entry.use!r} is not bundled, not a folder and not in the hub's cache{hint}") from None
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ZsgError(f"model {entry.use!r} is not bundled, not a folder, and the hub says: {reason}{hint}") from None
    return ModelSource(entry.use, commit, commit)
