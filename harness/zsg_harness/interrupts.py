"""Ctrl-C: the first asks for an end that keeps everything, the second ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
"""SIGTERM is what a cluster sends before it takes a machine away."""


class Interrupts:
    """Listens for Ctrl-C and SIGTERM while the block lasts, in the main thread; in others it hears nothing.

    Attributes:
        asked: Whether there was one.
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self.asked = False
        self._on_first = on_first
        self._usual: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            self._usual = {number: signal.signal(number, self._heard) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, usual in self._usual.items():
            signal.signal(number, usual)

    def __call__(self) -> bool:
        """Whether there was one."""
        return self.asked

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._on_first()
