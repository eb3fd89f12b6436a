"""The zoo: what is listed is what diffusers builds."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from diffusers import CosmosTransformer3DModel

from cosmos_recipes.backbones.zoo import ZooFile, backbone, backbone_names, parameter_count, video_sibling
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.located import parse_located
from cosmos_recipes.recipe.validation import validate

NVIDIA = [name for name in backbone_names() if not name.startswith("tiny-")]


@pytest.mark.parametrize("name", backbone_names())
@pytest.mark.parametrize(
    "change", [{}, {"extra_pos_embed_type": "learnable"}, {"mlp_ratio": 2.5, "patch_size": (1, 1, 2)}]
)
def test_parameters_are_those_of_the_class(name, change):
    architecture = backbone(name).architecture.model_copy(update=change)
    with torch.device("meta"):
        network = CosmosTransformer3DModel(**architecture.model_dump())

    assert parameter_count(architecture) == sum(parameter.numel() for parameter in network.parameters())


def test_a_channel_count_that_does_not_fit_the_tokenizer_is_refused():
    text = backbone("tiny-diffusion").model_dump_json(exclude={"name"}).replace('"in_channels":65', '"in_channels":66')
    with pytest.raises(RecipeError) as refused:
        validate(ZooFile, parse_located(f"backbones: {{mine: {text}}}", file="zoo.yaml"))

    assert (
        refused.value.problems[0].expected
        == "in_channels = 65 (latents and mask) or 64 (no frames can be given), and out_channels = 64"
    )


@pytest.mark.parametrize(
    ("name", "published"),
    [(name, float(name.removesuffix("-text2world").rpartition("-")[2][:-1])) for name in NVIDIA],
)
def test_parameters_are_those_that_the_models_are_named_after(name: str, published: float):
    """Names are rounded: 7.24, 14.27 and 1.96 billion."""
    assert backbone(name).parameters / 1e9 == pytest.approx(published, rel=0.04)


def test_parameters_agree_with_the_log_of_a_lora_training_of_predict2():
    """Its guide prints 45.9 M trainable of 3.96 B, for rank 16 on a network and its moving average, so twice."""
    architecture = backbone("predict2-2b").architecture
    with torch.device("meta"):
        network = CosmosTransformer3DModel(**architecture.model_dump())
    targets = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2")
    layers = [layer for name, layer in network.named_modules() if name.endswith(targets)]
    adapters = 16 * sum(layer.in_features + layer.out_features for layer in layers)
    assert round(2 * adapters / 1e6, 1) == 45.9
    assert round(2 * (parameter_count(architecture) + adapters) / 1e9, 2) == 3.96


@pytest.mark.parametrize("name", NVIDIA)
def test_the_largest_clip_is_the_native_one(name: str):
    entry = backbone(name)
    assert entry.limits.tokens == entry.native_tokens
    assert all(side % step == 0 for side, step in zip(entry.native.size, entry.size_multiple, strict=True))


def test_a_backbone_without_given_frames_has_a_sibling_with_them():
    assert [video_sibling(backbone(f"predict1-{size}b-text2world")) for size in (7, 14)] == [
        "predict1-7b",
        "predict1-14b",
    ]


def test_the_zoo_and_the_heads_are_described_without_torch():
    script = (
        "import sys; from cosmos_recipes.backbones.zoo import backbone_names; from cosmos_recipes.conditioning.base import head_names;"
        "backbone_names(); head_names(); assert not {'torch', 'diffusers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
