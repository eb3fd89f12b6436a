"""What training holds and does, in closed form: bytes per device and floating-point operations per step.

What a network keeps and multiplies is said by its architecture. Counts are of eager mode, where autocast keeps a copy of
each activation in the precision that the operation wants, and are tested against what autograd saves.
"""

from __future__ import annotations

from dataclasses import dataclass

from cosmos_recipes.backbones.architectures.network import Network, weights_in
from cosmos_recipes.backbones.zoo import ZooEntry
from cosmos_recipes.recipe.spec import Train


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
    network: Network = backbone.architecture
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


def adapter_parameters(network: Network, rank: int) -> int:
    """Return the parameters of low-rank adapters on both attentions and the feed-forward network of every block."""
    return network.num_layers * network.block.adapters(rank)


def activations(backbone: ZooEntry, train: Train, *, tokens: int, contexts: int = 1, checkpointed: bool) -> int:
    """Return the bytes that one clip of `tokens` tokens and so many text contexts keeps for backward."""
    network: Network = backbone.architecture
    saved = network.saved("lora" if train.lora else "full", train.precision)
    text, layers = contexts * backbone.text.length, network.num_layers
    block = tokens * (saved.block + saved.adapters * (train.lora.rank if train.lora else 0)) + text * saved.block_text
    # Recomputed one at a time, each block keeps only its input.
    blocks = block + layers * tokens * saved.hidden if checkpointed else layers * block
    return blocks + tokens * saved.root + text * backbone.text.width * saved.text_number


def flops_per_clip(backbone: ZooEntry, train: Train, *, tokens: int, contexts: int = 1) -> float:
    """Return the operations of forward and backward for one clip: 6 per weight and token, and attention.

    A token attends to all tokens, of which a causal network needs half, and to one of the text contexts. Of a weight that
    does not train, backward has no gradient to compute: 4.
    """
    network: Network = backbone.architecture
    block, ends, text = network.block, network.ends, backbone.text.length
    weights = tokens * (network.num_layers * weights_in(block.per_token) + ends.per_token)
    weights += contexts * text * (network.num_layers * weights_in(block.per_text_token) + ends.per_text_token)
    seen = (tokens / 2 if network.causal else tokens) + text
    attention = 12.0 * network.num_layers * network.attention_width * tokens * seen
    if train.lora is None:
        return 6.0 * weights + attention
    return 4.0 * weights + 6.0 * tokens * adapter_parameters(network, train.lora.rank) + attention


def _optimizer_state(network: Network, train: Train, trained: int) -> int:
    """Two fp32 numbers per weight for AdamW; Muon keeps one for the matrices of the blocks."""
    of_blocks = network.num_layers * network.block.matrices
    matrices = adapter_parameters(network, train.lora.rank) if train.lora else of_blocks
    with_one = matrices if train.optimizer.name == "muon" else 0
    return 4 * with_one + 8 * (trained - with_one)


def _working_copies(network: Network, train: Train, *, sharded: bool) -> int:
    """Weights besides those that are stored: autocast's copies, and with shards what is gathered.

    That is two blocks and, all the time, what is outside of them.
    """
    of_blocks = network.num_layers * network.block.matrices
    outside = network.parameters - network.num_layers * network.block.total
    copies = 2 * (of_blocks + network.ends.per_token) if train.precision == "bf16" else 0
    return copies + (4 * (2 * network.block.matrices + outside) if sharded else 0)
