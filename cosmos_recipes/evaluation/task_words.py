"""The figures of a task, as metrics.json holds them, in words. It imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_MEASURED_ON = {"floor": "floor on true video", "shuffled": "shuffled control"}


def task_words(task: Mapping[str, Any]) -> str:
    """Return the first figure of `task` of metrics.json, the one that the gate asks of, in a line; nothing without any.

    For example `rotation_deg 1.9° (floor on true video 0.3°, shuffled control 11.2°, p < 0.001)`.
    """
    if not task:
        return ""
    name, figure = next(iter(task.items()))
    found = {words: value_words(figure, control) for control, words in _MEASURED_ON.items()}
    known = [f"{words} {value}" for words, value in found.items() if value]
    if figure["p_shuffled"] is not None:
        known.append(f"p {p_value(figure['p_shuffled'])}")
    value = value_words(figure, "true") or "not found"
    return f"{name} {value} ({', '.join(known)})" if known else f"{name} {value}"


def value_words(figure: Mapping[str, Any], control: str) -> str:
    """Return the mean of a figure of metrics.json with its unit, on true video (`floor`) or under a control; or nothing."""
    value, unit = (figure.get(control) or {}).get("value"), figure["unit"]
    if value is None:
        return ""
    return f"{value:.3g}" + {"1": "", "°": "°"}.get(unit, f" {unit}")


def p_value(p: float) -> str:
    """Return a p-value as people write it."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
