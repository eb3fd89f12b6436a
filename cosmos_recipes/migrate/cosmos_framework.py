"""cosmos-framework's TOML of a supervised fine-tuning (`--sft-toml`), of Cosmos 3.

Its keys are those of `cosmos_framework/configs/toml_config/sft_config.py`, which refuses any other. The data, the clip
and the head are not in it: they are in the Python experiment that `job.experiment` names. Cosmos 3 itself is no backbone
here, so that a recipe starts from the Predict2.5 model of its size.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from cosmos_recipes.backbones.zoo import ZooEntry
from cosmos_recipes.data.draft.fitting import plain_name
from cosmos_recipes.diagnostics import Place, RecipeError, fail
from cosmos_recipes.migrate import training
from cosmos_recipes.migrate.base import Format, Migrated, Wishes
from cosmos_recipes.migrate.found_data import FoundData, find_data, folder_data, named_data
from cosmos_recipes.migrate.ledger import Ledger
from cosmos_recipes.migrate.recipes import chosen_backbone, finished
from cosmos_recipes.migrate.toml_values import read_toml, toml_leaves

NAME = "cosmos-framework"
_TABLES = frozenset(("job", "model", "optimizer", "scheduler", "trainer", "checkpoint", "dataloader_train", "custom"))
_DATA_VARIABLE = "DATASET_PATH"
_BELOW = ("train", "sft_dataset_bridge/train", "")
_SIZES = {"super": "predict2.5-14b"}
_DEFAULT_BACKBONE = "predict2.5-2b"
_TASK = "vfm"
_PRECISIONS = {"bfloat16": "bf16", "float32": "fp32"}

_REASONS = {
    "job.experiment": "names Python that says the data, the clip and the head: see what was chosen here",
    "model.max_num_tokens_after_packing": "clips are all of one size here, and are not packed",
    "model.joint_attn_implementation": "of the network of Cosmos 3",
    "model.attn_implementation": "of the network of their reasoner",
    "model.lora_*": "adapters are off there",
    "model.ema.rate": "a power of the step, not a decay; say `train.ema`, such as 0.9999",
    "model.ema.*": "say `train.ema` for an average of the weights, such as 0.9999",
    "model.parallelism.*": "the compiler chooses how processes share the work",
    "model.compile.*": "the compiler chooses whether the network is compiled",
    "model.activation_checkpointing.*": "the compiler chooses what is recomputed",
    "model.tokenizer.*": "the tokenizer comes with the backbone",
    "model.backbone.*": "of their reasoner",
    "dataloader_train.max_sequence_length": "clips are all of one size here, and are not packed",
    "dataloader_train.max_caption_tokens": "the backbone's text encoder says how long a caption may be",
    "custom.*": "of their own project",
    **training.REASONS,
}


class CosmosFramework(Format):
    """A TOML with `[job]` and the tables beside it."""

    looks_for: ClassVar[str] = "a TOML of cosmos-framework with [job] and [trainer] or [model]"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Recognise it by its tables."""
        if not path.is_file():
            return False
        try:
            tree = read_toml(path)
        except RecipeError:
            return False
        return isinstance(tree.get("job"), dict) and len(_TABLES & tree.keys()) > 1

    @classmethod
    def migrate(cls, path: Path, wishes: Wishes) -> Migrated:
        """Return the recipe."""
        wishes.refuse(NAME, "experiment", "schema")
        ledger = Ledger(str(path), toml_leaves(path), _REASONS)
        _require_video_task(ledger)
        name = plain_name(_said(ledger, "name") or path.stem)
        target = wishes.output or Path(f"{name}.yaml")
        ledger.carry("recipe", name, "job.name") if _said(ledger, "name") else ledger.choose(
            "recipe", name, "as the file is called"
        )
        ledger.choose("summary", f"Post-training of {name}, as {path.name} says it.", "no file of theirs says it")
        entry = _carry_backbone(ledger, wishes)
        data, origin = _data(ledger, wishes, target)
        training.carry_data(ledger, data, origin=origin)
        training.carry_clip(ledger, data, entry, frames=None, size=None)
        _carry_training(ledger)
        return finished(ledger, tool=NAME, target=target)


def _said(ledger: Ledger, key: str) -> str:
    found = ledger.get("job", key)
    return found if isinstance(found, str) else ""


