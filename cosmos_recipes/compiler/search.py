"""Which ways of training there are on the declared machines: those that fit, fastest first, and why others do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from math import log
from typing import Any

from cosmos_recipes.compiler.gpus import Gpu
from cosmos_recipes.compiler.memory import Memory, Work, memory
from cosmos_recipes.compiler.mesh import impossible
from cosmos_recipes.compiler.plan import ClipPlan
from cosmos_recipes.compiler.speed import StepTime, step_time
from cosmos_recipes.compiler.ways import RECOMPUTES, Machines, Way, filled, shares
from cosmos_recipes.recipe.spec import Hardware

USABLE = 0.92
"""Share of a GPU's memory that is planned with; the rest is for fragmentation."""
ALIKE = 0.03
"""Ways whose times differ by less than about this share are alike: the simpler one is taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A way with what it needs; there is no time on a CPU, as those differ too much.

    It `spans` machines where processes that share a clip are on several: then their network decides, of which little is known.
    """

    way: Way
    memory: Memory
    time: StepTime | None
    spans: bool

    @property
    def seconds(self) -> float | None:
        """Seconds of a step."""
        return self.time.total if self.time else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """The ways that fit in `available` bytes, best first; the least of each kind that do not; and why others cannot be.

    `too_large` are those that would be faster than the best, the least memory first. `impossible` are sentences, each once.
    """

    available: int | None
    fitting: tuple[Candidate, ...]
    too_large: tuple[Candidate, ...]
    impossible: tuple[str, ...]


def survey(work: Work, clip: ClipPlan, hardware: Hardware, gpu: Gpu | None) -> Survey:
    """Return what there is for these machines, as far as `hardware` leaves it open."""
    machines, reasons = Machines.of(hardware), dict[str, None]()
    available = int(USABLE * gpu.memory_bytes) if gpu else None
    fitting: list[Candidate] = []
    too_large: list[Candidate] = []

    def weigh(way: Way) -> Candidate:
        time = step_time(work, way, machines, gpu) if gpu else None
        spans = way.context * way.tensor > machines.devices
        return Candidate(way=way, memory=memory(work, way), time=time, spans=spans)

    for way in shares(machines, hardware):
        why_not = _why_not(work, clip, way)
        if why_not:
            reasons[why_not] = None
            continue
        best, larger = _best(filled(way, work.train, hardware, on_gpu=gpu is not None), weigh, available)
        fitting += best
        too_large += larger
    fitting.sort(key=_rank)
    faster = [each for each in too_large if not fitting or _rank(each) < _rank(fitting[0])]
    return Survey(
        available=available,
        fitting=distinct(fitting),
        too_large=distinct(sorted(faster, key=lambda each: each.memory.total)),
        impossible=tuple(reasons),
    )


def distinct(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Return the first of those that differ in nothing but how many processes hold the state and clips go at once."""
    first: dict[Any, Candidate] = {}
    for each in candidates:
        way = each.way
        first.setdefault((way.context, way.tensor, way.recompute, way.offload), each)
    return tuple(first.values())


def _why_not(work: Work, clip: ClipPlan, way: Way) -> str | None:
    """Return why a way to share state and work cannot be, whatever the memory."""
    train = work.train
    reason = impossible(work.backbone.architecture, clip, context=way.context, tensor=way.tensor)
    if reason is None and train.global_batch % (way.groups * (train.micro_batch or 1)):
        at_once = f", {train.micro_batch} at once," if train.micro_batch else ""
        reason = f"{train.global_batch} clips{at_once} cannot be shared out evenly to {way.groups} groups of processes"
    return reason


def _best(
    ways: Iterator[Way], weigh: Callable[[Way], Candidate], available: int | None
) -> tuple[list[Candidate], list[Candidate]]:
    """Return the best of ways with the same sharing that fits, if any, and the least of each kind of which none does."""
    fitting, too_large = list[Candidate](), list[Candidate]()
    for (offload, _), alike in groupby(ways, key=lambda way: (way.offload, way.recompute)):
        if offload and fitting:
            break
        for way in alike:
            candidate = weigh(way)
            if available is None or candidate.memory.total <= available:
                fitting.append(candidate)
                break
        else:
            too_large.append(candidate)
    return sorted(fitting, key=_rank)[:1], too_large


def _rank(each: Candidate) -> tuple[Any, ...]:
    """Order by time, and ways that take about as long by how simple they are; on a CPU by that alone.

    Ways by which clips are shared across machines come last.
    """
    way = each.way
    simple = (
        way.offload,
        way.context * way.tensor,
        way.tensor,
        RECOMPUTES.index(way.recompute),
        way.shard,
        -way.micro_batch,
    )
    about = round(log(each.seconds) / ALIKE) if each.seconds else 0
    return (each.spans, about, *simple, each.seconds or 0.0)
