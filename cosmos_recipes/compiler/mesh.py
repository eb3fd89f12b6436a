"""How processes can share the work of a clip and of the weights, reckoned without torch."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Literal

from cosmos_recipes.backbones.architectures.autoregressive import DecoderArchitecture
from cosmos_recipes.backbones.architectures.diffusion import DiffusionArchitecture
from cosmos_recipes.compiler.plan import ClipPlan, HardwarePlan, Plan
from cosmos_recipes.diagnostics import fail

Axis = Literal["height", "width"]
Architecture = DiffusionArchitecture | DecoderArchitecture


def impossible(architecture: Architecture, clip: ClipPlan, *, context: int, tensor: int) -> str | None:
    """Return why a clip cannot be trained on with its tokens split over `context` processes and matrices over `tensor`.

    None where it can; every head that the package knows follows its network.
    """
    return next(chain(_of_tensor(architecture, tensor), _of_context(architecture, clip, context)), None)


def cut_axis(tokens_high: int, tokens_wide: int, context: int) -> Axis | None:
    """Return along which side of the picture a diffusion network's tokens are split into equal parts, if along any."""
    if tokens_high % context == 0:
        return "height"
    return "width" if tokens_wide % context == 0 else None


def _of_tensor(architecture: Architecture, tensor: int) -> Iterator[str]:
    inner = "numbers inside the feed-forward network"
    split = {"attention heads": architecture.num_attention_heads}
    if isinstance(architecture, DecoderArchitecture):
        split |= {"heads of keys and values": architecture.num_key_value_heads, inner: architecture.intermediate_size}
    else:
        split |= {inner: architecture.mlp_width}
    for what, number in split.items():
        if number % tensor:
            yield f"{number} {what} cannot be split evenly over {tensor} processes"


def _of_context(architecture: Architecture, clip: ClipPlan, context: int) -> Iterator[str]:
    if isinstance(architecture, DecoderArchitecture):
        if clip.tokens < 2 * context:
            yield f"{clip.tokens} tokens are too few for {context} processes, of which each takes two parts"
        return
    _, high, wide = architecture.patch_size
    tokens = (clip.latent_height // high, clip.latent_width // wide)
    if cut_axis(*tokens, context) is None:
        yield f"pictures of {tokens[0]}x{tokens[1]} tokens have no side that can be split evenly over {context} processes"


def as_started(plan: Plan, *, local: int, world: int) -> HardwarePlan:
    """Return how `world` processes, `local` of them on each machine, share the work of a plan.

    That need not be as many as the plan was made for: FSDP2 splits weights over all of them, and HSDP over as many as the
    plan says or, where that does not divide them, over fewer. State that waits in host memory is FSDP2's, even of one process.

    Raises:
        RecipeError: the tokens or matrices of the plan cannot be split over them (CR609).
    """
    planned = plan.hardware
    if planned.strategy in ("single", "ddp") and not planned.offload:
        return _resized(planned, local, world, strategy="single" if world == 1 else "ddp")
    peers = planned.context * planned.tensor
    if world % peers:
        fail(
            "CR609",
            f"{world} {'process' if world == 1 else 'processes'} cannot share the work as the plan says",
            expected=f"a multiple of {peers}: {planned.context} for the tokens of a clip (context)"
            f" x {planned.tensor} for each matrix (tensor)",
            found=str(world),
            hint=f"start {peers} processes or a multiple of that, or compile the recipe for {world}",
        )
    everyone = world // planned.tensor
    most = min(planned.shard, everyone) if planned.strategy == "hsdp" else everyone
    fitting = [n for n in range(planned.context, most + 1, planned.context) if everyone % n == 0]
    shard = max(fitting, default=planned.context)
    return _resized(planned, local, world, strategy="fsdp2" if shard == everyone else "hsdp", shard=shard)


def _resized(planned: HardwarePlan, local: int, world: int, **how: object) -> HardwarePlan:
    return planned.model_copy(update={"devices": local, "nodes": world // local, **how})
