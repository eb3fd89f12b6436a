"""The closed lists that a convention chooses from."""

from __future__ import annotations

from typing import Literal

PoseForm = Literal[
    "matrix-3x4",
    "matrix-4x4",
    "row-12",
    "position-quaternion",
    "position-euler",
    "position-axis-angle",
    "position-rot6d",
]
"""How the numbers of one pose are laid out; a row of 12 is a matrix of 3x4, row after row."""

Direction = Literal["world-to-camera", "camera-to-world", "ego-to-world", "world-to-ego", "end-effector-to-base"]
Axes = Literal["opencv", "opengl", "waymo", "flu", "frd", "rdf"]
"""Where x, y and z of a camera or vehicle point: `flu` is forward, left, up; `r` right, `d` down."""

QuaternionOrder = Literal["wxyz", "xyzw"]
EulerOrder = Literal["xyz", "xzy", "yxz", "yzx", "zxy", "zyx", "xyx", "xzx", "yxy", "yzy", "zxz", "zyz"]
EulerKind = Literal["extrinsic", "intrinsic"]
"""Whether each of the three turns is about an axis of the fixed frame, or of the frame as turned so far."""

AngleUnit = Literal["rad", "deg"]
LengthUnit = Literal["m", "cm", "mm", "arbitrary"]
"""`arbitrary` is the scale of poses found from pictures alone: it is kept as it is."""

DeltaFrame = Literal["end-effector", "base"]
"""Which frame the change from one pose to the next is expressed in."""
