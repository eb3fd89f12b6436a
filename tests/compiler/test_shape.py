"""The plan's latents and tokens are those that the tokenizer and the network make."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.backbones.tokenizers import build_tokenizer
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.compiler.shape import nearest_frames, nearest_multiple
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.load import load_recipe

Compile = Callable[..., Plan]


@settings(max_examples=40, deadline=None)
@given(frames=st.integers(1, 30), prefix=st.integers(1, 30), height=st.integers(1, 12), width=st.integers(1, 12))
def test_a_clip_that_is_not_refused_is_cut_as_planned(frames: int, prefix: int, height: int, width: int) -> None:
    overrides = (
        f"dataset.clip={{frames: {frames}, rate: 5 Hz, size: {4 * height}x{4 * width}, stride: 1}}",
        f"conditioning.given_frames={prefix}",
    )
    plan, codes = compiled_or_codes(overrides)
    if plan is None:
        assert codes <= {"CR310", "CR311", "CR312", "CR315"}
        return
    tokenizer, clip = build_tokenizer(plan.backbone.tokenizer), plan.data.clip
    latent = tokenizer.encode(torch.zeros(1, 3, frames, clip.height_px, clip.width_px, dtype=torch.uint8))
    known = tokenizer.encode(torch.zeros(1, 3, prefix, clip.height_px, clip.width_px, dtype=torch.uint8))
    assert latent.shape[2:] == (clip.latent_frames, clip.latent_height, clip.latent_width)
    assert known.shape[2] == clip.given_latent_frames < clip.latent_frames
    assert clip.tokens == latent[0, 0].numel()


@pytest.mark.parametrize(("fewest", "planned"), [(0, 0), (1, 1), (5, 5)])
def test_training_may_give_fewer_frames_and_none_at_all(fewest: int, planned: int) -> None:
    plan, _ = compiled_or_codes(("conditioning.given_frames=5", f"conditioning.fewest_given_frames={fewest}"))
    assert plan is not None and plan.data.clip.fewest_given_frames == planned


@given(value=st.integers(1, 10_000), step=st.integers(1, 64))
def test_what_a_hint_offers_is_legal(value: int, step: int) -> None:
    assert nearest_multiple(value, step) % step == 0 < nearest_multiple(value, step)
    assert (nearest_frames(value, step) - 1) % step == 0 < nearest_frames(value, step)


def test_the_native_clip_of_predict_2_5_is_as_large_as_it_can_be(compiled: Compile) -> None:
    """24 latent frames of 44 x 80 patches: the figures of the model's report."""
    plan = compiled("dataset.clip.size=704x1280", "train.global_batch=8", profile="big")

    assert plan.data.clip.tokens == 24 * 44 * 80 == backbone("predict2.5-2b").limits.tokens


def compiled_or_codes(overrides: tuple[str, ...]) -> tuple[Plan | None, set[str]]:
    """Return the plan, or the codes of what is refused."""
    try:
        return compile_recipe(load_recipe("factory", overrides=overrides)), set()
    except RecipeError as refused:
        return None, {problem.code for problem in refused.problems}
