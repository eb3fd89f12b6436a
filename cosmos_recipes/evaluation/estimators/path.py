"""The path of a camera, or of a rig of cameras, from points followed through its video: a bundle adjustment.

A point is its ray in the frame where it was found and an inverse depth; the first frame is the frame of reference. It
starts from rotations alone and points at one depth, as F. Yu and D. Gallup (3D Reconstruction from Accidental Motion,
2014) start, and takes damped Gauss-Newton steps on the distances in the picture, which Cauchy's loss bounds. Depths are
eliminated (B. Triggs et al., Bundle Adjustment: A Modern Synthesis, 2000, section 6.1).

Legend: N points, T frames, V views, K ways in which the rig may move, P all of them over the frames after the first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cosmos_recipes.data.geometry.poses import assemble
from cosmos_recipes.data.geometry.rotations import from_axis_angle
from cosmos_recipes.evaluation.estimators.tracks import Array, Tracks

FEWEST_POINTS = 12
"""Points that each frame shares with the one before it, or the path is unknown."""
MOST_STEPS = 25
ENOUGH = 1e-3
"""Relative gain of a step below which the path is taken as found."""
NEAREST = 0.05
"""Least depth of a point, as a share of its depth where it was found."""
FARTHEST, CLOSEST = 1e-3, 20.0
"""Bounds of inverse depths."""
OUTLIER_PX = 0.3
"""Distance at which Cauchy's loss begins to bend: a few times what a corner of a clean picture is off."""
_LOOSEST = 1e6


@dataclass(frozen=True, kw_only=True)
class Rig:
    """The cameras: `intrinsics_VT4` normalised, `rig_to_camera_V44`, and the size of their pictures.

    `freedom_K6` are the ways to move, each a turn in rad and a shift, in the rig's frame at the start.
    """

    intrinsics_VT4: Array
    rig_to_camera_V44: Array
    width_px: int
    freedom_K6: Array

    @classmethod
    def of_camera(cls, intrinsics_T4: Array, *, width_px: int) -> Rig:
        """Return a camera that moves as it likes."""
        return cls(
            intrinsics_VT4=intrinsics_T4[None],
            rig_to_camera_V44=np.eye(4)[None],
            width_px=width_px,
            freedom_K6=np.eye(6),
        )


@dataclass(frozen=True, kw_only=True)
class Path:
    """`first_to_rig_T44`, up to one scale of all shifts and depths, and the inverse depth of each track where it was found."""

    first_to_rig_T44: Array
    inverse_depth_N: Array
    tracks: Tracks


def find_path(tracks: Tracks, rig: Rig) -> Path | None:
    """Return the path that explains the tracks best; None where too few points are seen from frame to frame."""
    seen_NT = tracks.seen_NT
    if (seen_NT[:, 1:] & seen_NT[:, :-1]).sum(0).min(initial=FEWEST_POINTS) < FEWEST_POINTS:
        return None
    bundle = _Bundle(tracks, rig)
    bundle.improve()
    return Path(first_to_rig_T44=bundle.state.poses, inverse_depth_N=bundle.state.inverse_depth_N, tracks=tracks)


