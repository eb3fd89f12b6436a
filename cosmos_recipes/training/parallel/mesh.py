"""Which process does what: the same processes, laid out once by the weights that they hold and once by their clips.

Neighbours share most: first the processes that split matrices, then those that split the tokens of a clip, then those that
split weights, and outermost the copies of all that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch.distributed as dist
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from cosmos_recipes.backbones.peers import ALONE, Peers

REPLICATE, SHARD, TENSOR = "replicate", "shard", "tensor"
DATA, CONTEXT = "data", "context"


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """The processes as (replicate, shard, tensor) for the weights, and as (data, context, tensor) for the clips."""

    weights: DeviceMesh
    clips: DeviceMesh

    @classmethod
    def of(cls, device: str, *, shard: int, context: int, tensor: int) -> Mesh:
        """Return the mesh of all processes, which `shard` x `tensor` and `context` x `tensor` have to divide."""
        others = dist.get_world_size() // tensor
        return cls(
            weights=_mesh(device, {REPLICATE: others // shard, SHARD: shard, TENSOR: tensor}),
            clips=_mesh(device, {DATA: others // context, CONTEXT: context, TENSOR: tensor}),
        )

    @property
    def sharding(self) -> DeviceMesh:
        """The processes that FSDP2 splits weights over: of two dimensions where there are copies (HSDP)."""
        copies = self.weights[REPLICATE].size()
        return self.weights[REPLICATE, SHARD] if copies > 1 else self.weights[SHARD]

    @property
    def data_rank(self) -> int:
        """Which share of the clips this process trains on."""
        return self.clips[DATA].get_local_rank()

    @property
    def data_world(self) -> int:
        """Shares of the clips."""
        return self.clips[DATA].size()

    @property
    def leads(self) -> bool:
        """Whether this process is the first of those that train on the same clips."""
        return self.context.rank == 0 and self.tensor.rank == 0

    @property
    def context(self) -> Peers:
        """The processes that split the tokens of this one's clips."""
        return _peers(self.clips[CONTEXT])

    @property
    def tensor(self) -> Peers:
        """The processes that split the matrices that this one has a part of."""
        return _peers(self.weights[TENSOR])


def _mesh(device: str, sizes: dict[str, int]) -> DeviceMesh:
    return init_device_mesh(device, tuple(sizes.values()), mesh_dim_names=tuple(sizes))


def _peers(mesh: Any) -> Peers:
    return Peers(group=mesh.get_group(), rank=mesh.get_local_rank(), size=mesh.size()) if mesh.size() > 1 else ALONE
