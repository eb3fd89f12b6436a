from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.evaluation.evaluate import HeldOut
from cosmos_recipes.training.world_model import WorldModel

os.environ.setdefault("OMP_NUM_THREADS", "1")
CAPTIONS = ("A square moves left.", "A square moves right.", "A square moves up.", "A square moves down.")


def toy_plan(**changes: Any) -> Plan:
    """A plan for a model so small that it runs in milliseconds."""
    head = changes.pop("head", "none")
    frames, side, given = changes.pop("frames", 9), changes.pop("side", 32), changes.pop("given_frames", 1)
    document: dict[str, Any] = {
        "recipe": "toy",
        "summary": "Predict the next frames of a robot arm that sorts parts from a moving conveyor.",
        "profile": None,
        "task": "instruction" if head == "text" else "general",
        "seed": 0,
        "backbone": {
            "name": "tiny-diffusion",
            "family": "diffusion",
            "hub_id": None,
            "revision": None,
            "weights": None,
            "licence": "apache-2.0",
            "architecture": {
                "in_channels": 9,
                "out_channels": 8,
                "num_attention_heads": 2,
                "attention_head_dim": 16,
                "num_layers": 2,
                "mlp_ratio": 2.0,
                "text_embed_dim": 16,
                "adaln_lora_dim": 8,
                "max_size": [8, 8, 8],
                "patch_size": [1, 1, 1],
                "rope_scale": [1.0, 1.0, 1.0],
                "concat_padding_mask": False,
                "extra_pos_embed_type": None,
            },
            "tokenizer": {"name": "pca", "temporal": 4, "spatial": 8, "channels": 8},
            "text": {"encoder": "bytes", "length": 32, "width": 16},
            "objective": {"name": "rectified-flow", "shift": 5.0},
            "parameters": 1000,
        },
        "data": {
            "schema_name": "instruction-video",
            "name": "toy",
            "source": {"world": "factory"},
            "columns": {},
            "splits": {},
            "licence": "cc0-1.0",
            "revision": None,
            "limit": None,
            "clip": {
                "frames": frames,
                "rate_hz": 5.0,
                "height_px": side,
                "width_px": side,
                "stride": 4,
                "given_frames": given,
                "fewest_given_frames": given,
                "latent_frames": 3,
                "latent_height": side // 8,
                "latent_width": side // 8,
                "given_latent_frames": 1,
                "tokens": 48,
            },
            "decode": {"requested": "auto", "backends": {"h264": "cpu"}, "reason": "there is no GPU"},
        },
        "conditioning": {"head": head, "dropout": 0.1},
        "train": {
            "method": "full",
            "lora_rank": None,
            "lora_alpha": None,
            "steps": 700,
            "global_batch": 8,
            "micro_batch": 8,
            "accumulate": 1,
            "optimizer": {"name": "muon", "lr": 2e-2},
            "precision": "fp32",
            "ema": None,
            "checkpoint_every": 70,
            "keep_checkpoints": 2,
            "log_every": 10,
            "tensorboard": False,
        },
        "evaluate": {"clips": 4, "every": 0, "sampler_steps": 2, "guidance": 1.0, "samples": 2},
        "gate": {},
        "publish": {"repo": "local", "public": False},
        "hardware": {
            "accelerator": "cpu",
            "gpu": None,
            "nodes": 1,
            "devices": 1,
            "strategy": "single",
        },
        "fit": {
            "weights_bytes": 1,
            "gradients_bytes": 1,
            "optimizer_bytes": 1,
            "activations_bytes": 1,
            "total_bytes": 4,
            "available_bytes": None,
            "flops_per_step": 1.0,
            "seconds_per_step": None,
        },
        "origins": {"train.steps": "recipes/toy.yaml:12", "seed": "default"},
    }
    return Plan.model_validate(document | changes)


def moving_square(clips: int = 4, *, frames: int = 9, side: int = 32) -> Tensor:
    """Clips (B, 3, T, side, side) in which a white square moves by 2 pixels a frame, each clip another way."""
    video = torch.full((clips, 3, frames, side, side), 40, dtype=torch.uint8)
    for clip in range(clips):
        dy, dx = ((0, -2), (0, 2), (-2, 0), (2, 0))[clip % 4]
        for frame in range(frames):
            top, left = side // 2 - 4 + dy * frame // 2, side // 2 - 4 + dx * frame // 2
            video[clip, :, frame, top : top + 8, left : left + 8] = 220
    return video


@pytest.fixture
def plan_of() -> Callable[..., Plan]:
    return toy_plan


@pytest.fixture(scope="session")
def video() -> Tensor:
    return moving_square()


@pytest.fixture(scope="session")
def held_out(video: Tensor) -> HeldOut:
    return HeldOut.of(video, [{"caption": caption} for caption in CAPTIONS])


@pytest.fixture(scope="session")
def model_of(video: Tensor) -> Callable[[str], WorldModel]:
    """Toy models with a fitted tokenizer, by head."""

    def build(head: str) -> WorldModel:
        model = WorldModel.build(toy_plan(head=head)).eval()
        model.tokenizer.fit([video])
        return model

    return build
