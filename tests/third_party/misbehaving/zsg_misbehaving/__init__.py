"""Arrangements that break the contract, each in one way."""

import os
import time

from zsg_registry import Arrangement


class OutOfRange(Arrangement):
    """Returns a position that the pool does not have."""

    def arrange(self, context):
        return [*range(1, context.budget), len(context.pool)]


class Repeating(Arrangement):
    """Returns a position twice."""

    def arrange(self, context):
        return [0, *range(context.budget - 1)]


class TooFew(Arrangement):
    """Returns less than the budget."""

    def arrange(self, context):
        return list(range(context.budget - 1))


class Peeking(Arrangement):
    """Looks at the query without having declared it."""

    def arrange(self, context):
        return range(len(context.query))


class Raising(Arrangement):
    """Raises an error of its own."""

    def arrange(self, context):
        raise KeyError("no such thing")


class Crashing(Arrangement):
    """Ends its process."""

    def arrange(self, context):
        os._exit(3)


class Hanging(Arrangement):
    """Never ends."""

    def arrange(self, context):
        while True:
            time.sleep(60)
