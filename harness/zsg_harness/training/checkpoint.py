"""A training that was cut short goes on where it was: its state on disk, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from zsg_harness.store.atomic import write_bytes
from zsg_harness.store.store import parquet_bytes, read_json, read_parquet
from zsg_harness.training.loop import Trainer
from zsg_harness.training.random_state import restore_torch, torch_generators
from zsg_harness.training.world import World

_PREFIX: Final = "checkpoint-"


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
    """The checkpoints of one cell, of which the newest is kept.

    A checkpoint is a folder that is renamed into place when all of it is on disk: safetensors, JSON and Parquet.
    """

    def __init__(self, folder: Path, world: World) -> None:
        self._folder = folder
        self._world = world

    def save(self, trainer: Trainer, kept: Checkpoint) -> None:
        """Save the state after the trainer's last step, and drop older ones. Every process calls this."""
        tensors, plain = trainer.state()
        generators = self._world.gather(torch_generators())
        if not self._world.is_first:
            return
        from safetensors.torch import save_file

        ready = self._folder / f".{_PREFIX}{trainer.done}-{os.getpid()}"
        shutil.rmtree(ready, ignore_errors=True)
        for rank, states in enumerate(generators):
            tensors |= {f"generator.{rank}.{name}": state for name, state in states.items()}
        ready.mkdir(parents=True)
        save_file(tensors, ready / "state.safetensors")
        with (ready / "state.safetensors").open("rb") as file:
            os.fsync(file.fileno())
        document = {"trainer": plain, "facts": kept.facts}
        write_bytes(ready / "state.json", json.dumps(document).encode())
        for name, table in kept.tables.items():
            write_bytes(ready / f"{name}.parquet", parquet_bytes(table))
        place = self._folder / f"{_PREFIX}{trainer.done}"
        older = [path for path in self._found() if path != place]
        shutil.rmtree(place, ignore_errors=True)
        ready.rename(place)
        for path in older:
            shutil.rmtree(path, ignore_errors=True)

    def load(self, trainer: Trainer) -> Checkpoint | None:
        """Bring a new trainer into the newest state, and give what was kept with it; None if there is none."""
        found = self._world.agree(max(self._found(), key=_step_of, default=None))
        if found is None:
            return None
        from safetensors.torch import load_file

        tensors = load_file(found / "state.safetensors")
        document = read_json(found / "state.json")
        own = f"generator.{self._world.rank}."
        restore_torch({name.removeprefix(own): tensors[name] for name in tensors if name.startswith(own)})
        trainer.restore(tensors, document["trainer"])
        tables = {path.stem: read_parquet(path) for path in found.glob("*.parquet")}
        return Checkpoint(document["facts"], tables)

    def clear(self) -> None:
        """Remove all of them: the cell is through."""
        for path in [*self._found(), *self._folder.glob(f".{_PREFIX}*")]:
            shutil.rmtree(path, ignore_errors=True)

    def _found(self) -> list[Path]:
        return [path for path in self._folder.glob(f"{_PREFIX}*") if path.is_dir()]


def _step_of(path: Path) -> int:
    return int(path.name.removeprefix(_PREFIX))
