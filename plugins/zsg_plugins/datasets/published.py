"""What published data sets have in common: their files in the official format, from a path or from the hub."""

from __future__ import annotations

import hashlib
import json
import re
from abc import abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Final

from zsg_plugins.datasets.files import LocalPath, data_files, digest, should_exist
from zsg_plugins.datasets.hub import Snapshot
from zsg_registry import Dataset, Parameters, ZsgError

_SPLIT: Final = re.compile(r"(?:train|validation|valid|dev|test)(?:_[a-z]+)?(?=[-.]|$)")
_TOLD_BY_FINGERPRINT: Final = ("revision", "unseen", "split_seed", "split_by")


class Published(Dataset):
    """A data set that others published: `path` holds its files, else they come from the hub.

    Attributes:
        hub: Its id on the hub.
        hub_files: Patterns of the hub's files that are read; none of them means all.
        official: What `path` should be, in words.
    """

    hub: ClassVar[str]
    hub_files: ClassVar[tuple[str, ...]] = ()
    official: ClassVar[str]

    class Params(Parameters):
        """Where the data is."""

        path: LocalPath | None = None
        """A file or folder in the official format; by default the data comes from the hub."""

        revision: str
        """The hub's commit (a tag or branch is resolved to one)."""

    params: Params

    def unavailable(self) -> str | None:
        """Tells when the data would have to be downloaded and the network is off."""
        return None if self.params.path is not None else self._snapshot().missing(f"pass path=… ({self.official})")

    def fingerprint(self) -> str:
        """A hash of the files' names and bytes, or the hub's commit; and of the split."""
        spec: dict[str, Any] = {"split": self.split_spec()}
        if self.params.path is None:
            spec["hub"] = self._snapshot().name()
        else:
            root = Path(self.params.path)
            spec["files"] = [(name_in(file, root), digest(file)) for file in self.files(root)]
        return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()

    def published_as(self) -> str | None:
        """The hub's commit, where the data comes from the hub."""
        return None if self.params.path is not None else self._snapshot().name()

    def identity_params(self) -> dict[str, Any]:
        """What is done with the data. Which data it is, and its split, the fingerprint says."""
        return {name: value for name, value in super().identity_params().items() if name not in _TOLD_BY_FINGERPRINT}

    def root(self) -> Path:
        """The file or folder that holds the data.

        Raises:
            ZsgError: It is not there, or cannot be downloaded.
        """
        if self.params.path is None:
            return self._snapshot().folder()
        root = Path(self.params.path)
        should_exist(root)
        return root

    def files(self, root: Path) -> list[Path]:
        """The files of `root` that are read, in order.

        Raises:
            ZsgError: There is none.
        """
        return data_files(root)

    @abstractmethod
    def split_spec(self) -> Any:
        """What stands for the split in the fingerprint, and for any file that is not data."""

    def _snapshot(self) -> Snapshot:
        return Snapshot(self.hub, self.params.revision, self.hub_files)


def name_in(file: Path, root: Path) -> str:
    """A file's name relative to `root`; "" if it is `root`, whose name says nothing."""
    return "" if file == root else file.relative_to(root).as_posix()


def published_split(name: str) -> str | None:
    """The split that a file's or folder's name tells ("train", "test_sft"), or None."""
    match = _SPLIT.match(name)
    return None if match is None else match.group()


def training_files(root: Path) -> list[Path]:
    """The data files of `root`, without those of published validation and test splits.

    Raises:
        ZsgError: There is none.
    """
    found = [file for file in data_files(root) if _is_for_training(file, root)]
    if not found:
        raise ZsgError(f"{root} holds no data files of a training split")
    return found


def _is_for_training(file: Path, root: Path) -> bool:
    splits = {published_split(part) for part in name_in(file, root).split("/")}
    return splits <= {None, "train", "train_sft"}
