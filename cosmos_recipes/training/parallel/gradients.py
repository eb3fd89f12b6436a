"""The norm of all gradients, over all processes that hold parts of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor


@torch.no_grad()
def clip_gradients(parameters: Iterable[nn.Parameter], largest: float) -> Tensor:
    """Scale gradients down to a norm of `largest`, and return the norm that they had.

    Gradients that lie on different meshes, as those of whole and of split matrices do, cannot be reckoned with together.
    """
    meshes: dict[Any, list[nn.Parameter]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            meshes.setdefault(getattr(parameter.grad, "device_mesh", None), []).append(parameter)
    norms = [_whole(nn.utils.get_total_norm([each.grad for each in alike])) for alike in meshes.values()]
    norm = norms[0] if len(norms) == 1 else torch.stack(norms).norm()
    for alike in meshes.values():
        nn.utils.clip_grads_with_norm_(alike, largest, norm)
    return norm


def _whole(norm: Tensor) -> Tensor:
    return norm.full_tensor() if isinstance(norm, DTensor) else norm