def _require_video_task(ledger: Ledger) -> None:
    """Refuse what trains no world model that gives videos.

    Raises:
        RecipeError: it trains a reasoner or a policy (CR782).
    """
    task, experiment = _said(ledger, "task") or _TASK, _said(ledger, "experiment")
    kind = "a reasoner" if task != _TASK else "a policy" if "policy" in experiment else ""
    if kind:
        leaf = ledger.leaves.get(("job", "task" if task != _TASK else "experiment"))
        fail(
            "CR782",
            f"this trains {kind}, and a recipe a model of videos",
            place=Place(file=ledger.file, line=leaf.line if leaf else 0, column=1),
            expected=f'task = "{_TASK}", and no policy',
            found=task if task != _TASK else experiment,
            hint="go on with cosmos-framework for this one",
        )
    if ("job", "task") in ledger.leaves:
        ledger.leave("job.task", "a recipe trains a model of videos, as this says")


def _carry_backbone(ledger: Ledger, wishes: Wishes) -> ZooEntry:
    said = " ".join(
        filter(None, (_said(ledger, "experiment"), _said(ledger, "name"), str(ledger.get("checkpoint", "load_path"))))
    ).lower()
    like = next((name for size, name in _SIZES.items() if size in said), _DEFAULT_BACKBONE)
    return chosen_backbone(ledger, wishes, like, "Cosmos 3 is no backbone here; this one is nearest in size")


def _data(ledger: Ledger, wishes: Wishes, target: Path) -> tuple[FoundData, str]:
    if wishes.dataset is not None:
        return named_data(wishes.dataset, target.parent), "as you named it; theirs is in the Python experiment"
    root = os.environ.get(_DATA_VARIABLE)
    experiment = ledger.leaves.get(("job", "experiment"))
    at = Place(file=ledger.file, line=experiment.line if experiment else 0, column=1 if experiment else 0)
    places = [Path(root) / below for below in _BELOW] if root else []
    found = find_data(places, f"--dataset, or the folder in the variable {_DATA_VARIABLE}", at=at)
    return folder_data(found.resolve(), target.parent), f"{_DATA_VARIABLE} of the environment"


def _carry_training(ledger: Ledger) -> None:
    training.carry_lora(ledger, "model", "lora_enabled")
    steps = training.carry_steps(ledger)
    gpus = _gpus(ledger)
    times = ledger.take("trainer.grad_accum_iter", training.whole(), "a whole number above zero") or 1
    size = ledger.take("dataloader_train.max_samples_per_batch", training.whole(), "a whole number above zero") or 1
    context = ledger.take("model.parallelism.context_parallel_shard_degree", training.whole(), "a whole number") or 1
    batch = training.Batch(size=size, gpus=gpus, context=context, times=times)
    training.carry_batch(ledger, batch, "dataloader_train.max_samples_per_batch", "trainer.grad_accum_iter")
    training.carry_optimizer(ledger, steps)
    precision = ledger.take("model.precision", lambda value: str(value) in _PRECISIONS, " or ".join(_PRECISIONS))
    if precision:
        ledger.carry("train.precision", _PRECISIONS[precision], "model.precision")
    _carry_head_rate(ledger)
    training.choose_gpu(ledger)
    seed = ledger.take("dataloader_train.seed", training.whole(0), "a whole number")
    if seed is not None:
        ledger.carry("seed", seed, "dataloader_train.seed")


def _gpus(ledger: Ledger) -> int:
    """Carry over the GPUs: shards times copies, as their documentation counts; -1 is whatever there is."""
    shard, copies = "model.parallelism.data_parallel_shard_degree", "model.parallelism.data_parallel_replicate_degree"
    counts = [ledger.get(*path.split(".")) for path in (shard, copies)]
    if training.whole()(counts[0]):
        gpus = counts[0] * (counts[1] if training.whole()(counts[1]) else 1)
        ledger.carry(
            "hardware.gpus", gpus, shard, copies, how="uncertain: the GPUs of one machine, which their launcher says"
        )
        return int(gpus)
    ledger.choose("hardware.gpus", training.GPUS, "the file leaves it to the launcher; their documentation has 8")
    return training.GPUS


def _carry_head_rate(ledger: Ledger) -> None:
    """Carry over the rate of the head, where the file gives every part of it the same one."""
    above = ("optimizer", "lr_multipliers")
    factors: dict[str, Any] = {
        leaf.path[-1]: leaf.value for leaf in ledger.leaves.values() if leaf.path[:2] == above and leaf.path[2:]
    }
    lr = next((entry.value for entry in ledger.entries if entry.to == ("train", "optimizer", "lr")), None)
    factor = next(iter(factors.values()), None)
    is_one = len({*map(str, factors.values())}) == 1 and all("action" in name for name in factors)
    if lr and is_one and training.real(factor) and 0 < lr * factor <= 1:
        paths = [".".join((*above, name)) for name in factors]
        ledger.carry("train.optimizer.head_lr", lr * factor, *paths, how=f"{factor:g} times the rate of the trunk")
