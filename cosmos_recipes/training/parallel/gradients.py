"""The norm of all gradients, over all processes that hold parts of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.tensor import DTensor


@torch.no_grad()
def clip_gradients(parameters: Sequence[nn.Parameter], largest: float) -> Tensor:
    """Scale gradients down to a norm of `largest`, and return the norm that they had.

    DTensors of different meshes, such as the gradients of whole and of split matrices, cannot be reckoned with together.
    So each process sums up its own parts, each divided by the number of its copies, and one sum over all processes follows.
    """
    gradients: list[Any] = [parameter.grad for parameter in parameters if parameter.grad is not None]
    own = [gradient.to_local() if isinstance(gradient, DTensor) else gradient for gradient in gradients]
    parts = any(isinstance(gradient, DTensor) for gradient in gradients)
    norm = _norm_of_parts(gradients, own) if parts else nn.utils.get_total_norm(own)
    scale = (largest / (norm + 1e-6)).clamp(max=1.0)
    torch._foreach_mul_(own, scale)
    return norm


def _norm_of_parts(gradients: Sequence[Any], own: Sequence[Tensor]) -> Tensor:
    alike: dict[int, list[Tensor]] = {}
    for gradient, part in zip(gradients, own, strict=True):
        alike.setdefault(_copies(gradient), []).append(part)
    squares = [nn.utils.get_total_norm(parts).square() / copies for copies, parts in alike.items()]
    total = torch.stack(squares).sum()
    dist.all_reduce(total)
    return total.sqrt()


def _copies(gradient: Any) -> int:
    """Return how many processes hold the same part of a gradient."""
    world = dist.get_world_size()
    if not isinstance(gradient, DTensor):
        return world
    parts = zip(gradient.placements, gradient.device_mesh.shape, strict=True)
    return world // prod(size for placement, size in parts if not placement.is_replicate())
