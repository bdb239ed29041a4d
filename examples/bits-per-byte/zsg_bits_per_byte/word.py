"""A hook that sends word."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

from zsg_registry import hookimpl
from zsg_registry.hooks import CellFailed, Event, MatrixFinished


class WordSent:
    """Sends word when a matrix is done and when a cell fails: a line of JSON, to a file or to a chat's webhook.

    An event may come twice, after a run that was killed: what was sent is not sent again by this process, and the id in
    each message tells the others.
    """

    api_version = 1
    examples = ("word-sent[to=/dev/null]",)

    def __init__(self, to: str, timeout: float = 5.0) -> None:
        """Take a file's path, or an https URL that takes `{"text": …}` (Slack, Mattermost and others do).

        Write a URL with a key in it as `to = "${CHAT_WEBHOOK}"`: the store keeps what the matrix file says.
        """
        if to.startswith("http://"):
            raise ValueError("word is sent to a file or an https URL, not over plain http")
        self.to = to
        self.timeout = timeout
        self._sent: set[str] = set()

    @hookimpl
    def zsg_cell_failed(self, event: CellFailed) -> None:
        """Say which cell failed, and why."""
        self._send(event, f"{event.labels['arrangement']} failed: {event.reason}")

    @hookimpl
    def zsg_matrix_finished(self, event: MatrixFinished) -> None:
        """Say how all cells ended."""
        ended = ", ".join(f"{count} {state}" for state, count in sorted(event.cells.items()) if count)
        self._send(event, f"{event.matrix} is done: {ended}")

    def _send(self, event: Event, text: str) -> None:
        if event.event_id in self._sent:
            return
        line = json.dumps({"text": text, "event_id": event.event_id}, ensure_ascii=False)
        if self.to.startswith("https://"):
            request = urllib.request.Request(self.to, line.encode(), {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=self.timeout).close()
        else:
            with Path(self.to).open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        self._sent.add(event.event_id)  # behind the sending: what failed is tried again when it is told again
