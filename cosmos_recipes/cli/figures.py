"""Figures of metrics.json as a table on a screen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cosmos_recipes.evaluation.task_words import p_value, value_words

Row = tuple[str, str, str, str]
_FRAMES = (("PSNR", "psnr", "dB", 2), ("PSNR, moving pixels", "psnr_moving", "dB", 2), ("SSIM", "ssim", "", 3))


def rows_of(metrics: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the head and a row for each figure: its name, the model's with its interval, a reference, and before."""
    yield "", "model, 95 % interval", "copy, or wrong control", "as published" if before else ""
    for label, stem, unit, digits in _FRAMES:
        name, copy = (f"{stem}_db", f"{stem}_copy_db") if unit else (stem, f"{stem}_copy")
        value, low, high = metrics[name], metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
        if value is not None:
            ends = "" if low is None or high is None else f" ({low:.{digits}f} to {high:.{digits}f})"
            yield (
                label,
                f"{_number(value, digits, unit)}{ends}",
                _number(metrics[copy], digits, unit),
                _number(before.get(name), digits, unit),
            )
    if metrics["adherence"] is not None:
        low, high = metrics["adherence_low"], metrics["adherence_high"]
        shown = f"{metrics['adherence']:.2f} ({low:.2f} to {high:.2f})"
        yield "Adherence", shown, "1 ignores the control", _number(before.get("adherence"), 2, "")
    yield from _of_task(metrics["task"], before.get("task") or {})


def table(rows: Iterator[Row] | Sequence[Row]) -> Iterator[str]:
    """Yield the lines of a table whose columns are as wide as what is in them."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        yield "  " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _of_task(task: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[Row]:
    for name, figure in task.items():
        value, mean = value_words(figure, "true"), figure.get("true") or {}
        if value:
            wrong = value_words(figure, "shuffled")
            chance = "" if figure["p_shuffled"] is None else f", p {p_value(figure['p_shuffled'])}"
            shown = f"{value} ({mean['low']:.3g} to {mean['high']:.3g})"
            yield (
                name,
                shown,
                f"{wrong}{chance}" if wrong else "",
                value_words(before[name], "true") if name in before else "",
            )


def _number(value: float | None, digits: int, unit: str) -> str:
    return "" if value is None else f"{value:.{digits}f} {unit}".rstrip()
