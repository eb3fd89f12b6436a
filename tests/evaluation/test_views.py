"""If these break, one view's frames are measured as another's, or the first frames of a view count as predicted."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.evaluation.contact_sheet import contact_sheet
from cosmos_recipes.evaluation.evaluate import Sample
from cosmos_recipes.evaluation.metrics import FrameErrors, copy_last_given, mean_squared_error_B
from cosmos_recipes.evaluation.views import given_of, grid_of, rows_of
from cosmos_recipes.training.frames import apart, together


def clips(seed: int, views: int, frames: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(256, (2, 3, views * frames, 16, 16), dtype=torch.uint8, generator=generator)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 99), views=st.integers(1, 5), given_frames=st.integers(1, 2))
def test_views_are_measured_as_clips_of_their_own_would_be(seed: int, views: int, given_frames: int) -> None:
    ours, truth = clips(seed, views), clips(seed + 100, views)
    assert torch.equal(together(apart(truth, views), views), truth)
    whole = FrameErrors.of(ours, truth, given_frames=given_frames, views=views)
    each = FrameErrors.of(apart(ours, views), apart(truth, views), given_frames=given_frames)
    assert torch.equal(whole.error_BT, each.error_BT.unflatten(0, (2, views)).sum(1))
    assert whole.values_BT.shape == (2, 3 - given_frames)
    copied = copy_last_given(truth, given_frames, views=views)
    assert torch.equal(given_of(copied, given_frames, views), given_of(truth, given_frames, views))


def test_a_mistake_in_a_given_frame_of_any_view_does_not_count() -> None:
    truth = clips(0, views=3)
    spoilt = truth.clone()
    spoilt[:, :, ::3] = 0
    assert mean_squared_error_B(spoilt, truth, given_frames=1, views=3).tolist() == [0, 0]
    assert mean_squared_error_B(spoilt, truth, given_frames=1, views=1).min() > 0


def test_views_are_shown_in_one_picture_and_by_name_on_the_sheet() -> None:
    video = clips(0, views=3)[0]
    assert rows_of(video, 3).shape == (3, 3, 3 * 16 + 2, 16)
    assert grid_of(video, 3).shape == (3, 3, 2 * 16 + 1, 2 * 16 + 1)
    assert torch.equal(grid_of(video, 3)[:, :, 17:, :16], video[:, 6:])
    assert torch.equal(grid_of(video, 1), video)
    sample = Sample(caption="", truth_CTHW=video, copy_CTHW=video, prediction_CTHW=video)
    one, three = (
        contact_sheet([sample], given_frames=1, rate_hz=5.0, views=names) for names in ((), ("front", "left", "top"))
    )
    assert three.height > 2 * one.height
    assert three.width < one.width
