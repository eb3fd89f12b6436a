"""If these fail, a block that is compiled or computed again is another block, or keeps what it should not."""

from __future__ import annotations

from typing import Any

import cells
import pytest
import torch

from cosmos_recipes.compiler.plan import Recompute
from cosmos_recipes.training.parallel.blocks import prepare_blocks

FAMILIES = ("diffusion", "autoregressive")


def kept_bytes(family: str, recompute: Recompute) -> int:
    """Return what a forward pass keeps for the backward one, weights apart."""
    plan = cells.Cell(family=family, head="text", way="shard", hardware={"recompute": recompute}).plan()
    model, sizes = cells.model_of(plan), {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        if not isinstance(tensor, torch.nn.Parameter):
            sizes[tensor.untyped_storage().data_ptr()] = (tensor.untyped_storage().nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        control: Any = model.collate(cells.rows())
        model.losses(cells.latents(plan), control, seed=0, step=0, samples=range(cells.CLIPS))
    return sum(size for size, _ in sizes.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_less_is_kept_the_more_is_recomputed(family: str) -> None:
    none, full = kept_bytes(family, "none"), kept_bytes(family, "full")
    assert full < none / 2


@pytest.mark.parametrize(("family", "recompute"), [("diffusion", "selective"), ("autoregressive", "full")])
def test_compiled_blocks_have_the_losses_of_others(family: str, recompute: Recompute) -> None:
    plan = cells.Cell(family=family, head="text", way="shard").plan()
    plain, compiled = cells.model_of(plan), cells.model_of(plan)
    prepare_blocks(compiled.transformer.transformer_blocks, recompute=recompute, compiles=True)
    expected, found = (cells.train(plan, None, model)["losses"] for model in (plain, compiled))
    assert found == pytest.approx(expected, rel=2e-6)
