"""An experiment of Cosmos-Predict2.5: a Python file that registers dicts, each with the experiment that it builds on.

The file is read as data, and never run. Its keys are those of the files in `cosmos_predict2/experiments`; what the
experiment that it builds on says is not in it, and is chosen here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from cosmos_recipes.backbones.zoo import ZooEntry
from cosmos_recipes.data.draft.fitting import plain_name
from cosmos_recipes.diagnostics import Place, RecipeError, fail, nearest
from cosmos_recipes.diagnostics.words import listed
from cosmos_recipes.migrate import training
from cosmos_recipes.migrate.base import Format, Migrated, Wishes
from cosmos_recipes.migrate.found_data import FoundData, find_data, folder_data, named_data
from cosmos_recipes.migrate.ledger import Leaf, Ledger
from cosmos_recipes.migrate.python_values import Node, TooMuchError, leaves, module_values
from cosmos_recipes.migrate.recipes import chosen_backbone, finished
from cosmos_recipes.recipe.files import read_text

NAME = "predict2.5"
_PARTS = frozenset(("defaults", "job", "model", "optimizer", "scheduler", "trainer", "checkpoint", "dataloader_train"))
_FEWEST_PARTS = 3
_LARGE = re.compile(r"14b", re.IGNORECASE)
_PROCESSES = re.compile(r"--nproc_per_node[= ](\d{1,4})\b")
_DATASET = "dataloader_train.dataset"
_DIRECTORY = f"{_DATASET}.dataset_dir"
_CONFIG = "model.config"
_CAPTIONS = "predict2.5-captions"
_SIZE_NUMBERS = 2

_REASONS = {
    "defaults.*": "names parts of their program; what they say was chosen here",
    "dataloader_train.sampler.dataset.*": "the same data set once more",
    "dataloader_train._target_": "names a class of their program; a data set here is a file",
    "dataloader_train*dataset._target_": "names a class of their program; a data set here is a file",
    "dataloader_train*_target_": "names a class of their program",
    "dataloader_train.sampler.*": "the order of clips is a function of the seed here",
    "dataloader_train.drop_last": "every batch is whole here",
    "dataloader_train.num_workers": "chosen here by the machine",
    "dataloader_train.pin_memory": "chosen here by the machine",
    "dataloader_train.prefetch_factor": "chosen here by the machine",
    "dataloader_train.persistent_workers": "chosen here by the machine",
    f"{_DATASET}.dataset_dir": "another data set was named",
    f"{_DATASET}.caption_format": "the data set file says which text is the caption",
    f"{_DATASET}.prompt_type": "the data set file says which text is the caption",
    f"{_DATASET}.gripper_rescale_factor": "the data set file says what an action's numbers are; a factor is `scale` there",
    f"{_DATASET}.fps_downsample_ratio": "a clip says its rate: see dataset.clip.rate",
    "dataloader_train.augmentation_config.*": "captions and views are said by the data set file",
    "dataloader_train.*": "of their data loader; nothing here does the same",
    "dataloader_val*": "held-out recordings are the data set's own: see `splits` of the data set file",
    f"{_CONFIG}.conditional_frames_probs*": "how often each number of frames is given is the backbone's own here",
    f"{_CONFIG}.conditional_frame_timestep": "the backbone's own here",
    f"{_CONFIG}.conditioning_strategy": "given frames always take the place of noise here",
    f"{_CONFIG}.denoise_replace_gt_frames": "given frames are never denoised here",
    f"{_CONFIG}.condition_locations*": "given frames are the first here",
    f"{_CONFIG}.train_time_*": "the backbone's own objective here, but for train.shift",
    f"{_CONFIG}.fsdp_shard_size": "the compiler chooses how processes share the work",
    f"{_CONFIG}.state_t": "follows from dataset.clip.frames",
    f"{_CONFIG}.resolution": "see dataset.clip.size",
    f"{_CONFIG}.ema.*": "a power of the step, not a decay; say `train.ema`, such as 0.9999",
    f"{_CONFIG}.net.*": "the network is the backbone's, and the head's: see conditioning",
    f"{_CONFIG}.conditioner.*": "how often a control is dropped is conditioning.dropout",
    f"{_CONFIG}.tokenizer.*": "the tokenizer comes with the backbone",
    f"{_CONFIG}.text_encoder*": "the text encoder comes with the backbone",
    f"{_CONFIG}.online_text_embeddings*": "captions are encoded once and kept",
    f"{_CONFIG}.use_dynamic_shift": "the backbone's own objective here, but for train.shift",
    f"{_CONFIG}.lora_*": "adapters are off there",
    f"{_CONFIG}.init_lora_weights": "adapters are off there",
    **training.REASONS,
}


class Predict25(Format):
    """A Python file with a dict, or `LazyDict`, that has `defaults`, `job` and the other parts of an experiment."""

    looks_for: ClassVar[str] = "a Python file of Cosmos-Predict2.5 with an experiment"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Recognise it by the parts of an experiment."""
        if not path.is_file():
            return False
        try:
            return bool(_experiments(path))
        except RecipeError:
            return False

    @classmethod
    def migrate(cls, path: Path, wishes: Wishes) -> Migrated:
        """Return the recipe of one experiment."""
        wishes.refuse(NAME, "schema")
        experiment, node = _chosen(path, wishes.experiment)
        ledger = Ledger(str(path), _values(path, node), _REASONS)
        said = ledger.get("job", "name")
        name = plain_name(said if isinstance(said, str) else experiment)
        target = wishes.output or Path(f"{name}.yaml")
        if isinstance(said, str):
            ledger.carry("recipe", name, "job.name")
        else:
            ledger.choose("recipe", name, "as the experiment is called")
        ledger.choose("summary", f"Post-training of {name}, as {path.name} says it.", "no file of theirs says it")
        entry = _carry_backbone(ledger, wishes)
        data = _carry_data(ledger, wishes, target)
        training.carry_clip(ledger, data, entry, frames=_frames(ledger, entry), size=_size(ledger))
        _carry_given_frames(ledger, entry)
        _carry_training(ledger, path)
        return finished(ledger, tool="Cosmos-Predict2.5", target=target)


