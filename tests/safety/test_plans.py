"""Plans, NeMo's configuration, clusters and prices that a stranger wrote decide nothing that they may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from cosmos_recipes.compiler.compile import compile_recipe, read_plan
from cosmos_recipes.compiler.emit import emit, to_yaml
from cosmos_recipes.compiler.nemo import nemo_config
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.load import load_recipe
from cosmos_recipes.training.session import nemo_settings
from tests.safety.room import Room, assert_none

CHECKOUT = Path(__file__).parents[2]
LOADED = load_recipe(CHECKOUT / "recipes" / "factory.yaml")
PLAN = compile_recipe(LOADED)


@pytest.mark.parametrize("key", ["recipe", "profile"])
@pytest.mark.parametrize("said", ["../../elsewhere", "/tmp/elsewhere", "..", "a/b", "\u202ex"])
def test_a_plan_cannot_lead_its_run_elsewhere(key: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text(to_yaml({**PLAN.model_dump(mode="json"), key: said}), encoding="utf-8")
    with pytest.raises(RecipeError) as raised:
        read_plan(tmp_path / "plan.yaml")
    assert raised.value.problems[0].code in ("CR136", "CR120")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("trainer.callbacks", [{"_target_": "subprocess.Popen", "args": ["touch", "made"]}]),
        ("trainer.plugins", {"_target_": "os.system", "command": "touch made"}),
        ("trainer.logger", {"_target_": "os.system", "command": "touch made"}),
        ("trainer.default_root_dir", "/tmp/elsewhere"),
        ("trainer.max_steps", "${oc.env:HOME}"),
        ("trainer.max_steps", "${oc.decode:1}"),
        ("exp_manager.create_wandb_logger", {"_target_": "os.getcwd"}),
        ("exp_manager.wandb_logger_kwargs", {"project": "theirs"}),
        ("exp_manager.files_to_copy", ["/etc/passwd"]),
        ("model.optim", {"_target_": "os.system"}),
        ("hydra", {"run": {"dir": "/tmp/elsewhere"}}),
        ("_target_", "os.system"),
    ],
)  # fmt: skip
def test_nemo_is_told_of_no_class_and_no_key_that_no_plan_writes(path: str, value: Any, tmp_path: Path) -> None:
    config = OmegaConf.create(nemo_config(PLAN))
    OmegaConf.update(config, path, value, merge=False, force_add=True)
    with pytest.raises(RecipeError) as raised:
        nemo_settings(PLAN, PLAN, tmp_path, config=config, resume_from=None)
    assert [problem.code for problem in raised.value.problems] == ["CR128"]
    assert f"`{path}`" in raised.value.problems[0].message


def test_a_strategy_of_another_class_is_none(tmp_path: Path) -> None:
    config = OmegaConf.create(nemo_config(PLAN))
    config.trainer.strategy = {"_target_": "os.system", "command": "touch made"}
    with pytest.raises(RecipeError, match="CR609"):
        nemo_settings(PLAN, PLAN, tmp_path, config=config, resume_from=None)


def test_numbers_may_be_said_otherwise(tmp_path: Path) -> None:
    config = OmegaConf.create(nemo_config(PLAN))
    config.trainer.max_steps = 7
    assert nemo_settings(PLAN, PLAN, tmp_path, config=config, resume_from=None).trainer.max_steps == 7


def test_a_run_writes_anew_what_nemo_is_told(room: Room) -> None:
    """`run` and `resume` take the plan of a folder alone; its other files are made of that."""
    theirs = room.folder / "theirs"
    theirs.mkdir()
    for name, text in emit(PLAN, LOADED).items():
        (theirs / name).write_text(text, encoding="utf-8")
    (theirs / "launch.sh").write_text("touch ../outside/made\n")
    outcome = room.run("run", "theirs", "--dry-run")
    assert_none(room.complaints(outcome))
    assert outcome.code == 0
    assert "touch" not in outcome.text


FILES = {
    "clusters.yaml": ("job", "ls"),
    "prices.yaml": ("plan", "factory", "--profile", "predict2.5-2b"),
}
TEXTS = {
    "tag": "a: !!python/object/apply:os.system ['touch ../outside/made']\n",
    "bomb": "a: &a [x, x]\nb: [*a, *a]\n",
    "target": "mine: {kind: slurm, _target_: os.system}\ncurrency: USD\ngpu_hour: {_target_: os.system}\n",
    "shell": "mine: {kind: slurm, partition: '$(touch ../outside/made)', account: 'x; touch ../outside/made'}\n",
    "token": "mine: {kind: slurm, account: hf_" + "aB3" * 11 + "}\ncurrency: hf_" + "aB3" * 11 + "\n",
    "controls": 'mine: {kind: slurm, account: "\\e[2J"}\ncurrency: "\\e[2J"\n',
    "numbers": "currency: USD\ngpu_hour: {h100-80gb: [-1, 1e400]}\n",
    "variable": "mine: {kind: slurm, account: '${oc.env:COSMOS_RECIPES_CANARY}'}\ncurrency: '${oc.env:COSMOS_RECIPES_CANARY}'\n",
    "deep": "a: " + "[" * 50_000 + "\n",
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", TEXTS)
def test_what_lies_in_the_working_directory_is_data_too(name: str, kind: str, room: Room) -> None:
    (room.folder / name).write_text(TEXTS[kind])
    assert_none(room.complaints(room.run(*FILES[name])))
