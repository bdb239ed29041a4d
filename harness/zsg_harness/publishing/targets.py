"""Where a leaderboard is published: a folder, a bucket, or a repository of the Hugging Face hub."""

from __future__ import annotations

import hashlib
import re
import tempfile
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from zsg_harness.store.files import Files
from zsg_harness.store.places import open_files
from zsg_registry import ZsgError

State = Literal["new", "changed", "unchanged"]

CARD: Final = "README.md"
CARD_MARK: Final = "<!-- Made by zsg-harness leaderboard publish; remove this line to keep your own words. -->"
"""By this line a card is known as one that may be written over."""

_LOGGED_OUT: Final = 401
_SCHEME: Final = "hf://"
_REPOSITORY: Final = re.compile(r"hf://(?:(datasets|spaces)/)?([\w.-]+/[\w.-]+?)/?(?:@([\w./-]+))?")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_MAIN: Final = "main"


class Target(ABC):
    """A place to publish to.

    Attributes:
        url: Where it can be looked at.
        kind: Of a repository of the hub, what it is; its card is what visitors see first.
    """

    url: str
    kind: Literal["dataset", "space"] | None = None

    @abstractmethod
    def compare(self, files: Mapping[str, bytes]) -> dict[str, State]:
        """How files differ from those that are there. A card that somebody else wrote is not in it.

        Raises:
            ZsgError: The place cannot be read.
        """

    @abstractmethod
    def send(self, files: Mapping[str, bytes], message: str) -> str | None:
        """Write files.

        Returns:
            The commit that they became, where there are commits.

        Raises:
            ZsgError: The place cannot be written.
        """


def open_target(place: str, *, private: bool = False) -> Target:
    """The place that a user names: a folder, a URL of fsspec, or `hf://user/name`, with `@branch` if it is not main.

    Raises:
        ZsgError: There is no such kind of place.
    """
    if place.startswith(_SCHEME):
        return HubTarget(place, private=private)
    return FolderTarget(open_files(place))


class FolderTarget(Target):
    """A folder, or a bucket."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self.url = files.url

    def compare(self, files: Mapping[str, bytes]) -> dict[str, State]:
        """See `Target`."""
        with self._faults("read"):
            return {name: self._state(name, data) for name, data in files.items()}

    def _state(self, name: str, data: bytes) -> State:
        if not self._files.exists(name):
            return "new"
        return "unchanged" if self._files.read(name) == data else "changed"

    def send(self, files: Mapping[str, bytes], message: str) -> None:
        """See `Target`."""
        with self._faults("written"):
            for name, data in files.items():
                self._files.write(name, data)

    @contextmanager
    def _faults(self, done: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ZsgError(f"{self.url} cannot be {done}: {error.strerror or error}") from None


class HubTarget(Target):
    """A data set of the hub (`hf://user/name`), or a static Space, which shows the page (`hf://spaces/user/name`).

    Either on its main branch, or on the one that is named behind an `@`, which is made if there is none.
    """

    def __init__(self, place: str, *, private: bool = False) -> None:
        """Take a repository; nothing is asked yet.

        Raises:
            ZsgError: It is not written as one.
        """
        match = _REPOSITORY.fullmatch(place)
        if match is None:
            raise ZsgError(f"{place!r} is no place to publish to: write hf://user/name, or hf://spaces/user/name")
        if match[3] and _COMMIT.fullmatch(match[3]):
            raise ZsgError(
                f"{place!r}: nothing can be added to a commit; name a branch, which is made if there is none"
            )
        from huggingface_hub import HfApi
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()
        self._api = HfApi(library_name="zsg-harness")
        self.kind: Literal["dataset", "space"] = "space" if match[1] == "spaces" else "dataset"
        self._repository = match[2]
        self._branch = match[3] or _MAIN
        self._private = private
        self.url = f"{self._api.endpoint}/{self.kind}s/{self._repository}"
        if self._branch != _MAIN:
            self.url += f"/tree/{self._branch}"

    def compare(self, files: Mapping[str, bytes]) -> dict[str, State]:
        """See `Target`."""
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
        from huggingface_hub.hf_api import RepoFile

        with self._faults("read"):
            try:
                infos = self._api.get_paths_info(
                    self._repository, list(files), repo_type=self.kind, revision=self._branch
                )
            except RevisionNotFoundError:
                return dict.fromkeys(files, "new")
            except RepositoryNotFoundError as error:
                if error.response.status_code == _LOGGED_OUT:  # then the hub says of no repository that it is there
                    raise
                return dict.fromkeys(files, "new")
            there = {info.path: info for info in infos if isinstance(info, RepoFile)}
            states: dict[str, State] = {}
            for name, data in files.items():
                if name not in there:
                    states[name] = "new"
                elif _same(there[name], data):
                    states[name] = "unchanged"
                elif name != CARD or self._is_our_card():
                    states[name] = "changed"
            return states

    def _is_our_card(self) -> bool:
        with tempfile.TemporaryDirectory() as folder:
            path = self._api.hf_hub_download(
                self._repository, CARD, repo_type=self.kind, revision=self._branch, local_dir=folder
            )
            return CARD_MARK in Path(path).read_text(encoding="utf-8", errors="replace")

    def send(self, files: Mapping[str, bytes], message: str) -> str:
        """See `Target`. All files become one commit, or none does."""
        from huggingface_hub import CommitOperationAdd

        with self._faults("written"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="It seems that you are about to commit a data file")
            self._api.create_repo(
                self._repository,
                repo_type=self.kind,
                private=self._private or None,
                exist_ok=True,
                space_sdk="static" if self.kind == "space" else None,
            )
            if self._branch != _MAIN:
                self._api.create_branch(self._repository, branch=self._branch, repo_type=self.kind, exist_ok=True)
            additions = [CommitOperationAdd(name, data) for name, data in files.items()]
            commit = self._api.create_commit(
                self._repository, additions, commit_message=message, repo_type=self.kind, revision=self._branch
            )
        return commit.oid

    @contextmanager
    def _faults(self, done: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # the hub's own errors, and those of whatever it speaks HTTP with
            status = getattr(getattr(error, "response", None), "status_code", None)
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            login = "; log in with 'hf auth login' or set HF_TOKEN" if status in (_LOGGED_OUT, 403) else ""
            raise ZsgError(f"{self.url} cannot be {done}: {reason}{login}") from None


def _same(there: object, data: bytes) -> bool:
    """Whether a file of a repository has this content: large files are known by one hash, others by git's."""
    large = getattr(there, "lfs", None)
    if large is not None:
        return bool(large.sha256 == hashlib.sha256(data).hexdigest())
    return bool(getattr(there, "blob_id", None) == hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest())
