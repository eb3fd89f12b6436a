"""What each control is made of: values as a source would have them, how they are bound, and when their rows are.

A part is read with the binding of the data that the model was trained on, so that names, units, forms and points mean the
same as there.
Legend: R rows, A numbers of a row, M moments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.declare import declaration_of
from cosmos_recipes.data.binding.spec import POINTS, RATE_HZ, ColumnBinding
from cosmos_recipes.data.contract import Schema
from cosmos_recipes.data.geometry import poses
from cosmos_recipes.data.geometry.conventions import PoseConvention
from cosmos_recipes.data.geometry.trajectories import ROUNDING_S
from cosmos_recipes.diagnostics import Place, fail
from cosmos_recipes.recipe.validation import FROM_YAML
from cosmos_recipes.run.sampling.camera_files import is_file, read_camera
from cosmos_recipes.run.sampling.camera_words import ARGUMENT, camera_to_world, parse_way
from cosmos_recipes.run.sampling.request import SampleRequest
from cosmos_recipes.run.sampling.reversal import reversed_actions, reversed_poses
from cosmos_recipes.run.sampling.tables import read_table
from cosmos_recipes.run.sampling.timeline import Timeline

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cosmos_recipes.run.sampling.frames import GivenFrames

    Array = NDArray[np.float64]

CANONICAL: dict[str, Any] = {"from": "pose", "convention": "canonical"}
LEAST_STEP_M = 1e-3
"""A vehicle that moves less from row to row keeps its heading."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Values and bindings of some columns; `times_s` are those of the rows, from the first given frame on."""

    name: str
    values: Mapping[str, Any]
    bindings: Mapping[str, Any]
    times_s: Array
    needed_s: float
    notes: tuple[str, ...] = field(default=())

    def columns(self, contract: Schema, given: GivenFrames, timeline: Timeline) -> dict[str, Any]:
        """Return float32 columns (N, ...) of each chunk, canonical, as training had them before they were normalised.

        Raises:
            RecipeError: the values are not what the data set declares (CR518, CR56x), or end too early (CR266).
        """
        from cosmos_recipes.data.binding.window import Windows
        from cosmos_recipes.data.recording import Recording

        unbound = [
            n for n, each in contract.columns.items() if each.kind in ("tensor", "scalar") and n not in self.bindings
        ]
        binding = Binding(declaration_of(contract.without(unbound), {}, self.bindings))
        bound = binding.bind(
            Recording(name=self.name, split=None, views=given.media, values=self.values, times_s=self.times_s)
        )
        windows = Windows(
            moments_s_M=timeline.moments_s,
            frames_NT=timeline.frames_NT,
            rows_s_R=binding.rows_s(bound, self.times_s),
            fits=given.fits,
        )
        if not all(covers_N.all() for covers_N in binding.covers(bound, windows).values()):
            fail_short(self.name, self.times_s, self.needed_s, timeline)
        return dict(binding.clips(bound, windows))


def action_part(path: Path, said: Mapping[str, Any], request: SampleRequest, timeline: Timeline, count: int) -> Part:
    """Return actions of a file, in the units and forms of the data set, whose binding is `said`.

    Raises:
        RecipeError: it holds no such actions (CR265), or too few of them (CR266).
    """
    binding = {name: value for name, value in said.items() if name not in ("from", "select")} | {"from": "action"}
    own = ColumnBinding.model_validate(binding, context=FROM_YAML)
    forms = (own.form,) * count if isinstance(own.form, str) or own.form is None else own.form
    table, needed_s = read_table(path), float(timeline.moments_s[-1])
    rows_RA = table.numbers("action", own.names or (), count)
    times_s = table.moments_s(len(rows_RA), rate_hz=request.rate_hz, default_hz=timeline.rate_hz)
    are_states = "difference" in forms
    if not are_states:
        # The last action takes as long as the one before.
        last_s = times_s[-1] - times_s[-2] if len(times_s) > 1 else 1 / (request.rate_hz or timeline.rate_hz)
        times_s = np.append(times_s, times_s[-1] + last_s)
    lasted_s = times_s[-1]
    if request.reverse:
        used = _rows_within(path.name, times_s, needed_s, timeline)
        rows_RA = reversed_actions(
            rows_RA[: used + are_states],
            [str(form) for form in forms],
            pose=declared_pose(said),
            frame=own.relative_to or "end-effector",
        )
        times_s = times_s[used] - times_s[used::-1]
    notes = unused(path.name, lasted_s, needed_s, timeline)
    values = {"action": rows_RA}
    return Part(
        name=path.name, values=values, bindings={"action": binding}, times_s=times_s, needed_s=needed_s, notes=notes
    )