@dataclass(frozen=True, kw_only=True)
class _State:
    rotation_T33: Array
    centre_T3: Array
    inverse_depth_N: Array

    @property
    def poses(self) -> Array:
        return assemble(self.rotation_T33, -_apply(self.rotation_T33, self.centre_T3))

    def moved(self, step_T6: Array, deeper_N: Array) -> _State:
        rotation_T33, centre_T3 = self.rotation_T33.copy(), self.centre_T3.copy()
        rotation_T33[1:] = from_axis_angle(step_T6[:, :3]) @ rotation_T33[1:]
        centre_T3[1:] += step_T6[:, 3:]
        inverse_depth_N = np.clip(self.inverse_depth_N + deeper_N, FARTHEST, CLOSEST)
        return _State(rotation_T33=rotation_T33, centre_T3=centre_T3, inverse_depth_N=inverse_depth_N)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What a state predicts: points in the rig's frame, in their camera's, and how far off in pixels they are seen."""

    rig_NT3: Array
    camera_NT3: Array
    off_px_NT2: Array
    loss: float
    weight_NT: Array


class _Bundle:
    """The tracks as rays of the rig, and the state so far."""

    def __init__(self, tracks: Tracks, rig: Rig) -> None:
        views, self.first_N = tracks.view_N, tracks.first_N
        self.focal_px = rig.width_px * float(rig.intrinsics_VT4[..., 0].mean())
        self.freedom_K6 = rig.freedom_K6
        self.turn_N33 = rig.rig_to_camera_V44[views, :3, :3]
        shift_N3 = rig.rig_to_camera_V44[views, :3, 3]
        self.place_N3 = -_apply(np.swapaxes(self.turn_N33, -1, -2), shift_N3)
        intrinsics_NT4 = rig.intrinsics_VT4[views]
        seen_NT = tracks.seen_NT
        at_NT2 = (tracks.uv_NT2 - intrinsics_NT4[..., 2:]) / intrinsics_NT4[..., :2]
        self.at_NT2 = np.where(seen_NT[..., None], at_NT2, 0.0)
        rows = np.arange(len(views))
        ray_NT3 = np.concatenate([self.at_NT2, np.ones((*seen_NT.shape, 1))], -1)
        ray_NT3 = ray_NT3 @ self.turn_N33
        self.ray_N3 = ray_NT3[rows, self.first_N]
        # Where a point was found it is by definition.
        self.counts_NT = seen_NT.copy()
        self.counts_NT[rows, self.first_N] = False
        self.state = _State(
            rotation_T33=_turns(ray_NT3 / np.linalg.norm(ray_NT3, axis=-1, keepdims=True), seen_NT, self.focal_px),
            centre_T3=np.zeros((seen_NT.shape[1], 3)),
            inverse_depth_N=np.ones(len(views)),
        )

    def improve(self) -> None:
        """Take steps until they gain nothing, from the start and then from the mirror image of what that led to.

        What is near and what is far are easily mistaken for each other, with the motion the other way round.
        """
        start, loss = self.state, self._descend()
        found, depth_N = self.state, self.state.inverse_depth_N
        mirrored_N = np.clip(2 * np.median(depth_N) - depth_N, FARTHEST, CLOSEST)
        self.state = replace(start, centre_T3=-found.centre_T3, inverse_depth_N=mirrored_N)
        if self._descend() > loss:
            self.state = found

    def _descend(self) -> float:
        damping, seen = 1e-2, self._see(self.state)
        for _ in range(MOST_STEPS):
            system = self._linearise(seen)
            before = seen.loss
            while damping < _LOOSEST:
                tried = self.state.moved(*system.step(damping, self.freedom_K6))
                then = self._see(tried)
                if then.loss < before:
                    self.state, seen, damping = tried, then, max(damping / 5, 1e-7)
                    break
                damping *= 5
            if before - seen.loss < ENOUGH * before:
                break
        return seen.loss

    def _see(self, state: _State) -> _Seen:
        first_N, depth_N11 = self.first_N, state.inverse_depth_N[:, None, None]
        placed_N3 = self.ray_N3 + state.inverse_depth_N[:, None] * self.place_N3
        level_N3 = _apply(np.swapaxes(state.rotation_T33, -1, -2)[first_N], placed_N3)
        apart_NT3 = level_N3[:, None] + depth_N11 * (state.centre_T3[first_N][:, None] - state.centre_T3)
        rig_NT3 = _apply(state.rotation_T33, apart_NT3)
        camera_NT3 = _apply(self.turn_N33[:, None], rig_NT3 - depth_N11 * self.place_N3[:, None])
        camera_NT3[..., 2] = np.maximum(camera_NT3[..., 2], NEAREST)
        off_px_NT2 = self.focal_px * (camera_NT3[..., :2] / camera_NT3[..., 2:] - self.at_NT2)
        square_NT = np.where(self.counts_NT, np.square(off_px_NT2).sum(-1), 0.0) / OUTLIER_PX**2
        return _Seen(
            rig_NT3=rig_NT3,
            camera_NT3=camera_NT3,
            off_px_NT2=off_px_NT2,
            loss=float(np.log1p(square_NT).sum()),
            weight_NT=np.where(self.counts_NT, 1 / np.sqrt(1 + square_NT), 0.0),
        )

    def _linearise(self, seen: _Seen) -> _System:
        """Return the derivatives of all distances, each weighted as the loss asks."""
        state, first_N = self.state, self.first_N
        count, frames = self.counts_NT.shape
        picture_NT23 = self._picture(seen) @ self.turn_N33[:, None]
        turned_NT33 = state.rotation_T33 @ np.swapaxes(state.rotation_T33[first_N], -1, -2)[:, None]
        depth_N111 = state.inverse_depth_N[:, None, None, None]
        shifting_NT23 = depth_N111 * (picture_NT23 @ state.rotation_T33)
        placed_N3 = self.ray_N3 + state.inverse_depth_N[:, None] * self.place_N3
        turning_first_NT23 = picture_NT23 @ turned_NT33 @ _cross(placed_N3)[:, None]
        frame_T, point_N = np.arange(frames), np.arange(count)
        by_motion = np.zeros((count, frames, 2, frames, len(self.freedom_K6)))
        own_NT2K = self._free(-picture_NT23 @ _cross(seen.rig_NT3), -shifting_NT23)
        by_motion[:, frame_T, :, frame_T] = own_NT2K.swapaxes(0, 1)
        by_motion[point_N[:, None], frame_T, :, first_N[:, None]] += self._free(turning_first_NT23, shifting_NT23)
        away_NT3 = (turned_NT33 @ self.place_N3[:, None, :, None])[..., 0] - self.place_N3[:, None]
        away_NT3 += _apply(state.rotation_T33, state.centre_T3[first_N][:, None] - state.centre_T3)
        weighted_NT2 = seen.weight_NT[..., None] * seen.off_px_NT2
        return _System(
            by_motion=by_motion[:, :, :, 1:].reshape(count, 2 * frames, -1),
            by_depth=_apply(picture_NT23, away_NT3).reshape(count, -1),
            off=weighted_NT2.reshape(count, -1),
        )

    def _free(self, turning_NT23: Array, shifting_NT23: Array) -> Array:
        return np.concatenate([turning_NT23, shifting_NT23], -1) @ self.freedom_K6.T

    def _picture(self, seen: _Seen) -> Array:
        """Return how a point's place in the picture changes with its place before the camera, weighted (N, T, 2, 3)."""
        x_NT, y_NT, z_NT = np.moveaxis(seen.camera_NT3, -1, 0)
        none_NT = np.zeros_like(z_NT)
        rows = [1 / z_NT, none_NT, -x_NT / z_NT**2, none_NT, 1 / z_NT, -y_NT / z_NT**2]
        weight_NT11 = self.focal_px * seen.weight_NT[..., None, None]
        return np.asarray(weight_NT11 * np.stack(rows, -1).reshape(*z_NT.shape, 2, 3))


