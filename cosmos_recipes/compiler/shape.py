"""From frames and pixels to latents and tokens."""

from __future__ import annotations

from math import prod

from cosmos_recipes.backbones.zoo import ZooEntry
from cosmos_recipes.compiler.plan import ClipPlan
from cosmos_recipes.recipe.spec import Recipe


def clip_plan(recipe: Recipe, backbone: ZooEntry, views: tuple[str, ...]) -> ClipPlan:
    """Return the window of the recipe and what the backbone's tokenizer makes of it; sizes are rounded up.

    `views` are none where there is one without a name.
    """
    clip, tokenizer = recipe.dataset.clip, backbone.tokenizer
    height_px, width_px = clip.size
    given_frames, fewest = recipe.conditioning.given_frames, recipe.conditioning.fewest_given_frames
    latent = (
        latent_frames(clip.frames, tokenizer.temporal),
        -(-height_px // tokenizer.spatial),
        -(-width_px // tokenizer.spatial),
    )
    return ClipPlan(
        frames=clip.frames,
        rate_hz=clip.rate,
        height_px=height_px,
        width_px=width_px,
        stride=clip.stride or clip.frames,
        given_frames=given_frames,
        fewest_given_frames=given_frames if fewest is None else fewest,
        latent_frames=latent[0],
        latent_height=latent[1],
        latent_width=latent[2],
        given_latent_frames=latent_frames(given_frames, tokenizer.temporal),
        tokens=max(1, len(views))
        * prod(-(-size // step) for size, step in zip(latent, backbone.architecture.patch_size, strict=True)),
        views=views,
    )


def latent_frames(frames: int, temporal: int) -> int:
    """Return the latent frames that hold so many frames: the first is one of its own, and none hold none."""
    return 1 + -(-(frames - 1) // temporal) if frames else 0


def nearest_multiple(value: int, step: int) -> int:
    """Return the multiple of `step`, at least one, that is closest to `value`."""
    return max(1, round(value / step)) * step


def nearest_frames(frames: int, temporal: int) -> int:
    """Return the number of frames of the form 1 + k * temporal that is closest."""
    return 1 + temporal * round((frames - 1) / temporal)
