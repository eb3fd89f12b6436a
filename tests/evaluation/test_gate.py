"""If these break, a model is published that its own recipe forbids, or a good one is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.evaluation.gate import check_gate
from cosmos_recipes.recipe.spec import Gate

METRICS: dict[str, Any] = {
    "psnr_db": 22.0,
    "psnr_copy_db": 20.5,
    "psnr_moving_db": 13.0,
    "psnr_moving_copy_db": 10.0,
    "ssim": 0.8,
    "adherence": 1.5,
    "adherence_low": 1.3,
    "adherence_high": 1.7,
    "task": {
        "rotation_deg": {
            "unit": "°",
            "p_shuffled": 0.01,
            "true": {"value": 2.0},
            "shuffled": {"value": 9.0},
            "floor": {"value": 0.4},
            "less_is_better": True,
        },
        "translation": {"unit": "1", "p_shuffled": 0.9, "true": {"value": 0.3}, "shuffled": {"value": 0.2}},
    },
}
LIMITS = {"psnr_over_copy": "1 dB", "psnr_moving_over_copy": "3 dB", "ssim": 0.8, "adherence": 1.5, "task": 0.01}


def codes(limits: dict[str, Any], **changed: Any) -> list[str]:
    return [problem.code for problem in check_gate(Gate.model_validate(limits), METRICS | changed)]


def test_limits_that_are_just_reached_hold() -> None:
    assert codes(LIMITS) == []


def test_no_limit_refuses_nothing() -> None:
    assert codes({}, psnr_db=0.0, ssim=0.0, adherence=None) == []


def test_every_limit_that_fails_is_named() -> None:
    found = codes(LIMITS, psnr_db=21.4, psnr_moving_db=12.9, ssim=0.79, adherence=1.49)
    assert found == ["CR801", "CR802", "CR803", "CR804"]


@pytest.mark.parametrize(("metric", "code"), [("psnr_db", "CR801"), ("ssim", "CR803"), ("adherence", "CR804")])
def test_what_is_not_a_number_holds_no_limit(metric: str, code: str) -> None:
    assert codes(LIMITS, **{metric: math.nan}) == [code]


@pytest.mark.parametrize("metric", ["adherence", "psnr_moving_db"])
def test_what_cannot_be_measured_holds_no_limit(metric: str) -> None:
    assert codes(LIMITS, **{metric: None}) == ["CR805"]


def test_a_problem_says_what_was_found_and_expected_and_is_the_gates() -> None:
    (problem,) = check_gate(Gate.model_validate({"psnr_over_copy": "2 dB"}), METRICS)
    assert "+1.50 dB" in problem.found
    assert "2 dB" in problem.expected
    assert RecipeError(problem).exit_code == 5


def test_a_task_that_is_not_done_better_than_by_chance_is_refused_whatever_its_other_figures_say() -> None:
    unmeasured = {"rotation_deg": {**METRICS["task"]["rotation_deg"], "p_shuffled": None}}
    assert codes({"task": 0.009}) == ["CR806"]
    assert codes({"task": 0.01}, task={}) == codes({"task": 0.01}, task=unmeasured) == ["CR805"]


def test_a_figure_is_held_to_its_limit_in_its_own_direction() -> None:
    found = {"pose_found": {**METRICS["task"]["rotation_deg"], "unit": "1", "less_is_better": False}}
    assert codes({"figures": {"rotation_deg": 2.0}}) == codes({"figures": {"pose_found": 2.0}}, task=found) == []
    assert codes({"figures": {"rotation_deg": 1.9}}) == codes({"figures": {"pose_found": 2.1}}, task=found) == ["CR807"]
    assert codes({"figures": {"cross_view_px": 1.0}}) == ["CR805"]
    assert codes({"figures": {"rotation_deg": None}}) == []
