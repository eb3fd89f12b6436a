"""A world model whose work the processes of a mesh share."""

from __future__ import annotations

from typing import Any

from torch import nn

from cosmos_recipes.backbones.peers import Peers
from cosmos_recipes.backbones.places import Cut
from cosmos_recipes.compiler.mesh import cut_axis
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.training.parallel.mesh import TENSOR, Mesh
from cosmos_recipes.training.parallel.tensor import split_matrices
from cosmos_recipes.training.parallel.weights import split_weights
from cosmos_recipes.training.world_model import WorldModel


def share_work(model: WorldModel, mesh: Mesh, plan: Plan) -> list[nn.Module]:
    """Let the processes of a mesh share the work of a model, which all of them have built alike.

    Returns the modules whose gradients `tensor.sum_partial_gradients` has to make whole after each backward pass.
    """
    split_clips(model.transformer, mesh.context, plan)
    partial: list[nn.Module] = []
    if mesh.tensor.size > 1:
        partial = split_matrices(model, mesh.weights[TENSOR], mesh.tensor)
        if hasattr(model.transformer, "entrance"):
            model.transformer.entrance.tensor = mesh.tensor
    half = plan.train.precision == "bf16"
    split_weights(model.transformer, model.head, mesh.sharding, half=half, offload=plan.hardware.offload)
    return partial


def split_clips(transformer: Any, peers: Peers, plan: Plan) -> None:
    """Split the tokens of clips over processes: bands of the pictures for denoising, slots of the sequence for a decoder."""
    if not hasattr(transformer, "entrance"):
        transformer.context = peers
        return
    _, high, wide = transformer.config.patch_size
    clip = plan.data.clip
    axis = cut_axis(clip.latent_height // high, clip.latent_width // wide, peers.size)
    assert axis is not None, "compiler.mesh refuses such clips"
    transformer.entrance.cut = Cut(peers=peers, axis=-2 if axis == "height" else -1)
