"""The objective of a backbone, by its name."""

from __future__ import annotations

from cosmos_recipes.backbones.objectives import EdmEntry, EdmRectifiedFlowEntry, RectifiedFlowEntry
from cosmos_recipes.training.diffusion.edm import Edm, EdmRectifiedFlow
from cosmos_recipes.training.diffusion.objective import Objective
from cosmos_recipes.training.diffusion.rectified_flow import RectifiedFlow


def objective_of(entry: RectifiedFlowEntry | EdmEntry | EdmRectifiedFlowEntry) -> Objective:
    """Return the objective with the settings of an entry."""
    match entry:
        case RectifiedFlowEntry():
            return RectifiedFlow(entry)
        case EdmEntry():
            return Edm(entry)
        case EdmRectifiedFlowEntry():
            return EdmRectifiedFlow(entry)
