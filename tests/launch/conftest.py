from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# The helpers of the training's tests are imported by name.
sys.path.insert(0, str(Path(__file__).parents[1] / "training"))
os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared folder that every test reads and none changes."""
    from tiny import prepare

    folder = tmp_path_factory.mktemp("prepared")
    prepare(folder)
    return folder