def _experiments(path: Path) -> dict[str, Node]:
    """Return the experiments of a file by the names that they have in it; one with two names has the first.

    Raises:
        RecipeError: it cannot be read, or is no Python (CR781).
    """
    try:
        found = module_values(read_text(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 0
        fail(
            "CR781",
            f"{path.name} cannot be read as Python",
            place=Place(file=str(path), line=line, column=1 if line else 0),
            expected="a file as those in cosmos_predict2/experiments",
            found=str(getattr(error, "msg", error)),
            hint="correct it at that place",
        )
    known: dict[int, str] = {}
    for name, node in found.items():
        if isinstance(node.value, dict) and len(_PARTS & node.value.keys()) >= _FEWEST_PARTS:
            known.setdefault(id(node), name)
    return {name: found[name] for name in known.values()}


def _chosen(path: Path, wanted: str | None) -> tuple[str, Node]:
    """Return the experiment that is asked for, or the only one.

    Raises:
        RecipeError: there is none, none of that name, or several (CR784).
    """
    experiments = _experiments(path)
    by_name = {
        **{_job_name(node): name for name, node in experiments.items()},
        **{name.lower(): name for name in experiments},
    }
    if wanted is not None and wanted.lower() in by_name:
        name = by_name[wanted.lower()]
        return name, experiments[name]
    if wanted is not None or len(experiments) != 1:
        _fail_experiment(path, wanted, experiments)
    return next(iter(experiments.items()))


def _fail_experiment(path: Path, wanted: str | None, experiments: Mapping[str, Node]) -> NoReturn:
    close = nearest(wanted, experiments) if wanted else None
    hint = f"did you mean `{close}`?" if close else "name one with `--experiment`"
    fail(
        "CR784",
        f"{path.name} has no experiment `{wanted}`"
        if wanted
        else f"{path.name} has {len(experiments) or 'no'} experiments",
        place=Place(file=f"--experiment {wanted}" if wanted else str(path)),
        expected=listed(experiments)
        if experiments
        else "a dict with `defaults`, `job` and other parts of an experiment",
        hint=hint if experiments else "name the file that registers it",
    )


def _job_name(node: Node) -> str:
    job = node.value.get("job")
    name = job.value.get("name") if job and isinstance(job.value, dict) else None
    return str(name.value).lower() if name else ""


def _values(path: Path, node: Node) -> list[Leaf]:
    try:
        return leaves(node)
    except TooMuchError as error:
        fail("CR781", f"{path.name} is no experiment: {error}", place=Place(file=str(path)), hint="name another file")


def _carry_backbone(ledger: Ledger, wishes: Wishes) -> ZooEntry:
    """Say the model by its size, which the names of its checkpoint and of the experiment that it builds on have."""
    said = [path for path, leaf in _model_words(ledger).items() if _LARGE.search(leaf)]
    like = "predict2.5-14b" if said else "predict2.5-2b"
    post = "of their checkpoints this one starts from the post-trained one"
    return chosen_backbone(ledger, wishes, like, post if said else f"no name in the file has 14B; {post}", *said)


def _model_words(ledger: Ledger) -> Mapping[str, str]:
    """Return what says the model, by its path."""
    where = ("defaults.", "checkpoint.load_path")
    words = {".".join(leaf.path): str(getattr(leaf.value, "text", leaf.value)) for leaf in ledger.leaves.values()}
    return {path: word for path, word in words.items() if path.startswith(where)}


def _carry_data(ledger: Ledger, wishes: Wishes, target: Path) -> FoundData:
    said = ledger.get(*_DIRECTORY.split("."))
    if wishes.dataset is not None:
        data = named_data(wishes.dataset, target.parent)
        training.carry_data(ledger, data, origin="as you named it")
        return data
    leaf = ledger.leaves.get(tuple(_DIRECTORY.split("."))) or ledger.leaves.get(("defaults",))
    at = Place(file=ledger.file, line=leaf.line if leaf else 0, column=1 if leaf else 0)
    roots = [Path(), *Path(ledger.file).resolve().parents]
    places = [root / said for root in roots if (root / said).exists()] if isinstance(said, str) else []
    wanted = (
        f"the folder {said}, as seen from here or from a folder above the file"
        if isinstance(said, str)
        else "--dataset: the file names a data set of their program"
    )
    data = folder_data(find_data(places, wanted, at=at).resolve(), target.parent)
    training.carry_data(ledger, data, origin="its layout was recognised", path=_DIRECTORY)
    _carry_prompt(ledger, data)
    return data


def _carry_prompt(ledger: Ledger, data: FoundData) -> None:
    """Carry over which of the captions of a video is used."""
    wanted = ledger.take(f"{_DATASET}.prompt_type", lambda value: isinstance(value, str), "the name of a caption")
    if wanted and isinstance(data.use, dict) and data.use["source"].get("layout") == _CAPTIONS:
        data.use["columns"]["caption"] = f"caption.{wanted}"
        ledger.carry("dataset.use", data.use, _DIRECTORY, f"{_DATASET}.prompt_type", how="its layout was recognised")


def _frames(ledger: Ledger, entry: ZooEntry) -> tuple[int, str] | None:
    """Return the frames of a clip: said so, as actions between them, or as latent frames."""
    count = ledger.take(f"{_DATASET}.num_frames", training.whole(2), "a whole number of frames")
    if count:
        return count, f"{_DATASET}.num_frames"
    actions = ledger.take(f"{_DATASET}.num_action_per_chunk", training.whole(), "a whole number of actions")
    if actions:
        return actions + 1, f"{_DATASET}.num_action_per_chunk"
    latent = ledger.take(f"{_CONFIG}.state_t", training.whole(2), "a whole number of latent frames")
    return (_pixels(latent, entry), f"{_CONFIG}.state_t") if latent else None


def _pixels(latent_frames: int, entry: ZooEntry) -> int:
    """Return how many frames so many latent frames are; the first is a frame of its own."""
    return 1 + (latent_frames - 1) * entry.tokenizer.temporal


def _size(ledger: Ledger) -> tuple[tuple[int, int], str] | None:
    path = f"{_DATASET}.video_size"
    size = ledger.take(path, _is_size, "height and width in pixels")
    return ((size[0], size[1]), path) if size else None


def _is_size(value: Any) -> bool:
    return isinstance(value, list) and len(value) == _SIZE_NUMBERS and all(map(training.whole(), value))


def _carry_given_frames(ledger: Ledger, entry: ZooEntry) -> None:
    """Carry over how many frames are given; theirs are latent ones."""
    most_path, fewest_path = f"{_CONFIG}.max_num_conditional_frames", f"{_CONFIG}.min_num_conditional_frames"
    most = ledger.take(most_path, training.whole(), "a whole number above zero")
    fewest = ledger.take(fewest_path, training.whole(0), "a whole number")
    if not most:
        return
    how = "theirs are latent frames"
    same = [fewest_path] if fewest == most else []
    ledger.carry("conditioning.given_frames", _pixels(most, entry), most_path, *same, how=how)
    if fewest is not None and fewest < most:
        count = _pixels(fewest, entry) if fewest else 0
        ledger.carry("conditioning.fewest_given_frames", count, fewest_path, how=how)


def _carry_training(ledger: Ledger, path: Path) -> None:
    training.carry_lora(ledger, _CONFIG, "use_lora")
    steps = training.carry_steps(ledger)
    gpus = _gpus(ledger, path)
    size_path, context_path = "dataloader_train.batch_size", "model_parallel.context_parallel_size"
    size = ledger.take(size_path, training.whole(), "a whole number above zero") or 1
    context = ledger.take(context_path, training.whole(), "a whole number above zero") or 1
    times = ledger.take("trainer.grad_accum_iter", training.whole(), "a whole number above zero") or 1
    batch = training.Batch(size=size, gpus=gpus, context=context, times=times)
    training.carry_batch(ledger, batch, size_path, "trainer.grad_accum_iter")
    training.carry_optimizer(ledger, steps)
    shift = ledger.take(
        f"{_CONFIG}.shift", lambda value: training.real(value) and 0 < value <= 100, "a number up to 100"
    )
    if shift:
        ledger.carry("train.shift", float(shift), f"{_CONFIG}.shift")
    training.choose_gpu(ledger)


def _gpus(ledger: Ledger, path: Path) -> int:
    """Say the GPUs, which a comment of theirs has in the command that trains."""
    said = [int(found) for found in _PROCESSES.findall(read_text(path)) if int(found)]
    gpus = said[0] if said else training.GPUS
    why = (
        "the command in a comment of the file starts so many"
        if said
        else "the file does not say it; their documentation has 8"
    )
    ledger.choose("hardware.gpus", gpus, why)
    return gpus
