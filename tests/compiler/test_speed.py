"""Steps take about the seconds that NVIDIA published for post-training, and sharing the work costs what it sends."""

from __future__ import annotations

from typing import Any

import pytest

from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.compiler.gpus import GPUS
from cosmos_recipes.compiler.memory import Work
from cosmos_recipes.compiler.speed import FASTEST, SLOWEST, StepTime, reached, step_time
from cosmos_recipes.compiler.ways import Machines, Way
from cosmos_recipes.recipe.spec import Train

FRAMES_93_720P = 24 * 44 * 80
SMALL = {"world": 8, "shard": 8, "context": 2, "recompute": "selective"}
LARGE = {"world": 32, "shard": 32, "context": 8, "recompute": "selective"}


def seconds(
    name: str, gpu: str, way: Way, *, tokens: int = FRAMES_93_720P, batch: int = 4, **settings: Any
) -> StepTime:
    train = Train(steps=1, global_batch=batch, **settings)
    work = Work(backbone=backbone(name), train=train, tokens=tokens, timed=True)
    machines = Machines(nodes=max(1, way.world // 8), devices=min(8, way.world))
    return step_time(work, way, machines, GPUS[gpu])


@pytest.mark.parametrize(
    ("name", "gpu", "sharing", "published_s"),
    [
        ("predict2-2b", "b200-192gb", SMALL, 6.05),
        ("predict2-2b", "h100-nvl-94gb", SMALL, 10.07),
        ("predict2-2b", "a100-80gb", SMALL, 22.5),
        ("predict2-14b", "b200-192gb", LARGE, 6.27),
        ("predict2-14b", "h100-nvl-94gb", LARGE, 8.72),
        ("predict2-14b", "a100-80gb", LARGE, 22.14),
    ],
)
def test_predict2_at_720p_takes_the_seconds_that_nvidia_published(
    name: str, gpu: str, sharing: dict[str, Any], published_s: float
) -> None:
    """Of four clips a step; 2B on 8 GPUs with two to a clip, 14B on 32 with eight to a clip."""
    assert seconds(name, gpu, Way(**sharing)).total == pytest.approx(published_s, rel=0.2)


@pytest.mark.parametrize(("views", "published_s"), [(7, 8.9), (5, 6.5)])
def test_several_views_at_720p_take_a_time_within_the_range(views: int, published_s: float) -> None:
    """29 frames of each view on 8 H100 NVL, all eight to one clip."""
    way = Way(world=8, shard=8, context=8, recompute="selective")
    reckoned_s = seconds("predict2-2b", "h100-nvl-94gb", way, tokens=views * 8 * 44 * 80, batch=1).total
    assert FASTEST * reckoned_s < published_s < SLOWEST * reckoned_s


def test_between_machines_a_group_is_as_fast_as_its_adapters() -> None:
    gpu, machines = GPUS["h100-80gb"], Machines(nodes=4, devices=8)

    assert reached(gpu, machines, size=8, stride=1) == gpu.link_bytes_s
    assert reached(gpu, machines, size=32, stride=1) == 8 * gpu.network_bytes_s
    assert reached(gpu, machines, size=4, stride=8) == gpu.network_bytes_s


def test_each_way_to_share_costs_what_it_sends() -> None:
    alone = seconds("predict2-2b", "h100-80gb", Way(world=8))
    shared = {
        name: seconds("predict2-2b", "h100-80gb", Way(world=8, shard=8 // sharing.get("tensor", 1), **sharing))
        for name, sharing in {
            "shard": {},
            "context": {"context": 2},
            "tensor": {"tensor": 2},
            "offload": {"offload": True},
        }.items()
    }

    assert alone.peers == shared["shard"].peers == alone.host == 0
    assert shared["context"].peers > 0
    assert shared["tensor"].peers > 0
    assert shared["offload"].host > 0
    again = seconds("predict2-2b", "h100-80gb", Way(world=8, recompute="full"))
    assert again.recomputation == pytest.approx(alone.arithmetic / 3)
