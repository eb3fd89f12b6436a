"""The conventions of well-known data sets, by name."""

from __future__ import annotations

from cosmos_recipes.data.geometry.conventions import IntrinsicsConvention, PoseConvention

POSE_PRESETS: dict[str, PoseConvention] = {
    # What everything is brought into.
    "canonical": PoseConvention(form="matrix-4x4", direction="world-to-camera", axes="opencv"),
    "canonical-ego": PoseConvention(form="matrix-4x4", direction="ego-to-world", axes="flu"),
    # The row of a text file after its time, intrinsics and two zeros.
    "realestate10k": PoseConvention(form="row-12", direction="world-to-camera", axes="opencv", length_unit="arbitrary"),
    # `transform_matrix` of transforms.json, as DL3DV and Blender have it; its `applied_transform` moves the world alone.
    "nerfstudio": PoseConvention(
        form="matrix-4x4", direction="camera-to-world", axes="opengl", length_unit="arbitrary"
    ),
    # The extrinsic of a camera; its world is the vehicle.
    "waymo": PoseConvention(form="matrix-4x4", direction="camera-to-world", axes="waymo"),
    "waymo-ego": PoseConvention(form="matrix-4x4", direction="ego-to-world", axes="flu"),
    # `translation` and `rotation` of calibrated_sensor, whose world is the vehicle, and of ego_pose.
    "nuscenes": PoseConvention(
        form="position-quaternion", direction="camera-to-world", axes="opencv", quaternion_order="wxyz"
    ),
    "nuscenes-ego": PoseConvention(
        form="position-quaternion", direction="ego-to-world", axes="flu", quaternion_order="wxyz"
    ),
    # Predict2.5's camera control.
    "cosmos": PoseConvention(form="row-12", direction="world-to-camera", axes="opencv"),
    # `frame_positions` and `frame_orientations`; the world is fixed to the Earth, with its origin at the centre.
    "comma2k19": PoseConvention(
        form="position-quaternion", direction="ego-to-world", axes="frd", quaternion_order="wxyz"
    ),
    # The first six numbers of `state`: x, y, z, roll, pitch and yaw of the gripper.
    "bridge": PoseConvention(
        form="position-euler",
        direction="end-effector-to-base",
        euler_order="xyz",
        euler_kind="extrinsic",
        angle_unit="rad",
    ),
}

INTRINSICS_PRESETS: dict[str, IntrinsicsConvention] = {
    "canonical": IntrinsicsConvention(form="row-4", unit="normalised"),
    "realestate10k": IntrinsicsConvention(form="row-4", unit="normalised"),
    "nerfstudio": IntrinsicsConvention(form="row-4", unit="pixels"),
    "waymo": IntrinsicsConvention(form="row-4", unit="pixels"),
    "nuscenes": IntrinsicsConvention(form="matrix-3x3", unit="pixels"),
    "cosmos": IntrinsicsConvention(form="row-4", unit="pixels"),
}
