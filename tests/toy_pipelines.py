"""A pipeline folder as NVIDIA publishes them, and the backbone that it is of: the same layout and keys, a few channels wide.

The backbone comes as from any other package: through an entry point, in every process that has the folder on its path.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
import yaml
from diffusers import CosmosTransformer3DModel

from cosmos_recipes.backbones.zoo import backbone
from tests.backbones.toy_autoencoders import toy_cosmos, toy_wan
from tests.backbones.toy_text import store_reason1, store_t5

NARROW = {
    **{"num_attention_heads": 2, "attention_head_dim": 16, "num_layers": 2, "adaln_lora_dim": 8},
    **{"text_embed_dim": 12, "encoder_hidden_states_channels": 12, "crossattn_proj_in_channels": 20},
    "max_size": [16, 16, 16],
}
TEXT_ENCODERS = {"t5": store_t5, "cosmos-reason1": store_reason1}
AUTOENCODERS = {"cosmos-cv8x8x8": toy_cosmos, "wan2.1": toy_wan}


def toy_entry(like: str, **changes: Any) -> dict[str, Any]:
    """Return the zoo's entry of a narrow backbone that is like one of NVIDIA's."""
    entry = backbone(like).model_dump(mode="json", exclude={"name"})
    entry["architecture"] |= NARROW
    width = NARROW[
        "crossattn_proj_in_channels" if entry["architecture"]["use_crossattn_projection"] else "text_embed_dim"
    ]
    entry["text"] |= {"length": 8, "width": width}
    return {**entry, "hub_id": None, "revision": None, **changes}


def store_pipeline(folder: Path, entry: dict[str, Any]) -> Path:
    """Write transformer/, vae/, text_encoder/ and tokenizer/ of an entry, with random weights in NVIDIA's precision."""
    torch.manual_seed(0)
    CosmosTransformer3DModel(**entry["architecture"]).bfloat16().save_pretrained(folder / "transformer")
    AUTOENCODERS[entry["tokenizer"]["name"]]().save_pretrained(folder / "vae")
    return TEXT_ENCODERS[entry["text"]["encoder"]](folder)


def run_toy(folder: Path, entry: dict[str, Any]) -> None:
    """Run `toy.yaml` of a folder to its end, which must be a good one, with the backbone `toy` installed."""
    done = subprocess.run(
        [sys.executable, "-m", "cosmos_recipes", "run", "toy.yaml"],
        cwd=folder,
        env=installed(folder / "site", toy=entry),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def installed(folder: Path, **entries: dict[str, Any]) -> dict[str, str]:
    """Install backbones as a package of its own; returns the environment of a process that has it."""
    about = folder / "toy_zoo-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-zoo\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[cosmos_recipes.backbones]\ntoy = toy_zoo:FILE\n")
    (folder / "toy_zoo.py").write_text("from pathlib import Path\nFILE = Path(__file__).with_name('zoo.yaml')\n")
    (folder / "zoo.yaml").write_text(yaml.safe_dump({"backbones": entries}))
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder)}
