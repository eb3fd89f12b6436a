"""If these fail, a model trained here makes other videos in diffusers than it was measured with.

Each generation's pipeline and our sampler get the same weights, start frames, noise and contexts. The pipelines are given
no text and return latents, so that their safety checker is moved between devices and never asked; what takes its place cannot answer.
"""

from __future__ import annotations

from typing import Any

import diffusers
import pytest
import torch
from diffusers import EDMEulerScheduler, FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler
from objective_cases import PREDICT1, PREDICT2, PREDICT2_5
from torch import Tensor, nn

from cosmos_recipes.backbones.diffusion import build_transformer
from cosmos_recipes.backbones.tokenizers.pca import PcaTokenizer
from cosmos_recipes.compiler.trained import WorldModelConfig
from cosmos_recipes.training.chance import Chance, generator
from cosmos_recipes.training.diffusion.choice import objective_of
from cosmos_recipes.training.diffusion.estimator import Estimator
from cosmos_recipes.training.diffusion.generation import guided, sample, truthful
from cosmos_recipes.training.diffusion.network import network_of
from cosmos_recipes.training.frames import beginning_with, first_BT
from cosmos_recipes.training.world_model import WorldModel

CHANNELS, STEPS, TOLERANCE = 4, 6, 1e-5
ARCHITECTURE = {
    "out_channels": CHANNELS,
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "num_layers": 2,
    "text_embed_dim": 16,
    "adaln_lora_dim": 8,
    "max_size": (16, 16, 16),
    "patch_size": (1, 2, 2),
    "rope_scale": (1.0, 3.0, 3.0),
    "concat_padding_mask": True,
    "extra_pos_embed_type": None,
}
PREDICT1_POSITIONS = {"rope_scale": (2.0, 1.0, 1.0), "extra_pos_embed_type": "learnable"}


class Unasked:
    def to(self, device: Any) -> None:
        """Stay."""


class Context(nn.Module):
    """A head whose control is the text context itself."""

    def forward(self, control: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"encoder_hidden_states": control["context_BLD"]}


def model(
    objective: dict[str, Any], *, in_channels: int = CHANNELS + 1, rate_hz: float = 24, **changes: Any
) -> WorldModel:
    transformer = build_transformer({**ARCHITECTURE, "in_channels": in_channels, **changes}, seed=0)
    torch.manual_seed(1)
    for parameter in transformer.parameters():
        nn.init.normal_(parameter, std=0.2)
    config = WorldModelConfig(
        head="text",
        text={"encoder": "bytes", "length": 5, "width": 16},
        objective=objective,
        given_frames=1,
        rate_hz=rate_hz,
    )
    return WorldModel(
        config, transformer=transformer, tokenizer=PcaTokenizer(temporal=4, spatial=8, channels=4), head=Context()
    ).eval()


def cosmos_vae() -> Any:
    torch.manual_seed(2)
    channels = (8, 8, 8, 8)
    return diffusers.AutoencoderKLCosmos(
        latent_channels=CHANNELS,
        encoder_block_out_channels=channels,
        decode_block_out_channels=channels,
        attention_resolutions=(8,),
        resolution=32,
        num_layers=1,
        latents_mean=None,
        latents_std=None,
    ).eval()


def wan_vae() -> Any:
    torch.manual_seed(2)
    statistics = {"latents_mean": [0.1, -0.2, 0.3, 0.0], "latents_std": [0.9, 1.1, 0.5, 1.5]}
    return diffusers.AutoencoderKLWan(
        base_dim=8, z_dim=CHANNELS, dim_mult=[1, 1, 1, 1], num_res_blocks=1, **statistics
    ).eval()


