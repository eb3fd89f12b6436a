"""Rules about cameras and vehicles: jumps, lenses that cannot be, axes that are mixed up.

Legend: R rows of all recordings, N recordings, V views.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.checks.batch import Batch
from cosmos_recipes.data.checks.findings import Finding
from cosmos_recipes.data.checks.segments import Segments
from cosmos_recipes.data.geometry.poses import invert

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

JUMP_MEDIANS, JUMP_FAST = 10.0, 4.0
"""A step is a jump if it is so many times the median one, and so many times one that nine in ten are shorter than."""
LEAST_JUMP_RAD, LEAST_JUMP_M, LEAST_JUMP_OF_VEHICLE_M, LEAST_JUMP_SHARE = 0.2, 0.02, 0.5, 0.01
"""And if it is at least so large; a share of the path's length where that has no unit."""
CENTRE = (0.2, 0.8)
SIDES_APART = 1.15
LENS = (0.1, 20.0)
"""Focal length over width: a field of view from 3 to 157 degrees."""
FASTEST_M_S, MOVING_M_S = 70.0, 1.0
MISREAD, EXPLAINS = 2.0, 0.5
"""Poses are misread if another reading fits so many times better, and leaves so much less than no turning at all."""
SIDEWAYS_SHARE, SIDEWAYS_STEPS = 0.5, 5


def camera_jumps(batch: Batch) -> Iterator[Finding]:
    """Find cameras that are suddenly elsewhere, or look elsewhere."""
    for name in batch.of_convention("world-to-camera"):
        rows = batch.rows(name)
        if rows is not None:
            yield from _jumps(batch, name, rows.with_values(invert(rows.values)), _least_jump(batch, name))


def vehicle_jumps(batch: Batch) -> Iterator[Finding]:
    """Find vehicles that are suddenly elsewhere, or face elsewhere."""
    for name in batch.of_convention("future-points"):
        rows = batch.ego(name)
        if rows is not None:
            yield from _jumps(batch, name, rows, LEAST_JUMP_OF_VEHICLE_M)


def _least_jump(batch: Batch, name: str) -> float | None:
    """Return the least length of a jump; None where lengths have no unit."""
    convention = batch.declaration.columns[name].convention
    return None if getattr(convention, "length_unit", "m") == "arbitrary" else LEAST_JUMP_M


def _jumps(batch: Batch, name: str, to_world: Segments, least_m: float | None) -> Iterator[Finding]:
    per_view = to_world.values.reshape(len(to_world.values), -1, 4, 4)
    told: set[int] = set()
    for view in range(per_view.shape[1]):
        steps, before, after = to_world.with_values(per_view[:, view]).pairs()
        length_R = np.linalg.norm(after[:, :3, 3] - before[:, :3, 3], axis=-1)
        lengths = steps.with_values(length_R)
        least = least_m if least_m is not None else lengths.spread(LEAST_JUMP_SHARE * lengths.sum())
        turns = steps.with_values(_angle(before[:, :3, :3], after[:, :3, :3]))
        for moved, unit, shortest in (
            (lengths, "m" if least_m is not None else "", least),
            (turns, "rad", LEAST_JUMP_RAD),
        ):
            for number, row, place in moved.first(_is_jump(moved, shortest)):
                if number not in told:
                    told.add(number)
                    yield _jump_finding(batch, name, (number, row, place), moved, unit)


def _is_jump(moved: Segments, least: Any) -> Array:
    usual, fast = moved.quantile(0.5), moved.quantile(0.9)
    return np.asarray(
        moved.values > np.maximum(moved.spread(np.maximum(JUMP_MEDIANS * usual, JUMP_FAST * fast)), least)
    )


def _jump_finding(batch: Batch, name: str, at: tuple[int, int, int], moved: Segments, unit: str) -> Finding:
    number, row, place = at
    usual = float(moved.quantile(0.5)[moved.owner_R[place]])
    return batch.finding(
        number,
        f"`{name}` of the recording {{}} jumps",
        row=row + 1,
        expected=f"steps of about {usual:.3g} {unit}".rstrip(),
        found=f"{float(moved.values[place]):.3g} {unit}".rstrip() + f" from row {row} to {row + 1}",
        hint="cut the recording in two there, or correct the row",
    )


def _angle(before_R33: Array, after_R33: Array) -> Array:
    """Return the angle between rotations (R), in radians, exact where it is small."""
    # |A - B| of two rotations is 2 sqrt(2) sin(angle / 2).
    apart_R = np.linalg.norm((after_R33 - before_R33).reshape(-1, 9), axis=-1)
    return np.asarray(2 * np.arcsin(np.clip(apart_R / np.sqrt(8), 0, 1)))


