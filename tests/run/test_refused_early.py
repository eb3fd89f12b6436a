"""What is refused at once is refused before torch is imported, which takes seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "diffusers", "peft", "transformers")


@pytest.mark.parametrize(
    "words",
    [
        ("sample", "nobody", "-o", "out.mp4"),
        ("evaluate", "nobody"),
        ("show", "nobody"),
        ("diff", "nobody", "no-other"),
        ("publish", "nobody"),
        ("run", "hf://nobody"),
    ],
    ids=" ".join,
)
def test_a_name_of_nothing_is_told_before_anything_heavy_is_imported(words: tuple[str, ...], tmp_path: Path) -> None:
    code = (
        f"import atexit, sys; sys.argv = ['cosmos-recipe', *{words!r}]\n"
        f"atexit.register(lambda: print('heavy:', sorted({set(HEAVY)!r} & sys.modules.keys())))\n"
        "from cosmos_recipes.cli.main import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "heavy: []" in done.stdout