def camera_part(request: SampleRequest, timeline: Timeline) -> Part:
    """Return a camera's way, from a file or in words, and its lens where that is said.

    Words begin at the last given frame: what the camera did before is in the frames, and not known.

    Raises:
        RecipeError: it cannot be read (CR265, CR267, CR56x), or is too short (CR266).
    """
    said = str(request.camera)
    if is_file(said):
        return _camera_of_file(Path(said), request, timeline)
    moments_s, begins_s = timeline.moments_s, timeline.moments_s[timeline.given - 1]
    lasts_s = float(moments_s[timeline.kept - 1] - begins_s)
    to_world_R44 = camera_to_world(parse_way(said), moments_s - begins_s, lasts_s=lasts_s, reverse=request.reverse)
    return Part(
        name=ARGUMENT,
        values={"pose": poses.invert(to_world_R44)},
        bindings={"pose": CANONICAL},
        times_s=moments_s,
        needed_s=float(moments_s[-1]),
    )


def _camera_of_file(path: Path, request: SampleRequest, timeline: Timeline) -> Part:
    way = read_camera(path, convention=request.convention, rate_hz=request.rate_hz, default_hz=timeline.rate_hz)
    times_s, needed_s = way.times_s, float(timeline.moments_s[-1])
    notes = unused(path.name, times_s[-1], needed_s, timeline)
    if request.reverse:
        _rows_within(path.name, times_s, needed_s, timeline)
        way, times_s = way.reversed(timeline.moments_s), timeline.moments_s
    values, bindings = {"pose": way.pose_R44}, {"pose": CANONICAL}
    if way.intrinsics is not None:
        values["intrinsics"] = way.intrinsics
        bindings["intrinsics"] = {"from": "intrinsics", "convention": way.lens}
    return Part(name=path.name, values=values, bindings=bindings, times_s=times_s, needed_s=needed_s, notes=notes)


def trajectory_part(path: Path, said: Mapping[str, Any], request: SampleRequest, timeline: Timeline) -> Part:
    """Return where a vehicle is to go: points in metres, x forward, y left, z up from where it is at the first frame.

    A first row of zeros is that place; without one, the rows are those after it. For later chunks the vehicle looks
    where it goes; one that backs does not turn.

    Raises:
        RecipeError: there are no points (CR265), or too few of them (CR266).
    """
    table = read_table(path)
    is_flat = table.columns.keys() >= {"x", "y"} and "z" not in table.columns
    names = ("x", "y") if is_flat else ("x", "y", "z")
    is_flat |= table.rows is not None and table.rows.shape[-1:] == (2,)
    point_m_RC = table.numbers("trajectory", names, 2 if is_flat else 3)
    point_m_R3 = np.pad(point_m_RC, ((0, 0), (0, 1))) if is_flat else point_m_RC
    own = ColumnBinding.model_validate({**said, "from": "trajectory"}, context=FROM_YAML)
    count, rate_hz = own.points or POINTS, own.rate or RATE_HZ
    times_s = table.moments_s(len(point_m_R3), rate_hz=request.rate_hz, default_hz=rate_hz)
    if np.abs(point_m_R3[0]).max() > ROUNDING_S:
        step_s = times_s[1] - times_s[0] if len(times_s) > 1 else 1 / rate_hz
        point_m_R3, times_s = np.pad(point_m_R3, ((1, 0), (0, 0))), np.append(0, times_s + step_s)
    needed_s = float(timeline.moments_s[timeline.starts[-1]] + count / rate_hz)
    ego_R44, lasted_s = ego_to_world(point_m_R3), times_s[-1]
    if request.reverse:
        _rows_within(path.name, times_s, needed_s, timeline)
        moments_s = np.arange(round(needed_s * rate_hz) + 1) / rate_hz
        moments_s[-1] = needed_s
        ego_R44, times_s = reversed_poses(ego_R44, times_s, moments_s), moments_s
    binding = {**said, "from": "trajectory", "convention": "canonical-ego"}
    return Part(
        name=path.name,
        values={"trajectory": ego_R44},
        bindings={"trajectory": binding},
        times_s=times_s,
        needed_s=needed_s,
        notes=unused(path.name, lasted_s, needed_s, timeline),
    )


