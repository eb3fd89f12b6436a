"""The figures of a card: each with its interval, beside copying, a wrong control and what can be found on true video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.evaluation.task_words import p_value
from cosmos_recipes.publishing.card.markdown import Markdown, code, escaped

if TYPE_CHECKING:
    from cosmos_recipes.evaluation.tasks.base import Quantity

Metrics = Mapping[str, Any]
CONTROLS = ("floor", "true", "shuffled", "none")


@dataclass(frozen=True, kw_only=True, slots=True)
class FrameFigure:
    """A line of the table of frames: the model's value and that of repeating the last given frame."""

    name: str
    ours: str
    copy: str
    meaning: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFigureRow:
    """A line of the table of the task: on true video, and in videos under each control; `meaning` says how it was measured."""

    name: Markdown
    values: Mapping[str, str]
    p: str
    meaning: Markdown


_FRAMES = (
    (
        "PSNR",
        "psnr",
        "{:.2f} dB",
        "how near predicted pixels are to the truth, pooled over all clips; 6 dB more is half the error",
    ),
    (
        "PSNR where things move",
        "psnr_moving",
        "{:.2f} dB",
        "the same, over the pixels that differ from the last given frame",
    ),
    ("SSIM", "ssim", "{:.3f}", "how alike edges, shapes and texture are; 1 is the same picture"),
)


def how_drawn(plan: Plan) -> str:
    """Return in a sentence how the videos were drawn that the figures are of."""
    said = plan.evaluate
    guidance = "no guidance" if said.guidance == 1 else f"guidance {said.guidance:g}"
    if plan.backbone.family == "diffusion":
        return f"Videos were drawn in {said.sampler_steps} denoising steps, with {guidance}."
    tokens = {"temperature": said.temperature, "top-p": said.top_p, "top-k": said.top_k}
    drawn = ", ".join(f"{name} {value:g}" for name, value in tokens.items() if value is not None)
    return f"Tokens were drawn with {drawn or 'their own probabilities'} and {guidance}."


def frame_figures(metrics: Metrics) -> list[FrameFigure]:
    """Return the figures of frames that could be measured."""
    found = []
    for name, key, form, meaning in _FRAMES:
        unit = "_db" if key.startswith("psnr") else ""
        ours, copy = (interval(metrics, f"{key}{of}{unit}", form) for of in ("", "_copy"))
        if ours and copy:
            found.append(FrameFigure(name=name, ours=ours, copy=copy, meaning=meaning))
    return found


def task_figures(metrics: Metrics) -> list[TaskFigureRow]:
    """Return the figures of the task that were found in the model's videos."""
    from cosmos_recipes.evaluation.tasks.base import installed

    known = {quantity.name: quantity for metric in installed() for quantity in metric.quantities}
    return [
        TaskFigureRow(
            name=escaped(known[name].label) if name in known else code(name),
            values={control: _mean(figure, control, known.get(name)) for control in CONTROLS},
            p="" if figure.get("p_shuffled") is None else p_value(figure["p_shuffled"]),
            meaning=_task_meaning(figure, known.get(name)),
        )
        for name, figure in (metrics.get("task") or {}).items()
        if _value(figure, "true") is not None
    ]


def interval(metrics: Metrics, name: str, form: str) -> str:
    """Return a figure with its interval in brackets, written by a format such as `{:.2f} dB`; nothing where there is none."""
    value, low, high = (metrics.get(key) for key in (name, f"{name}_low", f"{name}_high"))
    if value is None:
        return ""
    return form.format(value) if low is None or high is None else f"{form.format(value)} ({_between(form, low, high)})"


def _mean(figure: Metrics, control: str, quantity: Quantity | None) -> str:
    value = _value(figure, control)
    if value is None:
        return ""
    unit = "" if figure["unit"] == "1" else figure["unit"] if figure["unit"] == "°" else f" {figure['unit']}"
    form = f"{{:.{quantity.digits if quantity else 3}f}}{unit}"
    low, high = (figure[control].get(end) for end in ("low", "high"))
    return form.format(value) if low is None else f"{form.format(value)} ({_between(form, low, high)})"


def _between(form: str, low: float, high: float) -> str:
    """Return the ends of an interval, without the unit of the value that stands before them."""
    bare = form[: form.index("}") + 1]
    return f"{bare.format(low)} to {bare.format(high)}"


def _task_meaning(figure: Metrics, quantity: Quantity | None) -> Markdown:
    better = "Less is better." if figure.get("less_is_better") else "More is better."
    return escaped(f"{quantity.meaning} {better}" if quantity else better)


def _value(figure: Metrics, control: str) -> float | None:
    value: float | None = (figure.get(control) or {}).get("value")
    return value


def columns_of(rows: Sequence[TaskFigureRow]) -> list[str]:
    """Return which of true video, true, wrong and no control were measured of any figure."""
    return [control for control in CONTROLS if any(row.values[control] for row in rows)]
