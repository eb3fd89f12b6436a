"""If this fails, an autoregressive model of NVIDIA's cannot be post-trained, or a package carries what must not be in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from cosmos_recipes.backbones.autoregressive.nvidia import load_checkpoint
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.publishing.package import verify_package
from cosmos_recipes.training.world_model import WorldModel
from tests.backbones.toy_checkpoints import checkpoint, store_programs
from tests.backbones.toy_text import store_t5
from tests.toy_pipelines import run_toy

NARROW = {
    **{"hidden_size": 32, "num_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1},
    **{"attention_head_dim": 16, "intermediate_size": 40, "text_embed_dim": 12},
}
RECIPE = """\
recipe: toy
summary: Post-train a checkpoint as NVIDIA publishes them.
backbone: {use: toy, weights: ./base}
dataset:
  schema: instruction-video
  use: {schema: instruction-video, source: {kind: world, world: factory, episodes: 2, held_out: 2, size: 32x32}}
  clip: {frames: 9, rate: 5 Hz, size: 32x32, stride: 40}
conditioning: {head: text}
train: {steps: 2, global_batch: 2, precision: fp32, log_every: 1, optimizer: {warmup: 0}}
evaluate: {clips: 2, samples: 1}
"""


def toy_entry() -> dict[str, Any]:
    entry = backbone("predict1-5b-video2world").model_dump(mode="json", exclude={"name"})
    entry["architecture"] |= NARROW
    entry["text"] |= {"length": 8, "width": NARROW["text_embed_dim"]}
    return {**entry, "hub_id": None, "revision": None}


def test_a_checkpoint_is_trained_and_what_comes_out_names_its_tokenizer(tmp_path: Path) -> None:
    entry, base = toy_entry(), tmp_path / "base"
    store_t5(base)
    store_programs(base / "vae")
    torch.save(checkpoint(entry["architecture"]), base / "model.pt")
    (tmp_path / "toy.yaml").write_text(RECIPE)
    run_toy(tmp_path, entry)
    (package,) = (tmp_path / "runs").glob("toy/*/package")
    verify_package(package)
    before = load_checkpoint(base)
    after = load_file(package / "transformer" / "diffusion_pytorch_model.safetensors")
    assert after.keys() == before.keys()
    assert 0 < max((after[name] - value.float()).abs().max() for name, value in before.items()) < 0.1
    said = json.loads((package / "tokenizer" / "config.json").read_text())
    assert [path.name for path in (package / "tokenizer").iterdir()] == ["config.json"]
    assert str(tmp_path) not in json.dumps(said)
    assert said["hub_id"].startswith("nvidia/")
    (model,) = (tmp_path / "runs").glob("toy/*/train/model")
    latent_B1THW = WorldModel.from_pretrained(model).encode(torch.zeros(1, 3, 9, 32, 32, dtype=torch.uint8))
    assert latent_B1THW.shape == (1, 1, 2, 2, 2)
