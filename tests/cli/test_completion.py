"""A shell that is asked to complete a word offers what there is, in each of the shells that are installed."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cosmos_recipes.backbones.zoo import zoo
from cosmos_recipes.conditioning.base import heads
from cosmos_recipes.diagnostics.codes import codes
from cosmos_recipes.recipe.library import names

PROGRAM = Path(sys.executable).with_name("cosmos-recipe")
ENVIRONMENT = {**os.environ, "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}", "TERM": "dumb"}
SOURCED = {
    "bash": "source <(_COSMOS_RECIPE_COMPLETE=source_bash cosmos-recipe)",
    "zsh": 'autoload -Uz compinit; compinit -u -D; eval "$(_COSMOS_RECIPE_COMPLETE=source_zsh cosmos-recipe)"',
    "fish": "_COSMOS_RECIPE_COMPLETE=source_fish cosmos-recipe | source",
}
STARTED = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}
WAITED_S = 120


def offered(words: str, folder: Path) -> set[str]:
    """Return what is offered for the last of the words, as bash asks for it."""
    asked = {
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
        "_COSMOS_RECIPE_COMPLETE": "complete_bash",
    }
    environment = {**ENVIRONMENT, **asked}
    done = subprocess.run([PROGRAM], env=environment, cwd=folder, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return {*done.stdout.split()}


def test_every_kind_of_name_is_offered(tmp_path: Path) -> None:
    assert offered("cosmos-recipe check ", tmp_path) == {*names("recipes")}
    everything = {*names("recipes"), *zoo(), *heads(), *names("schemas"), *names("datasets")}
    assert offered("cosmos-recipe show ", tmp_path) == everything
    assert offered("cosmos-recipe explain ", tmp_path) == {*codes()}
    assert offered("cosmos-recipe data check ", tmp_path) == {*names("datasets")}
    assert offered("cosmos-recipe new dataset . --schema ", tmp_path) == {*names("schemas")}
    assert offered("cosmos-recipe migrate a.toml --backbone ", tmp_path) == {*zoo()}
    assert "lerobot" in offered("cosmos-recipe migrate a.toml --from ", tmp_path)
    assert offered("cosmos-recipe ls ", tmp_path) >= {"recipes", "backbones"}


def test_profiles_are_those_of_the_recipe_that_was_typed_and_of_its_parents(tmp_path: Path) -> None:
    assert offered("cosmos-recipe run arm-actions --profile predict2", tmp_path) == {"predict2-2b", "predict2.5-2b"}
    (tmp_path / "mine.yaml").write_text("recipe: mine\nprofiles:\n  large: {}\n")
    assert offered("cosmos-recipe compile mine.yaml -p ", tmp_path) == {"large"}
    for words in ("run -p ", "run nothing -p ", "run . -p "):
        assert offered(f"cosmos-recipe {words}", tmp_path) == set(), "and no traceback on the terminal"
    (tmp_path / "mine.yaml").write_text("recipe: [")
    assert offered("cosmos-recipe run mine.yaml -p ", tmp_path) == set()


def test_runs_are_those_of_the_working_directory(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "factory" / "base-1a2b3c4d"
    folder.mkdir(parents=True)
    assert offered("cosmos-recipe resume ", tmp_path) == set(), "a folder without a plan is no run"
    (folder / "plan.yaml").touch()
    assert offered("cosmos-recipe resume ", tmp_path) == {"runs/factory/base-1a2b3c4d"}
    (tmp_path / "runs" / "published" / "local" / "arm" / "refs").mkdir(parents=True)
    published = "runs/published/local/arm"
    for command in ("sample", "evaluate"):
        assert offered(f"cosmos-recipe {command} fac", tmp_path) == {"factory"}
        assert offered(f"cosmos-recipe {command} runs/", tmp_path) == {"runs/factory/base-1a2b3c4d", published}
    for command in ("run", "diff factory"):
        assert offered(f"cosmos-recipe {command} runs/", tmp_path) == {"runs/factory/base-1a2b3c4d", published}
    assert offered("cosmos-recipe evaluate factory --dataset ro", tmp_path) == {"road", "room"}


@contextmanager
def terminal(shell: str, folder: Path) -> Iterator[int]:
    """Yield the terminal of an interactive shell that has our completion."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        STARTED[shell], stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env=ENVIRONMENT, start_new_session=True
    )
    os.close(theirs)
    try:
        os.write(ours, f"{SOURCED[shell]}; echo rea''dy\n".encode())
        read_until(ours, "\nready")
        yield ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, text: str) -> None:
    """Read what the terminal shows until a text is there."""
    seen, end_s = "", time.monotonic() + WAITED_S
    while text not in seen.replace("\r", ""):
        assert time.monotonic() < end_s, f"{text!r} does not show in {seen!r}"
        if select.select([terminal], [], [], 1.0)[0]:
            seen += os.read(terminal, 4096).decode(errors="replace")


@pytest.mark.parametrize("shell", [shell for shell in STARTED if shutil.which(shell)])
def test_a_tab_completes(shell: str, tmp_path: Path) -> None:
    (tmp_path / "my-own.yaml").touch()
    with terminal(shell, tmp_path) as keys:
        os.write(keys, b"cosmos-recipe run factory-i\t")
        read_until(keys, "factory-instructions")
        os.write(keys, b" --profile predict2.5\t")
        read_until(keys, "predict2.5-2b")
        os.write(keys, b"\x15cosmos-recipe check ./my\t")
        read_until(keys, "./my-own.yaml")


@pytest.mark.parametrize("shell", [shell for shell in ("fish",) if shutil.which(shell)])
def test_fish_completes(shell: str, tmp_path: Path) -> None:
    (tmp_path / "my-own.yaml").touch()
    asked = ("run factory-i", "run arm-actions --profile predict2.5", "check ./my")
    script = "; ".join([SOURCED[shell], *(f'complete -C "cosmos-recipe {words}"' for words in asked)])
    done = subprocess.run(
        [shell, "--no-config", "-c", script], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["factory-instructions", "predict2.5-2b", "./my-own.yaml"]


def test_completion_loads_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import atexit, sys; from cosmos_recipes.cli.main import main;"
        "heavy = {'torch', 'numpy', 'av', 'nemo', 'diffusers', 'transformers', 'datasets', 'rich', 'jinja2', 'omegaconf'};"
        "atexit.register(lambda: print('heavy:', sorted(heavy & sys.modules.keys()))); sys.argv = ['cosmos-recipe']; main()"
    )
    asked = {"COMP_WORDS": "cosmos-recipe show ", "COMP_CWORD": "2", "_COSMOS_RECIPE_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**ENVIRONMENT, **asked},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "factory" in done.stdout
    assert done.stdout.endswith("heavy: []\n")
