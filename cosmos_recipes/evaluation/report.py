"""The report: one HTML file that shows what was learned, and how; it needs nothing else, no network either."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from torch import Tensor

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.diagnostics.words import on_page
from cosmos_recipes.evaluation.chart import Series, interval_chart, line_chart, smooth, thin
from cosmos_recipes.evaluation.contact_sheet import contact_sheet
from cosmos_recipes.evaluation.evaluate import Evaluation, Metrics, Sample
from cosmos_recipes.evaluation.gate import check_gate
from cosmos_recipes.evaluation.video import mp4_bytes
from cosmos_recipes.evaluation.views import columns_of
from cosmos_recipes.evaluation.words import figures, headline, limits, task_lines
from cosmos_recipes.files import whole

_FOLDER = Path(__file__).parent
_MOST_SIDE_PX = 512
_MOST_CONTROLLED = 4
_LIBRARIES = ("cosmos-recipes", "torch", "nemo_toolkit", "diffusers", "torchmetrics", "av")

LogLine = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Film:
    """A video of the page: its label, what it is, and the MP4 as a data URL."""

    label: str
    note: str
    look: str
    url: str


def write_report(
    path: Path, *, evaluation: Evaluation, metrics: Metrics, plan: Plan, recipe_text: str, log: Sequence[LogLine]
) -> None:
    """Write the page to `path`, whole or not at all.

    `log` holds the lines of log.jsonl: of those with a `step`, `loss` and what was measured on held-out clips are drawn. `recipe_text` is the
    recipe as written.
    """
    with whole(path) as part:
        part.write_text(
            render_report(evaluation=evaluation, metrics=metrics, plan=plan, recipe_text=recipe_text, log=log),
            encoding="utf-8",
        )


def render_report(
    *, evaluation: Evaluation, metrics: Metrics, plan: Plan, recipe_text: str, log: Sequence[LogLine]
) -> str:
    """Return the page."""
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        finalize=on_page,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    rate_hz = plan.data.clip.rate_hz
    shown = [sample.tiled(len(evaluation.views) or 1) for sample in evaluation.samples]
    return environment.get_template("report.html.j2").render(
        plan=plan,
        evaluation=evaluation,
        style=Markup(style),
        script=Markup(script),
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        problems=check_gate(plan.gate, metrics),
        limits=limits(plan.gate, metrics),
        headline=headline(metrics),
        figures=figures(evaluation, metrics),
        task_lines=task_lines(evaluation.task),
        view_rows=_grid_words(evaluation.views),
        samples=[(sample, _films(sample, rate_hz)) for sample in shown],
        controlled=[films for sample in shown[:_MOST_CONTROLLED] if (films := _control_films(sample, rate_hz))],
        sheet=_sheet_url(evaluation, rate_hz),
        charts=_charts(evaluation, log),
        has_held_out=bool(_curve(log, "heldout_loss")),
        recipe_text=recipe_text,
        plan_rows=_plan_rows(plan),
        facts=_facts(plan, evaluation, metrics),
    )


def _grid_words(views: Sequence[str]) -> str:
    """Return which view is where in a picture of all of them; nothing for one view."""
    if not views:
        return ""
    across = columns_of(len(views))
    return "; ".join(", ".join(views[first : first + across]) for first in range(0, len(views), across))


def _films(sample: Sample, rate_hz: float) -> list[Film]:
    return [
        _film("Truth", "", "truth", sample.truth_CTHW, rate_hz),
        _film("Prediction", "", "prediction", sample.prediction_CTHW, rate_hz),
        _film("Copy", "", "copy", sample.copy_CTHW, rate_hz),
    ]


def _control_films(sample: Sample, rate_hz: float) -> list[Film]:
    """Return the prediction under the true control, another one and none; nothing for a model without a control."""
    if sample.shuffled_CTHW is None or sample.none_CTHW is None:
        return []
    return [
        _film("True control", sample.caption, "prediction", sample.prediction_CTHW, rate_hz),
        _film("Wrong control", sample.other_caption, "copy", sample.shuffled_CTHW, rate_hz),
        _film("No control", "", "copy", sample.none_CTHW, rate_hz),
    ]


def _film(label: str, note: str, look: str, video_CTHW: Tensor, rate_hz: float) -> Film:
    stored = mp4_bytes(video_CTHW, rate_hz, most_side_px=_MOST_SIDE_PX)
    return Film(label=label, note=note, look=look, url=_data_url("video/mp4", stored))


def _sheet_url(evaluation: Evaluation, rate_hz: float) -> str:
    if not evaluation.samples:
        return ""
    stored = BytesIO()
    sheet = contact_sheet(
        evaluation.samples, given_frames=evaluation.settings.given_frames, rate_hz=rate_hz, views=evaluation.views
    )
    sheet.save(stored, "PNG")
    return _data_url("image/png", stored.getvalue())


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _charts(evaluation: Evaluation, log: Sequence[LogLine]) -> dict[str, Markup | None]:
    losses = thin(_curve(log, "loss"))
    given = evaluation.settings.given_frames
    by_frame = [(given + number, *pair) for number, pair in enumerate(evaluation.frames.psnr_by_frame_db())]
    adherence = [
        (f"{wrong}, {measured}", getattr(ratios, name))
        for measured, ratios in (
            ("generated video", evaluation.adherence_video),
            ("training loss", evaluation.adherence_loss),
        )
        for name, wrong in (("shuffled", "Wrong control"), ("none", "No control"))
        if ratios is not None
    ]
    return {
        "loss": line_chart(
            [
                Series(name="each line of the log", points=losses, look="faint"),
                Series(name="smoothed", points=smooth(losses), look="prediction"),
                Series(name="held-out clips", points=thin(_curve(log, "heldout_loss")), look="held-out"),
            ],
            x_label="step",
            y_label="loss",
        ),
        "frames": line_chart(
            [
                Series(name="copy", points=[(frame, copy) for frame, _, copy in by_frame], look="copy"),
                Series(name="prediction", points=[(frame, ours) for frame, ours, _ in by_frame], look="prediction"),
            ],
            x_label="frame",
            y_label="PSNR in dB",
        ),
        "obeying": _obeying(log),
        "adherence": interval_chart(adherence, x_label="error relative to the true control") if adherence else None,
    }


def _obeying(log: Sequence[LogLine]) -> Markup | None:
    """Return how the loss under a wrong control, and under none, relative to the true one went; None where nobody looked."""
    shuffled = _curve(log, "heldout_adherence")
    none = [
        (float(line["step"]), line["heldout_loss_none"] / line["heldout_loss"])
        for line in log
        if line.get("heldout_loss_none") is not None
    ]
    return line_chart(
        [
            Series(name="control ignored", points=[(step, 1.0) for step, _ in shuffled], look="faint"),
            Series(name="no control", points=none, look="copy"),
            Series(name="wrong control", points=shuffled, look="prediction"),
        ],
        x_label="step",
        y_label="loss relative to the true control",
    )


def _curve(log: Sequence[LogLine], name: str) -> list[tuple[float, float]]:
    return [(float(line["step"]), float(line[name])) for line in log if "step" in line and line.get(name) is not None]


def _plan_rows(plan: Plan) -> dict[str, list[tuple[str, str, str]]]:
    """Return (path, value, origin) of every value of the plan, by its part."""
    document = plan.model_dump(mode="json", exclude={"origins", "sources"})
    leaves = [(path, value, _origin(path, plan.origins)) for path, value in _leaves(document, "")]
    parts: dict[str, list[tuple[str, str, str]]] = {}
    for path, value, origin in leaves:
        parts.setdefault(path.partition(".")[0] if "." in path else "the run", []).append((path, value, origin))
    return parts


def _leaves(value: Any, path: str) -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{path}.{key}" if path else str(key))]
    return [(path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))]


def _origin(path: str, origins: Mapping[str, str]) -> str:
    """Return where the value came from, or the block that it is in."""
    while path:
        if path in origins:
            return origins[path]
        path = path.rpartition(".")[0]
    return ""


def _facts(plan: Plan, evaluation: Evaluation, metrics: Metrics) -> dict[str, str]:
    """Return what is good to know of the run; nothing that tells whose machine it was."""
    return {
        "Recipe": plan.recipe + (f", profile {plan.profile}" if plan.profile else ""),
        "Backbone": f"{plan.backbone.name} ({plan.backbone.licence})",
        "Parameters": f"{metrics['params']:,}",
        "Steps": f"{metrics['steps']:,} of {plan.train.global_batch} clips",
        "Training time": duration(float(metrics["train_seconds"] or 0)),
        "Evaluation time": duration(evaluation.seconds),
        "Held-out clips": str(metrics["clips"]),
        "Seed": str(metrics["seed"]),
        "Machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
        + (f", {plan.hardware.devices} x {plan.hardware.gpu}" if plan.hardware.gpu else ""),
        "Python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }


def duration(seconds: float) -> str:
    """Return a time in words: `3 min 20 s`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{seconds:.1f} s"
