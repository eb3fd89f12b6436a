"""If this fails, a model of NVIDIA's cannot be post-trained, or what comes out is not what diffusers reads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from diffusers import CosmosTransformer3DModel
from safetensors.torch import load_file

from tests.toy_pipelines import run_toy, store_pipeline, toy_entry

RECIPE = """\
recipe: toy
summary: Post-train a folder as NVIDIA publishes them.
backbone: {{use: toy, weights: ./base}}
dataset:
  schema: {schema}
  use: {{schema: {schema}, source: {{kind: world, world: {world}, episodes: 2, held_out: 2, size: 32x32}}{columns}}}
  clip: {{frames: {frames}, rate: 5 Hz, size: 32x32, stride: 40}}
conditioning: {{head: {head}}}
train: {{steps: 2, global_batch: 2, precision: fp32, log_every: 1, optimizer: {{warmup: 0}}}}
evaluate: {{clips: 2, samples: 1, sampler_steps: 1}}
"""
CAMERAS = "intrinsics: {from: intrinsics, convention: canonical}"
DATA = {
    "text": ("instruction-video", "factory", ""),
    "action": (
        "action-frame",
        "factory",
        "action: {from: action, names: [dx, dy, grip], unit: [m, m, '1'], form: [delta, delta, absolute]}",
    ),
    "camera": ("pose", "room", "pose: {from: pose, convention: canonical}, " + CAMERAS),
    "views": ("multi-view", "cell", "pose: {from: poses, convention: canonical}, " + CAMERAS),
}


def recipe(head: str, frames: int) -> str:
    schema, world, columns = DATA[head]
    said = f", columns: {{{columns}}}" if columns else ""
    return RECIPE.format(schema=schema, world=world, columns=said, head=head, frames=frames)


@pytest.mark.parametrize(
    ("like", "head", "frames"),
    [
        ("predict2.5-2b", "text", 5),
        ("predict2.5-2b", "camera", 5),
        ("predict2-2b", "views", 5),
        ("predict1-7b", "action", 9),
    ],
)
def test_a_pipeline_folder_is_trained_and_what_comes_out_is_loaded_by_diffusers(
    tmp_path: Path, like: str, head: str, frames: int
) -> None:
    entry = toy_entry(like)
    base = store_pipeline(tmp_path / "base", entry)
    (tmp_path / "toy.yaml").write_text(recipe(head, frames))
    run_toy(tmp_path, entry)
    (package,) = (tmp_path / "runs").glob("toy/*/package")
    trained, found = CosmosTransformer3DModel.from_pretrained(
        package, subfolder="transformer", output_loading_info=True
    )
    assert not any(found[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert trained.config.concat_padding_mask
    before = load_file(base / "transformer" / "diffusion_pytorch_model.safetensors")
    weights = trained.state_dict()
    contexts = list((tmp_path / "runs" / ".prepared").glob("*/text/*.safetensors"))
    assert [load_file(file)["entries_N"].shape[1:] for file in contexts] == (
        [(8, entry["text"]["width"])] if head in ("text", "views") else []
    )
    assert 0 < max((weights[name] - value.float()).abs().max() for name, value in before.items()) < 0.1
    kept = load_file(package / "tokenizer" / "model.safetensors")
    given = load_file(base / "vae" / "diffusion_pytorch_model.safetensors")
    assert kept.keys() == given.keys()
    assert all(torch.equal(kept[name], value) for name, value in given.items())
