"""A hook plugin that writes every event to a file, and one that raises."""

import time
from pathlib import Path

from zsg_registry import hookimpl


class EventLog:
    """Writes a line per event."""

    def __init__(self, path="events.txt", delay=0.0):
        self.path = Path(path)
        self.delay = float(delay)

    def write(self, event):
        time.sleep(self.delay)
        with self.path.open("a") as file:
            file.write(f"{type(event).__name__} {event.event_id} v{event.version}\n")

    @hookimpl
    def zsg_plan_created(self, event):
        self.write(event)

    @hookimpl
    def zsg_cell_started(self, event):
        self.write(event)

    @hookimpl
    def zsg_step_evaluated(self, event):
        assert event.scores["loss"] > 0
        self.write(event)

    @hookimpl
    def zsg_cell_finished(self, event):
        self.write(event)

    @hookimpl
    def zsg_cell_failed(self, event):
        self.write(event)

    @hookimpl
    def zsg_matrix_finished(self, event):
        self.write(event)

    @hookimpl
    def zsg_leaderboard_written(self, event):
        assert (Path(event.folder) / "index.html").is_file()
        self.write(event)


class Raising:
    """Raises at every chance."""

    @hookimpl
    def zsg_cell_finished(self, event):
        raise RuntimeError("a hook's own fault")
