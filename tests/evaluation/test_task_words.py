"""If these break, the last lines of a run say something else than metrics.json."""

from __future__ import annotations

from typing import Any

from cosmos_recipes.evaluation.task_words import task_words

ROTATION: dict[str, Any] = {
    "unit": "°",
    "floor": {"value": 0.3},
    "true": {"value": 1.94},
    "shuffled": {"value": 11.2},
    "p_shuffled": 0.0004,
}


def test_the_first_figure_of_the_task_is_told_with_what_it_is_to_be_compared_with() -> None:
    task = {"rotation_deg": ROTATION, "translation": {**ROTATION, "unit": "1"}}
    assert task_words(task) == "rotation_deg 1.94° (floor on true video 0.3°, shuffled control 11.2°, p < 0.001)"
    assert task_words({"translation": task["translation"]}).startswith("translation 1.94 (floor on true video 0.3, ")


def test_what_was_not_measured_is_not_told() -> None:
    alone = {"unit": "px", "floor": {"value": 0.5}, "true": {"value": 1.0}, "p_shuffled": None}
    lost = {**alone, "true": {"value": None}}
    assert task_words({}) == ""
    assert task_words({"motion_px": alone}) == "motion_px 1 px (floor on true video 0.5 px)"
    assert task_words({"motion_px": lost}) == "motion_px not found (floor on true video 0.5 px)"
