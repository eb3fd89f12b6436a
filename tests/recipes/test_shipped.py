"""Every shipped recipe runs to a published model, is skipped when repeated, and mends what was damaged."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard

from cosmos_recipes.evaluation.video import write_mp4
from cosmos_recipes.recipe.load import load_recipe
from tests.card_code import run_usage
from tests.conftest import FinishedRun
from tests.small_runs import STEPS, command, environment, finish, only_run, weights_hash


def profiles_of(path: Path) -> tuple[str, ...]:
    return load_recipe(path).profiles


RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))
FACTORY = next(path for path in RECIPES if path.stem == "factory")
GOLDENS = Path(__file__).with_name("goldens.json")
LOSS_TOLERANCE = 0.02
STAGES = ("prepare", "train", "evaluate", "package", "publish")
FinishedRuns = Callable[..., FinishedRun]
TOKENS = "tiny-autoregressive"
CELLS = [(path, profile) for profile in (None, TOKENS) for path in RECIPES if profile in (None, *profiles_of(path))]
"""Recipes as they are, and with the profile of the other family where they have it."""


def name_of(value: Path | str | None) -> str:
    return value.stem if isinstance(value, Path) else value or "itself"


def published(run: FinishedRun) -> Path:
    name = f"{run.recipe.stem}-{run.profile}" if run.profile else run.recipe.stem
    return run.runs / "published" / "local" / name / "latest"


@pytest.fixture
def copied(finished_run: FinishedRuns, tmp_path: Path) -> FinishedRun:
    """The finished run of `factory`, to be changed at will."""
    done = finished_run(FACTORY)
    shutil.copytree(done.runs, tmp_path / "runs", symlinks=True, copy_function=shutil.copy2)
    return FinishedRun(recipe=done.recipe, runs=tmp_path / "runs", output=done.output)


@pytest.mark.parametrize(("recipe", "profile"), CELLS, ids=name_of)
def test_it_ends_in_a_published_model_that_loads(recipe: Path, profile: str | None, finished_run: FinishedRuns) -> None:
    from cosmos_recipes.publishing.package import verify_package
    from cosmos_recipes.training.world_model import WorldModel

    run = finished_run(recipe, profile)
    package = verify_package(published(run))
    assert (
        WorldModel.from_pretrained(published(run)).config.head
        == json.loads((published(run) / "cosmos_recipe.json").read_text())["head"]
    )
    assert {"report.html", "metrics.json", "recipe.yaml", "recipe.lock", "plan.yaml", "README.md"} <= {
        file.path for file in package.files
    }


@pytest.mark.parametrize(("recipe", "profile"), CELLS, ids=name_of)
def test_its_run_folder_holds_what_a_person_looks_for(
    recipe: Path, profile: str | None, finished_run: FinishedRuns
) -> None:
    run = finished_run(recipe, profile)
    metrics = json.loads((run.folder / "evaluate" / "metrics.json").read_text())
    assert metrics["steps"] == STEPS
    assert metrics["clips"] == 4
    assert (run.folder / "evaluate" / "samples" / "contact_sheet.png").stat().st_size > 1000
    assert [
        json.loads(line).get("stage") for line in (run.folder / "log.jsonl").read_text().splitlines() if "stage" in line
    ] == list(STAGES)
    assert not (run.folder / "fault.txt").exists()


@pytest.mark.parametrize(("recipe", "profile"), CELLS, ids=name_of)
def test_it_says_where_report_and_model_are(recipe: Path, profile: str | None, finished_run: FinishedRuns) -> None:
    run = finished_run(recipe, profile)
    assert f"Report: {run.folder / 'evaluate' / 'report.html'}" in run.output
    assert "PSNR, moving pixels" in run.output
    assert "  Task  " in run.output and "floor on true video" in run.output
    assert f"Model:  {published(run)}" in run.output


@pytest.mark.parametrize(("recipe", "profile"), CELLS, ids=name_of)
def test_it_trains_as_it_did(recipe: Path, profile: str | None, finished_run: FinishedRuns) -> None:
    """Without this, training could change for everybody and no one would see it: `COSMOS_RECIPES_REWRITE_GOLDENS=1`."""
    log = (finished_run(recipe, profile).folder / "log.jsonl").read_text()
    found = [line["loss"] for line in map(json.loads, log.splitlines()) if "loss" in line]
    assert len(found) == STEPS
    goldens, name = json.loads(GOLDENS.read_text()), f"{recipe.stem}-{profile}" if profile else recipe.stem
    if os.environ.get("COSMOS_RECIPES_REWRITE_GOLDENS"):
        goldens[name] = [round(loss, 5) for loss in found]
        text = json.dumps(dict(sorted(goldens.items())), indent=2) + "\n"
        GOLDENS.write_text(text)
    assert found == pytest.approx(goldens[name], rel=LOSS_TOLERANCE)


@pytest.mark.parametrize("recipe", [path for path in RECIPES if "autoregressive" not in path.stem], ids=name_of)
def test_its_network_is_one_that_diffusers_reads(recipe: Path, finished_run: FinishedRuns) -> None:
    from diffusers import CosmosTransformer3DModel

    transformer = CosmosTransformer3DModel.from_pretrained(published(finished_run(recipe)) / "transformer")
    assert isinstance(transformer, CosmosTransformer3DModel)


@pytest.mark.parametrize(("recipe", "profile"), CELLS, ids=name_of)
def test_its_card_is_one_that_the_hub_reads_and_its_code_runs(
    recipe: Path, profile: str | None, finished_run: FinishedRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(published(finished_run(recipe, profile)), tmp_path / "model"))
    card = ModelCard.load(folder / "README.md")
    assert f"---\n{card.data.to_yaml()}\n---\n" == card.content[: card.content.index("\n---\n") + 5]
    assert card.data.tags[0] == "cosmos-recipe"
    monkeypatch.chdir(folder)
    for view in re.findall(r"--view '?([\w-]+)=", card.content):
        write_mp4(folder / f"{view}.mp4", torch.zeros(3, 2, 64, 64, dtype=torch.uint8), 5.0)
    said, sampled = run_usage(folder)
    assert said.read_bytes() == Path("next.mp4").read_bytes()
    assert sampled.video_VCTHW.shape[2] == 13
    assert ("from diffusers" in card.content) == ("diffusion" in card.data.tags)


def test_all_six_tasks_run_on_both_families() -> None:
    tasks = {"factory", "factory-instructions", "arm-actions", "room-camera", "cell-views", "road-trajectory"}
    assert {path.stem for path, profile in CELLS if profile == TOKENS} == tasks


def test_only_a_controlled_recipe_has_adherence(finished_run: FinishedRuns) -> None:
    found = {
        path.stem: json.loads((finished_run(path).folder / "evaluate" / "metrics.json").read_text())["adherence"]
        for path in RECIPES
    }
    assert {name: value is not None for name, value in found.items()} == {
        "arm-actions": True,
        "cell-views": True,
        "factory": False,
        "factory-instructions": True,
        "road-trajectory": True,
        "room-camera": True,
        "tiny-base": True,
        "tiny-base-autoregressive": True,
        "tiny-workshop": True,
    }


def test_repeating_the_command_does_nothing(copied: FinishedRun) -> None:
    before = {
        path: path.stat().st_mtime_ns
        for path in copied.runs.rglob("*")
        if path.suffix in (".safetensors", ".html", ".mp4", ".arrow")
    }
    output = finish(command(copied.recipe, copied.runs))
    assert [line.split()[1:3] for line in output.splitlines() if line.startswith("[")] == [
        [stage, "unchanged:"] for stage in STAGES
    ]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def _is_of_factory(video: Path) -> bool:
    """Whether a video is of the world that `factory` runs on here; worlds of other recipes lie in the same folder."""
    told = json.loads((video.parents[1] / "world.json").read_text())
    return (told["world"], told["height_px"]) == ("factory", 128)


def test_damaged_outputs_of_every_stage_are_made_again(copied: FinishedRun) -> None:
    run = copied.folder
    before = weights_hash(run / "train" / "model")
    damaged = [
        next((run / "prepare" / "latents").glob("*.safetensors")),
        next(path for path in (copied.runs / ".prepared").glob("source-*/videos/*.mp4") if _is_of_factory(path)),
        run / "train" / "model" / "transformer" / "diffusion_pytorch_model.safetensors",
        run / "evaluate" / "report.html",
        run / "package" / "README.md",
    ]
    contents = {path: path.read_bytes() for path in damaged[:3]}
    for path in damaged:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    shutil.rmtree(published(copied).resolve())
    output = finish(command(copied.recipe, copied.runs))
    assert [line.split()[1] for line in output.splitlines() if "made again what was damaged" in line][:3] == list(
        STAGES[:3]
    )
    assert {path: path.read_bytes() for path in damaged[:3]} == contents
    assert weights_hash(run / "train" / "model") == before
    assert weights_hash(published(copied)) == before


def test_a_gate_that_is_not_held_stops_before_packaging_and_keeps_the_training(copied: FinishedRun) -> None:
    shutil.rmtree(copied.folder / "package")
    before = weights_hash(copied.folder / "train" / "model")
    arguments = command(copied.recipe, copied.runs, gate__ssim=0.99)
    done = subprocess.run(arguments, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 5, done.stderr
    assert "CR803" in done.stderr
    assert "train    unchanged" in done.stderr
    assert f"Report: {copied.folder / 'evaluate' / 'report.html'}" in done.stderr
    assert not (copied.folder / "package").exists()
    assert weights_hash(only_run(copied.runs, "factory") / "train" / "model") == before
