from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.run.dataset import OpenDataset
from cosmos_recipes.run.progress import Silent

CANONICAL = {"convention": "canonical"}
RIG = {"form": "matrix-4x4", "direction": "camera-to-world", "axes": "opencv"}
ACTION = {
    "from": "action",
    "unit": ["m", "m", "1"],
    "names": ["dx", "dy", "grip"],
    "form": ["delta", "delta", "absolute"],
}
EGO = {"from": "ego_pose", "convention": "canonical-ego"}
STATISTICS = {
    "count": 9,
    **{
        name: [value] * 3 for name, value in {"mean": 0, "std": 1, "min": -1, "max": 1, "q01": -0.5, "q99": 0.5}.items()
    },
}
FILES: dict[str, dict[str, Any]] = {
    "captions": {"schema": "instruction-video", "world": "factory"},
    "actions": {
        "schema": "action-frame",
        "world": "factory",
        "columns": {"action": ACTION, "state": {"from": "state", "unit": ["m", "m", "1"]}},
        "normalise": {"action": "quantile"},
        "statistics": {"action": STATISTICS},
    },
    "room": {
        "schema": "pose",
        "world": "room",
        "columns": {"pose": {"from": "pose", **CANONICAL}, "intrinsics": {"from": "intrinsics", **CANONICAL}},
    },
    "cell": {
        "schema": "multi-view",
        "world": "cell",
        "columns": {"pose": {"from": "poses", **CANONICAL}, "intrinsics": {"from": "intrinsics", **CANONICAL}},
    },
    "road": {
        "schema": "trajectory",
        "world": "road",
        "columns": {
            "trajectory": {**EGO, "points": 40},
            "pose": {"from": "rig", "convention": RIG, "mounted_on": EGO},
            "intrinsics": {"from": "intrinsics", **CANONICAL},
        },
    },
}
"""A data set in each schema, by name."""
Open = Callable[..., OpenDataset]


def described(name: str, **changed: Any) -> dict[str, Any]:
    """Return a data set file of one of the worlds, small."""
    said = {"dataset": name, "licence": "apache-2.0", **FILES[name], **changed}
    size = "64x64" if name == "cell" else "96x128" if name == "room" else "64x80"
    source = {
        "kind": "world",
        "world": said.pop("world"),
        "episodes": 2,
        "held_out": 1,
        "frames": 13,
        "size": size,
        "seed": 5,
    }
    return {**said, "source": source}


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Open a data set of a world, which is written once."""
    root = tmp_path_factory.mktemp("runs")

    @cache
    def named(name: str) -> OpenDataset:
        return OpenDataset.of(load_dataset(described(name), relative_to=Path()), root=root, progress=Silent())

    def open_(name: str, **changed: Any) -> OpenDataset:
        if not changed:
            return named(name)
        file = described(name, **changed)
        return OpenDataset.of(load_dataset(file, relative_to=Path()), root=root, progress=Silent())

    return open_
