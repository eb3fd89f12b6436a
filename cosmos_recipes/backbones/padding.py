"""The padding mask of the released networks, where torchvision is not installed.

diffusers resizes that mask with two names of torchvision, which it imports if it can. A CPU machine has no torchvision,
and needs none for this: the names are filled in.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from diffusers.models.transformers import transformer_cosmos
from torch import Tensor
from torch.nn.functional import interpolate


def provide_resize() -> None:
    """Let diffusers' network resize padding masks, with or without torchvision."""
    library: Any = transformer_cosmos
    if not hasattr(library, "transforms"):
        library.transforms = SimpleNamespace(
            functional=SimpleNamespace(resize=_resize), InterpolationMode=SimpleNamespace(NEAREST="nearest")
        )


def _resize(mask_BCHW: Tensor, size: list[int], *, interpolation: str) -> Tensor:
    return interpolate(mask_BCHW, size=size, mode=interpolation)
