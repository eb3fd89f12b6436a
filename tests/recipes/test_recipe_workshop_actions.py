"""If this fails, recipes/community/workshop-actions.yaml cannot be trained by others, or its gate asks for what nothing measures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RECIPE = "recipes/community/workshop-actions.yaml"


def test_it_passes_the_strict_check() -> None:
    command = [sys.executable, "-m", "cosmos_recipes", "check", "--strict", RECIPE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
