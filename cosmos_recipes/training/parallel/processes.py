"""What processes tell each other: sums and lists. Everything here also works in a single process."""

from __future__ import annotations

from typing import Any, TypeVar

import torch.distributed as dist
from torch import Tensor

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
