"""Checkpoints that fit any number of processes and every way of sharing: tensors by name, each as a whole.

Every process writes its parts (torch.distributed.checkpoint), and each reads what it needs of all parts, whoever wrote
them. Weights are `model.NAME`, and what an optimizer keeps of them `optimizer.NAME.WHAT`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.checkpoint.filesystem import FileSystemReader
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.distributed.tensor import DTensor

MODEL, OPTIMIZER = "model.", "optimizer."


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return the tensors of a model's state."""
    return {MODEL + name: value for name, value in model.state_dict().items()}


def optimizer_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return what an optimizer keeps of the parameters of a model."""
    return {
        f"{OPTIMIZER}{name}.{what}": value
        for name, parameter in model.named_parameters()
        for what, value in optimizer.state.get(parameter, {}).items()
    }


def copied(tensors: Mapping[str, Tensor], *, leads: bool) -> dict[str, Tensor]:
    """Return copies in host memory of what this process has to write: its parts, and, if it `leads`, what all have."""
    return {
        name: value.detach().to("cpu", copy=True)
        for name, value in tensors.items()
        if leads or isinstance(value, DTensor)
    }


def write(tensors: Mapping[str, Tensor], folder: Path, group: dist.ProcessGroup | None = None) -> None:
    """Write tensors; every process must call this. Another thread than the one that trains needs a `group` of its own."""
    save(dict(tensors), checkpoint_id=folder, process_group=group, no_dist=_alone())


@torch.no_grad()
def read_model(model: nn.Module, folder: Path) -> None:
    """Read the tensors of a model's state in place; every process must call this."""
    _read(model_tensors(model), folder)


@torch.no_grad()
def read_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, folder: Path) -> None:
    """Read what an optimizer kept; every process must call this."""
    stored = FileSystemReader(folder).read_metadata().state_dict_metadata
    tensors: dict[str, Tensor] = {}
    for name, parameter in model.named_parameters():
        prefix = f"{OPTIMIZER}{name}."
        kept = {key.removeprefix(prefix): _room(stored[key], parameter) for key in stored if key.startswith(prefix)}
        if kept:
            optimizer.state[parameter] = kept
            tensors |= {prefix + what: value for what, value in kept.items()}
    _read(tensors, folder)


def _room(stored: Any, parameter: Tensor) -> Tensor:
    """Return room for a stored tensor: split as the parameter is, if it has its shape."""
    like = parameter.detach() if stored.size == parameter.shape else None
    if like is not None:
        return torch.zeros_like(like, dtype=stored.properties.dtype)
    return torch.zeros(stored.size, dtype=stored.properties.dtype, device=parameter.device)


def _read(tensors: dict[str, Tensor], folder: Path) -> None:
    load(tensors, checkpoint_id=folder, no_dist=_alone())


def _alone() -> bool:
    return not dist.is_initialized()
