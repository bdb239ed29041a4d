"""The live leaderboard: over HTTP on loopback, and in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from zsg_harness.publishing.live import LiveReports
from zsg_harness.publishing.serve import serving
from zsg_harness.store.store import Store
from zsg_registry import ZsgError

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture
def live(store) -> LiveReports:
    store.cell("random", order="r")
    store.cell("nft", order="n", state="planned")
    store.plan()
    return LiveReports(Store(store.path), None)


@pytest.fixture
def port(live: LiveReports) -> Iterator[int]:
    with serving(live, 0, every=60) as url:
        yield int(url.rpartition(":")[2].rstrip("/"))


def get(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, dict(response.getheaders()), body


def finish(store) -> None:
    store.cell("nft", [9.0, 5.0, 4.0], order="n")


def test_it_serves_the_reports_and_a_page_around_them(port: int) -> None:
    status, headers, body = get(port, "/")
    assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b'<iframe id="board" src="index.html"' in body
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert get(port, "/index.html")[2].startswith(b"<!doctype html>")
    assert get(port, "/leaderboard.csv?x=1")[2].startswith(b"rank,")
    assert json.loads(get(port, "/state.json")[2])["text"] == "Live: 1 of 2 cells finished, 1 unfinished."


@pytest.mark.parametrize("path", ["/../pyproject.toml", "/cells", "/%2e%2e/x", "//etc/passwd", "/index.html/"])
def test_there_is_nothing_else(port: int, path: str) -> None:
    assert get(port, path)[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", ""])
def test_other_hosts_names_are_refused(port: int, host: str) -> None:
    status, _, body = get(port, "/leaderboard.json", Host=host)
    assert status == 421
    assert b"rows" not in body
    assert get(port, "/leaderboard.json", Host=f"localhost:{port}")[0] == 200


def test_it_is_read_only(port: int) -> None:
    assert get(port, "/", method="POST")[0] == 501
    status, headers, body = get(port, "/index.html", method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["Content-Length"]) > 1000


def test_what_has_not_changed_is_not_sent_again(port: int, live: LiveReports, store) -> None:
    tag = get(port, "/leaderboard.json")[1]["ETag"]
    assert get(port, "/leaderboard.json", If_None_Match=tag)[0] == 304
    finish(store)
    live.refresh()
    status, headers, body = get(port, "/leaderboard.json", If_None_Match=tag)
    assert status == 200
    assert headers["ETag"] != tag
    assert b"nft" in body


def test_reports_are_made_anew_only_when_the_store_has_changed(live: LiveReports, store) -> None:
    before = live.edition
    assert not live.refresh()
    assert live.edition is before
    finish(store)
    assert live.refresh()
    assert live.edition.version != before.version
    assert live.edition.state == "2 of 2 cells finished"
    assert not live.refresh()


def test_a_store_that_cannot_be_read_leaves_what_was_there(live: LiveReports, port: int, store) -> None:
    finish(store)
    (done,) = [
        path for path in store.path.glob("cells/*/done.json") if "nft" in path.with_name("cell.json").read_text()
    ]
    whole = done.read_text()
    done.write_text("{")
    assert not live.refresh()
    assert "The newest could not be read" in json.loads(get(port, "/state.json")[2])["text"]
    assert get(port, "/index.html")[0] == 200
    done.write_text(whole)
    assert live.refresh()
    assert live.fault is None


def test_any_fault_is_told_and_the_watch_goes_on(store) -> None:
    faulty = [False]

    def added(rows: object) -> dict[str, list[object]]:
        if faulty[0]:
            raise KeyError("cost")
        return {}

    store.cell("random", order="r")
    store.plan()
    live = LiveReports(Store(store.path), None, added)
    before = live.edition
    finish(store)
    faulty[0] = True
    assert not live.refresh()
    assert live.fault == "KeyError: 'cost'"
    assert live.edition is before
    faulty[0] = False
    assert live.refresh()
    assert live.fault is None


def test_a_port_that_is_taken(port: int, live: LiveReports) -> None:
    with pytest.raises(ZsgError, match=rf"^port {port}: .*--port 0"), serving(live, port, every=60):
        pass


def test_the_page_shows_a_cell_that_finishes(live: LiveReports, store) -> None:
    from playwright import sync_api as playwright

    if not CHROMIUM.exists():
        pytest.skip("needs /usr/bin/chromium")
    faults: list[str] = []
    with playwright.sync_playwright() as tool, serving(live, 0, every=0.2) as url:
        browser = tool.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        board = page.frame_locator("#board")
        board.get_by_role("rowheader", name="random").first.wait_for()
        finish(store)
        board.get_by_role("rowheader", name="nft").first.wait_for(timeout=20_000)
        assert page.locator("#state").text_content() == "Live: 2 of 2 cells finished."
        browser.close()
    assert faults == []
