"""Hook plugins that add columns to the leaderboard: one that does it well, one that does it badly."""

import time

from zsg_registry import hookimpl


class Price:
    """Says what the tokens cost."""

    def __init__(self, per_token=1.0, currency="EUR"):
        self.per_token = per_token
        self.currency = currency

    @hookimpl
    def zsg_leaderboard_columns(self, results):
        prices = [self.per_token * row["tokens_final"] for row in results]
        return {f"price <b>{self.currency}</b>": prices, "paid by": ["<i>us</i>"] * len(results)}


class Bad:
    """Holds up everybody who waits for it, and adds what cannot be shown."""

    @hookimpl
    def zsg_plan_created(self, event):
        time.sleep(1)

    @hookimpl
    def zsg_leaderboard_columns(self, results):
        return {
            "short": [1.0] * (len(results) + 1),
            "endless": [float("inf")] * len(results),
            "nested": [[1]] * len(results),
            "aulc": [0.0] * len(results),
            "fine": [None, *range(1, len(results))],
        }
