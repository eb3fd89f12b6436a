"""Low-rank adapters on a diffusion network (LoRA: Hu et al., 2021), by peft, in the file that diffusers reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.loaders.lora_base import LORA_ADAPTER_METADATA_KEY
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from cosmos_recipes.backbones.headers import read_header
from cosmos_recipes.backbones.networks import load_transformer
from cosmos_recipes.backbones.stored import fitting, gathered
from cosmos_recipes.backbones.weights import ADAPTER, Weights, require_unchanged
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.recipe.json_object import read_json_object

TARGETS = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2")
"""The linear layers of a block that are adapted: both attentions, and the feed-forward network."""
_PREFIX = "transformer."
_SETTINGS = ("r", "lora_alpha", "target_modules")


def adapt(transformer: Any, *, rank: int, alpha: int, seed: int) -> None:
    """Freeze a network and add trainable adapters to it, whose output is zero at first."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        _add(transformer, {"r": rank, "lora_alpha": alpha, "target_modules": TARGETS})


def is_adapted(transformer: Any) -> bool:
    """Return whether a network has adapters."""
    return bool(getattr(transformer, "peft_config", None))


def save_adapters(transformer: Any, folder: Path, *, writes: bool = True) -> None:
    """Write `pytorch_lora_weights.safetensors`, which `load_lora_weights` of diffusers' pipelines reads.

    Where processes share the network, every one must call this, and one `writes`.
    """
    config = transformer.peft_config["default"]
    settings = {"r": config.r, "lora_alpha": config.lora_alpha, "target_modules": sorted(config.target_modules)}
    state = {_PREFIX + name: value for name, value in gathered(get_peft_model_state_dict(transformer)).items()}
    # With a second entry, the order of the two, and so the hash of the file, would be another each time.
    said = {LORA_ADAPTER_METADATA_KEY: json.dumps({_PREFIX + name: value for name, value in settings.items()})}
    if writes:
        save_file(state, folder / ADAPTER, metadata=said)


def load_network(folder: Path, *, base: Path | None = None, architecture: Mapping[str, Any] | None = None) -> Any:
    """Return the network of a model's folder; if that holds adapters, on top of the network that they were trained on.

    `base` is where that lies, if not where the model was trained; `architecture` are the network's arguments, which are not
    in a folder with a checkpoint.

    Raises:
        RecipeError: the base is gone or another one (CR607), or the adapters do not fit it (CR608).
    """
    of_ours = folder / "cosmos_recipe.json"
    said = read_json_object(of_ours).get("base") if of_ours.exists() else None
    if said is None:
        return load_transformer(folder / "transformer", architecture)
    weights = Weights(label=str(base or said["weights"]))
    require_unchanged(weights, said["sha256"], hint="put them back, or say where they are: `--base`, in Python `base=`")
    transformer = merge(load_network(weights.fetched("transformer")))
    _load_adapters(transformer, folder / ADAPTER)
    return transformer


def merge(transformer: Any) -> Any:
    """Put a network's adapters, if there are any, into the weights that they adapt."""
    if is_adapted(transformer):
        transformer.fuse_lora()
        transformer.unload_lora()
    return transformer


def _load_adapters(transformer: Any, file: Path) -> None:
    _add(transformer, _settings(file))
    state = {name.removeprefix(_PREFIX): value for name, value in load_file(file).items()}
    ours = {name: value.shape for name, value in get_peft_model_state_dict(transformer).items()}
    theirs = {name: value.shape for name, value in state.items()}
    # Left to themselves, peft and diffusers only warn of this, and the output is the base's.
    if differing := sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name)):
        fail(
            "CR608",
            f"the adapters do not fit the network that they are for: {len(differing)} of their tensors differ",
            place=Place(file=str(file)),
            expected=f"{differing[0]} {_shape(ours.get(differing[0]))}",
            found=_shape(theirs.get(differing[0])),
            hint="download or package the model again",
        )
    set_peft_model_state_dict(transformer, state)


def _settings(file: Path) -> dict[str, Any]:
    """Return rank, alpha and layers of stored adapters, of which only what `save_adapters` writes is taken."""
    ranks = {tensor.shape[0] for name, tensor in read_header(file).items() if "lora_A" in name and tensor.shape}
    with fitting(file):
        with safe_open(file, framework="pt") as opened:
            said = json.loads(opened.metadata()[LORA_ADAPTER_METADATA_KEY])
        rank, alpha, layers = (said[_PREFIX + name] for name in _SETTINGS)
        # A rank that the tensors do not have would be room for whatever somebody wrote there.
        if ranks != {rank} or not set(layers) <= set(TARGETS):
            raise ValueError(f"adapters of rank {rank} on {', '.join(map(str, layers))}"[:200])
        return {"r": rank, "lora_alpha": alpha, "target_modules": layers}


def _add(transformer: Any, settings: dict[str, Any]) -> None:
    transformer.requires_grad_(False)
    transformer.add_adapter(LoraConfig(**{**settings, "target_modules": list(settings["target_modules"])}))


def _shape(shape: torch.Size | None) -> str:
    return "not there" if shape is None else f"of {'x'.join(map(str, shape))}"
