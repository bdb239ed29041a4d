"""A hook plugin that keeps its promises, and others that break one each."""

import time

from zsg_registry import hookimpl


class Sound:
    """Counts cells, and adds a column."""

    def __init__(self, unit="s"):
        self.unit = unit
        self.seen = set()

    @hookimpl
    def zsg_cell_finished(self, event):
        self.seen.add(event.event_id)

    @hookimpl
    def zsg_leaderboard_columns(self, results):
        return {f"double {self.unit}": [2 * row["steps"] for row in results]}


class NoHelp(Sound):
    __doc__ = None


class Misspelt(Sound):
    """Has a hook that there is not."""

    @hookimpl
    def zsg_cell_ended(self, event):
        pass


class Unmarked(Sound):
    """Forgot to mark a hook."""

    def zsg_cell_started(self, event):
        pass


class OtherArguments(Sound):
    """Takes what no hook is given."""

    @hookimpl
    def zsg_cell_started(self, cell):
        pass


class NamelessSettings(Sound):
    """Has settings that nobody can name."""

    def __init__(self, *units):
        super().__init__()


class Raising(Sound):
    """Takes it that every cell has an embedder."""

    @hookimpl
    def zsg_cell_started(self, event):
        event.labels["embedder"].upper()


class Changing(Sound):
    """Adds to the event's scores."""

    @hookimpl
    def zsg_step_evaluated(self, event):
        event.scores["mine"] = 1.0


class Reassigning(Sound):
    """Sets a field of the event."""

    @hookimpl
    def zsg_step_evaluated(self, event):
        event.step = 0


class OnlyOnce(Sound):
    """Does not expect an event again."""

    @hookimpl
    def zsg_cell_failed(self, event):
        if event.event_id in self.seen:
            raise ValueError(event.event_id)
        self.seen.add(event.event_id)


class Slow(Sound):
    """Takes its time."""

    @hookimpl
    def zsg_matrix_finished(self, event):
        time.sleep(1.02)


class ShortColumn(Sound):
    """Has no value for the last row."""

    @hookimpl
    def zsg_leaderboard_columns(self, results):
        return {"short": [1] * (len(results) - 1)}


class ChangesRows(Sound):
    """Puts its column into the rows."""

    @hookimpl
    def zsg_leaderboard_columns(self, results):
        for row in results:
            row["mine"] = 1
        return {}
