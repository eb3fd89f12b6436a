"""If these break, a report praises a model for a still background, or its figures depend on how clips were batched."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from cosmos_recipes.evaluation.metrics import (
    MOVING_GREY_LEVELS,
    PSNR_CAP_DB,
    FrameErrors,
    copy_last_given,
    mean_squared_error_B,
)


def videos(clips: int = 3, frames: int = 4, side: int = 12) -> st.SearchStrategy[Tensor]:
    return arrays("uint8", (clips, 3, frames, side, side), elements=st.integers(0, 255), fill=st.integers(0, 255)).map(
        torch.from_numpy
    )


def test_psnr_and_ssim_are_those_of_torchmetrics(video: Tensor) -> None:
    predicted = (video.float() * 0.9 + 7).to(torch.uint8)
    found = FrameErrors.of(predicted, video, given_frames=2).summary()
    ours, truth = predicted[:, :, 2:].float(), video[:, :, 2:].float()
    pictures = [clip.transpose(1, 2).flatten(0, 1) for clip in (ours, truth)]
    assert found["psnr_db"] == pytest.approx(float(peak_signal_noise_ratio(ours, truth, data_range=255.0)), abs=1e-4)
    assert found["ssim"] == pytest.approx(
        float(structural_similarity_index_measure(*pictures, data_range=255.0)), abs=1e-5
    )


@settings(deadline=None, max_examples=20)
@given(videos(), videos())
def test_an_interval_holds_its_figure_and_is_no_wider_for_clips_that_are_alike(
    predicted: Tensor, truth: Tensor
) -> None:
    errors = FrameErrors.of(predicted, truth, given_frames=1)
    found, ends = errors.summary(), errors.intervals(seed=0)
    for name, value in found.items():
        low, high = ends[f"{name}_low"], ends[f"{name}_high"]
        assert low is high is None if value is None else low <= value <= high
    alike = FrameErrors.cat([FrameErrors.of(predicted[:1], truth[:1], given_frames=1)] * 3).intervals(seed=0)
    assert alike["psnr_db_low"] == pytest.approx(alike["psnr_db_high"])
    assert errors.intervals(seed=0) == ends


def test_given_frames_do_not_count(video: Tensor) -> None:
    spoiled = video.clone()
    spoiled[:, :, :3] = 0
    assert FrameErrors.of(spoiled, video, given_frames=3).summary()["psnr_db"] == PSNR_CAP_DB


def test_a_perfect_prediction_has_the_stated_cap_and_is_json(video: Tensor) -> None:
    found = FrameErrors.of(video, video, given_frames=1).summary()
    assert (found["psnr_db"], found["psnr_moving_db"], found["ssim"]) == (PSNR_CAP_DB, PSNR_CAP_DB, pytest.approx(1))
    json.dumps(found, allow_nan=False)


def test_copying_scores_as_copying(video: Tensor) -> None:
    found = FrameErrors.of(copy_last_given(video, 2), video, given_frames=2).summary()
    assert found["psnr_db"] == found["psnr_copy_db"]
    assert found["psnr_moving_db"] == found["psnr_moving_copy_db"]
    assert found["ssim"] == found["ssim_copy"]


def test_only_pixels_that_differ_by_more_than_the_threshold_move() -> None:
    truth = torch.zeros(1, 3, 2, 12, 12, dtype=torch.uint8)
    truth[0, 0, 1, 0, 0] = MOVING_GREY_LEVELS
    truth[0, 1, 1, 0, 1] = MOVING_GREY_LEVELS + 1
    errors = FrameErrors.of(torch.zeros_like(truth), truth, given_frames=1)
    # One pixel moves, in three colours, one of which is wrong.
    assert errors.moving_values_BT.tolist() == [[3]]
    assert errors.moving_error_BT.tolist() == [[(MOVING_GREY_LEVELS + 1) ** 2]]


def test_where_nothing_moves_there_is_no_figure_and_no_nan() -> None:
    still = torch.full((2, 3, 4, 16, 16), 90, dtype=torch.uint8)
    errors = FrameErrors.of(still + 1, still, given_frames=1)
    found = errors.summary()
    assert (found["psnr_moving_db"], found["psnr_moving_copy_db"], errors.moving_share) == (None, None, 0.0)
    assert found["psnr_copy_db"] == PSNR_CAP_DB


@pytest.mark.parametrize("side", [8, 9, 10, 11])
def test_pictures_smaller_than_the_window_have_an_ssim(side: int) -> None:
    truth = torch.randint(0, 256, (1, 3, 2, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    found = FrameErrors.of(truth, truth, given_frames=1).summary()["ssim"]
    assert found == pytest.approx(1)


@settings(max_examples=30, deadline=None)
@given(predicted=videos(), truth=videos(), order=st.permutations(range(3)), cut=st.integers(1, 2))
def test_figures_do_not_depend_on_order_or_batches(
    predicted: Tensor, truth: Tensor, order: list[int], cut: int
) -> None:
    whole = FrameErrors.of(predicted, truth, given_frames=1)
    parts = [FrameErrors.of(predicted[part], truth[part], given_frames=1) for part in (order[:cut], order[cut:])]
    assert FrameErrors.cat(parts).summary() == whole.summary()


@settings(max_examples=30, deadline=None)
@given(predicted=videos(), truth=videos())
def test_errors_of_clips_add_up_to_the_pooled_one(predicted: Tensor, truth: Tensor) -> None:
    errors = FrameErrors.of(predicted, truth, given_frames=2)
    pooled = int(errors.error_BT.sum()) / int(errors.values_BT.sum())
    assert mean_squared_error_B(predicted, truth, given_frames=2).mean().item() == pytest.approx(pooled)
