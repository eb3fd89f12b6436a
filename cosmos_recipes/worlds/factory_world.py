"""The worlds `factory` and `workshop` as every other one: how they are played, drawn and written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cosmos_recipes.worlds.factory import SHORTEST_S, VERSION, Episode, Machine, simulate
from cosmos_recipes.worlds.world import World

if TYPE_CHECKING:
    import numpy as np
    import pyarrow
    from numpy.typing import NDArray

NOTES = {
    "scene": "frame of reference: origin on the belt's surface below the arm's mount, x right, y up, in metres",
    "time": "frame k is at k / rate_hz seconds; the per-frame lists have num_frames entries",
    "gripper_xy_m": "the point between the finger tips, in the scene",
    "grip": "0 fingers open, 1 closed on a part",
    "joint_shoulder_elbow_rad": "shoulder counter-clockwise from +x, then elbow relative to the upper arm",
    "action_dx_m_dy_m_grip": "step from frame k to k + 1: move of the gripper and the grip reached; the last leads past the end",
    "belt_m": "how far the belt has run; belt_speed_m_s is constant",
    "parts": "xy_m is the part's centre in the scene; state is belt, held, falling or bin; the target is the part named in the caption",
    "camera": "orthographic: u = centre_u_px + pixels_per_metre * x, v = centre_v_px - pixels_per_metre * y; pixel (0, 0) covers 0 to 1",
}


class FactoryWorld(World[Episode]):
    """An arm sorts one part of an episode from a conveyor into a bin; one fixed camera, `video`."""

    version = VERSION
    views = ("video",)
    shortest_s = SHORTEST_S
    notes = NOTES

    def __init__(self, name: Machine) -> None:
        self.name: Machine = name

    def play(self, seed: int, *, frames: int, rate_hz: float) -> Episode:
        """See `World.play`."""
        return simulate(seed, frames=frames, rate_hz=rate_hz, world=self.name)

    def render(
        self, episode: Episode, height_px: int, width_px: int, views: Sequence[str] | None = None
    ) -> dict[str, NDArray[np.uint8]]:
        """See `World.render`."""
        from cosmos_recipes.worlds.drawing import render

        return {"video": render(episode, height_px, width_px)}

    def columns(self) -> dict[str, pyarrow.DataType]:
        """See `World.columns`."""
        import pyarrow as pa

        pair, triple = pa.list_(pa.float64(), 2), pa.list_(pa.float64(), 3)
        part = [
            ("colour", pa.string()),
            ("shape", pa.string()),
            ("is_target", pa.bool_()),
            ("xy_m", pa.list_(pair)),
            ("state", pa.list_(pa.string())),
        ]
        return {
            "target_bin": pa.string(),
            "belt_speed_m_s": pa.float64(),
            "time_s": pa.list_(pa.float64()),
            "belt_m": pa.list_(pa.float64()),
            "gripper_xy_m": pa.list_(pair),
            "grip": pa.list_(pa.float64()),
            "joint_shoulder_elbow_rad": pa.list_(pair),
            "action_dx_m_dy_m_grip": pa.list_(triple),
            "parts": pa.list_(pa.struct(part)),
        }

    def truth(self, episode: Episode, height_px: int, width_px: int, views: Sequence[str]) -> dict[str, Any]:
        """See `World.truth`."""
        return {
            "target_bin": episode.side,
            "belt_speed_m_s": episode.belt_speed_m_s,
            "time_s": [frame / episode.rate_hz for frame in range(episode.frames)],
            "belt_m": episode.belt_m_T.tolist(),
            "gripper_xy_m": episode.gripper_xy_m_T2.tolist(),
            "grip": episode.grip_T.tolist(),
            "joint_shoulder_elbow_rad": episode.joint_rad_T2.tolist(),
            "action_dx_m_dy_m_grip": episode.action_T3.tolist(),
            "parts": [_part_values(episode, index) for index in range(len(episode.parts))],
        }

    def values(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return `caption`; `action` (T, 3): move in x and y in m and the grip reached; `state` (T, 3): x, y in m, grip."""
        import numpy as np

        xy_m_T2, grip_T = np.array(row["gripper_xy_m"]), np.array(row["grip"])
        return {
            "caption": row["caption"],
            "action": np.array(row["action_dx_m_dy_m_grip"]),
            "state": np.concatenate([xy_m_T2, grip_T[:, None]], axis=1),
        }

    def cameras(self, height_px: int, width_px: int) -> dict[str, Any]:
        """See `World.cameras`."""
        from dataclasses import asdict

        from cosmos_recipes.worlds.drawing import camera

        return {"camera": asdict(camera(height_px, width_px))}


def _part_values(episode: Episode, index: int) -> dict[str, Any]:
    return {
        "colour": episode.parts[index].colour,
        "shape": episode.parts[index].shape,
        "is_target": index == episode.target,
        "xy_m": episode.part_xy_m_PT2[index].tolist(),
        "state": list(episode.part_state_PT[index]),
    }


FACTORY_WORLD = FactoryWorld("factory")
WORKSHOP_WORLD = FactoryWorld("workshop")
