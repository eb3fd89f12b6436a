"""If these fail, the numbers of a clip depend on which clips are cut with it, or a check counts other clips than a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_poses import Array
from hypothesis import given, settings
from hypothesis import strategies as st
from videos import found_in

from cosmos_recipes.data.binding import window
from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import declaration_of
from cosmos_recipes.data.binding.window import Windows
from cosmos_recipes.data.contract import load_schema
from cosmos_recipes.data.geometry.poses import assemble
from cosmos_recipes.data.geometry.rotations import from_axis_angle
from cosmos_recipes.data.recording import Media, Recording

UNITS = ["m"] * 3 + ["rad"] * 3 + ["1"]
ARM_POSE = {"form": "position-axis-angle", "direction": "end-effector-to-base", "angle_unit": "rad"}
RIG = {"form": "matrix-4x4", "direction": "camera-to-world", "axes": "opencv"}
FORMS = ("absolute", "delta", "difference")


def arm(*forms: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "action-frame", {
        "action": {"from": "numbers", "unit": UNITS, "form": list(forms), **more},
        "state": {"from": "numbers", "unit": UNITS},
    }


DATASETS = {
    **{f"arm of {form}": arm(*[form] * 6, "absolute", convention=ARM_POSE) for form in FORMS},
    "arm, in its base": arm(*["delta"] * 6, "absolute", convention=ARM_POSE, relative_to="base"),
    "joints": arm("delta", "difference", "absolute", "delta", "difference", "delta", "absolute"),
    "camera": (
        "pose",
        {
            "pose": {"from": "pose", "convention": "canonical"},
            "intrinsics": {"from": "lens", "convention": "canonical"},
        },
    ),
    "vehicle": (
        "trajectory",
        {
            "trajectory": {"from": "pose", "convention": "canonical-ego", "points": 5, "rate": "4 Hz"},
            "pose": {"from": "rig", "convention": RIG, "mounted_on": {"from": "pose", "convention": "canonical-ego"}},
            "intrinsics": {"from": "still", "convention": "canonical"},
        },
    ),
}


def recording(rng: np.random.Generator, rows: int, times_s: Array) -> Recording:
    """Return what any of the data sets reads, of two views."""
    numbers = np.cumsum(rng.normal(0, 0.1, (rows, 7)), axis=0)
    pose = assemble(from_axis_angle(numbers[:, 3:6]), 1e4 * numbers[:, :3])
    values = {
        "numbers": numbers,
        "pose": pose,
        "rig": pose[:2],
        "lens": rng.uniform(0.4, 1, (rows, 4)),
        "still": np.full((2, 4), 0.5),
    }
    media = {name: Media(path=Path(f"{name}.mp4")) for name in ("left", "right")}
    return Recording(name="a", split=None, views=media, values=values, times_s=times_s)


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(list(DATASETS)),
    seed=st.integers(0, 2**32),
    rows=st.integers(2, 90),
    late_s=st.sampled_from([0.0, 0.4]),
    frames=st.integers(1, 12),
    every=st.integers(1, 5),
    stride=st.integers(1, 15),
    at_once=st.integers(1, 60),
)
def test_clips_cut_at_once_are_those_cut_one_by_one_bit_for_bit(
    name: str, seed: int, rows: int, late_s: float, frames: int, every: int, stride: int, at_once: int
) -> None:
    rng = np.random.default_rng(seed)
    schema, columns = DATASETS[name]
    binding = Binding(declaration_of(load_schema(schema), {"video": "left"} if schema != "trajectory" else {}, columns))
    rows_s = late_s + np.arange(rows) / 20 + rng.uniform(-0.02, 0.02, rows)
    bound = binding.bind(recording(rng, rows, rows_s))
    moments_s = np.arange(100) / 20
    starts = np.arange(0, 100 - (frames - 1) * every, stride)
    windows = Windows.of(
        [found_in(60, 90)] * len(bound.views),
        moments_s=moments_s,
        frames_NT=starts[:, None] + every * np.arange(frames),
        rows_s=rows_s,
        height_px=32,
        width_px=40,
    )
    covers = binding.covers(bound, windows)
    is_covered_N = np.all(list(covers.values()), axis=0)
    whole = binding.clips(bound, windows.among(is_covered_N))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(window, "FRAMES_AT_ONCE", at_once)
        parts = [binding.clips(bound, part) for part in windows.among(is_covered_N).parts()]
    place = 0
    for number, is_covered in enumerate(is_covered_N):
        one = windows.among(np.arange(len(windows)) == number)
        assert {name: bool(each[0]) for name, each in binding.covers(bound, one).items()} == {
            name: bool(each[number]) for name, each in covers.items()
        }
        if is_covered:
            alone = binding.clips(bound, one)
            assert {name: array[place].tobytes() for name, array in whole.items()} == {
                name: array[0].tobytes() for name, array in alone.items()
            }
            place += 1
    for name, array in whole.items():
        assert len(array) == place
        if parts:
            assert np.concatenate([part[name] for part in parts]).tobytes() == array.tobytes()
