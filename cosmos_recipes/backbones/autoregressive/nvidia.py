"""NVIDIA's checkpoints of the autoregressive models (4B, 5B, 12B and 13B): one `model.pt` with a dictionary of tensors.

The dictionary is flat, in bfloat16, and not split for tensor parallelism. Its names are those of the decoder but for two
prefixes. Queries and keys are laid out for halves that are rotated against each other, as in the decoder, so nothing is
permuted. Source: `networks/transformer.py`, `modules/embedding.py` and the importers in `nemo/cosmos*.py` of
cosmos1/models/autoregressive in NVIDIA/Cosmos, which are the same network in nvidia-cosmos/cosmos-predict1.

A .pt file is a pickle, and loading one can run anything. Here only tensors are read from it (`weights_only`).
"""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from cosmos_recipes.backbones.autoregressive.network import Decoder
from cosmos_recipes.backbones.stored import require_shapes
from cosmos_recipes.backbones.weights import CHECKPOINT
from cosmos_recipes.diagnostics import Place, fail

_LAYER = re.compile(r"layers\.(\d+)\.")
_OBJECT = re.compile(r"GLOBAL (\S+)")
_EXTRA = "_extra_state"
"""What Transformer Engine keeps beside weights for eight-bit arithmetic."""


def load_decoder(source: Path, architecture: Mapping[str, Any]) -> Any:
    """Return the network of a checkpoint in float32; `architecture` holds the constructor arguments of the decoder.

    Beyond the network itself, no more is in memory at a time than one of its tensors.

    Raises:
        RecipeError: the file cannot be read (CR621) or holds other weights than the network has (CR620).
    """
    with torch.device("meta"):
        decoder: Any = Decoder(**architecture)
    state = load_checkpoint(source)
    expected, found = (
        {name: tuple(value.shape) for name, value in each.items()} for each in (decoder.state_dict(), state)
    )
    require_shapes(expected, found, network="decoder of the backbone", place=_file(source))
    decoder.load_state_dict(state, assign=True)
    return decoder.float()


def load_checkpoint(source: Path, *, device: str = "cpu") -> dict[str, Tensor]:
    """Return the tensors of a checkpoint, a file or a folder with `model.pt`, under the names that the decoder gives them.

    On the CPU they are mapped from the file, which is read where a tensor is used; on `meta` they have shapes alone.

    Raises:
        RecipeError: the file is missing, damaged, or holds anything besides tensors (CR621).
    """
    file = _file(source)
    if not zipfile.is_zipfile(file):
        _unreadable(file, "something else, or a part of it" if file.is_file() else "no such file")
    try:
        found = torch.load(file, map_location=device, mmap=True, weights_only=True)
    except pickle.UnpicklingError as error:
        named = _OBJECT.search(str(error))
        _unreadable(file, f"other objects, which were not loaded: {named[1] if named else 'unknown ones'}")
    except (OSError, RuntimeError, ValueError, EOFError, KeyError) as error:
        _unreadable(file, next(iter(str(error).splitlines()), type(error).__name__))
    state = found.get("model", found) if isinstance(found, dict) else found
    if not isinstance(state, dict) or not state:
        _unreadable(file, f"a {type(state).__name__}" if state else "no tensors")
    kept = {name: value for name, value in state.items() if not str(name).endswith(_EXTRA)}
    if others := sorted(str(name) for name, value in kept.items() if not isinstance(value, Tensor)):
        _unreadable(file, f"something else than a tensor under {others[0]}")
    return {_named(str(name)): value.detach() for name, value in kept.items()}


def architecture_of(source: Path) -> dict[str, Any]:
    """Return those constructor arguments of the decoder that the shapes in a checkpoint tell.

    Raises:
        RecipeError: the file cannot be read (CR621).
    """
    shapes = {name: tuple(value.shape) for name, value in load_checkpoint(source, device="meta").items()}
    first = {name.removeprefix(_block(0)): shape for name, shape in shapes.items() if name.startswith(_block(0))}
    numbers = {int(name.split(".")[1]) for name in shapes if name.startswith("transformer_blocks.")}
    found: dict[str, Any] = {"num_layers": len(numbers), "qk_norm": "attention.q_norm.weight" in first}
    found["text_embed_dim"] = first.get("cross_attention.wk.weight", (None, None))[-1]
    for name, shape in (
        ("embedded_tokens", shapes.get("tok_embeddings.weight")),
        ("vocabulary", shapes.get("output.weight")),
    ):
        if shape is not None:
            found |= {name: shape[0], "hidden_size": shape[1]}
    if "feed_forward.w1.weight" in first:
        found["intermediate_size"] = first["feed_forward.w1.weight"][0]
    if found["qk_norm"]:
        (width,) = first["attention.q_norm.weight"]
        heads = {"num_attention_heads": "attention.wq.weight", "num_key_value_heads": "attention.wk.weight"}
        found["attention_head_dim"] = width
        found |= {name: first[key][0] // width for name, key in heads.items() if key in first}
    return found


def _named(name: str) -> str:
    return _LAYER.sub(lambda match: _block(int(match[1])), name.removeprefix("model."), count=1)


def _block(number: int) -> str:
    return f"transformer_blocks.{number}."


def _file(source: Path) -> Path:
    return source / CHECKPOINT if source.is_dir() else source


def _unreadable(file: Path, found: str) -> NoReturn:
    fail(
        "CR621",
        "the stored checkpoint cannot be read",
        place=Place(file=str(file)),
        expected="a whole file as torch.save writes it, with a dictionary of tensors and nothing else",
        found=found,
        hint="get the file again from where the model is published",
    )
