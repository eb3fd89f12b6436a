"""One run of NeMo's trainer: configuration, experiment manager, model, and what is left behind at the end."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from nemo.utils.exp_manager import exp_manager
from nemo.utils.trainer_utils import resolve_trainer_cfg
from omegaconf import DictConfig, OmegaConf

from cosmos_recipes.compiler.mesh import as_started
from cosmos_recipes.compiler.nemo import nemo_config
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.data.seen import write_seen
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.diagnostics.words import kind_of
from cosmos_recipes.files import whole, write_json
from cosmos_recipes.training.batches import Share
from cosmos_recipes.training.broken import BrokenSteps
from cosmos_recipes.training.checkpoints import Checkpoints
from cosmos_recipes.training.fit import nemo_file, record
from cosmos_recipes.training.keeper import Keeper
from cosmos_recipes.training.model import PostTraining
from cosmos_recipes.training.parallel.strategy import strategy_of
from cosmos_recipes.training.policy import Policy
from cosmos_recipes.training.progress import Progress
from cosmos_recipes.training.watch import Alarm, Watch

_OF_MODEL = ("plan", "fingerprint", "run", "prepared")
"""What `model` says: which plan is trained, and where."""


def fit(
    plan: Plan, run: Path, prepared: Path, *, config: DictConfig | None, progress: Progress, alarm: Alarm
) -> int | None:
    """Train to the end or to a signal, whose number is returned; goes on from the newest finished checkpoint.

    `alarm` is told why this process ends, which it does, if no step is finished for too long.
    """
    if plan.train.tensorboard:
        _require_tensorboard()
    folder = run / "train"
    policy = Policy(last=plan.train.keep_checkpoints, best=plan.train.keep_best, every_h=plan.train.keep_every_h)
    checkpoints = Checkpoints(folder / "checkpoints", policy=policy)
    started = _as_started(plan)
    settings = nemo_settings(plan, started, run, config=config, resume_from=checkpoints.newest())
    trainer: Any = Trainer(**{**resolve_trainer_cfg(settings.trainer), "strategy": strategy_of(started.hardware)})
    exp_manager(trainer, settings.exp_manager)
    model = PostTraining(settings.model, trainer, plan=plan, prepared=prepared)
    keeper = Keeper(
        plan,
        checkpoints=checkpoints,
        log=run / "log.jsonl",
        consumed=folder / "samples.parquet",
        broken=BrokenSteps(folder, allowed=plan.train.skip_not_finite),
        watch=_watch(plan, folder, trainer, alarm),
        progress=progress,
        finish=lambda model, keeper: _finish(model, keeper, folder, prepared),
    )
    trainer.callbacks.append(keeper)
    progress(f"{_count(model)} parameters, from step {_step(checkpoints.newest())}, step", 0, plan.train.steps)
    interrupt = signal.getsignal(signal.SIGINT)
    try:
        trainer.fit(model)
    except SystemExit:
        # Lightning's answer to a signal that came before the first step, or to a second one: it also ignores Ctrl-C.
        signal.signal(signal.SIGINT, interrupt)
        return keeper.stopped_by or signal.SIGINT
    return keeper.stopped_by


def _watch(plan: Plan, folder: Path, trainer: Trainer, alarm: Alarm) -> Watch:
    rank, world = trainer.global_rank, trainer.world_size
    return Watch(folder / "failures", rank=rank, world=world, limit_s=plan.hardware.stall_s, say=alarm)


def nemo_settings(
    plan: Plan, started: Plan, run: Path, *, config: DictConfig | None, resume_from: Path | None
) -> DictConfig:
    """Return NeMo's configuration: that of the run, with what only the running processes know.

    That is how many they are, where they write and what they resume from.

    Raises:
        RecipeError: the configuration names another strategy than the plan's (CR609), or says what no plan does (CR128).
    """
    config = nemo_file(plan, run) if config is None else config
    OmegaConf.set_struct(config, False)
    _require_planned(plan, config)
    here = nemo_config(started)["trainer"]
    decided = {name: here[name] for name in ("accelerator", "devices", "num_nodes", "accumulate_grad_batches")}
    exp_manager = {
        "explicit_log_dir": str(run / "train" / "nemo"),
        "resume_from_checkpoint": str(resume_from) if resume_from else None,
    }
    settings = DictConfig(OmegaConf.merge(config, {"trainer": decided, "exp_manager": exp_manager}))
    # It is made of the plan.
    settings.trainer.pop("strategy", None)
    return settings


def _require_planned(plan: Plan, config: DictConfig) -> None:
    # Nothing is resolved before it is known what it is.
    said: Any = OmegaConf.to_container(config, resolve=False)
    _require_closed(plan, said)
    planned = nemo_config(plan)["trainer"]["strategy"]
    found = said["trainer"].get("strategy", planned)
    if found != planned:
        fail(
            "CR609",
            "the configuration names another strategy than the plan",
            place=Place(file="nemo.yaml"),
            expected=f"trainer.strategy: {planned}",
            found=str(found),
            hint="leave trainer.strategy as it was compiled: how processes share the work is said in the plan",
        )


def _require_closed(plan: Plan, said: Any) -> None:
    """Refuse what no plan writes: NeMo makes objects of any class that its configuration names (CR128)."""
    planned = {**nemo_config(plan), "model": dict.fromkeys(_OF_MODEL)}
    planned["trainer"].pop("strategy")
    blocks = {"": said, **{name: said.get(name) for name in ("trainer", "exp_manager", "model")}}
    for name, block in blocks.items():
        known = planned[name] if name else planned
        for key, value in block.items() if isinstance(block, dict) else [("", block)]:
            path = ".".join(filter(None, (name, key)))
            is_plain = not isinstance(value, dict | list) and "${" not in str(value)
            if path in blocks or path == "trainer.strategy" or (key in known and is_plain):
                continue
            fail(
                "CR128",
                f"the configuration says `{path}` as no plan does",
                place=Place(file="nemo.yaml"),
                expected="the keys that were compiled, each with one value",
                found=kind_of(value),
                hint="compile the recipe again: cosmos-recipe run PLAN writes nemo.yaml anew",
            )


def _as_started(plan: Plan) -> Plan:
    """Return the plan for the processes that there are, which need not be as many as it was made for."""
    world, local = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    hardware = as_started(plan, local=local, world=world)
    share = Share(
        rank=0, world=hardware.data_parallel, global_batch=plan.train.global_batch, micro_batch=plan.train.micro_batch
    )
    train = plan.train.model_copy(update={"accumulate": share.accumulate})
    return plan.model_copy(update={"hardware": hardware, "train": train})


def _finish(model: PostTraining, keeper: Keeper, folder: Path, prepared: Path) -> None:
    """Write the trained model and then, last, the result that says that training is finished."""
    with model.averaged():
        if not model.trainer.is_global_zero:
            model.world_model.save_pretrained(folder / "model", writes=False)
        else:
            with whole(folder / "model") as part:
                model.world_model.save_pretrained(part)
                write_seen(part, prepared)
            write_json(folder / "result.json", record(model.plan, seconds=keeper.seconds, final_loss=keeper.loss))
    model.trainer.strategy.barrier()


def _require_tensorboard() -> None:
    from importlib.util import find_spec

    if find_spec("tensorboard") is None:
        fail(
            "CR605",
            "the log cannot be written for TensorBoard: the package tensorboard is not installed",
            hint="pip install 'cosmos-recipes[tensorboard]', or set train.tensorboard to false",
        )


def _count(model: PostTraining) -> str:
    count = sum(parameter.numel() for parameter in model.world_model.parameters() if parameter.requires_grad)
    return f"{count / 1e6:.2f} M" if count < 1e9 else f"{count / 1e9:.2f} B"


def _step(checkpoint: Path | None) -> int:
    return int(checkpoint.name[5:13]) if checkpoint else 0
