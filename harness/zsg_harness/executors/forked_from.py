"""Importing this module makes a process the one that others are forked from: multiprocessing's server imports it.

It imports what takes long and every cell needs, and nothing that begins threads, as pyarrow does, or asks for GPUs. It
lives as long as its run does: Ctrl-C is the run's affair, and its own end, which the kernel sees to when the run ends,
is that of its forks.
"""

from __future__ import annotations

import gc
import signal
from contextlib import suppress
from importlib import import_module

from zsg_harness.executors.process import end_with_parent

for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
end_with_parent()
gc.disable()
with suppress(Exception):  # whoever needs what cannot be imported says so
    for name in ("auto.tokenization_auto", "auto.modeling_auto", "llama.modeling_llama"):
        import_module(f"transformers.models.{name}")
gc.freeze()  # a fork's garbage collection leaves the shared memory shared
gc.enable()
