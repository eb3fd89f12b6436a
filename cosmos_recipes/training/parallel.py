"""What processes share: sums, lists and sharded weights. Everything here also works in a single process."""

from __future__ import annotations

from typing import Any, TypeVar

import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict
from torch.distributed.fsdp import FSDPModule, fully_shard

T = TypeVar("T")


def total(value: Tensor) -> Tensor:
    """Return the sum of a tensor over the processes."""
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(value)
    return value


def gather(value: T) -> list[T]:
    """Return the value of every process, by rank."""
    if not (dist.is_available() and dist.is_initialized()):
        return [value]
    values: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return values


def shard(transformer: nn.Module, head: nn.Module, mesh: Any) -> None:
    """Split weights, gradients and optimizer state over the processes of a mesh (FSDP2), block by block.

    Weights are gathered in fp32 and cast by autocast: time steps would lose their precision in bf16.
    """
    for block in transformer.get_submodule("transformer_blocks").children():
        fully_shard(block, mesh=mesh)
    fully_shard(transformer, mesh=mesh)
    if any(True for _ in head.parameters()):
        fully_shard(head, mesh=mesh)


def reshard(model: nn.Module) -> None:
    """Give back the gathered weights of a sharded model, which a forward pass without a backward one leaves behind."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


def whole_state(model: nn.Module) -> dict[str, Any] | None:
    """Return the whole state of a sharded model, on the CPU of rank 0 and empty elsewhere; None if it is not sharded."""
    if not any(isinstance(module, FSDPModule) for module in model.modules()):
        return None
    return get_model_state_dict(model, options=StateDictOptions(full_state_dict=True, cpu_offload=True))
