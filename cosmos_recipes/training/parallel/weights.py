"""Weights, gradients and optimizer state split over processes (FSDP2), block by block."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import CPUOffloadPolicy, FSDPModule, MixedPrecisionPolicy, OffloadPolicy, fully_shard

from cosmos_recipes.conditioning.views_network import CrossViewAttention


def split_weights(transformer: nn.Module, head: nn.Module, mesh: DeviceMesh, *, half: bool, offload: bool) -> None:
    """Split the weights of a network and its head; over a mesh of two dimensions, the first holds copies (HSDP).

    With `half`, blocks are gathered in bfloat16, which is what autocast makes of their matrices anyway, and gradients are
    summed in float32. What is around them stays in float32: time steps would lose their precision. With `offload`, parts
    wait in host memory, where the optimizer updates them.
    """
    on_gpu = mesh.device_type == "cuda"
    waiting = CPUOffloadPolicy(pin_memory=on_gpu) if offload else OffloadPolicy()
    exact = MixedPrecisionPolicy(reduce_dtype=torch.float32)
    halves = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32, cast_forward_inputs=False)
    split = partial(fully_shard, mesh=mesh, offload_policy=waiting)
    for block in _blocks(transformer, head):
        split(block, mp_policy=halves if half else exact)
    split(transformer, mp_policy=exact)
    if any(True for _ in head.parameters()):
        split(head, mp_policy=exact)


def reshard(model: nn.Module) -> None:
    """Give back the gathered weights of a sharded model, which a forward pass without a backward one leaves behind."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def _blocks(transformer: nn.Module, head: nn.Module) -> list[nn.Module]:
    # Attention across views is called by the blocks, long after its head.
    across = [module for module in head.modules() if isinstance(module, CrossViewAttention)]
    blocks: Any = transformer.get_submodule("transformer_blocks").children()
    return [*blocks, *across]
