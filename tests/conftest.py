"""What several folders of tests share: finished small runs, made once."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.small_runs import command, finish, only_run

# A shell that starts the tests in the background makes them ignore Ctrl-C, and so would every process that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class FinishedRun:
    """A run of a shipped recipe to its end, and what the command said."""

    recipe: Path
    runs: Path
    output: str

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return only_run(self.runs, self.recipe.stem)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], FinishedRun]:
    """Run a recipe small and to its end, the first time that it is asked for; nobody may change what is there."""
    runs = tmp_path_factory.mktemp("finished") / "runs"

    @cache
    def run(recipe: Path) -> FinishedRun:
        return FinishedRun(recipe=recipe, runs=runs, output=finish(command(recipe, runs)))

    return run
