"""Arrangements that end badly, each in one way."""

import os
import time

import numpy as np

from zsg_registry import Arrangement


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
        time.sleep(3600)


class Hoarding(Arrangement):
    """Wants more memory than there is."""

    def arrange(self, context):
        return np.ones((2**15, 2**15, context.budget)).argmax(axis=0)
