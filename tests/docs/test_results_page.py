"""If these break, the page of results shows figures that no shipped recipe came to, or hides the worst seed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from cosmos_recipes.compiler.emit import write_files
from cosmos_recipes.run.folder import RunFolder
from cosmos_recipes.run.opening import open_recipe
from tests.docs.scripts import ROOT, script
from tests.small_runs import SMALL, WORLD

results = script("results")
SHEET_PX, SAMPLE_PX = (1200, 2100), 700
STAGES = ("prepare", "train", "evaluate", "package", "publish")


def made_run(root: Path, recipe: str, *overrides: str, adherence_low: float = 1.3, **changes: Any) -> Path:
    """Write what a run of a shipped recipe leaves, its figures made up, and return its folder."""
    opened = open_recipe(str(ROOT / "recipes" / f"{recipe}.yaml"), overrides=overrides)
    folder = RunFolder.of(opened.plan, root)
    write_files(opened.documents, folder.path)
    figure = {"unit": "px", "less_is_better": True, "p_shuffled": 0.004}
    figure |= {control: {"value": value} for control, value in (("floor", 0.6), ("true", 3.0), ("shuffled", 20.0))}
    metrics = {
        **{"psnr_db": 28.0, "psnr_copy_db": 21.0, "psnr_moving_db": 22.0, "psnr_moving_copy_db": 14.0},
        **{"ssim": 0.9, "ssim_copy": 0.77, "adherence": 1.5, "adherence_low": adherence_low, "adherence_high": 1.8},
        **{"train_seconds": 300.0, "seed": opened.plan.seed, "task": {"end_effector_px": figure}},
        **changes,
    }
    (folder.evaluate / "samples").mkdir(parents=True)
    folder.metrics.write_text(json.dumps(metrics))
    sheet = Image.effect_noise(SHEET_PX, 80)
    for top in range(0, SHEET_PX[1], SAMPLE_PX):
        sheet.paste(255, (0, top, SHEET_PX[0], top + 50))
    sheet.save(folder.evaluate / "samples" / "contact_sheet.png")
    folder.stages.mkdir()
    (folder.stages / "evaluate.json").write_text(json.dumps({"state": "done", "inputs": "", "outputs": {}}))
    folder.log_file.write_text("".join(json.dumps({"stage": name, "seconds": 60.0}) + "\n" for name in STAGES))
    return folder.path


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Path]:
    """Folders of pages and recipes of one's own, in which nothing was measured."""
    (tmp_path / "docs").mkdir()
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes", ignore=shutil.ignore_patterns(results.RESULTS))
    return {"docs": tmp_path / "docs", "recipes": tmp_path / "recipes"}


def test_it_is_fresh() -> None:
    page = (ROOT / "docs" / results.PAGE).read_text(encoding="utf-8")
    assert page == results.written(results.golden_figures()), "run `python docs/results.py` and commit the page"


def test_seeds_are_one_row_with_their_mean_and_range_and_the_worst_lower_bound(
    tmp_path: Path, places: dict[str, Path]
) -> None:
    made_run(tmp_path / "one", "arm-actions", psnr_moving_db=23.0, adherence_low=1.25)
    made_run(tmp_path / "two", "arm-actions", "seed=1", psnr_moving_db=22.0)
    results.main([tmp_path / "one", tmp_path / "two"], **places)
    page = (places["docs"] / results.PAGE).read_text()
    assert "| `tiny-diffusion` | 0, 1 | 22.5 (22.0 to 23.0) | 14.0 (14.0 to 14.0) |" in page
    assert "| 9 (9 to 9) |" in page
    assert "| action | `tiny-diffusion` | 1.50 (1.50 to 1.50) | 1.25 |\n" in page
    assert (
        "| action | `tiny-diffusion` | Gripper | 0.60 px (0.60 to 0.60) | 3.00 px (3.00 to 3.00) | 20.00 px (20.00 to 20.00) | 0.004 |"
        in page
    )
    header = (places["recipes"] / "arm-actions.yaml").read_text()
    assert (
        "# Time       tiny-diffusion: 9 minutes on one core\n# Expected   tiny-diffusion: PSNR 28.0 dB (copying the last frame: 21.0), where things move 22.5 (14.0)"
        in header
    )
    assert "#              adherence 1.50 (lower bound 1.25)\n" in header
    assert header.endswith((ROOT / "recipes" / "arm-actions.yaml").read_text().partition("\nrecipe:")[2])
    before = {path: path.read_text() for folder in places.values() for path in folder.glob("*.*")}
    results.main([], **places)
    assert {path: path.read_text() for path in before} == before


