"""The gate: what must hold before a model is published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cosmos_recipes.diagnostics import Problem
from cosmos_recipes.recipe.spec import Gate

MetricValues = Mapping[str, Any]


def check_gate(gate: Gate, metrics: MetricValues) -> tuple[Problem, ...]:
    """Return a problem for each limit of `gate` that `metrics` (those of metrics.json) do not hold."""
    checks = (
        _gain(gate.psnr_over_copy, metrics, name="psnr_over_copy", ours="psnr_db", copy="psnr_copy_db", code="CR801"),
        _gain(
            gate.psnr_moving_over_copy,
            metrics,
            name="psnr_moving_over_copy",
            ours="psnr_moving_db",
            copy="psnr_moving_copy_db",
            code="CR802",
        ),
        _least_ssim(gate.ssim, metrics["ssim"]),
        _least_adherence(gate.adherence, metrics),
        _task(gate.task, metrics),
        *(_figure(name, limit, metrics) for name, limit in gate.figures.items()),
    )
    return tuple(problem for problem in checks if problem is not None)


def _gain(
    limit_db: float | None, metrics: MetricValues, *, name: str, ours: str, copy: str, code: str
) -> Problem | None:
    if limit_db is None:
        return None
    predicted_db, copied_db = metrics[ours], metrics[copy]
    if predicted_db is None or copied_db is None:
        return _unmeasured(name, "nothing moves in the held-out clips", "use clips with motion, or remove the limit")
    # A figure that is not a number holds no limit.
    if predicted_db - copied_db >= limit_db:
        return None
    where = " over the pixels that move" if code == "CR802" else ""
    return Problem(
        code=code,
        message=f"the prediction is not far enough above repeating the last given frame{where}",
        expected=f"at least {limit_db:g} dB above copying (gate.{name})",
        found=f"{predicted_db - copied_db:+.2f} dB ({predicted_db:.2f} dB against {copied_db:.2f} dB)",
        hint="train for more steps, or on more clips",
    )


def _least_ssim(limit: float | None, ssim: float | None) -> Problem | None:
    if limit is None or (ssim is not None and ssim >= limit):
        return None
    return Problem(
        code="CR803",
        message="predicted frames are not similar enough to the truth",
        expected=f"a structural similarity of at least {limit:g} (gate.ssim)",
        found="none" if ssim is None else f"{ssim:.3f}",
        hint="train for more steps, or on more clips",
    )


def _least_adherence(limit: float | None, metrics: MetricValues) -> Problem | None:
    if limit is None:
        return None
    found, low, high = (metrics[name] for name in ("adherence", "adherence_low", "adherence_high"))
    if found is None or low is None or high is None:
        reason = "the recipe has no control, or all held-out clips have the same one"
        return _unmeasured(
            "adherence", reason, "choose a conditioning head and clips whose controls differ, or remove the limit"
        )
    if found >= limit:
        return None
    return Problem(
        code="CR804",
        message="the model does not obey its control enough",
        expected=f"an error with a wrong control at least {limit:g} times that with the true one (gate.adherence)",
        found=f"{found:.2f} times (95 % interval {low:.2f} to {high:.2f})",
        hint="train for more steps; a diffusion network also towards higher noise (train.shift)",
    )


def _task(limit: float | None, metrics: MetricValues) -> Problem | None:
    """Ask that the first figure of the task be better with the true control than with another clip's."""
    if limit is None:
        return None
    name, figure = next(iter(metrics["task"].items()), ("", None))
    found = figure["p_shuffled"] if figure else None
    if figure is None or found is None:
        reason = "no figure of the task was measured with a shuffled control"
        return _unmeasured(
            "task", reason, "choose a conditioning head and clips whose controls differ, or remove the limit"
        )
    if found <= limit:
        return None
    values = (f"{figure[control]['value']:.3g} {figure['unit']}" for control in ("true", "shuffled"))
    return Problem(
        code="CR806",
        message=f"the model does not do what its control says: {name} is not clearly better with the true one",
        expected=f"a p-value of at most {limit:g} (gate.task)",
        found="p = {:.2g}: {} with the true control, {} with a shuffled one".format(found, *values),
        hint="train for more steps, or measure on more clips (evaluate.clips)",
    )


def _figure(name: str, limit: float | None, metrics: MetricValues) -> Problem | None:
    if limit is None:
        return None
    figure = metrics["task"].get(name)
    found, floor = (figure[video]["value"] for video in ("true", "floor")) if figure else (None, None)
    if figure is None or found is None or floor is None:
        known = ", ".join(metrics["task"]) or "none"
        return _unmeasured(f"figures.{name}", "it was found in no clip", f"remove the limit; the figures are {known}")
    fewer = figure["less_is_better"]
    if found <= limit if fewer else found >= limit:
        return None
    unit = "" if figure["unit"] == "1" else f" {figure['unit']}"
    return Problem(
        code="CR807",
        message=f"the task is not done well enough: {name}",
        expected=f"{'at most' if fewer else 'at least'} {limit:g}{unit} (gate.figures)",
        found=f"{found:.3g}{unit}, and {floor:.3g}{unit} in the true videos",
        hint="where even the true videos do not reach it, the data is not what it says: `cosmos-recipe data check`; "
        "otherwise train for more steps, or on more clips",
    )


def _unmeasured(name: str, reason: str, hint: str) -> Problem:
    return Problem(
        code="CR805",
        message=f"the limit gate.{name} cannot be checked: {reason}",
        expected="a figure to compare with the limit",
        found="none",
        hint=hint,
    )
