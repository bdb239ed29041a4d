"""Models whose weights several processes share out (FSDP), for those that do not fit one device.

Zhao et al., "PyTorch FSDP" (arXiv 2304.11277), by torch's `fully_shard`, which is what accelerate calls as well; but
accelerate does not on CPUs, where it can be tested.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.distributed.tensor import DTensor, distribute_tensor

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.training.world import World


def shard(lm: CausalLM, world: World) -> None:
    """Leave each process a part of every weight, gathered layer by layer as a forward or backward pass needs it.

    From then on every pass is one of all processes: each must make as many as the others. Gradients are averaged over
    processes as they come.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

    mesh = init_device_mesh(lm.device.type, (world.size,))
    layers = set(lm.model._no_split_modules or ())
    for module in lm.model.modules():
        if type(module).__name__ in layers:
            fully_shard(module, mesh=mesh)
    register_fsdp_forward_method(fully_shard(lm.model, mesh=mesh), "generate")
    lm.sharded = True


def whole(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor with all its parts. Of a sharded one, every process must ask."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def parted_like(tensor: torch.Tensor, example: torch.Tensor) -> torch.Tensor:
    """A whole tensor in parts like those of another one of its shape; as it is where that is not sharded."""
    if not isinstance(example, DTensor) or tensor.shape != example.shape:
        return tensor
    return distribute_tensor(tensor.to(example.device), example.device_mesh, example.placements)


def whole_weights(model: Any) -> dict[str, torch.Tensor]:
    """The state dict of a model, sharded or not, with tied weights once. Every process must ask."""
    named: dict[int, str] = {}
    weights = model.state_dict(keep_vars=True)
    return {
        name: whole(tensor.detach()) for name, tensor in weights.items() if named.setdefault(id(tensor), name) == name
    }
