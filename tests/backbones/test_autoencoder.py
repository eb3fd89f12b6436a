"""If these fail, latents are not those that NVIDIA's networks were trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    Cosmos2_5_PredictBasePipeline,
    CosmosVideoToWorldPipeline,
    EDMEulerScheduler,
    UniPCMultistepScheduler,
)
from torch import Tensor

from cosmos_recipes.backbones.tokenizers import comes_trained, load_tokenizer, trained_tokenizer
from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.diagnostics import RecipeError
from tests.backbones.toy_autoencoders import toy_cosmos, toy_wan

TOYS = {"predict1-7b": toy_cosmos, "predict2.5-2b": toy_wan}
VIDEO_BCTHW = torch.randint(0, 256, (2, 3, 9, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def start(name: str, folder: Path, **changes: Any) -> Any:
    """Store a toy autoencoder as a pipeline has it, and start a backbone's tokenizer from it."""
    TOYS[name]().save_pretrained(folder)
    entry = backbone(name).tokenizer
    return trained_tokenizer(entry.model_copy(update=changes), folder)


def latents_of_the_pipeline(name: str, video_BCTHW: Tensor) -> Tensor:
    """Return what diffusers' own pipeline gives the network of a clip that is given whole."""
    frames, height, width = video_BCTHW.shape[2:]
    video = video_BCTHW.float() / 127.5 - 1
    parts = {"text_encoder": None, "tokenizer": None, "transformer": None, "safety_checker": print}
    sized = {"batch_size": len(video), "height": height, "width": width, "dtype": torch.float32}
    if name == "predict1-7b":
        pipeline = CosmosVideoToWorldPipeline(vae=toy_cosmos(), scheduler=EDMEulerScheduler(sigma_data=0.5), **parts)
        return pipeline.prepare_latents(video, num_channels_latents=16, num_frames=frames, **sized)[1]
    pipeline = Cosmos2_5_PredictBasePipeline(vae=toy_wan(), scheduler=UniPCMultistepScheduler(), **parts)
    return pipeline.prepare_latents(video, num_frames_in=frames, num_frames_out=frames, **sized)[1]


@pytest.mark.parametrize("name", TOYS)
def test_latents_are_those_of_the_pipeline(name: str, tmp_path: Path) -> None:
    tokenizer = start(name, tmp_path)
    latent_BCTHW = tokenizer.encode(VIDEO_BCTHW)
    assert latent_BCTHW.shape == (2, 16, 1 + 8 // tokenizer.temporal, 2, 2)
    scale = getattr(backbone(name).objective.settings, "sigma_data", 1.0)
    torch.testing.assert_close(latent_BCTHW * scale, latents_of_the_pipeline(name, VIDEO_BCTHW))


@pytest.mark.parametrize("name", TOYS)
def test_decoding_undoes_the_scale(name: str, tmp_path: Path) -> None:
    tokenizer = start(name, tmp_path)
    plain = tokenizer.autoencoder
    expected = plain.decode(plain.encode(VIDEO_BCTHW.float() / 127.5 - 1).latent_dist.mode()).sample
    video_BCTHW = tokenizer.decode(tokenizer.encode(VIDEO_BCTHW))
    assert video_BCTHW.shape == VIDEO_BCTHW.shape
    assert (video_BCTHW.float() - ((expected + 1) * 127.5).clamp(0, 255)).abs().max() <= 0.51


@pytest.mark.parametrize("name", TOYS)
def test_a_saved_tokenizer_gives_the_same_and_a_clip_never_depends_on_its_neighbours(name: str, tmp_path: Path) -> None:
    tokenizer = start(name, tmp_path / "vae")
    tokenizer.save_pretrained(tmp_path / "tokenizer")
    again = load_tokenizer(tmp_path / "tokenizer")
    latent_BCTHW = tokenizer.encode(VIDEO_BCTHW)
    assert torch.equal(again.encode(VIDEO_BCTHW), latent_BCTHW)
    assert torch.equal(tokenizer.encode(VIDEO_BCTHW[1:]), latent_BCTHW[1:])
    assert torch.equal(again.decode(latent_BCTHW), tokenizer.decode(latent_BCTHW))


@pytest.mark.parametrize("name", TOYS)
def test_latents_of_the_given_frames_do_not_know_what_follows(name: str, tmp_path: Path) -> None:
    tokenizer = start(name, tmp_path)
    changed = VIDEO_BCTHW.clone()
    changed[:, :, 5:] = 0
    given = 1 + 4 // tokenizer.temporal
    torch.testing.assert_close(tokenizer.encode(changed)[:, :, :given], tokenizer.encode(VIDEO_BCTHW)[:, :, :given])


def test_tiles_are_used_where_they_are_asked_for(tmp_path: Path) -> None:
    """And are kept with the tokenizer, as latents near the seams are others."""
    video_BCTHW = VIDEO_BCTHW[:1, :, :5].repeat(1, 1, 1, 17, 1)
    whole, tiled = start("predict2.5-2b", tmp_path), start("predict2.5-2b", tmp_path, settings={"tiling": True})
    tiled.save_pretrained(tmp_path / "tokenizer")
    latent_BCTHW = load_tokenizer(tmp_path / "tokenizer").encode(video_BCTHW)
    assert torch.equal(latent_BCTHW, tiled.encode(video_BCTHW))
    assert latent_BCTHW.shape == whole.encode(video_BCTHW).shape
    assert not torch.equal(latent_BCTHW, whole.encode(video_BCTHW))


def test_an_autoencoder_of_another_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="CR622"):
        start("predict2.5-2b", tmp_path, spatial=16)


def test_only_a_tokenizer_that_comes_trained_needs_no_fit() -> None:
    assert [comes_trained(name) for name in ("cosmos-cv8x8x8", "wan2.1", "cosmos-dv8x16x16", "pca")] == [
        True,
        True,
        True,
        False,
    ]