def ego_to_world(point_m_R3: Array) -> Array:
    """Return the poses (R, 4, 4) of a vehicle at points: it begins looking along x, and then looks where it goes."""
    from cosmos_recipes.data.geometry.rotations import from_axis_angle

    way_m_R2 = np.gradient(point_m_R3[:, :2], axis=0) if len(point_m_R3) > 1 else np.zeros((1, 2))
    heading_rad_R = np.zeros(len(point_m_R3))
    for row, (x, y) in enumerate(way_m_R2[1:], 1):
        before = heading_rad_R[row - 1]
        turn_rad = np.arctan2(y, x) - before
        # A turn of more than a quarter from one row to the next is backing.
        turn_rad = (turn_rad + np.pi / 2) % np.pi - np.pi / 2
        heading_rad_R[row] = before + (turn_rad if np.hypot(x, y) > LEAST_STEP_M else 0)
    return poses.assemble(from_axis_angle(heading_rad_R[:, None] * np.array([0.0, 0.0, 1.0])), point_m_R3)


def declared_pose(said: Mapping[str, Any]) -> PoseConvention | None:
    """Return the convention of the pose that the first numbers of an action are, if they are one."""
    from cosmos_recipes.data.geometry.presets import POSE_PRESETS

    convention = said.get("convention")
    if convention is None:
        return None
    return POSE_PRESETS[convention] if isinstance(convention, str) else PoseConvention.model_validate(convention)


def unused(name: str, lasts_s: float, needed_s: float, timeline: Timeline) -> tuple[str, ...]:
    """Return a note where much of a control is not used."""
    if lasts_s <= needed_s + 1 / timeline.rate_hz:
        return ()
    return (f"{name} lasts {lasts_s:.3g} s, of which the first {needed_s:.3g} s are used; `--chunks` makes more",)


def fail_short(name: str, times_s: Array, needed_s: float, timeline: Timeline) -> None:
    """Raise that a control ends before what is generated does, or has too few rows in a second (CR266)."""
    rows, lasts_s = len(times_s), float(times_s[-1])
    rate = f", {(rows - 1) / lasts_s:.3g} in a second" if lasts_s else ""
    fail(
        "CR266",
        f"{name} does not control all frames that are generated",
        place=Place(file=name),
        expected=f"rows from the first given frame until {needed_s:.4g} s, at least {timeline.rate_hz:g} in a second",
        found=f"rows until {lasts_s:.4g} s{rate}",
        hint="write more rows, say their rate with `--rate`, or generate fewer `--chunks`",
    )


def _rows_within(name: str, times_s: Array, needed_s: float, timeline: Timeline) -> int:
    """Return the last row that is used; raises RecipeError (CR266) where they end before."""
    if times_s[-1] < needed_s - ROUNDING_S:
        fail_short(name, times_s, needed_s, timeline)
    return int(np.searchsorted(times_s, needed_s + ROUNDING_S, side="right")) - 1
