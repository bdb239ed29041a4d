"""Data sets on the Hugging Face hub: a commit's files, from the hub's own cache or downloaded into it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zsg_registry import ZsgError

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_SHOWN: Final = 3
"""Patterns of files in a command that a person can still read."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Files of a data set's repository at one revision.

    The hub's cache keeps commits apart, and tells a whole download from one that was broken off; the cache of the
    library `datasets` would give, without network, whatever revision it had last.

    Attributes:
        repo: The hub id.
        revision: A commit, tag or branch.
        files: Patterns of the files that are wanted; none of them means all.
    """

    repo: str
    revision: str
    files: tuple[str, ...] = ()

    def missing(self, instead: str) -> str | None:
        """Why it is not to be had here and now, or None.

        Args:
            instead: What can be passed in its place.
        """
        from huggingface_hub import is_offline_mode

        if not is_offline_mode() or self._cached() is not None:
            return None
        included = "".join(f" --include '{pattern}'" for pattern in self.files)
        command = f"hf download {self.repo} --repo-type dataset --revision {self.revision}{included}"
        once = f", or once, with network: {command}" if len(self.files) <= _SHOWN else ""
        return (
            f"the data set {self.repo!r} is not in the local cache and the network is off: {instead}, "
            f"unset HF_HUB_OFFLINE{once}"
        )

    def commit(self) -> str:
        """The commit that the revision stands for, as the hub says (or, without network, the cache); else the revision.

        Raises:
            ZsgError: The hub knows no such data set or revision.
        """
        from huggingface_hub import HfApi, is_offline_mode

        if _COMMIT.fullmatch(self.revision):
            return self.revision
        if is_offline_mode():
            cached = self._cached()
            return self.revision if cached is None else cached.name
        try:
            return HfApi().dataset_info(self.repo, revision=self.revision).sha or self.revision
        except Exception as error:  # the hub's own errors, and those of whatever it speaks HTTP with
            raise self._fault(error) from None

    def name(self) -> str:
        """`<id>@<commit>`.

        Raises:
            ZsgError: The hub knows no such data set or revision.
        """
        return f"{self.repo}@{self.commit()}"

    def folder(self) -> Path:
        """The folder of the files, downloaded where they are not in the cache.

        Raises:
            ZsgError: They cannot be downloaded.
        """
        from huggingface_hub import snapshot_download

        try:
            folder = snapshot_download(
                self.repo, repo_type="dataset", revision=self.revision, allow_patterns=list(self.files) or None
            )
        except Exception as error:  # the hub's own errors, and those of whatever it speaks HTTP with
            raise self._fault(error) from None
        return Path(folder)

    def _cached(self) -> Path | None:
        from huggingface_hub import snapshot_download

        try:
            return Path(
                snapshot_download(
                    self.repo,
                    repo_type="dataset",
                    revision=self.revision,
                    allow_patterns=list(self.files) or None,
                    local_files_only=True,
                )
            )
        except (OSError, ValueError):
            return None

    def _fault(self, error: Exception) -> ZsgError:
        first_line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        return ZsgError(f"the data set {self.repo!r} at {self.revision} cannot be had from the hub: {first_line}")
