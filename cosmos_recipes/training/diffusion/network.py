"""One call of the network: everything that enters it, put in its place.

Legend: B batch, C channels, T latent frames of all views, H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import Tensor

from cosmos_recipes.backbones.places import PER_FRAME, PLACES
from cosmos_recipes.training.diffusion.objective import over_frames

if TYPE_CHECKING:
    from cosmos_recipes.conditioning.networks import Control
    from cosmos_recipes.training.world_model import WorldModel

Network = Callable[[Tensor, Tensor, Tensor, "Control"], Tensor]
"""The output for (hidden_BCTHW, given_BT, time of each clip (B,) or frame (B, T), control)."""


def network_of(model: WorldModel) -> Network:
    """Return the network of a model, with its head."""

    def run(hidden_BCTHW: Tensor, given_BT: Tensor, time: Tensor, control: Control) -> Tensor:
        entrance = model.transformer.entrance
        hidden_BCTHW, inputs = entrance.cut.own(hidden_BCTHW), model.head(entrance.cut.own_control(control))
        added = {place: inputs.pop(place) for place in PLACES if place in inputs}
        # What enters with the time of each frame needs a time for each frame.
        if time.ndim == 1 and any(place in added for place in PER_FRAME):
            time = time[:, None].expand_as(given_BT)
        entrance.enter(added, views=model.view_count)
        output_BCTHW: Tensor = model.transformer(
            hidden_states=hidden_BCTHW,
            timestep=time if time.ndim == 1 else over_frames(time),
            **_masks(model.transformer.config, hidden_BCTHW, given_BT),
            fps=model.config.rate_hz if model.objective.settings.positions_by_rate else None,
            return_dict=False,
            **inputs,
        )[0]
        whole_BCTHW: Tensor = entrance.cut.whole(output_BCTHW)
        return whole_BCTHW

    return run


def _masks(config: Any, hidden_BCTHW: Tensor, given_BT: Tensor) -> dict[str, Tensor]:
    """Mark the given frames with a channel of ones where the network has that channel; nothing is padding."""
    masks = {}
    if config.in_channels > hidden_BCTHW.shape[1]:
        masks["condition_mask"] = over_frames(given_BT).expand_as(hidden_BCTHW[:, :1]).to(hidden_BCTHW)
    if config.concat_padding_mask:
        masks["padding_mask"] = hidden_BCTHW.new_zeros(1, 1, *hidden_BCTHW.shape[-2:])
    return masks
