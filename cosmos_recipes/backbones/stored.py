"""Models that diffusers stored in a folder: config.json and safetensors, whole or in shards with an index.

diffusers only warns of weights that are missing, left over or of another shape, and goes on with random ones. Here that is
an error, found in the files' headers before anything is loaded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor

from cosmos_recipes.backbones.headers import read_header
from cosmos_recipes.diagnostics import Place, fail, visible
from cosmos_recipes.recipe.json_object import parse_json_object, refuse_together

NAME = "diffusion_pytorch_model"
MOST_NAMED = 5
SHARD = "2GB"
"""The largest file that a model is written to: as much of it as is in memory at a time."""
Shapes = dict[str, tuple[int, ...]]
_UNFIT = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What libraries raise where settings do not go together, or ask for more memory than there is."""


def load_stored(model_class: Any, folder: Path) -> Any:
    """Return the model of a diffusers class that lies in `folder`, in float32 whatever it is stored in.

    Raises:
        RecipeError: files are missing or damaged (CR621), or hold other weights than the network has (CR620).
    """
    require_fitting(model_class, folder)
    return model_class.from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True)


def save_stored(model: Any, folder: Path, *, shard: str = SHARD, writes: bool = True) -> None:
    """Write the weights of a model as diffusers does, in files of at most one `shard` (such as "2GB"), and look what was written.

    Where processes share the model, every one must call this, and one `writes`: it holds one shard at a time, and the
    others one tensor.
    """
    state = model.state_dict()
    expected = _shapes_of(model)
    empty = {name: torch.empty(value.shape, dtype=value.dtype, device="meta") for name, value in state.items()}
    plan = split_torch_state_dict_into_shards(
        empty, filename_pattern=f"{NAME}{{suffix}}.safetensors", max_shard_size=shard
    )
    for file, names in plan.filename_to_tensors.items():
        _save_file({name: state[name] for name in names}, folder / file, writes=writes)
    if not writes:
        return
    if plan.is_sharded:
        index = {"metadata": plan.metadata, "weight_map": plan.tensor_to_filename}
        (folder / f"{NAME}.safetensors.index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    require_shapes(expected, stored_shapes(folder), network=type(model).__name__, place=folder)


def save_config(model: Any, folder: Path) -> None:
    """Write the config.json of a model as diffusers does, under the name of its own class: FSDP2 gives it one of another."""
    model.save_config(folder)
    own = next(each for each in type(model).__mro__ if not issubclass(each, FSDPModule))
    path = folder / "config.json"
    text = path.read_text(encoding="utf-8").replace(f'"{type(model).__name__}"', f'"{own.__name__}"')
    path.write_text(text, encoding="utf-8")


def _save_file(state: Mapping[str, Tensor], path: Path, *, writes: bool) -> None:
    tensors = gathered(state, keeps=writes)
    if writes:
        save_file(tensors, path, metadata={"format": "pt"})


def gathered(state: Mapping[str, Tensor], *, keeps: bool = True) -> dict[str, Tensor]:
    """Return tensors whole and on the CPU, also those that processes share; who `keeps` none only gives its parts."""
    whole = ((name, each.full_tensor() if isinstance(each, DTensor) else each) for name, each in state.items())
    return {name: each.detach().cpu().contiguous() for name, each in whole if keeps}


def require_fitting(model_class: Any, folder: Path) -> None:
    """Refuse a folder whose weights are not exactly those of the network that its config.json describes.

    Raises:
        RecipeError: as `load_stored`.
    """
    with fitting(folder), torch.device("meta"):
        network = model_class.from_config(_config(folder))
    expected = _shapes_of(network)
    require_shapes(expected, stored_shapes(folder), network=f"{model_class.__name__} of config.json", place=folder)


def load_built(build: Callable[[], Any], file: Path) -> Any:
    """Return what `build` makes, with the weights of a file: it is built for good once they are known to be its own.

    Raises:
        RecipeError: it cannot be built (CR164), the file is damaged (CR621), or holds other weights (CR620).
    """
    with fitting(file):
        with torch.device("meta"):
            empty = build()
        require_shapes(_shapes_of(empty), _shapes(file), network=type(empty).__name__, place=file)
        built = build()
        built.load_state_dict(load_file(file))
    return built


@contextmanager
def at_work(place: Path, doing: str) -> Iterator[None]:
    """Tell what goes wrong within a model at work, which a stranger may have made so: `doing` says what it did (CR165)."""
    try:
        yield
    except torch.OutOfMemoryError:
        # It is this machine that has too little.
        raise
    except _UNFIT as error:
        fail(
            "CR165",
            f"the model broke while {doing}",
            place=Place(file=visible(str(place))),
            expected="a model that works as its files say",
            found=_told(error),
            hint="get the model again, or another one; `cosmos-recipe --debug …` shows where it broke",
        )


@contextmanager
def fitting(place: Path) -> Iterator[None]:
    """Tell what goes wrong in building from stored settings: they are of another model, or somebody made them up (CR164)."""
    try:
        yield
    except _UNFIT as error:
        expected = "configurations and weights of one model, as they were saved together"
        refuse_together(place, _told(error), expected=expected)


def _told(error: Exception) -> str:
    return visible(f"{type(error).__name__}: {error}".splitlines()[0])[:200]


def _shapes_of(module: Any) -> Shapes:
    return {name: tuple(value.shape) for name, value in module.state_dict().items()}


def require_shapes(expected: Shapes, found: Shapes, *, network: str, place: Path) -> None:
    """Refuse stored weights that are not exactly those of a network; `network` is what an error calls it.

    Raises:
        RecipeError: weights are missing, left over or of another shape (CR620).
    """
    wrong = [
        *(f"no {name}" for name in expected.keys() - found.keys()),
        *(f"a surplus {name}" for name in found.keys() - expected.keys()),
        *(
            f"{name} of {_sized(found[name])} instead of {_sized(expected[name])}"
            for name in expected.keys() & found.keys()
            if expected[name] != found[name]
        ),
    ]
    if wrong:
        fail(
            "CR620",
            f"the stored weights do not fit the {network}",
            place=Place(file=str(place)),
            expected=f"the {len(expected)} tensors of the network, and no others",
            found=_some(wrong),
            hint="get the folder again, with all its files from one revision",
        )


def stored_shapes(folder: Path) -> Shapes:
    """Return the shape of every tensor in a folder's safetensors, read from their headers.

    Raises:
        RecipeError: a file is missing or damaged, or the index does not agree with its shards (CR621).
    """
    single, index = folder / f"{NAME}.safetensors", folder / f"{NAME}.safetensors.index.json"
    if single.is_file():
        return _shapes(single)
    if not index.is_file():
        _unreadable(folder, f"neither {single.name} nor {index.name}")
    listed: dict[str, str] = _json(index)["weight_map"]
    shards = {name: _shapes(folder / name) for name in sorted(set(listed.values()))}
    lacking = [f"{name} is not in {shard}" for name, shard in listed.items() if name not in shards[shard]]
    if lacking:
        _unreadable(index, _some(lacking))
    return {name: shape for shapes in shards.values() for name, shape in shapes.items()}


def weight_files(folder: Path) -> Iterator[Path]:
    """Yield the files that a model is loaded from."""
    yield folder / "config.json"
    yield from sorted(path for path in folder.glob(f"{NAME}*") if path.name.endswith((".safetensors", ".index.json")))


def _shapes(path: Path) -> Shapes:
    if not path.is_file():
        _unreadable(path, "no such file")
    try:
        return {name: tensor.shape for name, tensor in read_header(path).items()}
    except (ValueError, OSError) as error:
        _unreadable(path, str(error))


def _config(folder: Path) -> dict[str, Any]:
    return _json(folder / "config.json")


def _json(path: Path) -> dict[str, Any]:
    try:
        return parse_json_object(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        _unreadable(path, str(error))


def _unreadable(path: Path, found: str) -> NoReturn:
    fail(
        "CR621",
        "stored weights cannot be read",
        place=Place(file=str(path)),
        expected=f"config.json and {NAME}.safetensors, or its shards and their index",
        found=found,
        hint="get the folder again: a download or a copy was cut off",
    )


def _sized(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape)) or "one number"


def _some(wrong: Collection[str]) -> str:
    shown = sorted(wrong)[:MOST_NAMED]
    return "; ".join(shown) + (f"; and {len(wrong) - len(shown)} more" if len(wrong) > len(shown) else "")
