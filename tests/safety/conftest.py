from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.safety import hostile_models
from tests.safety.room import Room

START = "recipe: start\nsummary: A start.\nbackbone: {use: tiny-diffusion, weights: ./model}\ndataset: {schema: instruction-video, use: factory, clip: {frames: 13, rate: 5 Hz, size: 64x64}}\ntrain: {steps: 4, global_batch: 2}\n"


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path / "work")


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_models.package(tmp_path_factory.mktemp("stranger") / "model")


@pytest.fixture
def stranger(room: Room, model: Path) -> Path:
    """A model in the room, and what is sampled from."""
    Image.new("RGB", (64, 64)).save(room.folder / "start.png")
    (room.folder / "start.yaml").write_text(START)
    shutil.copytree(model, room.folder / "model")
    return room.folder / "model"
