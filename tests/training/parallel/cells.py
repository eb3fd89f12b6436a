"""Every head of every family, trained for some steps by one process and by several that share the work in one way.

`torchrun cells.py OUT.json [PART]` trains all cells whose ways need as many processes as there are, and writes their losses.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from tiny import tiny_plan
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from cosmos_recipes.backbones.stored import save_config, save_stored
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.training.batches import Share
from cosmos_recipes.training.optimizer import build_optimizer
from cosmos_recipes.training.parallel.blocks import prepare_blocks
from cosmos_recipes.training.parallel.gradients import clip_gradients
from cosmos_recipes.training.parallel.mesh import SHARD, TENSOR, Mesh
from cosmos_recipes.training.parallel.processes import gather, total
from cosmos_recipes.training.parallel.sharing import share_work
from cosmos_recipes.training.parallel.tensor import sum_partial_gradients
from cosmos_recipes.training.world_model import WorldModel

STEPS, CLIPS, FRAMES = 6, 4, 5
DIFFUSION: dict[str, dict[str, Any]] = {
    "none": {"head": "none"},
    "text": {"head": "text"},
    "action by time": {"head": "action", "enters": "time"},
    "action by cross-attention": {"head": "action", "enters": "cross-attention"},
    "action by channels": {"head": "action", "enters": "channels"},
    "camera by attention": {"head": "camera", "enters": "attention"},
    "camera by channels": {"head": "camera", "enters": "channels"},
    "views": {"head": "views", "attention": "full"},
    "views apart": {"head": "views", "attention": "per-view", "sees": {"left": ("right",), "right": ("left",)}},
    "views+trajectory": {"head": "views+trajectory", "attention": "full"},
}
AUTOREGRESSIVE: dict[str, dict[str, Any]] = {
    **{head: {"head": head} for head in ("none", "text", "action", "camera")},
    "views, time-major": {"head": "views", "layout": "time-major"},
    "views, view-major": {"head": "views", "layout": "view-major"},
    "views+trajectory": {"head": "views+trajectory", "layout": "time-major"},
}
WAYS: dict[str, dict[str, int]] = {
    "copies": {},
    "shard": {"shard": 2},
    "context": {"shard": 2, "context": 2},
    "tensor": {"tensor": 2},
    "copies of shards": {"shard": 2, "processes": 4},
    "context of four": {"shard": 4, "context": 4, "processes": 4},
    "shard and tensor": {"shard": 2, "tensor": 2, "processes": 4},
    "context and tensor": {"shard": 2, "context": 2, "tensor": 2, "processes": 4},
}
OF_TOKENS = ("camera", "camera by attention", "views apart", "views, view-major")
"""Heads that say something of each token, or have attentions of their own: what is split twice."""
ADAPTERS = {"method": "lora", "lora_rank": 4, "lora_alpha": 8}
FORGOTTEN = "diffusion: text, tensor, adamw"
"""The cell that is trained once more without summing up the gradients of which each process makes a part."""


EXPORTED, EXPORTED_SHARD = {2: "shard", 4: "shard and tensor"}, "40KB"
"""How the processes share the model that they write, and the largest file of it."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What is trained, and how the processes share it."""

    family: str
    head: str
    way: str
    optimizer: str = "adamw"
    train: Mapping[str, Any] = field(default_factory=dict)
    hardware: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        extra = "".join(f", {name} {value}" for name, value in (*self.train.items(), *self.hardware.items()))
        return f"{self.family}: {self.head}, {self.way}, {self.optimizer}{extra}"

    @property
    def processes(self) -> int:
        return WAYS[self.way].get("processes", 2)

    def plan(self) -> Plan:
        heads = DIFFUSION if self.family == "diffusion" else AUTOREGRESSIVE
        document = tiny_plan(
            family=self.family, head=heads[self.head]["head"], optimizer={"name": self.optimizer}, train=self.train
        ).model_dump(mode="json")
        document["conditioning"] |= heads[self.head]
        document["data"] |= {"numbers": {"action": 3, "trajectory": 8}, "rates_hz": {"trajectory": 10.0}}
        document["data"]["clip"]["views"] = ("left", "right") if "views" in self.head else ()
        document["hardware"] |= self.hardware
        if self.family == "autoregressive":
            document["backbone"]["architecture"] |= {"num_attention_heads": 4}
        return Plan.model_validate(document)


def cells() -> Iterator[Cell]:
    """Yield every cell."""
    for family, heads in (("diffusion", DIFFUSION), ("autoregressive", AUTOREGRESSIVE)):
        for way in ("copies", "shard", "context", "tensor", "copies of shards"):
            yield from (Cell(family=family, head=head, way=way) for head in heads)
        for head in [name for name in heads if name in OF_TOKENS]:
            yield Cell(family=family, head=head, way="context and tensor")
        for way in ("shard and tensor", "context of four"):
            yield Cell(family=family, head="text", way=way)
        for way in ("shard", "context", "tensor", "copies of shards", "shard and tensor"):
            yield Cell(family=family, head="text", way=way, optimizer="muon")
        for way in ("shard", "context", "tensor"):
            yield Cell(family=family, head="text", way=way, train={"micro_batch": 1})
        for hardware in ({"recompute": "selective"}, {"recompute": "full"}, {"offload": True}):
            yield Cell(family=family, head="text", way="shard", hardware=hardware)
        for way in ("shard", "context", "tensor"):
            yield Cell(family=family, head="text", way=way, train={"precision": "bf16"})
        yield Cell(family=family, head="text", way="context and tensor", hardware={"recompute": "full"})
    for way in ("shard", "context", "tensor", "shard and tensor"):
        yield Cell(family="diffusion", head="text", way=way, train=ADAPTERS)
    yield Cell(family="diffusion", head="views apart", way="tensor", hardware={"recompute": "full"})


