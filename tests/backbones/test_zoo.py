"""The zoo: what is listed is what diffusers builds."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from diffusers import CosmosTransformer3DModel

from cosmos_recipes.backbones.names import backbone_names
from cosmos_recipes.backbones.zoo import backbone, context_sibling, read_zoo, video_sibling, zoo
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.located import parse_located

NVIDIA = [name for name in backbone_names() if not name.startswith("tiny-")]
DIFFUSION = [name for name, entry in zoo().items() if entry.family == "diffusion"]


@pytest.mark.parametrize("name", DIFFUSION)
@pytest.mark.parametrize(
    "change", [{}, {"extra_pos_embed_type": "learnable"}, {"mlp_ratio": 2.5, "patch_size": (1, 1, 2)}]
)
def test_parameters_are_those_of_the_class(name, change):
    architecture = backbone(name).architecture.model_copy(update=change)
    with torch.device("meta"):
        network = CosmosTransformer3DModel(**architecture.model_dump())

    assert architecture.parameters == sum(parameter.numel() for parameter in network.parameters())


def test_a_channel_count_that_does_not_fit_the_tokenizer_is_refused():
    text = backbone("tiny-diffusion").model_dump_json(exclude={"name"}).replace('"in_channels":65', '"in_channels":66')
    with pytest.raises(RecipeError) as refused:
        read_zoo(parse_located(f"backbones: {{mine: {text}}}", file="zoo.yaml"))

    assert (
        refused.value.problems[0].expected
        == "in_channels = 65 (latents and mask) or 64 (no frames can be given), and out_channels = 64"
    )


@pytest.mark.parametrize("name", NVIDIA)
def test_parameters_are_those_that_the_models_are_named_after(name: str):
    """Names are rounded: 7.24, 14.27 and 1.96 billion, and 4.01, 4.58, 11.56 and 13.32 of the autoregressive ones."""
    assert f"-{round(backbone(name).parameters / 1e9)}b" in name


def test_parameters_agree_with_the_log_of_a_lora_training_of_predict2():
    """Its guide prints 45.9 M trainable of 3.96 B, for rank 16 on a network and its moving average, so twice."""
    architecture = backbone("predict2-2b").architecture
    with torch.device("meta"):
        network = CosmosTransformer3DModel(**architecture.model_dump())
    targets = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2")
    layers = [layer for name, layer in network.named_modules() if name.endswith(targets)]
    adapters = 16 * sum(layer.in_features + layer.out_features for layer in layers)
    assert round(2 * adapters / 1e6, 1) == 45.9
    assert round(2 * (architecture.parameters + adapters) / 1e9, 2) == 3.96


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


def test_a_backbone_without_cross_attention_has_a_sibling_with_it():
    pairs = {name: context_sibling(backbone(name)) for name in ("predict1-4b", "predict1-12b")}
    assert pairs == {"predict1-4b": "predict1-5b-video2world", "predict1-12b": "predict1-13b-video2world"}


@pytest.mark.parametrize("change", [{}, {"text_embed_dim": None}, {"qk_norm": False, "num_key_value_heads": 1}])
def test_parameters_of_a_decoder_are_those_of_its_matrices_and_norms(change):
    """Counted by hand from the names and shapes of NVIDIA's files, for the smallest backbone."""
    network = backbone("tiny-autoregressive").architecture.model_copy(update=change)
    keys = 32 * network.num_key_value_heads
    norms = 64 if network.qk_norm else 0
    attention = 128 + 2 * 128 * 128 + 2 * 128 * keys + norms
    across = 128 + 2 * 128 * 128 + 2 * 64 * keys + norms if network.text_embed_dim else 0
    feed_forward = 128 + 3 * 128 * 384
    assert network.parameters == 1088 * 128 + 6 * (attention + across + feed_forward) + 128 + 128 * 1024


AUTOREGRESSIVE = backbone("tiny-autoregressive").model_dump_json(exclude={"name"})


@pytest.mark.parametrize(
    ("said", "instead", "expected"),
    [
        ('"codes":1024', '"codes":512', "a tokenizer of 1 channel with `settings: {codes: 1024}`, the vocabulary of the network"),
        ('"channels":1', '"channels":2', "a tokenizer of 1 channel with `settings: {codes: 1024}`, the vocabulary of the network"),
        ('"text_embed_dim":64', '"text_embed_dim":null', "no `text`, which the network lacks"),
        ('"text_embed_dim":64', '"text_embed_dim":32', "a text width of 32, which the network takes"),
        ('"begin_token":1024', '"begin_token":7', "a begin_token from 1024 to 1087, which is no code"),
        ('"embedded_tokens":1088', '"embedded_tokens":1000', "embedded_tokens of at least the vocabulary, 1024"),
        ('"num_key_value_heads":4', '"num_key_value_heads":3', "a num_key_value_heads that divides 4, the number of attention heads"),
        ('"temperature":1.0', '"temperature":-1.0', "a number of at least 0 (what logits are divided by before a token is drawn; 0 takes the likeliest)"),
        ('"name":"next-token"', '"name":"edm"', "next-token"),
        ('"hidden_size":128', '"in_channels":65', "hidden_size, num_layers, num_attention_heads"),
        ('"family":"autoregressive"', '"family":"masked"', "diffusion or autoregressive"),
    ],
)  # fmt: skip
def test_an_autoregressive_backbone_that_does_not_fit_together_is_refused(said: str, instead: str, expected: str):
    assert said in AUTOREGRESSIVE
    text = AUTOREGRESSIVE.replace(said, instead)
    with pytest.raises(RecipeError) as refused:
        read_zoo(parse_located(f"backbones: {{mine: {text}}}", file="zoo.yaml"))
    assert refused.value.problems[0].expected.startswith(expected)


def test_the_zoo_and_the_heads_are_described_without_torch():
    script = (
        "import sys; from cosmos_recipes.backbones.names import backbone_names; from cosmos_recipes.conditioning.base import head_names;"
        "backbone_names(); head_names(); assert not {'torch', 'diffusers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
