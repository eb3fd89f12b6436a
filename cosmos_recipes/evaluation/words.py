"""What the figures are called and what they mean, for people who do not know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cosmos_recipes.evaluation.adherence import Adherence, Ratio
from cosmos_recipes.evaluation.evaluate import Evaluation, Metrics
from cosmos_recipes.evaluation.metrics import MOVING_GREY_LEVELS
from cosmos_recipes.evaluation.task_words import p_value
from cosmos_recipes.evaluation.tasks.figures import Mean, TaskFigure
from cosmos_recipes.recipe.spec import Gate


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A line of the table of figures: the model's value, that of copying, and what it means."""

    name: str
    value: str
    copy: str = ""
    meaning: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskLine:
    """A line of the table of the task: what is found on true video, and in videos under each control."""

    name: str
    floor: str
    true: str
    shuffled: str
    none: str
    p: str
    meaning: str


def task_lines(figures: Sequence[TaskFigure]) -> list[TaskLine]:
    """Return every figure of the task that could be measured."""
    return [
        TaskLine(
            name=figure.quantity.label,
            **{name: _mean(figure, name) for name in ("floor", "true", "shuffled", "none")},
            p="" if figure.p_shuffled is None else p_value(figure.p_shuffled),
            meaning=figure.quantity.meaning,
        )
        for figure in figures
        if any(mean.clips for mean in figure.means.values())
    ]


def _mean(figure: TaskFigure, name: str) -> str:
    mean, quantity = figure.means.get(name, Mean(value=None, low=None, high=None, clips=0)), figure.quantity
    if mean.value is None:
        return ""
    unit = quantity.unit if quantity.unit in ("", "°") else f" {quantity.unit}"
    value, low, high = (f"{number:.{quantity.digits}f}" for number in (mean.value, mean.low, mean.high))
    return f"{value}{unit} ({low} to {high})"


def headline(metrics: Metrics) -> list[Figure]:
    """Return the few figures that matter most, to be set large."""
    shown = [
        Figure(
            name="over copying, where things move", value=_gain(metrics, "psnr_moving"), meaning="PSNR, moving pixels"
        ),
        Figure(name="over copying, whole picture", value=_gain(metrics, "psnr"), meaning="PSNR, all pixels"),
        Figure(name="structural similarity", value=_number(metrics["ssim"], 3), copy=_number(metrics["ssim_copy"], 3)),
    ]
    if metrics["adherence"] is not None:
        low, high = metrics["adherence_low"], metrics["adherence_high"]
        shown.append(
            Figure(
                name="the error, when told the wrong thing",
                value=f"{metrics['adherence']:.2f} ×",
                meaning=f"adherence, {low:.2f} to {high:.2f}",
            )
        )
    return shown


def figures(evaluation: Evaluation, metrics: Metrics) -> list[Figure]:
    """Return every figure with what it means."""
    share = evaluation.frames.moving_share
    rows = [
        Figure(
            name="PSNR",
            value=_db(metrics["psnr_db"]),
            copy=_db(metrics["psnr_copy_db"]),
            meaning="How close predicted pixels are to the truth: 6 dB more is half the error. Copying does well "
            "here wherever the background stands still.",
        ),
        Figure(
            name="PSNR, moving pixels",
            value=_db(metrics["psnr_moving_db"]),
            copy=_db(metrics["psnr_moving_copy_db"]),
            meaning=f"The same, over the {100 * share:.1f} % of pixels that differ from the last given frame by more than "
            f"{MOVING_GREY_LEVELS} of 255 grey levels: what a world model is for."
            if share
            else "Nothing moves in the held-out clips, so there is nothing to measure.",
        ),
        Figure(
            name="SSIM",
            value=_number(metrics["ssim"], 3),
            copy=_number(metrics["ssim_copy"], 3),
            meaning="How alike the structures of the pictures are: edges, shapes, texture. 1 is the same picture.",
        ),
        Figure(
            name="Tokenizer alone",
            value=_db(metrics["tokenizer_psnr_db"]),
            meaning="PSNR of the true frames through the tokenizer and back: the most that any prediction can reach.",
        ),
    ]
    video, loss = evaluation.adherence_video, evaluation.adherence_loss
    return rows + _adherence(video, "generated video") + _adherence(loss, "training loss")


def limits(gate: Gate, metrics: Metrics) -> list[str]:
    """Return each limit of the gate, with what was found, as a sentence."""
    lines = []
    if gate.psnr_over_copy is not None:
        lines.append(f"PSNR over copying: {_gain(metrics, 'psnr')}, at least {gate.psnr_over_copy:g} dB asked for")
    if gate.psnr_moving_over_copy is not None:
        found = _gain(metrics, "psnr_moving")
        lines.append(f"PSNR over copying, moving pixels: {found}, at least {gate.psnr_moving_over_copy:g} dB asked for")
    if gate.ssim is not None:
        lines.append(f"SSIM: {_number(metrics['ssim'], 3)}, at least {gate.ssim:g} asked for")
    if gate.adherence is not None:
        lines.append(f"Adherence: {_number(metrics['adherence'], 2)}, at least {gate.adherence:g} asked for")
    if gate.task is not None:
        name, figure = next(iter(metrics["task"].items()), ("the task", None))
        chance = figure["p_shuffled"] if figure else None
        p = "none" if chance is None else p_value(chance)
        lines.append(f"Better than with a shuffled control in {name}: p {p}, at most {gate.task:g} asked for")
    asked = ((name, limit) for name, limit in gate.figures.items() if limit is not None)
    return lines + [_figure_limit(name, limit, metrics["task"].get(name)) for name, limit in asked]


def _figure_limit(name: str, limit: float, figure: Mapping[str, Any] | None) -> str:
    found, less_is_better = (figure["true"]["value"], figure["less_is_better"]) if figure else (None, True)
    return f"{name}: {_number(found, 2)}, {'at most' if less_is_better else 'at least'} {limit:g} asked for"


def _adherence(ratios: Adherence | None, measured: str) -> list[Figure]:
    if ratios is None:
        return []
    return [
        Figure(
            name=f"Adherence, {measured}",
            value=_interval(ratios.shuffled),
            meaning="How many times larger the error is with another clip’s control, from the same noise and frames. "
            "1 means that the control is ignored. In brackets: 95 % interval over clips.",
        ),
        Figure(
            name=f"No control, {measured}",
            value=_interval(ratios.none),
            meaning="The same with no control at all. More than 1 means that the control helps.",
        ),
    ]


def _gain(metrics: Metrics, name: str) -> str:
    ours, copied = metrics[f"{name}_db"], metrics[f"{name}_copy_db"]
    return "none" if ours is None or copied is None else f"{ours - copied:+.1f} dB".replace("-", "−")


def _db(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f} dB"


def _number(value: float | None, digits: int) -> str:
    return "none" if value is None else f"{value:.{digits}f}"


def _interval(ratio: Ratio) -> str:
    return f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
