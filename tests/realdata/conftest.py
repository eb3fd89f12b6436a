"""Tests on real recordings, which are not part of the project: where they are not, there is nothing to collect."""

from __future__ import annotations

from pathlib import Path

REALDATA = Path(__file__).parents[2].parent / "shared" / "realdata"
collect_ignore_glob = [] if REALDATA.is_dir() else ["test_*.py"]
