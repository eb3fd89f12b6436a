"""The ways to share a training run out over processes, and which of them are possible."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isqrt

from cosmos_recipes.recipe.spec import Hardware, Recompute, Strategy, Train

RECOMPUTES: tuple[Recompute, ...] = ("none", "selective", "full")
PINS = ("strategy", "shard", "context", "tensor", "recompute", "offload")
"""Keys of a recipe's `hardware` that leave fewer ways."""
RECOMPUTED = {
    "none": "activations kept",
    "selective": "cheap activations recomputed",
    "full": "activations recomputed",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Machines:
    """`nodes` machines with `devices` processes each."""

    nodes: int
    devices: int

    @classmethod
    def of(cls, hardware: Hardware) -> Machines:
        """Return those that a recipe declares."""
        return cls(nodes=hardware.nodes, devices=hardware.gpus or hardware.processes)

    @property
    def world(self) -> int:
        """Processes on all machines."""
        return self.nodes * self.devices


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way to train, in the terms of `HardwarePlan`: clips at once, and how processes share state and work."""

    world: int = 1
    micro_batch: int = 1
    shard: int = 1
    context: int = 1
    tensor: int = 1
    recompute: Recompute = "none"
    offload: bool = False
    compile: bool = False
    accumulate: int = 1

    @property
    def copies(self) -> int:
        """Whole copies of the state."""
        return self.world // (self.shard * self.tensor)

    @property
    def groups(self) -> int:
        """Groups of processes that train on clips of their own."""
        return self.world // (self.context * self.tensor)

    @property
    def strategy(self) -> Strategy:
        """The strategy that shares the state out like this."""
        if self.world == 1:
            return "single"
        if self.shard == self.tensor == 1:
            return "ddp"
        return "fsdp2" if self.copies == 1 else "hsdp"

    @property
    def splits(self) -> bool:
        """Whether state is split, or elsewhere, so that weights are gathered when they are needed."""
        return self.strategy in ("fsdp2", "hsdp") or self.offload

    @property
    def sharing(self) -> str:
        """How processes share state and work, in words."""
        sizes = {"shard": self.shard, "context": self.context, "tensor": self.tensor}
        split = [f"{name} {size}" for name, size in sizes.items() if size > 1]
        return " ".join([self.strategy, *split])

    def __str__(self) -> str:
        offloaded = ["state in host memory"] if self.offload else []
        clips = "1 clip at once" if self.micro_batch == 1 else f"{self.micro_batch} clips at once"
        return ", ".join([self.sharing, RECOMPUTED[self.recompute], *offloaded, clips])


def shares(machines: Machines, hardware: Hardware) -> Iterator[Way]:
    """Yield every way to share state and work, as far as `hardware` leaves it open.

    Peers in a tensor group are on one machine, as they wait for each other several times in every block. A context group
    lies within a shard group, so that only state that is split lets tokens be split.
    """
    world = machines.world
    # On CPUs nothing is split that nobody asks for.
    is_open = hardware.gpus > 0 or hardware.strategy in ("fsdp2", "hsdp") or hardware.context is not None
    for tensor in _choices(hardware.tensor, divisors(machines.devices) if hardware.gpus else [1]):
        for context in _choices(hardware.context, divisors(world // tensor) if hardware.gpus else [1]):
            for shard in _choices(hardware.shard, divisors(world // tensor) if is_open else [1]):
                if shard % context == 0 and world % (tensor * shard) == machines.devices % tensor == 0:
                    way = Way(world=world, shard=shard, context=context, tensor=tensor)
                    if hardware.strategy in (None, way.strategy) and (hardware.shard or _is_whole(way, machines)):
                        yield way


def filled(way: Way, train: Train, hardware: Hardware, *, on_gpu: bool) -> Iterator[Way]:
    """Yield the ways with this sharing: what is recomputed, what is offloaded, how many clips go at once, most first."""
    per_group = train.global_batch // way.groups
    sizes = [train.micro_batch] if train.micro_batch else sorted(divisors(per_group), reverse=True)
    recomputes = [hardware.recompute] if hardware.recompute else RECOMPUTES if on_gpu else RECOMPUTES[:1]
    offloads = [hardware.offload] if hardware.offload is not None else [False, True] if on_gpu else [False]
    # Whole copies would all wait in the same host memory.
    offloads = [each for each in offloads if not (each and way.strategy == "ddp")]
    for offload in offloads:
        for recompute in recomputes:
            for size in sizes:
                yield replace(
                    way,
                    recompute=recompute,
                    offload=offload,
                    micro_batch=size,
                    accumulate=per_group // size,
                    compile=bool(hardware.compile),
                )


def _is_whole(way: Way, machines: Machines) -> bool:
    """Return whether copies of split state lie each on whole machines, whose links are fast, if there are several."""
    return way.strategy != "hsdp" or way.shard * way.tensor % machines.devices == 0


def divisors(number: int) -> list[int]:
    """Return what divides a number, the smallest first."""
    low = [each for each in range(1, isqrt(number) + 1) if number % each == 0]
    return [*low, *(number // each for each in reversed(low) if each * each != number)]


def _choices(pinned: int | None, every: list[int]) -> list[int]:
    return every if pinned is None else [pinned]
