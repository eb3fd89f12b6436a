"""If these fail, an objective cannot be trained, or the log shows another number than the error."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from objective_cases import PREDICT1, PREDICT2, TINY
from tiny import lines, tiny_plan

from cosmos_recipes.backbones.objectives import NoiseSampling
from cosmos_recipes.training.fit import train
from cosmos_recipes.training.world_model import WorldModel


def test_the_scale_of_the_loss_scales_gradients_and_not_the_log(prepared: Path, tmp_path: Path) -> None:
    first = {}
    for scale in (1.0, 10.0):
        objective = TINY | {"settings": {"timestep_scale": 1000.0, "loss_scale": scale}}
        train(
            tiny_plan(train={"steps": 1, "checkpoint_every": 1}, objective=objective), tmp_path / str(scale), prepared
        )
        first[scale] = lines(tmp_path / str(scale))[0]
    assert first[10.0]["loss"] == first[1.0]["loss"]
    assert first[10.0]["grad_norm"] == pytest.approx(10 * first[1.0]["grad_norm"], rel=1e-4)


@pytest.mark.parametrize("objective", [PREDICT1, PREDICT2], ids=["predict1", "predict2"])
def test_a_model_of_every_objective_trains_and_is_read_back(
    objective: dict[str, object], prepared: Path, tmp_path: Path
) -> None:
    train(tiny_plan(objective=objective, train={"steps": 4}, every=2), tmp_path, prepared)
    model = WorldModel.from_pretrained(tmp_path / "train" / "model")
    assert model.objective.name == objective["name"] and model.objective.shift == objective["shift"]
    given = torch.zeros(1, 3, 1, 32, 32, dtype=torch.uint8)
    assert (
        model.generate(given, model.null(1), frames=5, sampling=NoiseSampling(steps=2), guidance=2.0, seeds=[0]).shape[
            2
        ]
        == 5
    )
