"""The zoo: what is listed is what diffusers builds."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from diffusers import CosmosTransformer3DModel

from cosmos_recipes.backbones.zoo import ZooFile, backbone, backbone_names, parameter_count
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.located import parse_located
from cosmos_recipes.recipe.validation import validate


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
    text = backbone("tiny-diffusion").model_dump_json(exclude={"name"}).replace('"in_channels":65', '"in_channels":64')
    with pytest.raises(RecipeError) as refused:
        validate(ZooFile, parse_located(f"backbones: {{mine: {text}}}", file="zoo.yaml"))

    assert refused.value.problems[0].expected == "in_channels = 65 (latents and mask) and out_channels = 64"


def test_the_zoo_and_the_heads_are_described_without_torch():
    script = (
        "import sys; from cosmos_recipes.backbones.zoo import backbone_names; from cosmos_recipes.conditioning.base import head_names;"
        "backbone_names(); head_names(); assert not {'torch', 'diffusers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
