"""If these fail, a run starts from weights that are partly random, and nobody is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from diffusers import CosmosTransformer3DModel
from safetensors.torch import load_file, save_file

from cosmos_recipes.backbones.diffusion import load_transformer
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.diagnostics import RecipeError

NARROW = {
    **{"num_attention_heads": 2, "attention_head_dim": 16, "num_layers": 2},
    **{"adaln_lora_dim": 8, "text_embed_dim": 12, "encoder_hidden_states_channels": 12},
    **{"crossattn_proj_in_channels": 20, "max_size": (8, 16, 16)},
}
FILE = "diffusion_pytorch_model.safetensors"
INDEX = f"{FILE}.index.json"
SHARDED_KB = 60


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return stored(tmp_path)


def stored(path: Path, *, name: str = "predict2.5-2b", shards: bool = False) -> Path:
    """Store a network of a backbone's layout and keys, but narrow, in half precision."""
    torch.manual_seed(0)
    network = CosmosTransformer3DModel(**{**backbone(name).architecture.model_dump(), **NARROW}).bfloat16()
    network.save_pretrained(path, max_shard_size=f"{SHARDED_KB}KB" if shards else "5GB")
    return path


@pytest.mark.parametrize("shards", [False, True], ids=["whole", "sharded"])
@pytest.mark.parametrize("name", ["predict1-7b", "predict2-2b", "predict2.5-2b"])
def test_every_weight_arrives_as_it_was_stored_and_in_float32(tmp_path: Path, name: str, shards: bool) -> None:
    folder = stored(tmp_path / "base", name=name, shards=shards)
    assert (folder / INDEX).exists() == shards
    found = load_transformer(str(folder)).state_dict()
    files = [load_file(path) for path in folder.glob("*.safetensors")]
    expected = {key: value for file in files for key, value in file.items()}
    assert found.keys() == expected.keys()
    assert all(
        value.dtype == torch.float32 and torch.equal(value, expected[key].float()) for key, value in found.items()
    )


def test_what_is_saved_is_what_plain_diffusers_reads(folder: Path, tmp_path: Path) -> None:
    load_transformer(str(folder)).save_pretrained(tmp_path / "again")
    said = [json.loads((path / "config.json").read_text()) for path in (folder, tmp_path / "again")]
    assert {key: said[0][key] for key in said[0] if key[0] != "_"} == {
        key: said[1][key] for key in said[1] if key[0] != "_"
    }
    again, found = CosmosTransformer3DModel.from_pretrained(tmp_path / "again", output_loading_info=True)
    assert not any(found[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert torch.equal(again.proj_out.weight, load_transformer(str(folder)).proj_out.weight)


def test_the_padding_channel_is_the_last_one_and_empty(folder: Path) -> None:
    """Where the class itself adds it: after the latents and the mask of the given frames."""
    ours = load_transformer(str(folder))
    architecture = {**ours.config, "in_channels": 18, "concat_padding_mask": False}
    theirs = CosmosTransformer3DModel.from_config(architecture)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    random = torch.Generator().manual_seed(0)
    latent_BCTHW = torch.randn(2, 16, 2, 4, 4, generator=random)
    more = {
        "timestep": torch.tensor([0.2, 0.8]),
        "encoder_hidden_states": torch.randn(2, 3, 20, generator=random),
        "return_dict": False,
    }
    mask = torch.ones(2, 1, 2, 4, 4)
    expected = theirs(latent_BCTHW, condition_mask=torch.cat([mask, 0 * mask], 1), **more)[0]
    padding_mask = torch.zeros(1, 1, 32, 32)
    assert torch.equal(ours(latent_BCTHW, condition_mask=mask, padding_mask=padding_mask, **more)[0], expected)


def without_a_weight(folder: Path) -> None:
    change(folder, lambda weights: weights.pop("proj_out.weight"))


def with_a_surplus_weight(folder: Path) -> None:
    change(folder, lambda weights: weights.update({"logvar.1.weight": torch.zeros(1, 128)}))


def with_a_weight_of_another_shape(folder: Path) -> None:
    change(folder, lambda weights: weights.update({"proj_out.weight": torch.zeros(64, 16)}))


def cut_off(folder: Path) -> None:
    (folder / FILE).write_bytes((folder / FILE).read_bytes()[:-100])


def with_a_cut_off_header(folder: Path) -> None:
    (folder / FILE).write_bytes((folder / FILE).read_bytes()[:100])


def without_weights(folder: Path) -> None:
    (folder / FILE).unlink()


def without_a_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def change(folder: Path, how: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(folder / FILE)
    how(weights)
    save_file(weights, folder / FILE, metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "code", "found"),
    [
        (without_a_weight, "CR620", "no proj_out.weight"),
        (with_a_surplus_weight, "CR620", "a surplus logvar.1.weight"),
        (with_a_weight_of_another_shape, "CR620", "proj_out.weight of 64x16 instead of 64x32"),
        (cut_off, "CR621", ""),
        (with_a_cut_off_header, "CR621", ""),
        (without_weights, "CR621", "neither"),
        (without_a_config, "CR621", "config.json"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_does_not_fit_is_named(folder: Path, damage: Callable[[Path], None], code: str, found: str) -> None:
    damage(folder)
    with pytest.raises(RecipeError) as refused:
        load_transformer(str(folder))
    (problem,) = refused.value.problems
    assert problem.code == code
    assert found in problem.found


def test_a_missing_shard_and_one_that_is_not_as_listed_are_named(tmp_path: Path) -> None:
    folder = stored(tmp_path, shards=True)
    first, second = sorted(path.name for path in folder.glob("*.safetensors"))[:2]
    content = (folder / first).read_bytes()
    (folder / first).unlink()
    with pytest.raises(RecipeError, match="CR621") as refused:
        load_transformer(str(folder))
    assert refused.value.problems[0].place.file.endswith(first)
    (folder / first).write_bytes((folder / second).read_bytes())
    with pytest.raises(RecipeError, match="CR621") as refused:
        load_transformer(str(folder))
    assert f"is not in {first}" in refused.value.problems[0].found
    (folder / first).write_bytes(content)
    load_transformer(str(folder))
