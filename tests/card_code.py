"""The code of a model card, taken out of its text and executed as a reader would."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cosmos_recipes.cli.main import app

WITHOUT_US = "import sys; sys.modules['cosmos_recipes'] = None\n"
KEEP = """
from safetensors.torch import save_file
save_file({name: value.contiguous() for name, value in transformer.state_dict().items()}, "found.safetensors")
"""


def blocks(card: str, section: str, language: str) -> list[str]:
    """The blocks of code of a language in a section, whatever its level."""
    _, text = re.split(rf"^#+ {re.escape(section)}\n", card, maxsplit=1, flags=re.MULTILINE)
    own = re.split(r"^##+ ", text, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(rf"^```{language}\n(.*?)\n```$", own, re.DOTALL | re.MULTILINE)


def run_usage(folder: Path) -> tuple[Path, Any]:
    """Run what `How to use it` says in a package that is worked in: first the command, then Python; both write next.mp4.

    Returns what the command wrote, under another name, and what Python made.
    """
    card = (folder / "README.md").read_text(encoding="utf-8")
    *control, python = blocks(card, "How to use it", "python")
    for code in control:
        exec(code, {})
    command = shlex.split(blocks(card, "How to use it", "bash")[-1].replace("\\\n", " "))
    assert command[0] == "cosmos-recipe"
    done = CliRunner().invoke(app, command[1:])
    assert done.exit_code == 0, (command, done.output, done.exception)
    said = Path("next.mp4").rename("said.mp4")
    names: dict[str, Any] = {}
    exec(python, names)
    return said, names["sampled"]


def run_without_us(card: str, folder: Path, **environment: str) -> Path:
    """Run the code for diffusers in a process that has no Cosmos Recipes; return the weights that it came to."""
    (code,) = blocks(card, "In diffusers, without Cosmos Recipes", "python")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_US + code + KEEP],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "found.safetensors"
