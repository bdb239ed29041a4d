"""A training that was cut short goes on where it was: its state in the store, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from zsg_harness.store.formats import json_bytes, json_object, parquet_bytes, parquet_table
from zsg_harness.store.store import CHECKPOINT, CHECKPOINT_LAST, Store
from zsg_harness.training.loop import Trainer
from zsg_harness.training.random_state import restore_torch, torch_generators
from zsg_harness.training.world import World

_STATE: Final = "state.safetensors"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is kept beside the trainer's state.

    Attributes:
        facts: Plain data.
        tables: By name.
    """

    facts: Mapping[str, Any]
    tables: Mapping[str, pa.Table]


class Checkpoints:
    """The checkpoints of one cell, of which the newest is kept: safetensors, JSON and Parquet in a folder each."""

    def __init__(self, store: Store, cell_id: str, world: World) -> None:
        self._store = store
        self._files = store.files
        self._cell = f"cells/{cell_id}"
        self._world = world

    def save(self, trainer: Trainer, kept: Checkpoint) -> None:
        """Save the state after the trainer's last step, and drop older ones. Every process calls this."""
        tensors, plain = trainer.state()
        generators = self._world.gather(torch_generators())
        if not self._world.is_first:
            return
        from safetensors.torch import save_file

        place = f"{self._cell}/{CHECKPOINT}{trainer.done}"
        older = [checkpoint for checkpoint in self._all() if checkpoint != place]
        self._files.unlink(f"{place}/{CHECKPOINT_LAST}")
        for rank, states in enumerate(generators):
            tensors |= {f"generator.{rank}.{name}": state for name, state in states.items()}
        with self._store.making("checkpoint") as folder:
            save_file(tensors, folder / _STATE)
            self._files.put(folder / _STATE, f"{place}/{_STATE}")
        for name, table in kept.tables.items():
            self._files.write(f"{place}/{name}.parquet", parquet_bytes(table))
        self._files.write(f"{place}/{CHECKPOINT_LAST}", json_bytes({"trainer": plain, "facts": kept.facts}))
        for checkpoint in older:
            self._files.remove(checkpoint)

    def load(self, trainer: Trainer) -> Checkpoint | None:
        """Bring a new trainer into the newest state, and give what was kept with it; None if there is none."""
        place: str | None = self._world.agree(self._newest())
        if place is None:
            return None
        from safetensors.torch import load_file

        with self._store.making("resumed") as scratch:
            tensors = load_file(self._files.fetch(f"{place}/{_STATE}", scratch))
        document = json_object(self._files.read(f"{place}/{CHECKPOINT_LAST}"), place)
        own = f"generator.{self._world.rank}."
        restore_torch({name.removeprefix(own): tensors[name] for name in tensors if name.startswith(own)})
        trainer.restore(tensors, document["trainer"])
        names = [name.removesuffix(".parquet") for name in self._files.names(place) if name.endswith(".parquet")]
        tables = {name: parquet_table(self._files.read(f"{place}/{name}.parquet"), f"{place}/{name}") for name in names}
        return Checkpoint(document["facts"], tables)

    def clear(self) -> None:
        """Remove all of them: the cell is through."""
        for checkpoint in self._all():
            self._files.remove(checkpoint)

    def _all(self) -> list[str]:
        """The folders of all checkpoints, the newest last."""
        names = [name for name in self._files.folders(self._cell) if name.startswith(CHECKPOINT)]
        return [f"{self._cell}/{name}" for name in sorted(names, key=_step_of)]

    def _newest(self) -> str | None:
        whole = [checkpoint for checkpoint in self._all() if self._files.exists(f"{checkpoint}/{CHECKPOINT_LAST}")]
        return whole[-1] if whole else None


def _step_of(name: str) -> int:
    return int(name.removeprefix(CHECKPOINT))