def drawn(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


CONTEXT, NO_CONTEXT = drawn(3, 1, 5, 16), drawn(4, 1, 5, 16)


def theirs(
    name: str, built: WorldModel, vae: Any, scheduler: Any, noise: Tensor, scale: float, **arguments: Any
) -> Tensor:
    stock = diffusers.CosmosTransformer3DModel.from_config(built.transformer.config).eval()
    stock.load_state_dict(built.transformer.state_dict())
    pipeline = getattr(diffusers, name)(
        text_encoder=None,
        tokenizer=None,
        transformer=stock,
        vae=vae,
        scheduler=scheduler,
        safety_checker=Unasked(),
    )
    pipeline.set_progress_bar_config(disable=True)
    made: Tensor = pipeline(
        prompt_embeds=CONTEXT,
        negative_prompt_embeds=NO_CONTEXT,
        height=32,
        width=32,
        num_inference_steps=STEPS,
        guidance_scale=scale,
        generator=generator(7),
        latents=noise,
        output_type="latent",
        **arguments,
    ).frames
    return made


@torch.no_grad()
def ours(built: WorldModel, noise: Tensor, known: Tensor, scale: float) -> Tensor:
    """Sample as `generate` does, between its encoding and its decoding; guidance counts from 1 here."""
    scaled, chance = known * objective_of(built.objective).data_scale, Chance([(7,)])
    whole = beginning_with(scaled, noise, 1)
    given_BT = first_BT(torch.tensor([known.shape[2]]), noise.shape[2], 1)
    contexts = [CONTEXT, NO_CONTEXT] if scale > 1 else [CONTEXT]
    shared = {
        "objective": objective_of(built.objective),
        "network": network_of(built),
        "known_BCTHW": whole,
        "given_BT": given_BT,
    }
    estimates = [
        truthful(Estimator(control={"context_BLD": context}, chance=chance, **shared), noise) for context in contexts
    ]
    return sample(objective_of(built.objective), guided(estimates, scale + 1 if scale > 1 else 1.0), noise, steps=STEPS)


def assert_same(made: Tensor, expected: Tensor) -> None:
    assert expected.std() > 0.1
    torch.testing.assert_close(made, expected, atol=TOLERANCE * float(expected.abs().max()), rtol=0)


@pytest.mark.parametrize("scale", [1.0, 7.0])
def test_predict1_from_text(scale: float) -> None:
    built = model(PREDICT1, in_channels=CHANNELS, rate_hz=30, **PREDICT1_POSITIONS)
    noise = drawn(5, 1, CHANNELS, 3, 4, 4)
    scheduler = EDMEulerScheduler(sigma_data=0.5, sigma_max=80.0, sigma_min=0.002, final_sigmas_type="sigma_min")
    expected = theirs("CosmosTextToWorldPipeline", built, cosmos_vae(), scheduler, noise, scale, num_frames=17, fps=30)
    assert_same(ours(built, noise, noise[:, :, :0], scale), expected)


@pytest.mark.parametrize("scale", [1.0, 7.0])
@pytest.mark.parametrize("augment_sigma", [0.001, 0.5])
def test_predict1_from_video(scale: float, augment_sigma: float) -> None:
    """The larger noise on given frames passes that of the last steps, where they are then denoised with the rest."""
    built = model(PREDICT1 | {"settings": {"augment_sigma": augment_sigma}}, rate_hz=30, **PREDICT1_POSITIONS)
    noise, vae = drawn(5, 1, CHANNELS, 3, 4, 4), cosmos_vae()
    video = torch.rand(1, 9, 3, 32, 32, generator=torch.Generator().manual_seed(6))
    scheduler = EDMEulerScheduler(sigma_data=0.5, sigma_max=80.0, sigma_min=0.002, final_sigmas_type="sigma_min")
    expected = theirs(
        "CosmosVideoToWorldPipeline",
        built,
        vae,
        scheduler,
        noise,
        scale,
        video=video,
        num_frames=17,
        fps=30,
        augment_sigma=augment_sigma,
    )
    whole = torch.cat([2 * video.transpose(1, 2) - 1, torch.zeros(1, 3, 8, 32, 32)], 2)
    known = vae.encode(whole).latent_dist.mode()[:, :, :2].detach()
    assert_same(ours(built, noise, known, scale), expected)


@pytest.mark.parametrize("scale", [1.0, 7.0])
@pytest.mark.parametrize("sigma", [0.0001, 0.5])
def test_predict2_from_video(scale: float, sigma: float) -> None:
    built, vae = model(PREDICT2 | {"settings": {"conditional_sigma": sigma}}), wan_vae()
    noise = drawn(5, 1, CHANNELS, 3, 4, 4)
    video = torch.rand(1, 5, 3, 32, 32, generator=torch.Generator().manual_seed(6))
    scheduler = FlowMatchEulerDiscreteScheduler(use_karras_sigmas=True)
    expected = theirs(
        "Cosmos2VideoToWorldPipeline",
        built,
        vae,
        scheduler,
        noise,
        scale,
        video=video,
        num_frames=9,
        fps=24,
        sigma_conditioning=sigma,
    )
    whole = 2 * video.transpose(1, 2) - 1
    whole = torch.cat([whole, whole[:, :, -1:].repeat(1, 1, 4, 1, 1)], 2)
    encoded = vae.encode(whole).latent_dist.sample(generator(7)).detach()
    assert_same(ours(built, noise, normalised(vae, encoded)[:, :, :2], scale), expected)


@pytest.mark.parametrize("scale", [1.0, 7.0])
@pytest.mark.parametrize(("given", "time"), [(0, 0.0001), (1, 0.0001), (2, 0.0001), (2, 0.5)])
def test_predict2_5(scale: float, given: int, time: float) -> None:
    settings = {**PREDICT2_5["settings"], "conditional_time": time}
    built, vae = model(PREDICT2_5 | {"settings": settings}), wan_vae()
    noise = drawn(5, 1, CHANNELS, 3, 4, 4)
    video = torch.rand(1, 3, 9, 32, 32, generator=torch.Generator().manual_seed(6)) * 2 - 1
    scheduler = UniPCMultistepScheduler(
        use_karras_sigmas=True,
        use_flow_sigmas=True,
        prediction_type="flow_prediction",
        sigma_max=200.0,
        sigma_min=0.01,
    )
    start: dict[str, Any] = {"conditional_frame_timestep": time}
    if given:
        start |= {"video": video, "num_latent_conditional_frames": given}
    expected = theirs("Cosmos2_5_PredictBasePipeline", built, vae, scheduler, noise, scale, num_frames=9, **start)
    frames = 4 * (given - 1) + 1
    whole = torch.cat([video[:, :, -frames:], video[:, :, -1:].repeat(1, 1, 9 - frames, 1, 1)], 2) if given else video
    known = normalised(vae, vae.encode(whole).latent_dist.mode().detach())[:, :, :given]
    assert_same(ours(built, noise, known, scale), expected)


def normalised(vae: Any, encoded: Tensor) -> Tensor:
    mean, std = (torch.tensor(each).view(1, -1, 1, 1, 1) for each in (vae.config.latents_mean, vae.config.latents_std))
    return (encoded - mean) / std
