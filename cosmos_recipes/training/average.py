"""An exponential moving average of the weights that train."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Average(nn.Module):
    """A second copy of the trainable weights, part of the checkpoint.

    The decay rises to its final value over the first steps, so that a short run is not an average with its start.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__()
        self.decay = decay
        copies = [parameter.detach().clone() for parameter in _trainable(model)]
        self.weights = nn.ParameterList(nn.Parameter(copy, requires_grad=False) for copy in copies)

    def decay_at(self, step: int) -> float:
        """Return the decay after `step` updates."""
        return min(self.decay, (1 + step) / (10 + step))

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Move towards the weights of `model`; `step` counts updates from 0."""
        average = get_ema_multi_avg_fn(self.decay_at(step))
        average(*(list(map(_own, each)) for each in (self.weights, _trainable(model))), step)

    @contextmanager
    def in_place(self, model: nn.Module) -> Iterator[None]:
        """Give `model` the averaged weights inside the block, and its own again after it."""
        own: list[Tensor] = [parameter.detach().clone() for parameter in _trainable(model)]
        self.copy_to(model)
        try:
            yield
        finally:
            _copy(own, model)

    def copy_to(self, model: nn.Module) -> None:
        """Give `model` the averaged weights."""
        _copy(list(self.weights), model)


def _own(weight: Tensor) -> Tensor:
    """Return this process's part of a weight: parts of different meshes cannot be reckoned with together."""
    return weight.to_local() if isinstance(weight, DTensor) else weight


def _trainable(model: nn.Module) -> Iterator[nn.Parameter]:
    return (parameter for parameter in model.parameters() if parameter.requires_grad)


@torch.no_grad()
def _copy(source: list[Tensor], model: nn.Module) -> None:
    for parameter, value in zip(_trainable(model), source, strict=True):
        parameter.copy_(value)
