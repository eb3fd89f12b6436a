"""The model card: written from the run alone, so that it cannot drift from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cosmos_recipes import __version__
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.conditioning.base import head
from cosmos_recipes.publishing.licences import licence_metadata

TEMPLATE = Path(__file__).with_name("card.md.jinja")
Metrics = Mapping[str, Any]
_CONTROL_EXAMPLES = {"caption": "the arm picks up the part"}
_TASKS = {
    "general": "continues a video from its first frames",
    "instruction": "continues a video from its first frames as a sentence tells it to",
}


def model_card(plan: Plan, metrics: Metrics, *, run_id: str, files: Sequence[str]) -> str:
    """Return README.md of a package: a head of YAML for the Hub and a page for people.

    `metrics` are those of metrics.json; `files` are the paths in the package, from which samples are shown.
    """
    import jinja2

    from cosmos_recipes.training.families import sampling_of

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    body = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        plan=plan,
        title=card_title(plan),
        does=_TASKS.get(plan.task, f"continues a video from its first frames ({plan.task})"),
        summary=" ".join(plan.summary.split()),
        run_id=run_id,
        version=__version__,
        figures=figures(metrics),
        task_figures=task_figures(metrics),
        metrics=metrics,
        sampling=repr(sampling_of(plan.backbone.objective, plan.evaluate)),
        control=control_example(plan.conditioning.head),
        columns=head(plan.conditioning.head).columns,
        samples=sample_links(files),
        sheet="samples/contact_sheet.png" in files,
        example=next((path for path in files if path.endswith("_truth.mp4")), "clip.mp4"),
        seconds=f"{plan.data.clip.frames / plan.data.clip.rate_hz:g}",
        training_time=duration(metrics.get("train_seconds")),
        licence=licence_metadata(plan.backbone.licence),
    )
    return f"---\n{card_head(plan)}\n---\n\n{body}"


def card_head(plan: Plan) -> str:
    """Return the YAML that the Hub reads: licence, base, task, tags."""
    from huggingface_hub import ModelCardData

    fields: dict[str, Any] = {
        **licence_metadata(plan.backbone.licence),
        "library_name": "cosmos-recipes",
        "pipeline_tag": "image-to-video",
        "tags": ["cosmos-recipe", "world-foundation-model", "video-prediction", plan.task, plan.backbone.family],
    }
    if plan.backbone.hub_id:
        relation = "adapter" if plan.train.method == "lora" else "finetune"
        fields |= {"base_model": plan.backbone.hub_id, "base_model_relation": relation}
    return str(ModelCardData(**fields).to_yaml())


def card_title(plan: Plan) -> str:
    """Return the name of the model: the recipe, and its profile if it has one."""
    return f"{plan.recipe} ({plan.profile})" if plan.profile else plan.recipe


def figures(metrics: Metrics) -> list[tuple[str, str, str]]:
    """Return the rows of the table of measurements: what in plain words, this model, repeating the last given frame."""
    rows = [
        ("Closeness to the truth, all pixels (PSNR, higher is better)", "psnr_db", "psnr_copy_db", "{:.2f} dB"),
        ("The same, only where something moves", "psnr_moving_db", "psnr_moving_copy_db", "{:.2f} dB"),
        ("Likeness of structure (SSIM, 1 is identical)", "ssim", "ssim_copy", "{:.3f}"),
    ]
    return [
        (words, form.format(metrics[ours]), form.format(metrics[copy]))
        for words, ours, copy, form in rows
        if metrics.get(ours) is not None and metrics.get(copy) is not None
    ]


def task_figures(metrics: Metrics) -> list[tuple[str, str, str, str]]:
    """Return the rows of the table of the task: what, on true video, this model, with another clip's control."""
    return [
        (name, *(_task_value(figure, column) for column in ("floor", "true", "shuffled")))
        for name, figure in (metrics.get("task") or {}).items()
        if _task_value(figure, "true")
    ]


def _task_value(figure: Mapping[str, Any], column: str) -> str:
    value = (figure.get(column) or {}).get("value")
    unit = "" if figure["unit"] == "1" else f" {figure['unit']}"
    return "" if value is None else f"{value:.3g}{unit}"


def control_example(name: str) -> str:
    """Return Python that makes the control of one clip for the head of that name."""
    columns = head(name).columns
    if columns and all(column in _CONTROL_EXAMPLES for column in columns):
        row = {column: _CONTROL_EXAMPLES[column] for column in columns}
        return f"model.collate([{row!r}])".replace("'", '"')
    return "model.null(1)"


def sample_links(files: Sequence[str]) -> str:
    """Return links to the sample videos; where truth and prediction stand side by side in one, to those alone."""
    videos = [path for path in files if path.endswith(".mp4")]
    shown = [path for path in videos if path.endswith("_side_by_side.mp4")] or videos
    return ", ".join(f"[{Path(path).stem.removesuffix('_side_by_side').replace('_', ' ')}]({path})" for path in shown)


def duration(seconds: float | int | None) -> str:
    """Return a time in the unit that a person would use; empty for an unknown one."""
    if seconds is None:
        return ""
    for unit, length_s in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.1f} {unit}"
    return f"{seconds:.0f} seconds"
