"""If this fails, a model of NVIDIA's cannot be post-trained, or what comes out is not what diffusers reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from diffusers import CosmosTransformer3DModel
from safetensors.torch import load_file

from tests.toy_pipelines import installed, store_pipeline, toy_entry

RECIPE = """\
recipe: toy
summary: Post-train a folder as NVIDIA publishes them.
backbone: {use: toy, weights: ./base}
dataset:
  schema: instruction-video
  use: {schema: instruction-video, source: {kind: world, world: factory, episodes: 2, held_out: 2}}
  clip: {frames: 5, rate: 5 Hz, size: 32x32, stride: 40}
conditioning: {head: text}
train: {steps: 2, global_batch: 2, precision: fp32, log_every: 1, optimizer: {warmup: 0}}
evaluate: {clips: 2, samples: 1, sampler_steps: 1}
"""


def test_a_pipeline_folder_is_trained_and_what_comes_out_is_loaded_by_diffusers(tmp_path: Path) -> None:
    entry = toy_entry("predict2.5-2b")
    base = store_pipeline(tmp_path / "base", entry)
    (tmp_path / "toy.yaml").write_text(RECIPE)
    run = [sys.executable, "-m", "cosmos_recipes", "run", "toy.yaml"]
    done = subprocess.run(
        run,
        cwd=tmp_path,
        env=installed(tmp_path / "site", toy=entry),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    (package,) = (tmp_path / "runs").glob("toy/*/package")
    trained, found = CosmosTransformer3DModel.from_pretrained(
        package, subfolder="transformer", output_loading_info=True
    )
    assert not any(found[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert trained.config.concat_padding_mask
    before = load_file(base / "transformer" / "diffusion_pytorch_model.safetensors")
    weights = trained.state_dict()
    (contexts,) = (tmp_path / "runs" / ".prepared").glob("*/text/*.safetensors")
    assert load_file(contexts)["entries_N"].shape[1:] == (8, 20)
    assert 0 < max((weights[name] - value.float()).abs().max() for name, value in before.items()) < 0.1
    kept = load_file(package / "tokenizer" / "model.safetensors")
    given = load_file(base / "vae" / "diffusion_pytorch_model.safetensors")
    assert kept.keys() == given.keys()
    assert all(torch.equal(kept[name], value) for name, value in given.items())
