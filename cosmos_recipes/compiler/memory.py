"""What training holds and does, in closed form: bytes per device and floating-point operations per step.

What a network keeps and multiplies is said by its architecture. Counts are of eager mode, where autocast keeps a copy of
each activation in the precision that the operation wants, and are tested against what autograd saves and what the
allocator hands out. Tokenizer and text encoder are not on the device: latents and contexts are prepared before.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

from cosmos_recipes.backbones.architectures.network import Network, Saved, weights_in
from cosmos_recipes.backbones.zoo import ZooEntry
from cosmos_recipes.compiler.ways import Way
from cosmos_recipes.recipe.spec import Train

GATHERED_BLOCKS = 2
"""Blocks whose weights are whole at the same time where state is split: the one at hand and the next."""
LIBRARIES_BYTES = 1_000_000_000
"""What CUDA's context and the workspaces of matrix products take of a device."""
CHANNELS_BYTES = 500_000_000
"""What NCCL's channels take of a device with peers."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is trained: clips of so many `tokens` and text `contexts`, and a conditioning head of so many parameters.

    The head trains whole. `timed` says that each latent frame has a time of its own, by which its tokens are modulated.
    """

    backbone: ZooEntry
    train: Train
    tokens: int
    contexts: int = 1
    head: int = 0
    timed: bool = False

    @property
    def network(self) -> Network:
        """The architecture."""
        return self.backbone.architecture

    @cached_property
    def saved(self) -> Saved:
        """What backward needs of a token."""
        return self.network.saved("lora" if self.train.lora else "full", self.train.precision, timed=self.timed)

    @cached_property
    def adapters(self) -> int:
        """Parameters of low-rank adapters on both attentions and the feed-forward network of every block."""
        rank = self.train.lora.rank if self.train.lora else 0
        return self.network.num_layers * self.network.block.adapters(rank)

    @cached_property
    def trained(self) -> int:
        """Numbers that train."""
        return self.head + (self.adapters if self.train.lora else self.backbone.parameters)

    @cached_property
    def held(self) -> int:
        """Numbers that there are, those under adapters among them."""
        return self.trained + (self.backbone.parameters if self.train.lora else 0)

    @cached_property
    def optimizer_bytes(self) -> int:
        """Two fp32 numbers per weight for AdamW; Muon keeps one for the matrices of the blocks."""
        of_blocks = self.network.num_layers * self.network.block.matrices
        matrices = self.adapters if self.train.lora else of_blocks
        with_one = matrices if self.train.optimizer.name == "muon" else 0
        return 4 * with_one + 8 * (self.trained - with_one)

    @property
    def average_bytes(self) -> int:
        """A second copy of what trains, in fp32, where it is averaged."""
        return 4 * self.trained if self.train.ema is not None else 0

    @cached_property
    def of_blocks(self) -> int:
        """Numbers in the blocks."""
        return self.network.num_layers * self.network.block.total

    @cached_property
    def outside(self) -> int:
        """Numbers outside of the blocks, those of the head among them."""
        return self.backbone.parameters - self.of_blocks + self.head


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """Bytes on one device at the peak of a step.

    `copies` are weights in the precision of the arithmetic, `activations` what backward needs, `workspace` what the deepest
    point holds besides, and `communication` what peers send each other, with the libraries that do so.
    """

    weights: int
    gradients: int
    optimizer: int
    average: int
    copies: int
    activations: int
    workspace: int
    communication: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.parts().values())

    def parts(self) -> dict[str, int]:
        """Return the parts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def memory(work: Work, way: Way) -> Memory:
    """Return the memory of one device.

    The peak is at the deepest point of backward or, where whole blocks are computed again, at the end of forward, when
    autocast still holds a copy of every weight.
    """
    held, state = _split(work, way, work.held), 0 if way.offload else 1
    gradients = 4 * _split(work, way, work.trained) * state
    workspace, (copies, outside) = _workspace(work, way), _copies(work, way)
    if way.recompute != "none":
        # Whatever is larger: gradients with the deepest of backward, or the copies at the end of forward.
        copies = max(0, copies - gradients - workspace)
    return Memory(
        weights=4 * held * state,
        gradients=gradients,
        optimizer=_split(work, way, work.optimizer_bytes) * state,
        average=_split(work, way, work.average_bytes) * state,
        copies=copies + outside,
        activations=activations(work, way),
        workspace=workspace,
        communication=_communication(work, way),
    )


def activations(work: Work, way: Way) -> int:
    """Return the bytes that forward leaves for backward on one device."""
    saved, own = work.saved, -(-work.tokens // way.context)
    rank = work.train.lora.rank if work.train.lora else 0
    text, layers = work.contexts * work.backbone.text.length, work.network.num_layers
    block = own * saved.block[way.recompute].each(way.tensor)
    if way.recompute != "full":
        block += own * saved.adapters * rank
    if way.recompute == "none":
        block += text * saved.block_text // way.tensor + _gathered_keys(work, way)
    outside = own * saved.root + text * work.backbone.text.width * saved.text_number
    return way.micro_batch * (layers * block + outside)


def state_bytes(work: Work) -> int:
    """Return the bytes of everything that is kept from step to step, on all devices together, in one copy."""
    return 4 * (work.held) + 4 * work.trained + work.optimizer_bytes + work.average_bytes


def flops_per_clip(work: Work) -> float:
    """Return the operations of forward and backward for one clip: 6 per weight and token, and attention.

    A token attends to all tokens, of which a causal network needs half, and to one of the text contexts. Of a weight that
    does not train, backward has no gradient to compute: 4.
    """
    network, tokens, text = work.network, work.tokens, work.backbone.text.length
    block, ends = network.block, network.ends
    per_token = (*block.per_token, *(block.per_clip if work.timed else ()))
    weights = tokens * (network.num_layers * weights_in(per_token) + ends.per_token)
    weights += work.contexts * text * (network.num_layers * weights_in(block.per_text_token) + ends.per_text_token)
    seen = (tokens / 2 if network.causal else tokens) + text
    attention = 12.0 * network.num_layers * network.attention_width * tokens * seen
    if work.train.lora is None:
        return 6.0 * weights + attention
    return 4.0 * weights + 6.0 * tokens * work.adapters + attention


def _split(work: Work, way: Way, whole: int) -> int:
    """Return a process's part of something that is spread over all weights: blocks over tensor, then all over shard."""
    of_blocks = whole * work.of_blocks // (work.of_blocks + work.outside)
    return (of_blocks // way.tensor + whole - of_blocks) // way.shard


def gathered_bytes(work: Work) -> int:
    """Return the bytes of a weight of the blocks when it is gathered: bf16 if that is what is reckoned in."""
    return 2 if work.train.precision == "bf16" else 4


def _copies(work: Work, way: Way) -> tuple[int, int]:
    """Return autocast's copies of the matrices in the blocks, as which split state is gathered anyway, and of those outside."""
    if work.train.precision == "fp32":
        return 0, 0
    network = work.network
    # The copy of a weight that does not train is only kept where backward needs it.
    keeps = not way.splits and (way.recompute == "none" or not work.train.lora)
    return 2 * (network.num_layers * network.block.matrices // way.tensor) * keeps, 2 * network.ends.per_token


def _workspace(work: Work, way: Way) -> int:
    saved, own = work.saved, -(-work.tokens // way.context)
    gathered = _gathered_keys(work, way) * (1 if way.recompute == "none" else 2)
    return way.micro_batch * (own * saved.deep[way.recompute].each(way.tensor) + gathered)


def _gathered_keys(work: Work, way: Way) -> int:
    """Keys and values that the other processes of a context group computed, in one block."""
    others = work.tokens - work.tokens // way.context
    return others * work.saved.key // way.tensor


def _communication(work: Work, way: Way) -> int:
    """Whole weights of the blocks at hand, their gradients before they are summed, and all that is outside of the blocks."""
    libraries = LIBRARIES_BYTES + (CHANNELS_BYTES if way.world > 1 else 0)
    if not way.splits:
        return libraries
    # Gradients come in the precision of the weights, and are summed in fp32.
    own, trains = gathered_bytes(work), not work.train.lora
    in_flight = GATHERED_BLOCKS * (work.network.block.total // way.tensor) * (own + (own + 4) * trains)
    return libraries + in_flight + 4 * work.outside * (1 + trains)
