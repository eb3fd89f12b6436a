"""The files of a run: NeMo loads its configuration, the shell its script, and the recipe compiles to the same plan."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from cosmos_recipes.compiler.compile import compile_recipe
from cosmos_recipes.compiler.emit import emit, to_yaml, write_files
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.recipe.load import LoadedRecipe, load_recipe
from cosmos_recipes.recipe.located import read_located

Load = Callable[..., LoadedRecipe]
Compile = Callable[..., Plan]

HYDRA_MAIN = """
import json
from nemo.core.config import hydra_runner
from nemo.utils.trainer_utils import resolve_trainer_cfg
from lightning.pytorch import Trainer
from omegaconf import OmegaConf

@hydra_runner(config_path=".", config_name="nothing")
def main(config):
    trainer = Trainer(**resolve_trainer_cfg(config.trainer))
    print("LOADED", json.dumps([OmegaConf.to_container(config), type(trainer.strategy).__name__]))

main()
"""


@pytest.mark.parametrize(
    ("overrides", "strategy"), [((), "SingleDeviceStrategy"), (("hardware.processes=2",), "DDPStrategy")]
)
def test_nemo_loads_its_configuration_and_lightning_the_trainer_in_it(
    overrides: tuple[str, ...], strategy: str, compiled: Compile, tmp_path: Path
) -> None:
    plan = compiled(*overrides)
    write_files(emit(plan), tmp_path / "run")
    (tmp_path / "main.py").write_text(HYDRA_MAIN, encoding="utf-8")
    command = [sys.executable, "main.py", "--config-path", str(tmp_path / "run"), "--config-name", "nemo"]
    done = subprocess.run([*command, "trainer.max_steps=7"], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("LOADED "))
    config, found = json.loads(line.removeprefix("LOADED "))
    assert found == strategy
    assert config["trainer"]["max_steps"] == 7
    assert config["model"] == {"plan": "plan.yaml", "fingerprint": plan.fingerprint()}
    assert config.keys() == {"name", "trainer", "exp_manager", "model"}


@pytest.mark.parametrize("name", ["factory", "factory-instructions"])
@pytest.mark.parametrize("profile", [None, "predict2.5-2b"])
def test_the_resolved_recipe_compiles_to_the_same_plan_elsewhere(
    name: str, profile: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_recipe(name, profile=profile, overrides=["evaluate={clips: 3, samples: 2}"])
    plan = compile_recipe(loaded)
    write_files(emit(plan, loaded), tmp_path)
    monkeypatch.chdir(tmp_path)
    again = compile_recipe(load_recipe("./recipe.yaml"))

    different = {"profile", "origins", "sources", "notes"}
    assert again.model_dump(exclude=different) == plan.model_dump(exclude=different)
    # What was set aside is left out of the resolved recipe, and needs no note.
    assert set(again.notes) <= set(plan.notes)


def test_a_folder_beside_the_recipe_is_found_from_the_resolved_recipe(load: Load, tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_bytes(b"")
    text = (load().path).read_text(encoding="utf-8").replace("  use:\n", "  use: ./videos\n").splitlines()
    (tmp_path / "own.yaml").write_text(
        "\n".join(line for line in text if not line.startswith("    s")), encoding="utf-8"
    )
    loaded = load_recipe(tmp_path / "own.yaml")
    write_files(emit(compile_recipe(loaded), loaded), tmp_path / "run")

    again = compile_recipe(load_recipe(tmp_path / "run" / "recipe.yaml"))
    assert again.data.source["path"] == str(tmp_path / "videos")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("hardware.gpus=1",), "exec python -m cosmos_recipes.training --config-path"),
        ((), "--nnodes 1 --nproc-per-node 8 --standalone -m cosmos_recipes.training"),
        (("hardware.nodes=2",), "--nnodes 2 --nproc-per-node 8 --rdzv-backend c10d --rdzv-endpoint"),
    ],
)
def test_the_launch_script_starts_every_process(
    overrides: tuple[str, ...], words: str, compiled: Compile, tmp_path: Path
) -> None:
    write_files(emit(compiled(*overrides, profile="big")), tmp_path)
    script = tmp_path / "launch.sh"

    subprocess.run(["sh", "-n", script], check=True)
    assert os.access(script, os.X_OK)
    assert words in script.read_text(encoding="utf-8")


def test_the_lock_names_what_decides_the_result(load: Load, compiled: Compile, tmp_path: Path) -> None:
    plan = compiled()
    write_files(emit(plan), tmp_path)
    lock = read_located(tmp_path / "recipe.lock").tree

    assert lock["packages"]["torch"] == version("torch")
    assert lock["packages"]["cosmos-recipes"] == version("cosmos-recipes")
    assert lock["plan"] == plan.fingerprint()
    assert lock["files"] == plan.sources
    load().path.write_text(load().path.read_text(encoding="utf-8") + "# more\n", encoding="utf-8")
    changed = {name for name, digest in compiled().sources.items() if plan.sources[name] != digest}
    assert {Path(name).name for name in changed} == {"arm.yaml"}


@pytest.mark.parametrize("length", [100, 127, 128, 300, 900])
def test_a_plan_of_files_in_deep_folders_can_be_read_again(length: int, tmp_path: Path) -> None:
    document = {"sources": {"/" + "deep/" * (length // 5) + "model.safetensors": "0" * 64}}
    (tmp_path / "plan.yaml").write_text(to_yaml(document))
    assert read_located(tmp_path / "plan.yaml").tree == document
