"""A leaderboard on this machine's own address, for the browser next to a running matrix."""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

from markupsafe import Markup

from zsg_harness.publishing.live import LiveReports
from zsg_harness.templates import templates
from zsg_registry import ZsgError

LOOPBACK: Final = "127.0.0.1"
_NAMES: Final = (LOOPBACK, "localhost")
_TYPES: Final = {".md": "text/markdown", ".tex": "text/plain", ".parquet": "application/vnd.apache.parquet"}
_WATCHER: Final = """"use strict";
const state = document.getElementById("state");
const board = document.getElementById("board");
let version = document.body.dataset.version;
async function look() {
  try {
    const now = await (await fetch("state.json")).json();
    state.textContent = now.text;
    if (now.version !== version) {
      version = now.version;
      const top = board.contentWindow.scrollY;
      board.addEventListener("load", () => board.contentWindow.scrollTo(0, top), { once: true });
      board.contentWindow.location.reload();
    }
  } catch {
    state.textContent = "Not live any more: the command that served this page has ended.";
  }
  setTimeout(look, 2000);
}
look();
"""
_DIGEST: Final = base64.b64encode(hashlib.sha256(_WATCHER.encode()).digest()).decode()
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'sha256-{_DIGEST}'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "connect-src 'self'",
        "frame-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@contextmanager
def serving(live: LiveReports, port: int, every: float) -> Iterator[str]:
    """Serve reports while the block lasts, from threads of their own.

    Args:
        live: The reports.
        port: Where to listen; 0 for any port that is free.
        every: Seconds after which the store is looked at again.

    Yields:
        The address.

    Raises:
        ZsgError: The port is taken.
    """
    try:
        server = ThreadingHTTPServer((LOOPBACK, port), partial(_Handler, live))
    except OSError as error:
        raise ZsgError(f"port {port}: {error.strerror or error} (--port 0 takes any that is free)") from None
    watcher = Thread(target=live.watch, args=(every,), daemon=True)
    server_thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    watcher.start()
    server_thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_port}/"
    finally:
        live.end()
        server.shutdown()
        server.server_close()
        watcher.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers with files that are in memory: no path of a request ever meets the disk."""

    protocol_version = "HTTP/1.1"
    server_version = "zsg-harness"
    sys_version = ""

    def __init__(self, live: LiveReports, *args: Any) -> None:
        self._live = live
        super().__init__(*args)

    def do_GET(self) -> None:
        """Answer with a report, the page around it, or its state."""
        if not self._is_meant():
            # Else a page from elsewhere could read this one under a name of its own that leads here (DNS rebinding).
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, b"only for this machine\n", "text/plain")
            return
        path = self.path.partition("?")[0]
        edition = self._live.edition
        name = path.removeprefix("/")
        if not name:
            self._answer(HTTPStatus.OK, self._frame(), "text/html", _POLICY)
        elif name == "state.json":
            self._answer(HTTPStatus.OK, json.dumps({"version": edition.version, "text": self._told()}).encode(),
                         "application/json")  # fmt: skip
        elif name in edition.files:
            self._answer(HTTPStatus.OK, edition.files[name], _type(name), "frame-ancestors 'self'")
        else:
            self._answer(HTTPStatus.NOT_FOUND, b"there is no such report\n", "text/plain")

    do_HEAD = do_GET  # noqa: N815 - the base class's name

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the terminal is the user's."""

    def _is_meant(self) -> bool:
        port = self.connection.getsockname()[1]
        return self.headers.get("Host") in {f"{name}:{port}" for name in _NAMES}

    def _told(self) -> str:
        fault = self._live.fault
        return f"Live: {self._live.edition.state}." + (f" The newest could not be read: {fault}" if fault else "")

    def _frame(self) -> bytes:
        page = templates("zsg_harness.publishing").get_template("live.html.j2")
        edition = self._live.edition
        return page.render(state=self._told(), version=edition.version, script=Markup(_WATCHER)).encode()

    def _answer(self, status: HTTPStatus, body: bytes, kind: str, policy: str = "default-src 'none'") -> None:
        tag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if status is HTTPStatus.OK and self.headers.get("If-None-Match") == tag:
            status, body = HTTPStatus.NOT_MODIFIED, b""
        self.send_response(status)
        self.send_header("ETag", tag)
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Content-Security-Policy", policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        if status is not HTTPStatus.NOT_MODIFIED:
            self.send_header("Content-Type", f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _type(name: str) -> str:
    suffix = name[name.rfind(".") :]
    return _TYPES.get(suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