@cache
def rows() -> list[dict[str, Any]]:
    """Return what heads may ask for of every clip."""
    random = np.random.default_rng(0)

    def row(number: int) -> dict[str, Any]:
        pose_T44 = np.repeat(np.eye(4, dtype=np.float32)[None], FRAMES, axis=0)
        pose_T44[:, :3, 3] = random.normal(size=(FRAMES, 3))
        return {
            "caption": f"clip {number}",
            "action": random.normal(size=(FRAMES - 1, 3)).astype(np.float32),
            "pose": pose_T44,
            "intrinsics": random.uniform(0.4, 0.8, (FRAMES, 4)).astype(np.float32),
            "trajectory": random.normal(size=(8, 3)).astype(np.float32),
        }

    return [row(number) for number in range(CLIPS)]


def latents(plan: Plan) -> Tensor:
    generator, frames = torch.Generator().manual_seed(0), 2 * max(1, len(plan.data.clip.views))
    if plan.backbone.family == "autoregressive":
        return torch.randint(0, 32, (CLIPS, 1, frames, 4, 4), generator=generator)
    return torch.randn(CLIPS, 8, frames, 4, 4, generator=generator)


def model_of(plan: Plan) -> WorldModel:
    """Return a model of which everything says something, as after training."""
    model, generator = WorldModel.build(plan), torch.Generator().manual_seed(1)
    for parameter in model.parameters():
        if not parameter.any():
            parameter.data.normal_(std=0.1, generator=generator)
    prepare_blocks(model.transformer.transformer_blocks, recompute=plan.hardware.recompute, compiles=False)
    return model


class Losing(nn.Module):
    """A model whose forward pass is its losses, as that of training is."""

    def __init__(self, model: WorldModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, *batch: Any, **how: Any) -> Any:
        return self.model.losses(*batch, **how)


def train(plan: Plan, mesh: Mesh | None, model: WorldModel, *, sums: bool = True) -> dict[str, Any]:
    """Train, and return the loss and the gradient's norm of every step, and how far copies of weights are apart after it.

    Without `sums`, gradients of which each process makes a part stay so.
    """
    copies = mesh is not None and mesh.weights[SHARD].size() * mesh.tensor.size == 1
    losses_of = DistributedDataParallel(Losing(model), gradient_as_bucket_view=True) if copies else model.losses
    partial = share_work(model, mesh, plan) if mesh and not copies else []
    share = Share(
        rank=mesh.data_rank if mesh else 0,
        world=mesh.data_world if mesh else 1,
        global_batch=CLIPS,
        micro_batch=plan.train.micro_batch,
    )
    optimizer = build_optimizer(model, plan.train.optimizer)
    losses, norms = [], []
    for step in range(STEPS):
        loss = torch.zeros(())
        for samples in share.micro_batches():
            control = model.collate([rows()[sample] for sample in samples])
            with torch.autocast("cpu", torch.bfloat16, enabled=plan.train.precision == "bf16"):
                found = losses_of(
                    latents(plan)[samples.start : samples.stop], control, seed=plan.seed, step=step, samples=samples
                )
            loss += found.raw_B.detach().sum()
            (found.weighted_B.sum() / share.clips_per_step).backward()
        if mesh:
            sum_partial_gradients(partial if sums else [], mesh.tensor)
            loss = total(loss * mesh.leads)
        norms.append(float(clip_gradients([each for group in optimizer.param_groups for each in group["params"]], 1.0)))
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item() / CLIPS)
    return {"losses": losses, "norms": norms, "apart": apart(model, mesh) if mesh and mesh.tensor.size > 1 else 0.0}


@torch.no_grad()
def apart(model: WorldModel, mesh: Mesh) -> float:
    """Return how far what processes hold alike is apart at most among those that split matrices."""
    most = 0.0
    for parameter in model.parameters():
        own: Any = parameter
        if isinstance(own, DTensor) and TENSOR not in (own.device_mesh.mesh_dim_names or ()):
            copies = gather(own.to_local())
            most = max(most, *((copies[dist.get_rank() ^ 1] - own.to_local()).abs().flatten().tolist() or [0.0]))
    return most


def exported(folder: Path, way: str) -> None:
    """Write the network of a model whose work is shared in some way, in many small files."""
    plan = Cell(family="diffusion", head="text", way=way).plan()
    model, writes = model_of(plan), dist.get_rank() == 0
    share_work(model, Mesh.of("cpu", **sizes_of(way)), plan)
    if writes:
        save_config(model.transformer, folder)
    save_stored(model.transformer, folder, shard=EXPORTED_SHARD, writes=writes)


def sizes_of(way: str) -> dict[str, int]:
    return {"shard": 1, "context": 1, "tensor": 1} | {k: v for k, v in WAYS[way].items() if k != "processes"}


def main() -> None:
    """Train the cells of as many processes as there are."""
    dist.init_process_group("gloo")
    torch.set_num_threads(1)
    out, *chosen = sys.argv[1:]
    found = {}
    for cell in cells():
        if cell.processes != dist.get_world_size() or (chosen and chosen[0] not in cell.name):
            continue
        plan = cell.plan()
        mesh = Mesh.of("cpu", **sizes_of(cell.way))
        found[cell.name] = train(plan, mesh, model_of(plan))
        if cell.name in (FORGOTTEN, *chosen):
            found[f"{cell.name}, not summed"] = train(plan, mesh, model_of(plan), sums=False)
    if way := EXPORTED.get(dist.get_world_size()):
        exported(Path(out).parent / way, way)
    if dist.get_rank() == 0:
        Path(out).write_text(json.dumps(found))
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
