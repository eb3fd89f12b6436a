"""A small valid recipe to write, change and break."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

BASE = """\
recipe: arm
summary: Predict what a gripper's camera sees next.
backbone: tiny-diffusion
dataset:
  schema: instruction-video
  use: factory
  clip: {frames: 13, rate: 5 Hz, size: 64x64}
train:
  steps: 800
  global_batch: 16
"""

Write = Callable[..., Path]


@pytest.fixture
def base() -> str:
    return BASE


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a file into the working directory and return its path; the base recipe with `add` at its end by default."""
    monkeypatch.chdir(tmp_path)

    def write(name: str = "arm.yaml", text: str = BASE, *, add: str = "") -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + add, encoding="utf-8")
        return path

    return write
