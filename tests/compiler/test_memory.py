"""The memory that the compiler reckons is what torch holds, at the width of Predict2-2B, however the work is shared."""

from __future__ import annotations

from typing import Any

import pytest

from cosmos_recipes.backbones.zoo import ZooEntry, backbone
from cosmos_recipes.compiler.memory import LIBRARIES_BYTES, Work, activations, memory
from cosmos_recipes.compiler.ways import Way
from cosmos_recipes.recipe.spec import Train
from tests.compiler.live import held_in_a_step

GRID = (24, 60, 80)
TOKENS = 24 * 30 * 40
LORA = {"lora": {"rank": 16}}


def narrow(layers: int) -> ZooEntry:
    """Return Predict2-2B with fewer blocks: its own, each of which is like the others."""
    entry = backbone("predict2-2b")
    return entry.model_copy(update={"architecture": entry.architecture.model_copy(update={"num_layers": layers})})


def work(layers: int, *, method: Any = "full", timed: bool = True, precision: Any = "bf16") -> Work:
    train = Train(steps=1, global_batch=1, precision=precision, method=method)
    return Work(backbone=narrow(layers), train=train, tokens=TOKENS, timed=timed)


@pytest.mark.parametrize(
    ("sharing", "settings"),
    [
        ({"recompute": "none"}, {}),
        ({"recompute": "none"}, {"timed": False}),
        ({"recompute": "none"}, {"precision": "fp32"}),
        ({"recompute": "none"}, {"method": LORA}),
        ({"recompute": "selective"}, {}),
        ({"recompute": "selective"}, {"method": LORA}),
        ({"recompute": "full"}, {}),
        ({"recompute": "full"}, {"timed": False}),
        ({"recompute": "full"}, {"method": LORA}),
        ({"recompute": "none", "tensor": 2}, {}),
        ({"recompute": "selective", "tensor": 4}, {}),
        ({"recompute": "full", "tensor": 4}, {"timed": False}),
        ({"recompute": "selective", "context": 4}, {}),
        ({"recompute": "none", "context": 8}, {}),
    ],
    ids=str,
)
def test_a_step_holds_what_is_reckoned(sharing: dict[str, Any], settings: dict[str, Any]) -> None:
    trained, way = work(3, **settings), Way(**sharing)
    left, peak = held_in_a_step(trained, way, GRID)
    reckoned = memory(trained, way)

    kept = activations(trained, way) + reckoned.copies
    assert kept == pytest.approx(left, rel=0.08)
    # Weights and the libraries of a GPU were not counted, and there was no optimizer. Gradients are all there only once the
    # activations of most blocks are gone.
    most = reckoned.total - reckoned.weights - reckoned.optimizer - LIBRARIES_BYTES
    assert 0.97 < most / peak < 1.1 + reckoned.gradients / peak
