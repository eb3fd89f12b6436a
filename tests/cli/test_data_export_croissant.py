"""What a person sees of `cosmos-recipe data export-croissant`, through the real command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from cosmos_recipes.data.synthesize import SynthesisSpec, synthesize


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cosmos_recipes", "data", "export-croissant", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_it_is_written_beside_or_shown_and_says_what_it_lacks(tmp_path: Path) -> None:
    spec = SynthesisSpec(recordings=2, frames=3, height_px=16, width_px=16, codec="mjpeg")
    synthesize("pose", tmp_path / "made-up", spec, lambda what, done, total: None)
    arguments = ("made-up/dataset.yaml", "--creator", "Our lab", "--published", "2026-01-31")
    done = call(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (0, "Wrote pose-synthetic.croissant.json\n"), done.stderr
    assert done.stderr == "note: Croissant also asks for url\n"
    written = json.loads((tmp_path / "pose-synthetic.croissant.json").read_text())
    assert json.loads(call(tmp_path, *arguments, "-o", "-").stdout) == written
    assert written["distribution"][1]["contentUrl"] == "made-up/recordings.parquet"


def test_a_day_that_is_none_and_a_data_set_that_is_none_are_refused(tmp_path: Path) -> None:
    assert call(tmp_path, "factory", "--published", "yesterday").returncode == 2
    done = call(tmp_path, "factori")
    assert done.returncode == 2
    assert "did you mean `factory`?" in done.stderr
