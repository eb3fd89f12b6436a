"""What training holds and does, in closed form: bytes per device and floating-point operations per step.

Counts are of the diffusers network in eager mode, where autocast keeps a copy of each activation in the precision that
the operation wants. The numbers per width were counted from what autograd saves, and are tested against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from cosmos_recipes.backbones.zoo import Architecture, ZooEntry, block_parameters
from cosmos_recipes.recipe.spec import Train


@dataclass(frozen=True, slots=True)
class Saved:
    """Bytes that backward needs: per token and unit of width in a block, per unit of its MLP, and outside the blocks."""

    block: int
    mlp: int
    root: int
    hidden: int


SAVED = {
    ("full", "bf16"): Saved(block=84, mlp=4, root=12, hidden=2),
    ("full", "fp32"): Saved(block=97, mlp=8, root=17, hidden=4),
    # Weights that do not train need no inputs for their gradients.
    ("lora", "bf16"): Saved(block=63, mlp=4, root=5, hidden=2),
    ("lora", "fp32"): Saved(block=60, mlp=8, root=3, hidden=4),
}
CONTEXT_PER_WIDTH = 18
"""Bytes per text token, unit of width and block: keys, their norm, values."""
ADAPTED_PER_TOKEN = 8
"""Adapters of a block that see every token: all but those on the keys and values of the text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes on one device at the peak of a step."""

    weights: int
    gradients: int
    optimizer: int
    average: int
    activations: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.weights + self.gradients + self.optimizer + self.average + self.activations


def memory(
    backbone: ZooEntry,
    train: Train,
    *,
    head: int = 0,
    tokens: int,
    contexts: int = 1,
    micro_batch: int,
    shards: int,
    checkpointed: bool,
) -> Memory:
    """Return the memory of one device that holds 1 / `shards` of the state and sees `micro_batch` clips at once.

    `head` counts the parameters of the conditioning head, which trains whole, and `contexts` the text contexts of a clip.
    """
    network = backbone.architecture
    trunk = adapter_parameters(network, train.lora.rank) if train.lora else backbone.parameters
    trained = trunk + head
    held = trained + (backbone.parameters if train.lora else 0)
    return Memory(
        weights=4 * held // shards + _working_copies(network, train, sharded=shards > 1),
        gradients=4 * trained // shards,
        optimizer=_optimizer_state(network, train, trained) // shards,
        average=4 * trained // shards if train.ema is not None else 0,
        activations=micro_batch
        * activations(backbone, train, tokens=tokens, contexts=contexts, checkpointed=checkpointed),
    )


def adapter_parameters(network: Architecture, rank: int) -> int:
    """Return the parameters of low-rank adapters on both attentions and the feed-forward network of every block."""
    width, context = network.width, network.text_embed_dim
    of_both_attentions = 6 * 2 * width + 2 * (context + width)
    of_feed_forward = 2 * (width + int(width * network.mlp_ratio))
    return network.num_layers * rank * (of_both_attentions + of_feed_forward)


def activations(backbone: ZooEntry, train: Train, *, tokens: int, contexts: int = 1, checkpointed: bool) -> int:
    """Return the bytes that one clip of `tokens` tokens and so many text contexts keeps for backward."""
    network, saved = backbone.architecture, SAVED["lora" if train.lora else "full", train.precision]
    text = contexts * backbone.text.length
    width, layers = network.width, network.num_layers
    block = tokens * int(width * (saved.block + saved.mlp * network.mlp_ratio))
    block += tokens * ADAPTED_PER_TOKEN * saved.hidden * (train.lora.rank if train.lora else 0)
    block += text * (CONTEXT_PER_WIDTH * width + 4 * network.text_embed_dim)
    # Recomputed one at a time, each block keeps only its input.
    blocks = block + layers * tokens * width * saved.hidden if checkpointed else layers * block
    return blocks + tokens * width * saved.root + text * backbone.text.width * (4 + saved.hidden)


def flops_per_clip(backbone: ZooEntry, train: Train, *, tokens: int, contexts: int = 1) -> float:
    """Return the operations of forward and backward for one clip: 6 per weight and token, and attention.

    A token attends to all tokens, and to one of the text contexts. Of a weight that does not train, backward has no gradient to compute: 4.
    """
    network, text = backbone.architecture, backbone.text.length
    block, patch = block_parameters(network), prod(network.patch_size)
    ends = patch * network.width * (network.in_channels + network.concat_padding_mask + network.out_channels)
    projection = network.crossattn_proj_in_channels * network.encoder_hidden_states_channels
    weights = tokens * (network.num_layers * block.per_token + ends)
    weights += (
        contexts * text * (network.num_layers * block.per_text_token + projection * network.use_crossattn_projection)
    )
    attention = 12.0 * network.num_layers * network.width * tokens * (tokens + text)
    if train.lora is None:
        return 6.0 * weights + attention
    return 4.0 * weights + 6.0 * tokens * adapter_parameters(network, train.lora.rank) + attention


def _optimizer_state(network: Architecture, train: Train, trained: int) -> int:
    """Two fp32 numbers per weight for AdamW; Muon keeps one for the matrices of the blocks."""
    of_blocks = network.num_layers * block_parameters(network).matrices
    matrices = adapter_parameters(network, train.lora.rank) if train.lora else of_blocks
    with_one = matrices if train.optimizer.name == "muon" else 0
    return 4 * with_one + 8 * (trained - with_one)


def _working_copies(network: Architecture, train: Train, *, sharded: bool) -> int:
    """Weights besides those that are stored: autocast's copies, and with shards the two blocks that are gathered."""
    whole = network.num_layers * block_parameters(network).matrices
    copies = 2 * whole if train.precision == "bf16" else 0
    return copies + (2 * 4 * whole // network.num_layers if sharded else 0)
