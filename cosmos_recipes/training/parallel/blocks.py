"""What each block of a network keeps of a forward pass for the backward one, and whether it is compiled."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

from cosmos_recipes.compiler.plan import Recompute

_ATEN: Any = torch.ops.aten
ATTENTIONS = (
    _ATEN._scaled_dot_product_flash_attention.default,
    _ATEN._scaled_dot_product_efficient_attention.default,
    _ATEN._scaled_dot_product_cudnn_attention.default,
    _ATEN._scaled_dot_product_flash_attention_for_cpu.default,
)
PRODUCTS = (_ATEN.mm.default, _ATEN.addmm.default)
CHEAP = 8
"""A matrix product is made again if it is so many times wider than what it sums over, as that of a low rank is."""


def prepare_blocks(blocks: nn.Module, *, recompute: Recompute, compiles: bool) -> None:
    """Let blocks compute activations again in the backward pass, and compile them; before their weights are split."""
    for block in blocks.children():
        if recompute != "none":
            contexts: Any = {"context_fn": _kept} if recompute == "selective" else {}
            # Nothing in a block is drawn at random.
            again: Any = partial(checkpoint, use_reentrant=False, preserve_rng_state=False, **contexts)
            block.forward = partial(again, block.forward)
        if compiles:
            block.forward = torch.compile(block.forward)


def _kept() -> Any:
    return create_selective_checkpoint_contexts(_policy)


def _policy(_: Any, operation: Any, *arguments: Any, **__: Any) -> CheckpointPolicy:
    """Keep what is dear to make: the results of attention and of matrix products."""
    kept = operation in ATTENTIONS
    if operation in PRODUCTS:
        inner, wide = arguments[-1].shape
        kept = wide <= CHEAP * inner
    return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE
