"""What a run needs besides its devices: memory of each machine, and disk."""

from __future__ import annotations

from math import ceil, prod

from cosmos_recipes.compiler.memory import Memory, Work, state_bytes
from cosmos_recipes.compiler.plan import ClipPlan, DiskPlan, HostPlan
from cosmos_recipes.compiler.ways import Machines, Way
from cosmos_recipes.data.sources import SourceDescription

PROCESS_BYTES = {"cpu": 1_000_000_000, "gpu": 4_000_000_000}
"""What Python, torch, NeMo and a driver take of the machine for each process."""
HEADROOM = 1.1
"""Files besides the large ones, and what a disk takes for itself."""
REPORT_BYTES = 200_000_000
"""Report, samples, logs and the index of the data."""
LATENT_BYTES = {False: 2, True: 4}
"""Bytes of a number of a latent: float16, or a whole number where tokens are predicted."""


def host_plan(work: Work, way: Way, machines: Machines, device: Memory, *, accelerator: str) -> HostPlan:
    """Return the memory of the machine that needs most: the first, which also gathers the model to write it.

    Every process builds the whole model before it is split.
    """
    whole = 4 * (work.backbone.parameters + work.head + work.adapters)
    offloaded = machines.devices * state_bytes(work) // (way.shard * way.tensor) if way.offload else 0
    own = 0 if accelerator == "gpu" else machines.devices * (device.total - device.weights)
    return HostPlan(
        processes_bytes=machines.devices * PROCESS_BYTES[accelerator] + own,
        model_bytes=max(machines.devices * whole, offloaded + whole),
    )


def disk_plan(
    work: Work, clip: ClipPlan, data: SourceDescription, *, limit: int | None, hours: float | None = None
) -> DiskPlan:
    """Return the disk of a run: latents, checkpoints with the one that is being written, and the model three times.

    Those are the weights to start from, those that are trained, and the package. Without knowing how long recordings are,
    a clip of each is counted; without knowing how many `hours` training takes, none of the checkpoints that stay by the hour.
    """
    channels = work.backbone.tokenizer.channels
    cells = channels * prod((clip.latent_frames, clip.latent_height, clip.latent_width)) * max(1, len(clip.views))
    trained = 4 * work.trained + work.optimizer_bytes + work.average_bytes
    train = work.train
    hourly = int(hours / train.keep_every_h) if hours and train.keep_every_h else 0
    model = 4 * work.backbone.parameters
    made = 4 * (work.trained if work.train.lora else work.backbone.parameters + work.head)
    return DiskPlan(
        latents_bytes=ceil(HEADROOM * clips(clip, data, limit) * cells * LATENT_BYTES[work.network.causal]),
        checkpoints_bytes=(train.keep_checkpoints + train.keep_best + hourly + 1) * trained,
        models_bytes=model + 2 * made,
        rest_bytes=REPORT_BYTES,
    )


def clips(clip: ClipPlan, data: SourceDescription, limit: int | None) -> int:
    """Return how many clips the recordings hold, of which no more than a limit are used."""
    recordings = min(data.recordings, limit or data.recordings)
    if data.frames is None or not data.rate_hz:
        return recordings
    frames = int((data.frames - 0.5) / data.rate_hz * clip.rate_hz) + 1
    return recordings * max(1, 1 + (frames - clip.frames) // clip.stride)
