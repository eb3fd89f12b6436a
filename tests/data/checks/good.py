"""Good data in all five schemas, from small worlds; faults are planted into copies of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cosmos_recipes.data.checks import CheckReport, Decode, check_recordings
from cosmos_recipes.data.dataset import BoundDataset, load_dataset
from cosmos_recipes.data.recording import Recording
from cosmos_recipes.run.dataset import OpenDataset
from cosmos_recipes.run.progress import Silent

ACTIONS = {
    "action": {"from": "action", "unit": ["m", "m", "1"], "form": ["delta", "delta", "absolute"]},
    "state": {"from": "state", "unit": ["m", "m", "1"]},
}
LENS = {"intrinsics": {"from": "intrinsics", "convention": "canonical"}}
RIG = {
    "from": "rig",
    "convention": {"form": "matrix-4x4", "direction": "camera-to-world", "axes": "opencv"},
    "mounted_on": {"from": "ego_pose", "convention": "canonical-ego"},
}
DECLARED: dict[str, dict[str, Any]] = {
    "captions": {"schema": "instruction-video", "source": {"world": "factory"}},
    "actions": {"schema": "action-frame", "source": {"world": "factory"}, "columns": ACTIONS},
    "room": {
        "schema": "pose",
        "source": {"world": "room"},
        "columns": {"pose": {"from": "pose", "convention": "canonical"}, **LENS},
    },
    "cell": {
        "schema": "multi-view",
        "source": {"world": "cell", "views": ["front", "left"]},
        "columns": {"pose": {"from": "poses", "convention": "canonical"}, **LENS},
    },
    "road": {
        "schema": "trajectory",
        "source": {"world": "road", "views": ["front", "left"]},
        "columns": {
            "trajectory": {"from": "ego_pose", "convention": "canonical-ego", "points": 20},
            "pose": RIG,
            **LENS,
        },
    },
}
WORLD = {"kind": "world", "episodes": 8, "held_out": 2, "frames": 25, "rate": "5 Hz", "size": "32x32"}


@dataclass(frozen=True)
class Data:
    """A data set with its recordings, which can be exchanged."""

    opened: OpenDataset

    @property
    def recordings(self) -> list[Recording]:
        return list(self.opened.recordings)

    @property
    def bound(self) -> BoundDataset:
        return self.opened.dataset

    def with_one(self, number: int, **changes: Any) -> Data:
        """Return the data set with one recording changed; `values` are exchanged one by one."""
        recording = self.recordings[number]
        values = {**recording.values, **changes.pop("values", {})}
        return self.with_all(
            [
                *self.recordings[:number],
                replace(recording, values=values, **changes),
                *self.recordings[number + 1 :],
            ]
        )

    def with_all(self, recordings: Sequence[Recording]) -> Data:
        """Return the data set with other recordings."""
        return Data(replace(self.opened, recordings=recordings))

    def declared(self, **keys: Any) -> Data:
        """Return the same recordings with some keys of the data set's file changed."""
        file = self.bound.file.model_dump(mode="json", by_alias=True, exclude_unset=True)
        dataset = load_dataset({**file, **keys}, relative_to=Path())
        return Data(replace(self.opened, dataset=dataset))

    def check(self, decode: Decode = "sample") -> CheckReport:
        """Check it."""
        opened = self.opened
        return check_recordings(opened.dataset, opened.recordings, opened.clip, decode=decode, progress=Silent())


def good(name: str, root: Path) -> Data:
    """Return a good data set; its world is written where that was not done yet."""
    declared = DECLARED[name]
    use = {**declared, "dataset": name, "source": {**WORLD, **declared["source"]}}
    dataset = load_dataset(use, relative_to=Path())
    return Data(OpenDataset.of(dataset, root=root, progress=Silent()))
