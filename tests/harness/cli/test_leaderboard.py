"""The command `leaderboard`, as it always was, and its subcommands."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Sequence
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def store(finished: Any) -> Path:
    found: Path = finished.store
    return found


def test_without_a_subcommand_it_writes_the_reports(zsg: Callable[..., Any], store: Path, tmp_path: Path) -> None:
    result = zsg("leaderboard", "--store", store, "--out", tmp_path / "report", "--json")
    assert result.code == 0, result.err
    assert result.json["folder"] == str(tmp_path / "report")
    assert (tmp_path / "report" / "leaderboard.tex").read_text().count(r"\toprule") == 1
    assert not (tmp_path / "report" / "figures").exists()


def test_an_option_before_a_subcommand_is_not_lost_in_silence(zsg: Callable[..., Any], store: Path) -> None:
    result = zsg("leaderboard", "--store", store, "badge", "random")
    assert result.code == 2
    assert "--store belongs behind 'badge'" in result.err


def test_a_mistyped_subcommand(zsg: Callable[..., Any]) -> None:
    result = zsg("leaderboard", "publis")
    assert result.code == 2
    assert "did you mean 'publish'?" in result.err


def test_publish(zsg: Callable[..., Any], store: Path, tmp_path: Path) -> None:
    result = zsg("leaderboard", "publish", "--store", store, "--to", tmp_path / "site", "--json")
    assert result.code == 0, result.err
    assert {each["state"] for each in result.json["files"]} == {"new"}
    document = json.loads((tmp_path / "site" / "leaderboard.json").read_text())
    assert {each["kind"]: each["fault"] for each in document["revisions"]} == {"model": None, "dataset": None}
    again = zsg("leaderboard", "publish", "--store", store, "--to", tmp_path / "site")
    assert "(0 files sent, 0 B)" in again.err


def test_publish_of_nothing(zsg: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "empty" / "cells").mkdir(parents=True)
    result = zsg("leaderboard", "publish", "--store", tmp_path / "empty", "--to", tmp_path / "site")
    assert (result.code, result.err) == (2, "zsg-harness: error: not published: no cell has finished\n")


def test_merge_of_a_store_with_itself(zsg: Callable[..., Any], store: Path, tmp_path: Path) -> None:
    result = zsg("leaderboard", "merge", store, store, "--out", tmp_path / "report", "--json")
    assert result.code == 0, result.err
    assert result.json["conflicts"] == []
    assert result.json["rows"][0]["stores"].endswith(f"of {store.name}")


def test_badge_of_a_published_leaderboard(zsg: Callable[..., Any], store: Path, tmp_path: Path) -> None:
    zsg("leaderboard", "--store", store, "--out", tmp_path / "report")
    for source in (["--store", store], ["--from", tmp_path / "report" / "leaderboard.json"]):
        result = zsg("leaderboard", "badge", "random", *source)
        assert result.code == 0, result.err
        assert "the reference" in result.out
    (tmp_path / "other.json").write_text('{"rows": []}')
    wrong = zsg("leaderboard", "badge", "random", "--from", tmp_path / "other.json")
    assert wrong.code == 2
    assert "other.json is not a leaderboard.json: schema_version: Field required" in wrong.err


def test_the_schema_is_printed(zsg: Callable[..., Any]) -> None:
    assert zsg("leaderboard", "schema").json["title"] == "zsg-harness leaderboard"


def test_serve_ends_with_ctrl_c(zsg_command: Callable[[Sequence[object]], list[str]], store: Path) -> None:
    command = zsg_command(["leaderboard", "serve", "--store", store, "--port", 0])
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background job would ignore Ctrl-C
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed)
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    try:
        connection = HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=10)
        connection.request("GET", "/state.json")
        assert "cells finished" in json.loads(connection.getresponse().read())["text"]
        connection.close()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0
    assert said.endswith("ended\n")
