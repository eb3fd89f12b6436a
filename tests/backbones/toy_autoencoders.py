"""Autoencoders of the layout and keys of NVIDIA's, a few channels wide."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKLCosmos, AutoencoderKLWan


def toy_wan() -> Any:
    torch.manual_seed(0)
    return AutoencoderKLWan(base_dim=4, dim_mult=[1, 1, 1, 1], num_res_blocks=1).eval()


def toy_cosmos() -> Any:
    torch.manual_seed(0)
    return AutoencoderKLCosmos(
        encoder_block_out_channels=(8, 8, 8, 8), decode_block_out_channels=(8, 8, 8, 8), num_layers=1, resolution=64
    ).eval()