@dataclass(frozen=True, kw_only=True)
class _System:
    """Derivatives by motion (N, 2 T, P) and by depth (N, 2 T), and the distances (N, 2 T)."""

    by_motion: Array
    by_depth: Array
    off: Array

    def step(self, damping: float, freedom_K6: Array) -> tuple[Array, Array]:
        """Return how to turn and shift each frame (T - 1, 6), and how inverse depths change (N,)."""
        flat_MP = self.by_motion.reshape(self.off.size, -1)
        hessian_PP, slope_P = flat_MP.T @ flat_MP, flat_MP.T @ self.off.ravel()
        mixed_NP = (self.by_depth[:, None] @ self.by_motion)[:, 0]
        depth_N = np.square(self.by_depth).sum(1) * (1 + damping) + 1e-4
        depth_slope_N = (self.by_depth * self.off).sum(1)
        hessian_PP[np.diag_indices_from(hessian_PP)] *= 1 + damping
        hessian_PP[np.diag_indices_from(hessian_PP)] += 1e-6
        reduced_PP = hessian_PP - (mixed_NP.T / depth_N) @ mixed_NP
        step_P = np.linalg.solve(reduced_PP, mixed_NP.T @ (depth_slope_N / depth_N) - slope_P)
        return step_P.reshape(-1, len(freedom_K6)) @ freedom_K6, -(depth_slope_N + mixed_NP @ step_P) / depth_N


def _turns(ray_NT3: Array, seen_NT: NDArray[np.bool_], focal_px: float) -> Array:
    """Return the rotations (T, 3, 3) that would explain the rays, were all points far away."""
    rotations = [np.eye(3)]
    for frame in range(1, ray_NT3.shape[1]):
        shared_N = seen_NT[:, frame - 1] & seen_NT[:, frame]
        rotations.append(_turn(ray_NT3[shared_N, frame - 1], ray_NT3[shared_N, frame], focal_px) @ rotations[-1])
    return np.stack(rotations)


def _turn(from_N3: Array, to_N3: Array, focal_px: float) -> Array:
    """Return the rotation between unit rays (W. Kabsch, 1976), again with less weight for rays that are off."""
    weight_N, rotation_33 = np.ones(len(from_N3)), np.eye(3)
    for _ in range(6):
        left_33, _, right_33 = np.linalg.svd((to_N3.T * weight_N) @ from_N3)
        rotation_33 = left_33 @ np.diag([1, 1, np.linalg.det(left_33 @ right_33)]) @ right_33
        off_px_N = focal_px * np.linalg.norm(to_N3 - from_N3 @ rotation_33.T, axis=1)
        weight_N = 1 / (1 + np.square(off_px_N / 0.5))
    return np.asarray(rotation_33)


def _apply(matrix_N33: Array, vector_N3: Array) -> Array:
    return np.asarray((matrix_N33 @ vector_N3[..., None])[..., 0])


def _cross(vector_N3: Array) -> Array:
    """Return the matrices (..., 3, 3) that multiply as the cross product with each vector."""
    x, y, z = np.moveaxis(vector_N3, -1, 0)
    none = np.zeros_like(x)
    return np.stack([none, -z, y, z, none, -x, -y, x, none], -1).reshape(*x.shape, 3, 3)
