"""What a recipe came to, in words and charts: means over the seeds, and the range or the interval beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from cosmos_recipes.evaluation.support import Run
from cosmos_recipes.evaluation.task_words import p_value

if TYPE_CHECKING:
    from markupsafe import Markup

    from cosmos_recipes.run.folder import RunFolder

NOT_MEASURED = "not measured"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The figures of a recipe on a backbone, as a page shows them; `task` has a row for each figure of the task."""

    backbone: str
    seeds: str
    clips: int
    headline: Mapping[str, str]
    task: Sequence[Sequence[str]]


HEADS = ("measured in the video", "floor on true video", "prediction", "wrong control", "p")


def measured(backbone: str, runs: Sequence[Run]) -> Measured:
    """Return the figures of the seeds of a recipe on a backbone."""
    return Measured(
        backbone=backbone,
        seeds=", ".join(str(run["seed"]) for run in runs),
        clips=min(run["clips"] for run in runs),
        headline={
            "PSNR where things move": _spread(runs, "psnr_moving_db", 1, " dB"),
            "the same, copying the last frame": _spread(runs, "psnr_moving_copy_db", 1, " dB"),
            "SSIM": _spread(runs, "ssim", 3),
            "the same, copying": _spread(runs, "ssim_copy", 3),
            "adherence": _adherence(runs),
            "minutes on one core": _spread(runs, "minutes", 0),
        },
        task=list(_task(runs)),
    )


def _adherence(runs: Sequence[Run]) -> str:
    lows = [run["adherence_low"] for run in runs]
    if None in lows:
        return "has no control that could be obeyed"
    return f"{_spread(runs, 'adherence', 2)}, lower bound of the worst seed {min(lows):.2f}"


def _task(runs: Sequence[Run]) -> Iterator[list[str]]:
    for name, first in runs[0]["task"].items():
        figures = [run["task"][name] for run in runs if name in run["task"]]
        values = [_control(figures, control, first["unit"]) for control in ("floor", "true", "shuffled")]
        chances = [figure["p_shuffled"] for figure in figures]
        if any(values):
            yield [first["label"], *values, "" if None in chances else p_value(max(chances))]


def _control(figures: Sequence[Mapping[str, Any]], control: str, unit: str) -> str:
    known = [figure.get(control, {}).get("value") for figure in figures]
    return _range(known, 3, {"1": "", "°": "°"}.get(unit, f" {unit}")) if None not in known else ""


def _spread(runs: Sequence[Run], name: str, digits: int, unit: str = "") -> str:
    return _range([run[name] for run in runs], digits, unit) or NOT_MEASURED


def _range(values: Sequence[float | None], digits: int, unit: str = "") -> str:
    """Return the mean of the values, and their range where they differ; nothing where one is unknown."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return ""
    low, mean, high = (f"{value:.{digits}f}" for value in (min(known), fmean(known), max(known)))
    return f"{mean}{unit}" + (f" ({low} to {high})" if low != high else "")


def adherence_chart(by_backbone: Mapping[str, Sequence[Run]]) -> Markup | None:
    """Return a chart of the adherence of every seed with its 95 % interval over clips; None where none was measured."""
    from cosmos_recipes.evaluation.adherence import Ratio
    from cosmos_recipes.evaluation.chart import interval_chart

    rows = [
        (
            f"{backbone}, seed {run['seed']}",
            Ratio(value=run["adherence"], low=run["adherence_low"], high=run["adherence_high"]),
        )
        for backbone, runs in by_backbone.items()
        for run in runs
        if run["adherence"] is not None
    ]
    return interval_chart(rows, x_label="error with a wrong control, relative to the true one") if rows else None


def training_curve(run: RunFolder) -> Markup | None:
    """Return a chart of the loss of a run, and of that of held-out clips where it was measured; None without a log."""
    from cosmos_recipes.evaluation.chart import Series, line_chart, smooth, thin
    from cosmos_recipes.training.log import StepLog

    log = StepLog(run.log_file).read()
    losses, held_out = (
        thin([(float(line["step"]), float(line[name])) for line in log if line.get(name) is not None])
        for name in ("loss", "heldout_loss")
    )
    series = [
        Series(name="each line of the log", points=losses, look="faint"),
        Series(name="smoothed", points=smooth(losses), look="prediction"),
        Series(name="held-out clips", points=held_out, look="held-out"),
    ]
    return line_chart(series, x_label="step", y_label="loss")
