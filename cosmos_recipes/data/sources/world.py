"""Procedural worlds, written as real videos so that they go through the same door as a user's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from cosmos_recipes.data.sources.base import Media, Progress, Recording, Source, SourceDescription
from cosmos_recipes.recipe.quantities import Rate, Size
from cosmos_recipes.worlds.factory import SHORTEST_S, VERSION, World

SMALLEST_PX = 16


class WorldSource(Source):
    """A world, how much of it, and the form of its videos."""

    world: World = Field(description="Which world.")
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
        if (self.frames - 1) / self.rate < SHORTEST_S:
            raise ValueError(
                f"recordings of at least {SHORTEST_S:g} s, in which the arm can finish; {self.frames} frames at {self.rate:g} Hz are shorter"
            )
        if min(self.size) < SMALLEST_PX or any(side % 2 for side in self.size):
            raise ValueError(f"a size of even numbers, at least {SMALLEST_PX} pixels")
        return self

    def fingerprint(self) -> str:
        """Return the version of the world: another one draws other videos."""
        return f"{self.world} {VERSION}"

    def describe(self) -> SourceDescription:
        """Return what will be written."""
        count = self.episodes + self.held_out
        return SourceDescription(codecs={self.codec: count}, recordings=count, rate_hz=self.rate, frames=self.frames)

    def recordings(self, folder: Path, progress: Progress) -> Sequence[Recording]:
        """Write what is not there yet, then list it."""
        import pyarrow.parquet as pq

        from cosmos_recipes.worlds.writer import write_world

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
            progress=lambda _, done, total: progress("writing the world", done, total),
        )
        table = pq.read_table(folder / "episodes.parquet", columns=["episode_id", "split", "video", "caption"])
        return [
            Recording(
                name=row["video"],
                split=row["split"],
                views={"video": Media(path=folder / row["video"])},
                values={"caption": row["caption"]},
            )
            for row in table.to_pylist()
        ]

    def first(self, count: int) -> Sequence[Recording]:
        """Return recordings of a smaller world of the same settings."""
        return super(WorldSource, self.model_copy(update={"episodes": count, "held_out": 1})).first(count)

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
        counts = {split: len([*(path / "videos").glob(f"{split}_*")]) for split in ("episode", "held_out")}
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
