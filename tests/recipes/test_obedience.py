"""If these break, a model that ignores its control, or obeys another one, can be published.

Clean runs, shorter than the shipped recipes and otherwise like them, pass their gate, and what they trained goes back
where its control does. Each defect is planted into the package or the data of such a run, and the gate refuses the model.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from torch import Tensor

from cosmos_recipes.compiler.compile import read_plan
from cosmos_recipes.diagnostics import Problem
from cosmos_recipes.evaluation.evaluate import EvaluationSettings, evaluate
from cosmos_recipes.evaluation.gate import check_gate
from cosmos_recipes.run.results import held_out
from cosmos_recipes.training.frames import apart, together
from cosmos_recipes.training.world_model import WorldModel
from tests.docs.scripts import script
from tests.small_runs import command, environment, only_run, small_dataset

reverse = script("reversed")
RECIPES = Path(__file__).parents[2] / "recipes"
LIKE = {
    "arm-actions": {"train__steps": 120, "gate__adherence": 1.05},
    "room-camera": {"train__steps": 90, "gate__adherence": 1.05},
    "cell-views": {"train__steps": 100, "gate__ssim": 0.6, "gate__figures": "{agreeing_views: 0.9}"},
}
DATA: dict[str, dict[str, Any]] = {
    "arm-actions": {"episodes": 120},
    "room-camera": {"episodes": 80},
    "cell-views": {"episodes": 24, "views": {"front": "front", "top": "top"}},
}
CLIPS = 16
BEGIN = "from cosmos_recipes.cli.main import main; main()"
ACTIONS_OF_THE_NEXT_RECORDING = """
from dataclasses import replace
from cosmos_recipes.data.sources.world import WorldSource

listed = WorldSource.recordings

def shuffled(self, folder, progress):
    ours = listed(self, folder, progress)
    return [replace(one, values={**one.values, "action": other.values["action"]}) for one, other in zip(ours, [*ours[1:], ours[0]])]

WorldSource.recordings = shuffled
"""
RAYS_OF_THE_FIRST_FRAME = """
from cosmos_recipes.conditioning.rays import Rays

rays = Rays._rays
Rays._rays = lambda self, pose_T44, intrinsics_T4: rays(self, pose_T44[:1].repeat(len(pose_T44), 0), intrinsics_T4)
"""


def run(recipe: str, runs: Path, *, planted: str = "") -> subprocess.CompletedProcess[str]:
    """Run a shipped recipe with fewer recordings and steps, after a defect was planted."""
    path = RECIPES / f"{recipe}.yaml"
    arguments = command(
        path,
        runs,
        dataset__use=small_dataset(path, held_out=CLIPS, **DATA[recipe]),
        train__global_batch=4 if recipe == "cell-views" else 8,
        train__checkpoint_every=100,
        train__optimizer__warmup=5,
        evaluate__clips=CLIPS,
        evaluate__sampler_steps=10,
        **LIKE[recipe],
    )
    if planted:
        arguments[1:3] = ["-c", planted + BEGIN]
    return subprocess.run(arguments, env=environment(), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def clean_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a run without a defect, which its gate let pass."""
    runs = tmp_path_factory.mktemp("clean")

    @cache
    def folder(recipe: str) -> Path:
        done = run(recipe, runs)
        assert done.returncode == 0, done.stderr
        return only_run(runs, recipe)

    return folder


@pytest.mark.parametrize(
    ("recipe", "task", "motion"),
    [("room-camera", reverse.CAMERA, "place"), ("arm-actions", reverse.ACTION, "gripper")],
)
def test_a_reversed_control_gives_the_reverse_motion(
    recipe: str, task: Any, motion: str, clean_run: Callable[[str], Path], tmp_path: Path
) -> None:
    pairs = reverse.show(task, str(clean_run(recipe) / "package"), tmp_path / "sheet.png", 8)
    found = [pair.likenesses[motion] for pair in pairs if motion in pair.likenesses]
    for asked, other in (("true", "reversed"), ("reversed", "true")):
        assert fmean(each[asked, asked] - each[asked, other] for each in found) > 0.2


def judged(run: Path, *, plant: Callable[[WorldModel], None] | None = None, **changed: Any) -> dict[str, Problem]:
    """What the gate says of the model of a run with a defect that is `plant`ed, or with held-out clips that are changed."""
    plan, model = read_plan(run / "plan.yaml"), WorldModel.from_pretrained(run / "train" / "model")
    if plant:
        plant(model)
    clips = replace(held_out(plan, run / "prepare"), **changed)
    metrics = evaluate(model, clips, EvaluationSettings.from_plan(plan)).metrics(steps=0, train_seconds=0.0)
    return {problem.code: problem for problem in check_gate(plan.gate, metrics)}


def detach(model: WorldModel) -> None:
    """Let the head see nothing of its control."""
    model.head.register_forward_pre_hook(lambda head, said: (head.null(len(next(iter(said[0].values())))),))


@pytest.mark.parametrize("recipe", ["arm-actions", "room-camera"])
def test_a_head_that_does_not_enter_the_network_is_refused(recipe: str, clean_run: Callable[[str], Path]) -> None:
    refused = judged(clean_run(recipe), plant=detach)
    assert refused["CR804"].found == "1.00 times (95 % interval 1.00 to 1.00)"


@pytest.mark.parametrize(
    ("recipe", "planted"), [("arm-actions", ACTIONS_OF_THE_NEXT_RECORDING), ("room-camera", RAYS_OF_THE_FIRST_FRAME)]
)
def test_a_control_that_is_not_that_of_the_video_is_refused(recipe: str, planted: str, tmp_path: Path) -> None:
    done = run(recipe, tmp_path, planted=planted)
    assert done.returncode == 5, done.stderr
    assert "CR804" in done.stderr
    assert not (only_run(tmp_path, recipe) / "package").exists()


def swapped(video_BCTHW: Tensor) -> Tensor:
    """Each of two views in the place of the other."""
    return together(apart(video_BCTHW, 2).unflatten(0, (-1, 2)).flip(1).flatten(0, 1), 2)


def test_two_views_that_are_swapped_in_what_is_generated_are_refused(
    clean_run: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    generate = WorldModel.generate
    monkeypatch.setattr(WorldModel, "generate", lambda *said, **how: swapped(generate(*said, **how)))
    assert "CR803" in judged(clean_run("cell-views"))


def test_two_views_that_are_swapped_in_the_data_are_refused(clean_run: Callable[[str], Path]) -> None:
    run = clean_run("cell-views")
    read = held_out(read_plan(run / "plan.yaml"), run / "prepare").read
    assert "CR807" in judged(run, read=lambda clips: swapped(read(clips)))
