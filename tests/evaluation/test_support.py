"""If these break, the table of tasks promises what is not there, or hides what is."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest

from cosmos_recipes.backbones.zoo import FAMILIES, zoo
from cosmos_recipes.evaluation.support import TASK_ORDER, Cell, golden_figures, proofs, support


def camera_cell(**changes: object) -> Cell:
    """Return the cell of `room-camera`, its runs with other figures."""
    golden = golden_figures()
    runs = [{**run, **changes} for run in golden["room-camera"]["tiny-diffusion"]]
    rows = {row.task: row for row in support({**golden, "room-camera": {"tiny-diffusion": runs}})}
    return rows["camera"].cells["diffusion"]


def test_there_is_a_row_for_each_task_with_a_recipe_that_is_shipped() -> None:
    assert {row.task: row.recipe for row in support()} == {
        "general": "factory",
        "instruction": "factory-instructions",
        "action": "arm-actions",
        "camera": "room-camera",
        "multi-view": "cell-views",
        "multi-view + trajectory": "road-trajectory",
    }
    assert [row.task for row in support()] == [*TASK_ORDER]


def test_a_recipe_trains_on_the_family_of_its_cell() -> None:
    for proof in proofs():
        for family, way in proof.ways.items():
            assert zoo()[way.load().recipe.start.use].family == family
        assert proof.ways["diffusion"].options == (), "that is the recipe as it is"


def test_figures_are_means_and_the_worst_of_the_seeds() -> None:
    runs = golden_figures()["room-camera"]["tiny-diffusion"]
    shown = camera_cell().figures
    assert shown and shown.seeds == (0, 1, 2)
    assert shown.adherence == pytest.approx(sum(run["adherence"] for run in runs) / 3)
    assert shown.adherence_low == min(run["adherence_low"] for run in runs)
    p = max(run["task"]["rotation_deg"]["p_shuffled"] for run in runs)
    assert shown.task == ("camera rotation 5.44° off", f"wrong control: 8.5°, p {p:.3f}")
    assert camera_cell(psnr_moving_db=13.0, psnr_moving_copy_db=14.5).lines[0] == "−1.5 dB where things move"
    assert camera_cell(psnr_moving_db=None, adherence=None, task={}).lines == ["9 minutes, 3 seeds"]


def test_a_recipe_without_figures_says_that_it_is_not_measured() -> None:
    assert {line for row in support({}) for line in row.cells["diffusion"].lines} == {"not measured"}
    others = {name: runs for name, runs in golden_figures().items() if name != "room-camera"}
    assert {row.task for row in support(others) if row.cells["diffusion"].figures is None} == {"camera"}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cell_is_supported_where_the_compiler_takes_its_recipe(family: str) -> None:
    from cosmos_recipes.compiler.compile import compile_recipe

    for row in support():
        supported = row.cells[family]
        if supported.way:
            assert not supported.why_not
            plan = compile_recipe(supported.way.load())
            assert (plan.task, plan.backbone.family) == (row.task, family)
        else:
            assert supported.why_not


def test_a_task_whose_head_is_removed_leaves_the_table(tmp_path: Path) -> None:
    installed = distribution("cosmos-recipes")
    (metadata := tmp_path / "cosmos_recipes-0.dist-info").mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: cosmos-recipes\nVersion: 0\n")
    entries = (installed.read_text("entry_points.txt") or "").splitlines(keepends=True)
    (metadata / "entry_points.txt").write_text("".join(line for line in entries if ":CameraHead" not in line))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    command = [sys.executable, "-m", "cosmos_recipes", "ls", "tasks"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "arm-actions" in done.stdout and "room-camera" not in done.stdout
