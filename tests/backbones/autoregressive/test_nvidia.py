"""If these fail, NVIDIA's autoregressive models start from other weights than were published, or compute something else."""

from __future__ import annotations

import math
import pathlib
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import silu, softmax

from cosmos_recipes.backbones.autoregressive.network import CONTEXT
from cosmos_recipes.backbones.autoregressive.nvidia import architecture_of, load_checkpoint, load_decoder
from cosmos_recipes.backbones.weights import Weights
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.diagnostics import RecipeError
from tests.backbones.toy_checkpoints import checkpoint

SMALL = {
    **{"num_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "attention_head_dim": 16},
    **{"intermediate_size": 40, "vocabulary": 50},
}


def small(name: str) -> dict[str, Any]:
    """Return the architecture of a backbone with a few numbers where it has thousands."""
    like = backbone(name).architecture.model_dump(mode="json")
    sizes = {
        "hidden_size": {4096: 64, 5120: 80}[like["hidden_size"]],
        "embedded_tokens": like["embedded_tokens"] - 63_950,
    }
    begin, text = (None if like[key] is None else few for key, few in (("begin_token", 50), ("text_embed_dim", 12)))
    return {**like, **SMALL, **sizes, "begin_token": begin, "text_embed_dim": text}


MODELS = {key: small(f"predict1-{key}") for key in ("4b", "12b", "5b-video2world", "13b-video2world")}
BASE, WITH_TEXT = "4b", "5b-video2world"
SHAPE = (3, 4, 6)


def stored(folder: Path, name: str = WITH_TEXT) -> Path:
    torch.save(checkpoint(MODELS[name]), folder / "model.pt")
    return folder


def frequencies(size: int, original: int | None) -> Tensor:
    """Return the angles per step of an axis; slow ones are halved where the network was stretched."""
    frequency = 500_000.0 ** -(torch.arange(0, size, 2).double() / size)
    if original is None:
        return frequency
    slow, fast = 2 * math.pi * 1 / original, 2 * math.pi * 4 / original
    keep = ((frequency - slow) / (fast - slow)).clamp(0, 1)
    return frequency * ((1 - keep) / 2 + keep)


def angles(model: Mapping[str, Any]) -> Tensor:
    """Return the rotations (S, half a head) of a clip's tokens, after none for what begins it."""
    side = model["attention_head_dim"] // 6 * 2
    sizes, originals = (model["attention_head_dim"] - 2 * side, side, side), (3, 40, 40)
    places = torch.cartesian_prod(*(torch.arange(extent).double() for extent in SHAPE))
    parts = [
        places[:, [axis]] * frequencies(size, originals[axis] if model["rope_scaling"] else None)
        for axis, size in enumerate(sizes)
    ]
    angle = torch.cat(parts, 1)
    return angle if model["begin_token"] is None else torch.cat([torch.zeros_like(angle[:1]), angle])


def absolute(model: Mapping[str, Any]) -> Tensor | float:
    """Return what is added to the input of every layer (S, D)."""
    if model["position"] is None:
        return 0.0
    side = model["hidden_size"] // 6 * 2
    places = torch.cartesian_prod(*(torch.arange(extent).double() for extent in SHAPE))
    parts = []
    for axis, size in enumerate((model["hidden_size"] - 2 * side, side, side)):
        turns = places[:, [axis]] / 10_000 ** (torch.arange(size // 2).double() / (size / 2))
        parts += [turns.sin(), turns.cos()]
    added = torch.cat(parts, 1)
    return torch.cat([torch.zeros_like(added[:1]), added])


def normed(values: Tensor, weight: Tensor) -> Tensor:
    return values / (values.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight


def attended(
    part: Callable[[str], Tensor], model: Mapping[str, Any], x: Tensor, read: Tensor, angle: Tensor | None
) -> Tensor:
    """Return one attention of one clip, head by head."""
    size, group = model["attention_head_dim"], model["num_attention_heads"] // model["num_key_value_heads"]
    heads = []
    for head in range(model["num_attention_heads"]):
        rows, shared = slice(head * size, (head + 1) * size), slice(head // group * size, (head // group + 1) * size)
        query = normed(x @ part("wq")[rows].T, part("q_norm"))
        key = normed(read @ part("wk")[shared].T, part("k_norm"))
        if angle is not None:
            query, key = (turned(values, angle) for values in (query, key))
        score = query @ key.T / size**0.5
        if angle is not None:
            score = score.masked_fill(torch.ones_like(score).triu(1).bool(), -math.inf)
        heads.append(softmax(score, -1) @ (read @ part("wv")[shared].T))
    return torch.cat(heads, -1) @ part("wo").T


def turned(values: Tensor, angle: Tensor) -> Tensor:
    """Rotate each number of the first half of a head against its partner in the second half."""
    first, second = values.chunk(2, -1)
    return torch.cat([first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin()], -1)


def published(state: Mapping[str, Tensor], model: Mapping[str, Any], token: Tensor, context: Tensor | None) -> Tensor:
    """Return the logits of one clip by the published formulas, straight from the keys of `model.pt`, in float64."""

    def weight(name: str) -> Tensor:
        return state[f"model.{name}.weight"].double()

    def part_of(place: str) -> Callable[[str], Tensor]:
        return lambda name: weight(f"{place}.{name}")

    x = weight("tok_embeddings")[token]
    for number in range(model["num_layers"]):
        at = f"layers.{number}"
        x = x + absolute(model)
        read = normed(x, weight(f"{at}.attention_norm"))
        x = x + attended(part_of(f"{at}.attention"), model, read, read, angles(model))
        if context is not None:
            query = normed(x, weight(f"{at}.cross_attention_norm"))
            x = x + attended(part_of(f"{at}.cross_attention"), model, query, context, None)
        read = normed(x, weight(f"{at}.ffn_norm"))
        w1, w2, w3 = (weight(f"{at}.feed_forward.{name}") for name in ("w1", "w2", "w3"))
        x = x + (silu(read @ w1.T) * (read @ w3.T)) @ w2.T
    return normed(x, weight("norm")) @ weight("output").T


@pytest.mark.parametrize("name", MODELS)
def test_the_network_computes_what_is_published(tmp_path: Path, name: str) -> None:
    model, random = MODELS[name], torch.Generator().manual_seed(3)
    decoder = load_decoder(stored(tmp_path, name), model)
    sequence = decoder.sequence(SHAPE, views=1, layout=None)
    token_BL = torch.randint(0, 50, (2, math.prod(SHAPE)), generator=random)
    context_BLC = torch.randn(2, 5, 12, generator=random) if model["text_embed_dim"] else None
    around = decoder.around(sequence, {} if context_BLC is None else {CONTEXT: context_BLC})
    held_BS = sequence.held(token_BL, model["begin_token"])
    with torch.no_grad():
        logits_BSK = decoder(held_BS, around)
    contexts = [None, None] if context_BLC is None else list(context_BLC.double())
    expected = [published(checkpoint(model), model, *clip) for clip in zip(held_BS, contexts, strict=True)]
    torch.testing.assert_close(logits_BSK.double(), torch.stack(expected), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_shapes_tell_which_network_a_file_is_of(tmp_path: Path, name: str) -> None:
    """Otherwise `weights: FOLDER` of another size is found out when the GPUs are already paid for."""
    found = Weights(label=str(stored(tmp_path, name))).architecture()
    assert found.items() <= MODELS[name].items()
    assert found.keys() >= {"hidden_size", "num_layers", "num_key_value_heads", "embedded_tokens", "text_embed_dim"}


def test_weights_arrive_as_they_were_stored(tmp_path: Path) -> None:
    state = load_checkpoint(stored(tmp_path) / "model.pt")
    assert all(value.dtype == torch.bfloat16 for value in state.values())
    decoder = load_decoder(tmp_path, MODELS[WITH_TEXT])
    ours = decoder.state_dict()
    assert all(ours[name].dtype == torch.float32 and torch.equal(ours[name], state[name].float()) for name in ours)
    assert all(parameter.requires_grad for parameter in decoder.parameters())


def test_a_checkpoint_is_not_read_before_it_is_used(tmp_path: Path) -> None:
    """26 GB for each of eight processes would fill the memory of the machine before training begins."""
    file = stored(tmp_path) / "model.pt"
    state, shapes = load_checkpoint(file), load_checkpoint(file, device="meta")
    assert {name: value.shape for name, value in state.items()} == {name: value.shape for name, value in shapes.items()}
    with file.open("r+b") as opened:
        opened.write(bytes(file.stat().st_size))
    assert not any(value.any() for value in state.values())


def test_what_an_engine_keeps_beside_the_weights_and_a_nested_dictionary_do_no_harm(tmp_path: Path) -> None:
    state = checkpoint(MODELS[BASE])
    extra = {
        "model.layers.0.attention._extra_state": torch.zeros(3, dtype=torch.uint8),
        "model.norm._extra_state": None,
    }
    torch.save({"model": {**state, **extra}}, tmp_path / "model.pt")
    nested = load_decoder(tmp_path, MODELS[BASE]).state_dict()
    plain = load_decoder(stored(tmp_path, BASE), MODELS[BASE]).state_dict()
    assert all(torch.equal(nested[name], plain[name]) for name in plain)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda state: state.pop("model.layers.1.feed_forward.w2.weight"),
            "no transformer_blocks.1.feed_forward.w2.weight",
        ),
        (lambda state: state.update({"model.vision.weight": torch.zeros(1)}), "a surplus vision.weight"),
        (lambda state: state.update({"model.norm.weight": torch.zeros(3)}), "norm.weight of 3 instead of 64"),
    ],
    ids=["missing", "surplus", "another shape"],
)
def test_weights_of_another_network_are_named(
    tmp_path: Path, change: Callable[[dict[str, Tensor]], object], said: str
) -> None:
    state = checkpoint(MODELS[WITH_TEXT])
    change(state)
    torch.save(state, tmp_path / "model.pt")
    with pytest.raises(RecipeError, match="CR620") as caught:
        load_decoder(tmp_path, MODELS[WITH_TEXT])
    assert caught.value.problems[0].found == said


class Harmful:
    """Leaves a file behind where it is loaded without care."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return pathlib.Path.touch, (self.mark,)


def test_a_file_with_anything_besides_tensors_is_refused_and_not_run(tmp_path: Path) -> None:
    torch.save({**checkpoint(MODELS[BASE]), "model.more": Harmful(tmp_path / "mark")}, tmp_path / "model.pt")
    with pytest.raises(RecipeError, match="CR621") as caught:
        load_checkpoint(tmp_path)
    assert "which were not loaded" in caught.value.problems[0].found
    assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (Path.unlink, "no such file"),
        (lambda file: file.write_bytes(file.read_bytes()[:-900]), "a part of it"),
        (lambda file: file.write_bytes(pickle.dumps({"model.norm.weight": 1})), "something else"),
        (lambda file: torch.save([torch.zeros(2)], file), "a list"),
        (lambda file: torch.save({}, file), "no tensors"),
        (lambda file: torch.save({"model.norm.weight": 3}, file), "under model.norm.weight"),
    ],
    ids=["missing", "cut off", "a plain pickle", "a list", "empty", "a number"],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, spoil: Callable[[Path], object], found: str) -> None:
    file = stored(tmp_path) / "model.pt"
    spoil(file)
    with pytest.raises(RecipeError, match="CR621") as caught:
        architecture_of(file)
    assert caught.value.problems[0].place.file == str(file)
    assert found in caught.value.problems[0].found


def test_a_folder_with_a_checkpoint_is_a_model_to_start_from(tmp_path: Path) -> None:
    stored(tmp_path)
    weights = Weights(label=str(tmp_path))
    assert (weights.is_checkpoint, weights.is_pipeline, weights.is_whole) == (True, True, True)
    assert weights.files() == [tmp_path / "model.pt"]
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "encoder.jit").write_bytes(b"1")
    before = weights.sha256()
    (tmp_path / "config.json").write_text("{}")
    assert weights.sha256() == before
    (tmp_path / "vae" / "encoder.jit").write_bytes(b"2")
    assert weights.sha256() != before
    (tmp_path / "transformer").mkdir()
    (tmp_path / "transformer" / "config.json").write_text("{}")
    assert not weights.is_checkpoint, (
        "NVIDIA's diffusion models have both, and diffusers' form is the one that is loaded"
    )
