"""If these fail, processes are started that cannot share the work, or such are refused that can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_recipes.backbones.zoo import backbone
from cosmos_recipes.compiler.mesh import as_started, cut_axis, impossible
from cosmos_recipes.compiler.plan import HardwarePlan, Plan
from cosmos_recipes.diagnostics import RecipeError

Compile = Callable[..., Plan]


def shared(plan: Plan, **said: Any) -> Plan:
    hardware = {"accelerator": "gpu", "gpu": None, "nodes": 1, "devices": 8, "strategy": "fsdp2", **said}
    return plan.model_copy(update={"hardware": HardwarePlan.model_validate(hardware)})


@pytest.mark.parametrize(
    ("name", "context", "tensor", "words"),
    [
        ("predict2.5-2b", 8, 1, None),
        ("predict2.5-2b", 1, 16, None),
        ("predict2.5-2b", 7, 1, "no side that can be split evenly over 7"),
        ("predict2.5-2b", 1, 3, "16 attention heads"),
        ("predict1-4b", 64, 1, None),
        ("predict1-4b", 1, 16, "8 heads of keys and values"),
        ("predict1-4b", 10**6, 1, "too few"),
    ],
)
def test_what_cannot_be_split_is_named(
    name: str, context: int, tensor: int, words: str | None, compiled: Compile
) -> None:
    clip = compiled(profile="big").data.clip
    found = impossible(backbone(name).architecture, clip, context=context, tensor=tensor)
    assert found is None if words is None else words in str(found)


@given(high=st.integers(1, 64), wide=st.integers(1, 64), context=st.integers(1, 16))
def test_pictures_are_cut_along_a_side_that_can_be(high: int, wide: int, context: int) -> None:
    sides = {"height": high, "width": wide}
    axis = cut_axis(high, wide, context)
    assert (axis is None) == all(side % context for side in sides.values())
    assert axis is None or sides[axis] % context == 0


@pytest.mark.parametrize(
    ("planned", "world", "expected"),
    [
        ({"strategy": "ddp"}, 1, ("single", 1)),
        ({"strategy": "single", "devices": 1}, 4, ("ddp", 1)),
        ({"strategy": "single", "devices": 1, "offload": True}, 1, ("fsdp2", 1)),
        ({"strategy": "single", "devices": 1, "offload": True}, 2, ("fsdp2", 2)),
        ({"shard": 8}, 16, ("fsdp2", 16)),
        ({"shard": 8, "context": 2}, 2, ("fsdp2", 2)),
        ({"shard": 4, "tensor": 2}, 16, ("fsdp2", 8)),
        ({"strategy": "hsdp", "shard": 4}, 16, ("hsdp", 4)),
        ({"strategy": "hsdp", "shard": 4}, 4, ("fsdp2", 4)),
        ({"strategy": "hsdp", "shard": 4, "context": 2}, 6, ("hsdp", 2)),
    ],
)
def test_more_or_fewer_processes_share_the_work_in_the_same_way(
    planned: dict[str, Any], world: int, expected: tuple[str, int], compiled: Compile
) -> None:
    found = as_started(shared(compiled(), **planned), local=world, world=world)
    assert (found.strategy, found.shard, found.world) == (*expected, world)
    assert (found.context, found.tensor) == (planned.get("context", 1), planned.get("tensor", 1))


def test_processes_that_the_plan_does_not_divide_are_refused(compiled: Compile) -> None:
    with pytest.raises(RecipeError, match="CR609"):
        as_started(shared(compiled(), shard=4, context=2, tensor=2), local=6, world=6)
