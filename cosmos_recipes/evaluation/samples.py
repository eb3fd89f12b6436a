"""The `samples/` folder of a run: videos of each sample, and the contact sheet."""

from __future__ import annotations

from pathlib import Path

from cosmos_recipes.evaluation.contact_sheet import contact_sheet
from cosmos_recipes.evaluation.evaluate import Evaluation
from cosmos_recipes.evaluation.video import side_by_side, write_mp4
from cosmos_recipes.evaluation.views import rows_of
from cosmos_recipes.files import whole


def write_samples(folder: Path, evaluation: Evaluation, *, rate_hz: float) -> None:
    """Write, all or nothing, `clip_00_truth.mp4`, `_prediction`, `_copy`, `_side_by_side`, and `contact_sheet.png`.

    Several views of a clip are in one file: in a grid, or one below the other where clips stand side by side.
    A model with a control has `_shuffled` and `_none` as well: the same noise with another clip's control, and without.
    """
    with whole(folder) as part:
        part.mkdir()
        _write(part, evaluation, rate_hz)


def _write(folder: Path, evaluation: Evaluation, rate_hz: float) -> None:
    count = len(evaluation.views) or 1
    for number, sample in enumerate(evaluation.samples):
        compared = [sample.truth_CTHW, sample.prediction_CTHW, sample.copy_CTHW]
        tiled = sample.tiled(count)
        videos = {
            "truth": tiled.truth_CTHW,
            "prediction": tiled.prediction_CTHW,
            "copy": tiled.copy_CTHW,
            "shuffled": tiled.shuffled_CTHW,
            "none": tiled.none_CTHW,
            "side_by_side": side_by_side([rows_of(video_CTHW, count) for video_CTHW in compared]),
        }
        for name, video_CTHW in videos.items():
            if video_CTHW is not None:
                write_mp4(folder / f"clip_{number:02}_{name}.mp4", video_CTHW, rate_hz)
    if evaluation.samples:
        given, views = evaluation.settings.given_frames, evaluation.views
        sheet = contact_sheet(evaluation.samples, given_frames=given, rate_hz=rate_hz, views=views)
        sheet.save(folder / "contact_sheet.png")
