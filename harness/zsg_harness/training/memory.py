"""How much goes through a model at once: less, when memory runs out."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Final, TypeVar

import torch

from zsg_registry import ZsgError

_LEAST: Final = 64
_SIGNS: Final = ("can't allocate memory", "out of memory", "not enough memory", "bad_alloc", "STATUS_ALLOC_FAILED")
"""What libraries say in errors that have no class of their own."""

_Result = TypeVar("_Result")


class MemoryBudget:
    """Tokens per forward pass.

    Attributes:
        tokens: How many they may be now.
        halvings: How often memory ran out.
    """

    def __init__(self, tokens: int, *, fixed: bool = False) -> None:
        """Begin with some tokens; `fixed` where one process of several cannot begin anew."""
        self.tokens = tokens
        self.halvings = 0
        self._fixed = fixed

    def run(self, work: Callable[[int], _Result]) -> _Result:
        """Do something with the budget, and from the beginning with half of it where memory runs out.

        Raises:
            ZsgError: Even the least budget is too much.
        """
        while True:
            try:
                return work(self.tokens)
            except (RuntimeError, MemoryError) as error:
                if self._fixed or not _is_out_of_memory(error):
                    raise
                if self.tokens <= _LEAST:
                    raise ZsgError(f"out of memory with {self.tokens} tokens at a time: {_first_line(error)}") from None
            # Behind the handler, where the failed attempt's tensors are no longer held by its traceback.
            self.tokens = max(self.tokens // 2, _LEAST)
            self.halvings += 1
            gc.collect()
            if torch.cuda.is_available():
                torch.cuda.empty_cache()


def _is_out_of_memory(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(sign in str(error) for sign in _SIGNS)


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).partition("\n")[0][:200]
