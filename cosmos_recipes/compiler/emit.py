"""Pass 4: a plan as files: the plan itself, NeMo's configuration, the lock, the resolved recipe, the launch command."""

from __future__ import annotations

import io
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cosmos_recipes.compiler.families import ignored_settings
from cosmos_recipes.compiler.lock import lock
from cosmos_recipes.compiler.nemo import nemo_config
from cosmos_recipes.compiler.plan import HardwarePlan, Plan
from cosmos_recipes.data.dataset import from_anywhere
from cosmos_recipes.files import write_text
from cosmos_recipes.recipe.load import LoadedRecipe

PLAN_HEADER = """\
# Everything that this run does. Made by `cosmos-recipe compile`; change the recipe, not this file.
# `origins`, at the end, says where each value came from.
"""
NEMO_HEADER = "# What NeMo is told, in its own layout. Made from plan.yaml beside it, which says what is trained.\n"
LOCK_HEADER = "# What has to be the same for this run to give the same result: versions, revisions and hashes.\n"
RECIPE_HEADER = "# The recipe with parent, profile and command line merged, and every default written out.\n"


def emit(
    plan: Plan, loaded: LoadedRecipe | None = None, *, recipe: str | None = None, origin: str | None = None
) -> dict[str, str]:
    """Return the texts of the files of a run by name.

    `recipe.yaml` is made of what was `loaded`, or is the text `recipe` of one that was; without either there is none.
    `origin` is said of `lock`.
    """
    if loaded is not None:
        recipe = RECIPE_HEADER + to_yaml(resolved_recipe(loaded, plan))
    texts = {
        "plan.yaml": PLAN_HEADER + to_yaml(plan.model_dump(mode="json")),
        "nemo.yaml": NEMO_HEADER + to_yaml(nemo_config(plan)),
        "recipe.lock": lock_text(lock(plan, recipe=recipe, origin=origin)),
        "launch.sh": launch_script(plan.hardware),
    }
    return texts if recipe is None else {**texts, "recipe.yaml": recipe}


def lock_text(document: Mapping[str, Any]) -> str:
    """Return the text of `recipe.lock`."""
    return LOCK_HEADER + to_yaml(document)


def write_files(texts: Mapping[str, str], folder: Path) -> None:
    """Write the files of `emit`, each there whole or not at all; scripts can be run."""
    for name, text in texts.items():
        write_text(folder / name, text, mode=0o755 if name.endswith(".sh") else None)


def resolved_recipe(loaded: LoadedRecipe, plan: Plan) -> dict[str, Any]:
    """Return the recipe as one that compiles to the same plan from anywhere: no parent, no profiles, absolute paths."""
    document = loaded.recipe.model_dump(mode="json", by_alias=True, exclude_none=True)
    document["conditioning"]["dropout"] = plan.conditioning.dropout
    if plan.conditioning.enters:
        document["conditioning"]["enters"] = plan.conditioning.enters
    document["dataset"]["clip"]["stride"] = plan.data.clip.stride
    document["train"]["checkpoint_every"] = plan.train.checkpoint_every
    document["evaluate"]["samples"] = plan.evaluate.samples
    for key in ignored_settings(plan.backbone.family):
        # They were said for another backbone.
        block, _, name = key.partition(".")
        document[block].pop(name, None)
    document["dataset"]["use"] = from_anywhere(loaded.recipe.dataset.use, relative_to=loaded.folders_of("dataset.use"))
    if isinstance(document["backbone"], dict) and loaded.recipe.start.weights not in ("base", "none"):
        document["backbone"]["weights"] = plan.backbone.weights
    return document


def launch_script(hardware: HardwarePlan) -> str:
    """Return a shell script that trains in the folder that it lies in."""
    arguments = '-m cosmos_recipes.training --config-path "$run" --config-name nemo "$@"'
    command = f"python {arguments}"
    if hardware.nodes * hardware.devices > 1:
        together = "--standalone"
        if hardware.nodes > 1:
            together = '--rdzv-backend c10d --rdzv-endpoint "${MASTER_ADDR:?set it to the first machine}:${MASTER_PORT:-29500}"'
        nodes = shlex.quote(str(hardware.nodes))
        command = f"python -m cosmos_recipes.launch.torchrun --shutdown-timeout 600 --nnodes {nodes} --nproc-per-node {hardware.devices} {together} {arguments}"
    where = "once on each machine" if hardware.nodes > 1 else "on the machine that the plan is made for"
    return f"""\
#!/bin/sh
# Trains the plan of this folder. Start it {where}; it goes on from the newest checkpoint.
run=$(cd "$(dirname "$0")" && pwd) || exit 1
exec {command}
"""


def to_yaml(document: Mapping[str, Any]) -> str:
    """Return YAML 1.2: blocks one key a line, lists of plain values on one line."""
    from ruamel.yaml import YAML
    from ruamel.yaml.emitter import Emitter

    class OneLineKeys(Emitter):
        # A longer key would be written as `? key`, which is not in the language; paths of files are keys.
        MAX_SIMPLE_KEY_LENGTH = 1024

    yaml = YAML()
    yaml.Emitter = OneLineKeys
    yaml.width = 4096
    yaml.representer.add_representer(type(None), _represent_none)
    yaml.representer.add_representer(list, _represent_list)
    stream = io.StringIO()
    yaml.dump(dict(document), stream)
    return stream.getvalue()


def _represent_none(representer: Any, _: None) -> Any:
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _represent_list(representer: Any, items: list[Any]) -> Any:
    is_plain = not any(isinstance(item, (list, dict, str)) for item in items)
    return representer.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=is_plain)
