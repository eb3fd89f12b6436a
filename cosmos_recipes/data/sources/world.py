"""Procedural worlds, written as real videos so that they go through the same door as a user's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from cosmos_recipes.data.geometry import IntrinsicsConvention, PoseConvention
from cosmos_recipes.data.sources.base import Meaning, Media, Progress, Recording, Source, SourceDescription
from cosmos_recipes.recipe.quantities import Rate, Size
from cosmos_recipes.worlds.world import World, WorldName, chosen_views, find_world

SMALLEST_PX = 16
_SHARES = Meaning(intrinsics=IntrinsicsConvention(form="row-4", unit="normalised"))
_CAMERAS = {
    "pose": Meaning(pose=PoseConvention(form="matrix-4x4", direction="world-to-camera", axes="opencv")),
    "intrinsics": _SHARES,
}
_ARM = {
    "action": Meaning(names=("dx", "dy", "grip"), unit=("m", "m", "1"), form=("delta", "delta", "absolute")),
    "state": Meaning(names=("x", "y", "grip"), unit=("m", "m", "1")),
}
_MEANINGS: Mapping[WorldName, Mapping[str, Meaning]] = {
    "factory": _ARM,
    "workshop": _ARM,
    "room": _CAMERAS,
    "cell": {"poses": _CAMERAS["pose"], "intrinsics": _SHARES},
    "road": {
        "ego_pose": Meaning(pose="waymo-ego"),
        "speed_m_s": Meaning(unit=("m/s",)),
        # A camera's world is the vehicle.
        "rig": Meaning(pose=PoseConvention(form="matrix-4x4", direction="camera-to-world", axes="opencv")),
        "intrinsics": _SHARES,
    },
}


class WorldSource(Source):
    """A world, how much of it, and the form of its videos."""

    looks_for: ClassVar[str] = "the world.json of a world that was written there"
    paths: ClassVar[tuple[str, ...]] = ()

    world: WorldName = Field(description="Which world.")
    views: tuple[str, ...] | None = Field(
        None, description="Which of the world's views, in the order in which they are wanted; all where it is left out."
    )
    episodes: Annotated[int, Field(ge=1)] = Field(description="Recordings of the training split.")
    held_out: Annotated[int, Field(ge=1)] = Field(
        description="Recordings of the held-out split; their seeds are never those of the training split."
    )
    frames: Annotated[int, Field(ge=2)] = Field(25, description="Frames of a recording.")
    rate: Rate = Field(5.0, description="Frames per second.")
    size: Size = Field((64, 64), description="Picture size in pixels as HEIGHTxWIDTH.")
    codec: Literal["vp9", "mjpeg", "h264"] = Field(
        "vp9", description="Codec of the videos; DALI reads vp9 and mjpeg without a GPU."
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(0, description="Seed of everything that happens.")

    @model_validator(mode="after")
    def _can_be_written(self) -> Self:
        shortest_s = self.scene.shortest_s
        if (self.frames - 1) / self.rate < shortest_s:
            raise ValueError(
                f"recordings of at least {shortest_s:g} s, in which all can happen; {self.frames} frames at {self.rate:g} Hz are shorter"
            )
        if min(self.size) < SMALLEST_PX or any(side % 2 for side in self.size):
            raise ValueError(f"a size of even numbers, at least {SMALLEST_PX} pixels")
        chosen_views(self.scene, self.views)
        return self

    @property
    def scene(self) -> World[Any]:
        """The world itself."""
        return find_world(self.world)

    def fingerprint(self) -> str:
        """Return the version of the world: another one draws other videos."""
        return f"{self.world} {self.scene.version}"

    def describe(self) -> SourceDescription:
        """Return what will be written."""
        count, views = self.episodes + self.held_out, chosen_views(self.scene, self.views)
        return SourceDescription(
            codecs={self.codec: count * len(views)},
            recordings=count,
            rate_hz=self.rate,
            frames=self.frames,
            views=views,
        )

    def recordings(self, folder: Path, progress: Progress) -> Sequence[Recording]:
        """Write what is not there yet, then list it; the values are those that `World.values` names."""
        import pyarrow.parquet as pq

        from cosmos_recipes.worlds.writer import TABLE, write_world

        height_px, width_px = self.size
        write_world(
            folder,
            world=self.world,
            episodes=self.episodes,
            held_out=self.held_out,
            frames=self.frames,
            rate_hz=self.rate,
            height_px=height_px,
            width_px=width_px,
            seed=self.seed,
            codec=self.codec,
            views=self.views,
            progress=lambda _, done, total: progress("writing the world", done, total),
        )
        return [self._recording(folder, row) for row in pq.read_table(folder / TABLE).to_pylist()]

    def _recording(self, folder: Path, row: dict[str, Any]) -> Recording:
        import numpy as np

        times_s = self.scene.times_s(row)
        videos = (
            {self.scene.views[0]: row["video"]}
            if "video" in row
            else dict(zip(row["views"], row["videos"], strict=True))
        )
        return Recording(
            name=row.get("video", row["episode_id"]),
            split=row["split"],
            views={view: Media(path=folder / path) for view, path in videos.items()},
            values=self.scene.values(row),
            times_s=None if times_s is None else np.array(times_s),
        )

    def first(self, count: int) -> Sequence[Recording]:
        """Return the first recordings, whose videos are not drawn."""
        from cosmos_recipes.worlds.writer import Settings, first_rows

        height_px, width_px = self.size
        settings = Settings(
            world=self.world,
            frames=self.frames,
            rate_hz=self.rate,
            height_px=height_px,
            width_px=width_px,
            seed=self.seed,
            codec=self.codec,
            version=self.scene.version,
        )
        rows = first_rows(settings, min(count, self.episodes), self.views)
        return [self._recording(Path(), row) for row in rows]

    def meanings(self) -> Mapping[str, Meaning]:
        """Return what the docstrings of the worlds say of their values."""
        return _MEANINGS[self.world]

    @classmethod
    def recognises(cls, path: Path) -> dict[str, Any] | None:
        """Recognise a folder that a world was written to, and return that world."""
        from cosmos_recipes.worlds.writer import SETTINGS

        file = path / SETTINGS
        if not file.is_file():
            return None
        told = json.loads(file.read_text(encoding="utf-8"))
        if not {"world", "frames", "rate_hz", "height_px", "width_px", "codec", "seed"} <= told.keys():
            return None
        counts = {
            split: len({video.name for video in (path / "videos").rglob(f"{split}_*")})
            for split in ("episode", "held_out")
        }
        return {
            "world": told["world"],
            "episodes": counts["episode"],
            "held_out": counts["held_out"],
            "frames": told["frames"],
            "rate": f"{told['rate_hz']:g} Hz",
            "size": f"{told['height_px']}x{told['width_px']}",
            "codec": told["codec"],
            "seed": told["seed"],
        }
