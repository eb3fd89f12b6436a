"""Little scenes for tests, as nerfstudio writes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

LENS = {"fl_x": 80.0, "fl_y": 84.0, "cx": 48.5, "cy": 32.0, "w": 96, "h": 64}


def pixels(number: int, *, height: int = 64, width: int = 96) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)


def write_scene(
    scene: Path, *, frames: int = 4, images: str = "images", height: int = 64, width: int = 96, **told: object
) -> Path:
    (scene / images).mkdir(parents=True, exist_ok=True)
    rows = []
    for number in range(frames):
        Image.fromarray(pixels(number, height=height, width=width)).save(scene / images / f"frame_{number}.png")
        pose = np.eye(4)
        pose[0, 3] = number
        rows.append({"file_path": f"images/frame_{number}.png", "transform_matrix": pose.tolist()})
    (scene / "transforms.json").write_text(json.dumps({**LENS, **told, "frames": rows}))
    return scene
