"""Publishing: what is refused, what is sent, and what is not sent twice. The hub is on loopback, the client its own."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pandas as pd
import pytest
import yaml

from zsg_harness.publishing.publish import faults, publish
from zsg_harness.publishing.targets import CARD_MARK, open_target
from zsg_harness.reports.board import Leaderboard, assemble
from zsg_harness.reports.collect import collect
from zsg_harness.reports.revisions import revisions
from zsg_harness.store.store import Store
from zsg_registry import ZsgError

COMMIT = "5f" * 20
MODEL = {"model": {"use": "org/model"}, "model_hash": COMMIT}
DATA = {"dataset": {"fingerprint": "ab" * 32, "published_as": f"org/data@{COMMIT}"}}

TOKEN = "hf_loopback"
LARGE = (".parquet", ".png")
Repositories = dict[tuple[str, str], dict[str, bytes]]


class FakeHub:
    """Repositories by kind and id (`<id>@<branch>` but for main), and what was asked: `METHOD /path`."""

    def __init__(self) -> None:
        self.repositories: Repositories = {}
        self.made: list[dict[str, Any]] = []
        self.commits: list[list[str]] = []
        self.requests: list[str] = []
        self.large: dict[str, bytes] = {}
        hub = self

        class Handler(_Handler):
            fake = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def end(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    fake: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        body = self._begin()
        path = self.path.partition("?")[0]
        if path == "/api/validate-yaml":
            front = json.loads(body)["content"].split("---\n")[1]
            self._json({"errors": [], "warnings": []} if isinstance(yaml.safe_load(front), dict) else {"errors": ["?"]})
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._json({"error": "Invalid username or password."}, 401)
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif match := re.fullmatch(r"/(?:(\w+)s/)?(.+)\.git/info/lfs/objects/batch", path):
            self._batch(json.loads(body))
        elif match := re.fullmatch(r"/api/(\w+)s/([^/]+/[^/]+)/branch/([^/]+)", path):
            self.fake.repositories[match[1], _at(match[2], match[3])] = dict(self.fake.repositories[match[1], match[2]])
            self._json({})
        elif match := re.fullmatch(r"/api/(\w+)s/([^/]+/[^/]+)/(paths-info|preupload|commit)/([^/]+)", path):
            repository = self.fake.repositories.get((match[1], _at(match[2], match[4])))
            if (match[1], match[2]) not in self.fake.repositories:
                self._json({"error": "Repository not found"}, 404, {"X-Error-Code": "RepoNotFound"})
            elif repository is None:
                self._json({"error": "Revision not found"}, 404, {"X-Error-Code": "RevisionNotFound"})
            else:
                {"paths-info": self._infos, "preupload": self._modes, "commit": self._commit}[match[3]](
                    repository, body
                )
        else:
            self._json({"error": "no such endpoint"}, 404)

    def do_PUT(self) -> None:
        body = self._begin()
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(body).hexdigest() == oid
        self.fake.large[oid] = body
        self._json({})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self._begin()
        match = re.fullmatch(r"/(\w+)s/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        if match is None:
            self._json({"error": "no such endpoint"}, 404)
            return
        data = self.fake.repositories[match[1], _at(match[2], match[3])][match[4]]
        self._answer(data, 200, {"ETag": f'"{_oid(data)}"', "X-Repo-Commit": "0" * 40})

    def _begin(self) -> bytes:
        self.fake.requests.append(f"{self.command} {self.path.partition('?')[0]}")
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _create(self, asked: dict[str, Any]) -> None:
        key = asked.get("type", "model"), f"{asked['organization']}/{asked['name']}"
        url = {"url": f"{self.fake.url}/{key[0]}s/{key[1]}"}
        if key in self.fake.repositories:
            self._json({"error": "You already created this repo", **url}, 409)
            return
        self.fake.made.append(asked)
        self.fake.repositories[key] = {".gitattributes": b"*.parquet filter=lfs\n"}
        self._json(url)

    def _infos(self, repository: dict[str, bytes], body: bytes) -> None:
        paths = parse_qs(body.decode())["paths"]
        self._json([_info(path, repository[path]) for path in paths if path in repository])

    def _modes(self, repository: dict[str, bytes], body: bytes) -> None:
        files = [
            {"path": each["path"], "uploadMode": "lfs" if each["path"].endswith(LARGE) else "regular",
             "shouldIgnore": False, "oid": None}
            for each in json.loads(body)["files"]
        ]  # fmt: skip
        self._json({"files": files})

    def _batch(self, asked: dict[str, Any]) -> None:
        objects = [
            {"oid": each["oid"], "size": each["size"],
             "actions": {"upload": {"href": f"{self.fake.url}/large/{each['oid']}", "header": {}}}}
            for each in asked["objects"]
        ]  # fmt: skip
        self._json({"transfer": "basic", "objects": objects})

    def _commit(self, repository: dict[str, bytes], body: bytes) -> None:
        header, *files = [json.loads(line) for line in body.splitlines()]
        assert header["key"] == "header"
        for each in files:
            value = each["value"]
            large = each["key"] == "lfsFile"
            repository[value["path"]] = self.fake.large[value["oid"]] if large else base64.b64decode(value["content"])
        self.fake.commits.append([header["value"]["summary"], *(each["value"]["path"] for each in files)])
        oid = f"{len(self.fake.commits):040x}"
        _, _, kind, owner, name, *_ = self.path.split("/")
        self._json({"commitUrl": f"{self.fake.url}/{kind}/{owner}/{name}/commit/{oid}", "commitOid": oid})

    def _json(self, document: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self._answer(json.dumps(document).encode(), status, {"Content-Type": "application/json", **(headers or {})})

    def _answer(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _at(repository: str, branch: str) -> str:
    return repository if branch == "main" else f"{repository}@{branch}"


def _oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _info(path: str, data: bytes) -> dict[str, Any]:
    sha = hashlib.sha256(data).hexdigest()
    large = {"lfs": {"oid": sha, "size": len(data), "pointerSize": 130}} if path.endswith(LARGE) else {}
    return {"type": "file", "path": path, "size": len(data), "oid": "0" * 40 if large else _oid(data), **large}


@pytest.fixture(scope="module")
def server() -> Iterator[FakeHub]:
    hub = FakeHub()
    yield hub
    hub.end()


@pytest.fixture
def hub(server: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeHub:
    """An empty hub, which the hub's client finds and is logged in to."""
    for kept in (server.repositories, server.made, server.commits, server.requests, server.large):
        kept.clear()
    constants = "huggingface_hub.constants"
    monkeypatch.setattr(f"{constants}.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(f"{constants}.HF_HUB_DISABLE_XET", True)  # its protocol is not the hub's HTTP API
    monkeypatch.setattr(f"{constants}.ENDPOINT", server.url)
    monkeypatch.setattr(
        f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return server


def board(store, height: float = 4.5, **cell: Any) -> Leaderboard:
    given = {"described": MODEL, "told": DATA} | cell
    store.cell("random", [9.0, 6.0, 5.0], order="r", **given)
    store.cell("nft", [9.0, 5.0, height], order="n", embedder="minilm", **given)
    store.plan()
    return assemble(collect(Store(store.path)))


def test_what_is_known_of_models_and_data(store) -> None:
    known = {each.kind: each for each in revisions(board(store).results.finished)}
    assert known["model"].commit == known["dataset"].commit == COMMIT
    assert (known["model"].name, known["dataset"].name) == ("org/model", "org/data")
    assert known["dataset"].shown == "commit 5f5f5f5f5f5f"


def test_local_files_are_known_by_their_content(store) -> None:
    local = board(store, described=MODEL | {"model_hash": "cd" * 16}, told={"dataset": {"fingerprint": "ab" * 32}})
    assert faults(local) == []
    known = {each.kind: each for each in revisions(local.results.finished)}
    assert known["model"].content == "cd" * 16
    assert known["dataset"].shown == "content abababababab"


@pytest.mark.parametrize(
    ("cell", "fault"),
    [
        ({"described": MODEL | {"model_hash": ""}}, "model 'tiny': the hub told no commit of it; name one as"),
        ({"told": {}}, "dataset 'toy': its cells do not tell which data they had; run them anew, into a new store"),
        (
            {"told": {"dataset": {"fingerprint": "f", "published_as": "org/data@main"}}},
            "dataset 'toy': 'main' is a branch or tag of org/data; name a commit as its revision in the matrix",
        ),
    ],
)
def test_what_is_not_known_is_not_published(store, tmp_path: Path, cell: dict[str, Any], fault: str) -> None:
    unknown = board(store, **cell)
    (found,) = faults(unknown)
    assert found.startswith(fault)
    with pytest.raises(ZsgError, match=re.escape(fault)):
        publish(unknown, open_target(str(tmp_path / "site")))
    assert not (tmp_path / "site").exists()


def test_every_fault_is_told(store) -> None:
    assert len(faults(board(store, described={}, told={}))) == 2


def test_nothing_finished_is_not_published(store) -> None:
    store.plan()
    assert faults(assemble(collect(Store(store.path)))) == ["no cell has finished"]


def test_to_a_folder_only_what_changed_is_written(store, store_at, tmp_path: Path) -> None:
    site = open_target(str(tmp_path / "site"))
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "README.md").write_text("mine")
    first = publish(board(store), site, {"figures/a.svg": b"<svg/>"})
    assert {upload.state for upload in first.uploads} == {"new"}
    assert (tmp_path / "site" / "figures" / "a.svg").read_bytes() == b"<svg/>"
    again = publish(assemble(collect(Store(store.path))), site, {"figures/a.svg": b"<svg/>"})
    assert again.sent == []
    other = publish(board(store_at(tmp_path / "other"), height=4.0), site, {"figures/a.svg": b"<svg/>"})
    assert "figures/a.svg" not in {upload.name for upload in other.sent}
    assert {upload.state for upload in other.sent} == {"changed"}
    assert (tmp_path / "site" / "README.md").read_text() == "mine"


def test_a_dry_run_writes_nothing(store, hub: FakeHub, tmp_path: Path) -> None:
    first = board(store)
    for place in (str(tmp_path / "site"), "hf://me/board"):
        published = publish(first, open_target(place), dry_run=True)
        assert {upload.state for upload in published.sent} == {"new"}
        assert published.commit is None
    assert not (tmp_path / "site").exists()
    assert hub.requests
    assert hub.repositories == {}


def test_to_a_data_set_of_the_hub(store, hub: FakeHub) -> None:
    published = publish(board(store), open_target("hf://me/board", private=True))
    assert published.url == f"{hub.url}/datasets/me/board"
    (made,) = hub.made
    assert (made["type"], made.get("visibility") == "private" or made.get("private")) == ("dataset", True)
    files = hub.repositories["dataset", "me/board"]
    assert files["leaderboard.json"].startswith(b"{")
    assert files["scores.parquet"].startswith(b"PAR1")
    assert len(hub.large) == 1
    assert hub.commits[0][0] == "toy-matrix: 2 of 2 cells finished"
    assert published.commit == f"{1:040x}"
    _, matter, card = files["README.md"].decode().split("---\n", 2)
    assert [each["data_files"] for each in yaml.safe_load(matter)["configs"]] == ["leaderboard.csv", "scores.parquet"]
    assert f"- model **tiny** (org/model): `{COMMIT}`" in card
    assert "| 1 | nft |" in card


def test_what_the_hub_has_is_not_sent_again(store, store_at, hub: FakeHub, tmp_path: Path) -> None:
    target, first = open_target("hf://datasets/me/board"), board(store)
    publish(first, target)
    assert publish(first, target).sent == []
    assert len(hub.commits) == 1
    other = publish(board(store_at(tmp_path / "other"), height=4.0), target)
    assert {upload.state for upload in other.sent} == {"changed"}
    assert set(hub.commits[1][1:]) == {upload.name for upload in other.sent}


def test_to_a_space_that_shows_the_page(store, hub: FakeHub) -> None:
    publish(board(store), open_target("hf://spaces/me/board"))
    assert hub.made[0]["sdk"] == "static"
    files = hub.repositories["space", "me/board"]
    assert files["index.html"].startswith(b"<!doctype html>")
    assert yaml.safe_load(files["README.md"].decode().split("---\n")[1])["sdk"] == "static"


def test_to_a_branch_which_is_made(store, store_at, hub: FakeHub, tmp_path: Path) -> None:
    first, other = board(store), board(store_at(tmp_path / "other"), height=4.0)
    publish(first, open_target("hf://me/board"))
    kept = dict(hub.repositories["dataset", "me/board"])
    target = open_target("hf://me/board@next")
    assert target.url == f"{hub.url}/datasets/me/board/tree/next"
    assert {upload.state for upload in publish(other, target, dry_run=True).sent} == {"new"}
    publish(other, target)
    assert hub.repositories["dataset", "me/board"] == kept
    assert hub.repositories["dataset", "me/board@next"]["leaderboard.csv"] != kept["leaderboard.csv"]
    assert publish(other, target).sent == []


def test_a_commit_is_no_branch() -> None:
    with pytest.raises(ZsgError, match="nothing can be added to a commit; name a branch"):
        open_target(f"hf://me/board@{COMMIT}")


def test_nothing_that_is_published_tells_of_the_machines_folders(store, tmp_path: Path) -> None:
    """Models and data that are named by their place, and failures whose reasons name one."""
    model, data = str(tmp_path / "my models" / "tiny"), f'jsonl[path="{tmp_path}/my data/x.jsonl"]'
    given = {"described": {"model": {"use": model}, "model_hash": "cd" * 16}, "told": DATA}
    named = {"model": model, "dataset": data}
    replayed = f"replay[file={tmp_path}/order.parquet]"
    for order, arrangement in enumerate(["random", replayed, f"replay[file={tmp_path}/other/order.parquet]"]):
        store.cell(arrangement, order=f"o{order}", **named, **given)
    reason = f"OSError: [Errno 2] No such file or directory: '{tmp_path}/gone.bin'"
    store.cell("nft", state="failed", reason=reason, order="f", **named, **given)
    entry = {"use": "jsonl", "path": f"{tmp_path}/my data/x.jsonl"}
    expected = {"lower": replayed, "than": "random", "figure": "aulc", "source": "somebody"}
    matrix = {"matrix": {"name": "m", "models": [model], "datasets": [data, entry]}, "expect": [expected]}
    store.plan(matrix=matrix)
    publish(assemble(collect(Store(store.path))), open_target(str(tmp_path / "site")))
    files = {file.name: file.read_bytes() for file in (tmp_path / "site").iterdir()}
    files["scores.parquet"] = pd.read_parquet(tmp_path / "site" / "scores.parquet").to_csv().encode()
    for name, content in files.items():
        assert str(tmp_path).encode() not in content, name
        assert b"my models" not in content, name
    rows = {row["arrangement"]: row for row in json.loads(files["leaderboard.json"])["rows"]}
    assert {row["model"] for row in rows.values()} == {"tiny (cdcdcdcd)"}
    assert {row["dataset"] for row in rows.values()} == {'jsonl[path="x.jsonl"]'}
    # Two files of one name stay two rows.
    assert sorted(name.partition(" (")[0] for name in rows) == ["random", *["replay[file=order.parquet]"] * 2]
    (found,) = json.loads(files["leaderboard.json"])["findings"]
    assert found["dataset"] == 'jsonl[path="x.jsonl"]'


def test_a_card_of_ones_own_is_left(store, hub: FakeHub) -> None:
    hub.repositories["dataset", "me/board"] = {"README.md": b"# My words"}
    published = publish(board(store), open_target("hf://me/board"))
    assert hub.repositories["dataset", "me/board"]["README.md"] == b"# My words"
    assert "README.md" not in {upload.name for upload in published.uploads}
    hub.repositories["dataset", "me/board"]["README.md"] = f"# Old\n{CARD_MARK}\n".encode()
    again = publish(assemble(collect(Store(store.path))), open_target("hf://me/board"))
    assert [upload.name for upload in again.sent] == ["README.md"]


def test_who_is_not_logged_in_is_told_how(store, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises(ZsgError, match=r"me/board cannot be read: .*; log in with 'hf auth login' or set HF_TOKEN$"):
        publish(board(store), open_target("hf://me/board"))


def test_without_network_it_says_so(store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ZsgError, match=r"cannot be read: .*offline mode"):
        publish(board(store), open_target("hf://me/board"))


@pytest.mark.parametrize("place", ["hf://me", "hf://models/me/board", "hf://me/board/folder"])
def test_a_place_that_is_none(place: str) -> None:
    with pytest.raises(ZsgError, match="is no place to publish to: write hf://user/name"):
        open_target(place)
