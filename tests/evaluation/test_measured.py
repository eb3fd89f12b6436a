"""A stranger's metrics.json can show nothing but figures, and stop nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cosmos_recipes.evaluation.measured import read_metrics

SHIPPED = Path(__file__).parents[2] / "cosmos_recipes" / "backbones" / "weights" / "tiny-diffusion" / "metrics.json"


def test_what_was_measured_is_read_as_it_is() -> None:
    assert read_metrics(SHIPPED) == json.loads(SHIPPED.read_text()) != {}


@pytest.mark.parametrize(
    "change",
    [
        lambda metrics: [],
        lambda metrics: {**metrics, "psnr_db": "28"},
        lambda metrics: {**metrics, "task": {"motion_px": {"unit": 1}}},
        lambda metrics: {name: each for name, each in metrics.items() if name != "ssim"},
        lambda metrics: "[" * 100_000,
    ],
)
def test_another_form_is_as_good_as_none(change: Callable[[Any], Any], tmp_path: Path) -> None:
    changed = change(json.loads(SHIPPED.read_text()))
    file = tmp_path / "metrics.json"
    file.write_text(changed if isinstance(changed, str) else json.dumps(changed))
    assert read_metrics(file) == {}
