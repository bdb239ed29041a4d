"""Publishing a leaderboard: what is sent where, and what must be known before it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from zsg_harness.publishing.targets import CARD, CARD_MARK, State, Target
from zsg_harness.reports.board import Leaderboard
from zsg_harness.reports.markdown import escaped, markdown
from zsg_harness.reports.revisions import Revision, revisions
from zsg_harness.reports.write import render
from zsg_registry import ZsgError


class Upload(NamedTuple):
    """A file that is published, and how it differs from what is there."""

    name: str
    size: int
    state: State


@dataclass(frozen=True, slots=True)
class Published:
    """What was published, or would be.

    Attributes:
        url: Where it can be looked at.
        uploads: The files, those that were there before included.
        commit: What they became, where there are commits.
    """

    url: str
    uploads: Sequence[Upload]
    commit: str | None

    @property
    def sent(self) -> list[Upload]:
        """The files that were not there before as they are."""
        return [upload for upload in self.uploads if upload.state != "unchanged"]


def faults(board: Leaderboard) -> list[str]:
    """Why a leaderboard cannot be published, a line each: it must be known what it is about."""
    if not board.results.finished:
        return ["no cell has finished"]
    unknown = [each for each in revisions(board.results.finished) if each.fault is not None]
    return [f"{each.kind} {each.label!r}: {each.fault}" for each in unknown]


def publish(
    board: Leaderboard, target: Target, figures: Mapping[str, bytes] | None = None, *, dry_run: bool = False
) -> Published:
    """Send the reports to a place; what is there already is not sent again.

    Args:
        board: The leaderboard.
        target: Where to.
        figures: More files, such as figures, by name.
        dry_run: Only say what would be sent.

    Raises:
        ZsgError: It cannot be published (see `faults`), or the place cannot be written.
    """
    if found := faults(board):
        raise ZsgError(f"not published: {found[0]}")
    files = render(board) | dict(figures or {})
    if target.kind is not None:
        files[CARD] = card(board, target.kind).encode()
    states = target.compare(files)
    uploads = [Upload(name, len(data), states[name]) for name, data in files.items() if name in states]
    sent = {upload.name: files[upload.name] for upload in uploads if upload.state != "unchanged"}
    commit = None if dry_run or not sent else target.send(sent, f"{board.title}: {board.state}")
    return Published(target.url, uploads, commit)


def card(board: Leaderboard, kind: Literal["dataset", "space"]) -> str:
    """The `README.md` of a repository on the hub: what the hub reads, what it is about, and the leaderboard."""
    # YAML, of which JSON is a part.
    matter = "".join(f"{name}: {json.dumps(value)}\n" for name, value in _front_matter(board, kind).items())
    about = "\n".join(_line(each) for each in revisions(board.results.finished))
    return f"---\n{matter}---\n\n{CARD_MARK}\n\n{about}\n\n{markdown(board)}"


def _front_matter(board: Leaderboard, kind: Literal["dataset", "space"]) -> dict[str, Any]:
    tags = ["leaderboard", "instruction-tuning", "data-arrangement", "zsg-harness"]
    if kind == "space":
        return {"title": board.title, "sdk": "static", "app_file": "index.html", "tags": tags}
    tables = [
        {"config_name": "leaderboard", "data_files": "leaderboard.csv", "default": True},
        {"config_name": "scores", "data_files": "scores.parquet"},
    ]
    return {"pretty_name": board.title, "tags": tags, "configs": tables}


def _line(each: Revision) -> str:
    return f"- {each.kind} **{escaped(each.label)}** ({escaped(each.name)}): `{each.commit or each.content}`"