def lenses(batch: Batch) -> Iterator[Finding]:
    """Find intrinsics whose centre is off the picture's, whose sides do not match, or that no lens has."""
    for name in batch.of_convention("intrinsics"):
        rows = batch.rows(name, fewest=1)
        if rows is None:
            continue
        lens = rows.values.reshape(len(rows.values), -1, 4)
        across, down = lens[..., 0] * batch.clip.width_px, lens[..., 1] * batch.clip.height_px
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.abs(np.log(across / down))
        wrong = {
            "focal lengths that a lens can have": (lens[..., 0] < LENS[0]) | (lens[..., 0] > LENS[1]),
            "a centre near that of the picture": ((lens[..., 2:] < CENTRE[0]) | (lens[..., 2:] > CENTRE[1])).any(-1),
            "the same focal length across and down, in pixels": ~(apart <= np.log(SIDES_APART)),
        }
        yield from _lens_findings(batch, name, rows, lens, wrong)


def _lens_findings(batch: Batch, name: str, rows: Segments, lens: Array, wrong: dict[str, Array]) -> Iterator[Finding]:
    any_wrong = np.any(list(wrong.values()), axis=0)
    for number, row, place in rows.first(any_wrong.any(axis=1)):
        view = int(any_wrong[place].argmax())
        what = next(text for text, is_wrong in wrong.items() if is_wrong[place, view])
        across, down, x, y = lens[place, view]
        yield batch.finding(
            number,
            f"`{name}` of the recording {{}} do not fit its pictures",
            row=row,
            expected=f"{what}, as shares of the clip's picture",
            found=f"fx {across:.3g}, fy {down:.3g}, cx {x:.3g}, cy {y:.3g}, in a picture of {batch.clip.height_px}x{batch.clip.width_px}",
            hint="say the unit and the form under `convention`; pixels are those of the source's own picture",
        )


def vehicle_speed(batch: Batch) -> Iterator[Finding]:
    """Find vehicles that are faster than any car."""
    for name, steps, velocity_m_s in _velocities(batch):
        speed_m_s = np.linalg.norm(velocity_m_s, axis=-1)
        # One such step is a jump; a wrong unit makes most of them too long.
        usual_N = steps.with_values(speed_m_s).quantile(0.5)
        for number, row, place in steps.first((speed_m_s > FASTEST_M_S) & (steps.spread(usual_N) > FASTEST_M_S)):
            yield batch.finding(
                number,
                f"the vehicle of `{name}` in the recording {{}} is too fast",
                row=row,
                expected=f"at most {FASTEST_M_S:g} m/s",
                found=f"{speed_m_s[place]:.4g} m/s",
                hint="say the unit of the poses under `convention`, and check the times of the rows",
            )


def vehicle_axes(batch: Batch) -> Iterator[Finding]:
    """Find vehicles that mostly go sideways, up or backwards: their axes or the direction of their poses are mixed up."""
    for name, steps, velocity_m_s in _velocities(batch):
        forward_R, across_R = velocity_m_s[:, 0], np.linalg.norm(velocity_m_s[:, 1:], axis=-1)
        moves_R = np.linalg.norm(velocity_m_s, axis=-1) > MOVING_M_S
        is_odd_R = moves_R & ((across_R > np.abs(forward_R)) | (forward_R < 0))
        moves_N, odd_N = (steps.with_values(each.astype(np.int64)).sum() for each in (moves_R, is_odd_R))
        is_wrong_N = (odd_N >= SIDEWAYS_STEPS) & (odd_N > SIDEWAYS_SHARE * moves_N)
        for number, row, place in steps.first(is_odd_R & steps.spread(is_wrong_N)):
            forward, left, up = velocity_m_s[place]
            yield batch.finding(
                number,
                f"the vehicle of `{name}` in the recording {{}} does not go where it faces",
                row=row,
                expected="mostly forward",
                found=f"{forward:.3g} m/s forward, {left:.3g} to the left, {up:.3g} up",
                hint="correct `axes` and `direction` under `convention`",
            )


def _velocities(batch: Batch) -> Iterator[tuple[str, Segments, Array]]:
    """Yield (column, steps between rows, velocity (R, 3) in the vehicle's own axes: forward, left, up)."""
    for name in batch.of_convention("future-points"):
        rows = batch.ego(name)
        if rows is None:
            continue
        _, before_s, after_s = rows.with_values(batch.moments(rows)).pairs()
        steps, before, after = rows.pairs()
        apart_m = after[:, :3, 3] - before[:, :3, 3]
        own_m = np.einsum("rji,rj->ri", before[:, :3, :3], apart_m)
        yield name, steps, own_m / (after_s - before_s)[:, None]


def pose_reading(batch: Batch) -> Iterator[Finding]:
    """Find cameras whose pictures turn as another reading of their poses says."""
    for number, seen in enumerate(batch.seen):
        for name, turning in seen.turnings.items():
            best, said = turning.fits[turning.best], turning.fits["as declared"]
            if said > MISREAD * best and best < EXPLAINS * turning.still:
                yield batch.finding(
                    number,
                    f"the pictures of the recording {{}} do not turn as `{name}` says",
                    row=turning.first,
                    expected="pictures that fit best when they are turned as the poses say",
                    found=f"a fit {said / best:.2g} times as good with {turning.best}, in {turning.pairs} pairs of frames",
                    hint="correct `direction` and `axes` under `convention`",
                )
