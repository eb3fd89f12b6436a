"""A job is held to the lock of what it runs again: what it takes along is compared at once, the rest where it trains."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cosmos_recipes.diagnostics import Place, RecipeError
from cosmos_recipes.launch.target import Target
from cosmos_recipes.launch.targets.skypilot import SkyPilot
from cosmos_recipes.launch.targets.slurm import Slurm
from cosmos_recipes.run.again import open_again
from cosmos_recipes.run.jobs import PACKED, job_of
from cosmos_recipes.run.opening import Opened
from cosmos_recipes.run.references import find
from tests.run.again.locks import CHANGES, published

HERE, ELSEWHERE = Slurm(), SkyPilot(runs="/storage/runs")


def sent(folder: Path, *overrides: str, target: Target = HERE, frozen: bool = True) -> Opened:
    named = find(str(folder), weights=False)
    assert named is not None
    return open_again(named, overrides=overrides, frozen=frozen, target=target)


def arrived(opened: Opened, folder: Path, *, frozen: bool = True) -> Opened:
    """Open the package of a job as the machine does that it is sent to."""
    assert opened.locked
    folder.mkdir()
    for name, text in ({name: opened.documents[name] for name in PACKED} | opened.locked.packed()).items():
        (folder / name).write_text(text)
    named = find(str(folder / "plan.yaml"), weights=False)
    assert named is not None and named.pinned == opened.locked.name
    return open_again(named, frozen=frozen)


@pytest.mark.parametrize("name", sorted(CHANGES.keys() - {"package", "base"}))
def test_what_a_job_takes_along_is_refused_before_it_is_sent(name: str, compiled: Path) -> None:
    change, path = CHANGES[name]
    change(compiled)
    with pytest.raises(RecipeError, match=f"CR240: `{path}`"):
        sent(compiled)


@pytest.mark.parametrize("name", ["package", "base"])
def test_what_is_of_the_machine_that_trains_is_refused_there(name: str, compiled: Path) -> None:
    change, path = CHANGES[name]
    change(compiled)
    opened = sent(compiled)
    assert opened.locked and opened.locked.drift == () and job_of(opened, HERE, compiled).frozen
    with pytest.raises(RecipeError, match=f"CR240: `{path}`") as raised:
        arrived(opened, compiled.parent / "package")
    assert raised.value.problems[0].place == Place(file=str(compiled))


def test_what_cannot_be_frozen_is_not_sent(compiled: Path) -> None:
    with pytest.raises(RecipeError, match="CR241"):
        sent(compiled, "train.steps=7")
    (compiled / "recipe.lock").unlink()
    with pytest.raises(RecipeError, match="CR244"):
        sent(compiled)


def test_where_data_and_base_lie_is_no_drift_on_the_machine_that_trains(compiled: Path) -> None:
    """It knows what was published, and what of the weights has to come out."""
    published(compiled)
    for name in ("videos", "base"):
        (compiled.parent / name).rename(compiled.parent / f"my-{name}")
    moved = (f"dataset.use.source.path={compiled.parent}/my-videos", f"backbone.weights={compiled.parent}/my-base")
    opened = arrived(sent(compiled.parent / "arm", *moved), compiled.parent / "package")
    assert opened.locked and opened.locked.name.endswith("/arm/snapshots/" + "a" * 40)
    assert (opened.locked.drift, opened.locked.weights.keys()) == ((), {"head/model.safetensors"})
    assert opened.plan.data.source["path"] == f"{compiled.parent}/my-videos"
    assert "origin: arm@" in opened.documents["recipe.lock"]


def test_machines_elsewhere_have_what_lies_in_their_storage_or_is_said_to_be_there(compiled: Path) -> None:
    shutil.rmtree(compiled.parent / "videos")
    shutil.rmtree(compiled.parent / "base")
    with pytest.raises(RecipeError) as raised:
        sent(compiled, target=ELSEWHERE)
    assert [problem.code for problem in raised.value.problems] == ["CR242", "CR242"]
    there = ("dataset.use.source.path=/storage/videos", "backbone.weights=/mnt/base")
    opened = sent(compiled, *there, target=ELSEWHERE)
    assert (opened.plan.data.source["path"], opened.plan.backbone.weights) == ("/storage/videos", "/mnt/base")
    assert "--frozen" in ELSEWHERE.render(job_of(opened, ELSEWHERE, None))


def test_what_is_set_besides_is_no_drift_and_what_is_not_is_told_there_too(compiled: Path) -> None:
    CHANGES["package"][0](compiled)
    opened = arrived(sent(compiled, "train.steps=7", frozen=False), compiled.parent / "package", frozen=False)
    assert opened.plan.train.steps == 7
    assert opened.locked and [each.path for each in opened.locked.drift] == ["packages.torch"]