def test_a_contact_sheet_keeps_whole_samples_and_is_small(tmp_path: Path, places: dict[str, Path]) -> None:
    made_run(tmp_path / "runs", "factory")
    results.main([tmp_path / "runs"], **places)
    sheet = places["docs"] / "sheets" / "factory-tiny-diffusion.png"
    assert sheet.stat().st_size <= results.MOST_SHEET_BYTES
    with Image.open(sheet) as small:
        assert small.width == SHEET_PX[0] // 2
        assert small.height * 2 == pytest.approx(SAMPLE_PX, abs=20), "one sample fits, and it is whole"


def test_what_is_not_a_shipped_recipe_as_it_is_shipped_is_left_out_and_named(
    tmp_path: Path, places: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    runs = tmp_path / "runs"
    changed = made_run(runs, "factory", "train.steps=8")
    other = made_run(runs, "tiny-base")
    unfinished = made_run(runs, "factory")
    (unfinished / "stages" / "evaluate.json").unlink()
    with pytest.raises(SystemExit, match="nothing is written"):
        results.main([runs], **places)
    assert not list(places["docs"].iterdir())
    said = {line.split(": ")[1]: line for line in capsys.readouterr().err.splitlines()}
    assert said.keys() == {str(changed), str(other), str(unfinished)}
    assert "its train are not" in said[str(changed)]
    assert "no shipped recipe with a gate" in said[str(other)]
    assert "not evaluated" in said[str(unfinished)]


def test_a_seed_counts_once(tmp_path: Path) -> None:
    first, second = (made_run(tmp_path / name, "factory") for name in ("one", "two"))
    new, sheets = results.found([tmp_path / "one", tmp_path / "two"])
    key = ("factory", "tiny-diffusion")
    assert len(new[key]) == 1
    assert sheets[key].is_relative_to(first) and not sheets[key].is_relative_to(second)


def test_figures_of_another_family_are_lines_of_their_own(tmp_path: Path, places: dict[str, Path]) -> None:
    made_run(tmp_path / "runs", "arm-actions")
    new, _ = results.found([tmp_path / "runs"])
    ((name, backbone),) = new
    both = {name: {backbone: new[name, backbone], "another": new[name, backbone]}}
    text = (places["recipes"] / "arm-actions.yaml").read_text()
    header = results.headed(text, name, both)
    assert "# Time       tiny-diffusion: 9 minutes on one core\n#            another: 9 minutes" in header
    assert "\n#            another: PSNR 28.0 dB" in header
    assert results.headed(header, name, both) == header


def test_a_recipe_is_measured_with_each_seed_whatever_its_gate_says(tmp_path: Path) -> None:
    recipe = tmp_path / "few-steps.yaml"
    changes = SMALL | {"dataset.use": WORLD, "gate.ssim": 1, "train.steps": 2}
    recipe.write_text(f"recipe: few-steps\nsummary: A run in seconds.\nextends: {ROOT / 'recipes' / 'factory.yaml'}\n")
    overrides = tuple(f"{key}={value}" for key, value in changes.items())
    way = results.Way(path=recipe, family="diffusion", backbone="tiny-diffusion", overrides=overrides)
    results.measure(tmp_path / "runs", [way], [1, 4])
    done = [RunFolder(path.parent) for path in (tmp_path / "runs").glob("few-steps/*/plan.yaml")]
    assert {json.loads(folder.metrics.read_text())["seed"] for folder in done} == {1, 4}
