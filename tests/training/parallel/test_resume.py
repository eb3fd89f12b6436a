"""If these fail, a run cannot go on with other processes, or goes on to another model than it would have become."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tiny import consumed, lines, prepare, tiny_plan

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.launch.local import train
from cosmos_recipes.training import fit
from cosmos_recipes.training.fit import nemo_file

FSDP2 = {"strategy": "fsdp2"}


def shared(plan: Plan, **hardware: Any) -> Plan:
    processes = hardware.get("shard", 1) * hardware.get("tensor", 1)
    return plan.model_copy(update={"hardware": plan.hardware.model_copy(update={"devices": processes, **hardware})})


def until(step: int) -> Callable[[str, int, int], None]:
    """Return progress that stops a training after a step."""

    def progress(what: str, done: int, total: int) -> None:
        if done >= step:
            raise KeyboardInterrupt

    return progress


@pytest.mark.parametrize(
    ("family", "optimizer", "ways"),
    [
        ("diffusion", "muon", [(4, {**FSDP2, "shard": 4}), (2, {"strategy": "ddp"}), (1, {"strategy": "single"})]),
        (
            "autoregressive",
            "adamw",
            [
                (4, {**FSDP2, "shard": 2, "context": 2, "tensor": 2}),
                (2, {**FSDP2, "tensor": 2, "recompute": "full"}),
                (1, {"strategy": "single", "offload": True}),
            ],
        ),
    ],
)
def test_a_run_goes_on_in_other_ways_to_the_same_losses_and_weights(
    family: str, optimizer: str, ways: list[tuple[int, dict[str, Any]]], prepared: Path, tmp_path: Path
) -> None:
    train_ = {"ema": 0.9, "micro_batch": 1, "checkpoint_every": 100}
    plan = tiny_plan(family=family, train=train_, optimizer={"name": optimizer}, every=7)
    folder = prepared
    if family == "autoregressive":
        prepare(folder := tmp_path / "prepared", family=family)
    train(plan, tmp_path / "one", folder)
    for step, (nproc, way) in zip((4, 9), ways, strict=False):
        with pytest.raises(KeyboardInterrupt):
            train(shared(plan, **way), tmp_path / "many", folder, nproc=nproc, progress=until(step))
    nproc, way = ways[-1]
    train(shared(plan, **way), tmp_path / "many", folder, nproc=nproc)
    assert [line["step"] for line in lines(tmp_path / "many")] == list(range(1, 15))
    for name in ("loss", "heldout_loss"):
        one, many = ([line[name] for line in lines(tmp_path / run) if name in line] for run in ("one", "many"))
        # Muon's bfloat16 makes much of how float32 rounded the sum of gradients.
        assert many == pytest.approx(one, rel=5e-5 if optimizer == "muon" else 2e-6)
    assert consumed(tmp_path / "many") == consumed(tmp_path / "one")
    for file in ("transformer/diffusion_pytorch_model.safetensors", "head/model.safetensors"):
        one_, many_ = (load_file(tmp_path / run / "train" / "model" / file) for run in ("one", "many"))
        for name, weight in one_.items():
            torch.testing.assert_close(many_[name], weight, rtol=0, atol=3e-3 if optimizer == "muon" else 2e-5)


def test_processes_that_cannot_share_the_work_are_refused_before_anything_starts(
    prepared: Path, tmp_path: Path
) -> None:
    plan = shared(tiny_plan(), strategy="fsdp2", shard=2, context=2, tensor=2)
    with pytest.raises(RecipeError, match="CR609"):
        train(plan, tmp_path, prepared, nproc=2)
    assert not (tmp_path / "train").exists()


def test_a_strategy_that_is_not_the_plan_s_is_refused(prepared: Path, tmp_path: Path) -> None:
    """Otherwise a changed `nemo.yaml` would be ignored: how processes share the work follows from the plan."""
    config = nemo_file(tiny_plan(), tmp_path)
    config.trainer.strategy = "ddp_find_unused_parameters_true"
    with pytest.raises(RecipeError, match="CR609"):
        fit.train(tiny_plan(), tmp_path, prepared, config=config)
