"""Processes that work on the same clips, each on a part of their tokens or of a network's matrices.

Everything here also works, and costs nothing, for a process that is alone.

Processes that split tokens hold whole weights, whose gradients FSDP2 averages over them. So `whole` and `total` have the
gradients of the sum of all processes' losses: all make the same loss, and the mean undoes their number. Processes that
split matrices hold parts of weights, and nothing is averaged over them: `copied` and `summed` have the gradients of one
loss, as f and g of Megatron-LM (arXiv 1909.08053, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Peers:
    """The processes of a `group`, of which this one is number `rank` of `size`."""

    group: Any = None
    rank: int = 0
    size: int = 1

    def own(self, whole: Tensor, dim: int) -> Tensor:
        """Return this process's part of a tensor that is cut evenly along a dimension."""
        return whole if self.size == 1 else whole.chunk(self.size, dim)[self.rank]

    def whole(self, part: Tensor, dim: int) -> Tensor:
        """Return the parts of all processes, put together along a dimension."""
        if self.size == 1:
            return part
        whole: Tensor = _apply(_Whole, part, dim, self.group)
        return whole

    def total(self, part: Tensor) -> Tensor:
        """Return the sum over the processes."""
        if self.size == 1:
            return part
        total: Tensor = _apply(_Total, part, self.group)
        return total

    def copied(self, same: Tensor) -> Tensor:
        """Return what all processes hold alike, before each goes on with its part of a matrix."""
        if self.size == 1:
            return same
        copied: Tensor = _apply(_Copied, same, self.group)
        return copied

    def summed(self, part: Tensor) -> Tensor:
        """Return the sum of what the processes made with their parts of a matrix."""
        if self.size == 1:
            return part
        summed: Tensor = _apply(_Summed, part, self.group)
        return summed


ALONE = Peers()
"""A process that shares its clips with no other."""


def _apply(function: Any, *arguments: Any) -> Any:
    # torch has no types for this.
    return function.apply(*arguments)


class _Whole(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, dim: int, group: Any) -> Tensor:
        ctx.dim, ctx.group = dim, group
        first = part.movedim(dim, 0).contiguous()
        whole = first.new_empty(dist.get_world_size(group) * len(first), *first.shape[1:])
        dist.all_gather_into_tensor(whole, first, group=group)
        return whole.movedim(0, dim)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        first = gradients[0].movedim(ctx.dim, 0).contiguous()
        part = first.new_empty(len(first) // dist.get_world_size(ctx.group), *first.shape[1:])
        dist.reduce_scatter_tensor(part, first, group=ctx.group)
        return part.movedim(0, ctx.dim), None, None


class _Copied(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, same: Tensor, group: Any) -> Tensor:
        ctx.group = group
        return same.view_as(same)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _summed(gradients[0], ctx.group), None


class _Summed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, group: Any) -> Tensor:
        return _summed(part, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0], None


class _Total(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, part: Tensor, group: Any) -> Tensor:
        ctx.group = group
        return _summed(part, group)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _summed(gradients[0], ctx.group), None


def _summed(part: Tensor, group: Any) -> Tensor:
    total = part.clone(memory_format=torch.contiguous_format)
    dist.all_reduce(total, group=group)
    return total
