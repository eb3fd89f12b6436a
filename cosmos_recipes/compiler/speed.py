"""How long a step takes: arithmetic, what is computed again, launches, what peers wait for, and the host."""

from __future__ import annotations

from dataclasses import dataclass, fields

from cosmos_recipes.compiler.gpus import Gpu
from cosmos_recipes.compiler.memory import Work, flops_per_clip, gathered_bytes
from cosmos_recipes.compiler.ways import Machines, Way
from cosmos_recipes.recipe.spec import Recompute

RECOMPUTED: dict[Recompute, float] = {"none": 0.0, "selective": 0.05, "full": 1 / 3}
"""Share of a step that is done a second time: all of forward, or, with the results of products kept, what lies between."""
SECONDS_PER_BLOCK = 1.5e-3
"""Time that launching the kernels of one block takes, forward and backward, however small the clip."""
LEAST_WAIT = 0.1
"""Share of the exchange of weights and gradients that nothing can hide: the first block's and the last's."""
UPDATE_BYTES = 28
"""Bytes that AdamW reads and writes for a weight."""
HOST_MEMORY_BYTES_S = 100e9
"""What a machine's memory delivers when it updates weights."""
FASTEST, SLOWEST = 0.7, 1.4
"""Between these multiples of the estimate lie the published steps at 720p that it is tested against; smaller work was slower."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepTime:
    """Seconds of a step; `exchange` is what is waited for of weights and gradients, `peers` of context and tensor groups."""

    arithmetic: float
    recomputation: float
    launches: float
    exchange: float
    peers: float
    host: float

    @property
    def total(self) -> float:
        """All of them."""
        return sum(self.parts().values())

    def parts(self) -> dict[str, float]:
        """Return the parts by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def step_time(work: Work, way: Way, machines: Machines, gpu: Gpu) -> StepTime:
    """Return the time of a step of the whole global batch."""
    train = work.train
    peak = gpu.bf16_flops if train.precision == "bf16" else gpu.fp32_flops
    arithmetic_s = train.global_batch * flops_per_clip(work) / (way.world * gpu.efficiency * peak)
    again_s = arithmetic_s * RECOMPUTED[way.recompute]
    exchange_s = _exchange(work, way, machines, gpu)
    return StepTime(
        arithmetic=arithmetic_s,
        recomputation=again_s,
        launches=way.accumulate * work.network.num_layers * SECONDS_PER_BLOCK,
        exchange=max(LEAST_WAIT * exchange_s, exchange_s - arithmetic_s - again_s),
        peers=way.accumulate * (_context(work, way, machines, gpu) + _tensor(work, way, machines, gpu)),
        host=_host(work, way, machines, gpu) if way.offload else 0.0,
    )


def reached(gpu: Gpu, machines: Machines, size: int, stride: int) -> float:
    """Return bytes per second between `size` processes, `stride` ranks from each other.

    Those on one machine use its links. Between machines each GPU has its own adapter, and those of a group work together.
    """
    together = max(1, min(size, machines.devices // stride))
    return gpu.link_bytes_s if together == size else min(gpu.link_bytes_s, together * gpu.network_bytes_s)


def _exchange(work: Work, way: Way, machines: Machines, gpu: Gpu) -> float:
    """Seconds to gather weights for forward and for backward, and to sum gradients, over a step."""
    trained, held = work.trained / way.tensor, work.held / way.tensor
    within = way.accumulate * _part(way.shard) * (2 * gathered_bytes(work) * held + 4 * trained)
    # Without shards, gradients of accumulated passes are summed once.
    times = way.accumulate if way.shard > 1 else 1
    between = times * 2 * _part(way.copies) * 4 * trained / way.shard
    return within / reached(gpu, machines, way.shard, way.tensor) + between / reached(
        gpu, machines, way.copies, way.tensor * way.shard
    )


def _context(work: Work, way: Way, machines: Machines, gpu: Gpu) -> float:
    """Seconds in which keys and values are gathered, and their gradients summed, in a pass over all blocks."""
    passes = 2 if way.recompute == "none" else 3
    sent = _part(way.context) * way.micro_batch * work.tokens * work.saved.key / way.tensor
    return work.network.num_layers * passes * sent / reached(gpu, machines, way.context, way.tensor)


def _tensor(work: Work, way: Way, machines: Machines, gpu: Gpu) -> float:
    """Seconds in which the results of attentions and feed-forward network are summed, in a pass over all blocks."""
    sums = 3 if work.network.block.per_text_token else 2
    passes = 3 if way.recompute == "full" else 2
    number = 2 if work.train.precision == "bf16" else 4
    sent = 2 * _part(way.tensor) * way.micro_batch * work.tokens / way.context * work.network.width * number
    return work.network.num_layers * sums * passes * sent / reached(gpu, machines, way.tensor, 1)


def _host(work: Work, way: Way, machines: Machines, gpu: Gpu) -> float:
    """Seconds in which state that waits in host memory is fetched and updated there."""
    own = 4 / (way.shard * way.tensor)
    fetched = own * (2 * work.held + work.trained)
    updated = machines.devices * UPDATE_BYTES / 4 * own * work.trained
    return way.accumulate * fetched / gpu.host_bytes_s + updated / HOST_MEMORY_BYTES_S


def _part(size: int) -> float:
    """Return the share of a whole that a process of a group lacks."""
    return (size - 1) / size
