"""The objectives of the three generations of Cosmos, and the ideal network for data that are normally distributed."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from cosmos_recipes.backbones.objectives import objective_entry
from cosmos_recipes.training.diffusion.choice import objective_of
from cosmos_recipes.training.diffusion.edm import Edm
from cosmos_recipes.training.diffusion.network import Network
from cosmos_recipes.training.diffusion.objective import Objective, over_clip, over_frames

TINY: dict[str, Any] = {"name": "rectified-flow", "shift": 5.0, "settings": {"timestep_scale": 1000.0}}
PREDICT1: dict[str, Any] = {"name": "edm", "shift": 4.0}
PREDICT2: dict[str, Any] = {"name": "edm-rectified-flow", "shift": 5.0, "settings": {"loss_scale": 10.0}}
PREDICT2_5: dict[str, Any] = {
    "name": "rectified-flow",
    "shift": 5.0,
    "settings": {
        "conditional_time": 0.0001,
        "sampler": "unipc",
        "loss_scale": 10.0,
        "given_frame_odds": [0.5, 0.25, 0.25],
    },
}
CASES = {"tiny": TINY, "predict1": PREDICT1, "predict2": PREDICT2, "predict2.5": PREDICT2_5}


def objective(case: str) -> Objective:
    return objective_of(objective_entry(CASES[case]))


def ideal_network(chosen: Objective, *, mean: float, std: float) -> Network:
    """Return the best network for latents whose numbers are drawn from N(mean, std²), which knows only its inputs."""

    def run(hidden_BCTHW: Tensor, given_BT: Tensor, time: Tensor, control: Any) -> Tensor:
        time = over_clip(time) if time.ndim == 1 else over_frames(time)
        if isinstance(chosen, Edm):
            return _edm(chosen, hidden_BCTHW, (4 * time).exp(), mean, std)
        time = time / chosen.settings.timestep_scale
        covariance, variance = time - (1 - time) * std**2, (1 - time) ** 2 * std**2 + time**2
        return covariance / variance * (hidden_BCTHW - (1 - time) * mean) - mean

    return run


def _edm(chosen: Edm, hidden_BCTHW: Tensor, sigma: Tensor, mean: float, std: float) -> Tensor:
    """Solve for the output with which the preconditioned estimate is the mean of the posterior."""
    noisy_BCTHW, variance = hidden_BCTHW / chosen.into(sigma), (std * chosen.data_scale) ** 2
    centre = mean * chosen.data_scale
    posterior = centre + variance / (variance + sigma**2) * (noisy_BCTHW - centre)
    return (posterior - chosen.skip(sigma) * noisy_BCTHW) / chosen.out(sigma)
