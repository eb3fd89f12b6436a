"""Recordings of the real world lie beside the project, where they are there at all; without them nothing is collected."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = next(
    (root for parent in Path(__file__).resolve().parents if (root := parent / "shared" / "realdata").is_dir()), None
)
collect_ignore_glob = [] if ROOT else ["test_*.py"]


@pytest.fixture(scope="session")
def realdata() -> Path:
    assert ROOT
    return ROOT
