"""Geometry: what a source's conventions are, and how its poses, intrinsics and actions become canonical.

Canonical are metres, seconds and radians; cameras as world-to-camera with OpenCV axes (x right, y down, z forward);
vehicles as ego-to-world with x forward, y left, z up; intrinsics `(fx, fy, cx, cy)` divided by the picture's width and
height. Float64 throughout. Shapes: T counts moments, and any axes may stand in its place, none too.
"""

from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention
from cosmos_recipes.data.geometry.presets import INTRINSICS_PRESETS, POSE_PRESETS

__all__ = ["INTRINSICS_PRESETS", "POSE_PRESETS", "IntrinsicsConvention", "PoseConvention"]
