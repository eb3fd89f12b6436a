"""If these break, two evaluations of one model disagree, or a model looks as if it obeyed a control that it cannot hear."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cosmos_recipes.backbones.objectives import NoiseSampling
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.evaluation.adherence import Ratio
from cosmos_recipes.evaluation.evaluate import METRIC_NAMES, EvaluationSettings, HeldOut, evaluate, write_metrics
from cosmos_recipes.training.world_model import WorldModel

SETTINGS = EvaluationSettings(given_frames=1, sampling=NoiseSampling(steps=2), samples=2, seed=3, batch=4)
Models = Callable[[str], WorldModel]


def listening(model: WorldModel) -> WorldModel:
    """Make captions reach the prediction; at first they cannot."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in (model.head.project, model.transformer.proj_out):
            module.weight.copy_(0.5 * torch.randn(module.weight.shape, generator=generator))
    return model


def test_a_model_without_control_has_null_adherence(model_of: Models, held_out: HeldOut) -> None:
    found = evaluate(model_of("none"), held_out, SETTINGS)
    metrics = found.metrics(steps=7, train_seconds=1.5)
    assert tuple(sorted(metrics)) == tuple(sorted(METRIC_NAMES))
    assert (metrics["adherence"], metrics["adherence_low"], metrics["adherence_high"]) == (None, None, None)
    assert (metrics["steps"], metrics["clips"], metrics["seed"]) == (7, 4, 3)
    assert "no control" in found.adherence_note


def test_a_model_that_cannot_hear_its_control_has_adherence_of_exactly_one(model_of: Models, held_out: HeldOut) -> None:
    found = evaluate(model_of("text"), held_out, SETTINGS)
    one = Ratio(value=1.0, low=1.0, high=1.0)
    assert found.adherence_video is not None
    assert found.adherence_loss is not None
    assert (found.adherence_video.shuffled, found.adherence_video.none) == (one, one)
    assert (found.adherence_loss.shuffled, found.adherence_loss.none) == (one, one)


def test_a_model_that_hears_its_control_does_not(model_of: Models, held_out: HeldOut) -> None:
    found = evaluate(listening(model_of("text")), held_out, SETTINGS)
    assert found.adherence_video is not None
    assert found.adherence_loss is not None
    assert found.adherence_video.shuffled.value != 1
    assert found.adherence_loss.none.value != 1


def test_batches_do_not_change_the_figures(model_of: Models, held_out: HeldOut) -> None:
    model = listening(model_of("text"))
    at_once, one_by_one = (
        evaluate(model, held_out, replace(SETTINGS, batch=batch)).metrics(steps=1, train_seconds=0.0)
        for batch in (4, 1)
    )
    assert at_once.pop("task").keys() == one_by_one.pop("task").keys() == {"motion_px", "latent_l2"}
    assert at_once == pytest.approx(one_by_one, rel=1e-3)


def test_the_seed_decides_everything(model_of: Models, held_out: HeldOut) -> None:
    model = listening(model_of("text"))
    first, again, other = (
        evaluate(model, held_out, replace(SETTINGS, seed=seed)).metrics(steps=1, train_seconds=0.0)
        for seed in (3, 3, 4)
    )
    assert first == again
    assert first["psnr_db"] != other["psnr_db"]


def test_captions_that_are_all_alike_leave_adherence_unmeasured(model_of: Models, video: Tensor) -> None:
    same = HeldOut.of(video, [{"caption": "A square moves."}] * len(video))
    found = evaluate(listening(model_of("text")), same, SETTINGS)
    assert found.adherence_video is None
    assert found.metrics(steps=1, train_seconds=0.0)["adherence"] is None
    assert "same control" in found.adherence_note


def test_clips_are_read_a_batch_at_a_time_and_progress_is_told(model_of: Models, held_out: HeldOut) -> None:
    reads: list[list[int]] = []
    told: list[tuple[str, int, int]] = []

    def read(clips: Sequence[int]) -> Tensor:
        reads.append(list(clips))
        return held_out.read(clips)

    clips = HeldOut(rows=held_out.rows, read=read)
    evaluate(model_of("none"), clips, replace(SETTINGS, batch=3), progress=lambda *line: told.append(line))
    assert reads == [[0, 1, 2], [3]]
    assert told == [("evaluate", 3, 4), ("evaluate", 4, 4)]


def test_samples_are_the_first_clips_and_begin_with_the_given_frames(
    model_of: Models, held_out: HeldOut, video: Tensor
) -> None:
    found = evaluate(model_of("none"), held_out, replace(SETTINGS, given_frames=1, batch=1))
    assert [sample.caption for sample in found.samples] == [row["caption"] for row in held_out.rows[:2]]
    for clip, sample in enumerate(found.samples):
        assert torch.equal(sample.truth_CTHW, video[clip])
        assert torch.equal(sample.prediction_CTHW[:, 0], video[clip, :, 0])
        assert torch.equal(sample.copy_CTHW[:, -1], video[clip, :, 0])


def test_a_model_that_was_training_goes_on_training(model_of: Models, held_out: HeldOut) -> None:
    model = model_of("none").train()
    evaluate(model, held_out, SETTINGS)
    assert model.training
    model.loss(model.encode(held_out.read([0])), model.null(1), seed=0, step=0, samples=[0]).sum().backward()


def test_large_clips_are_predicted_one_at_a_time(plan_of: Callable[..., Plan]) -> None:
    assert EvaluationSettings.from_plan(plan_of(frames=93, side=704)).batch == 1
    assert EvaluationSettings.from_plan(plan_of()).batch == 16


def test_metrics_are_written_whole_with_the_same_keys_in_the_same_order(
    tmp_path: Path, model_of: Models, held_out: HeldOut
) -> None:
    path = tmp_path / "metrics.json"
    write_metrics(path, evaluate(model_of("none"), held_out, SETTINGS).metrics(steps=1, train_seconds=2.0))
    assert tuple(json.loads(path.read_text())) == METRIC_NAMES
    with pytest.raises(ValueError, match="JSON compliant"):
        write_metrics(path, dict.fromkeys(METRIC_NAMES, float("nan")))
    assert tuple(json.loads(path.read_text())) == METRIC_NAMES
    assert list(tmp_path.iterdir()) == [path]
