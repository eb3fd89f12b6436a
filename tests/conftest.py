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
    """A run of a shipped recipe to its end, as it is or with a profile, and what the command said."""

    recipe: Path
    runs: Path
    output: str
    profile: str | None = None

    @property
    def folder(self) -> Path:
        """The folder of the run."""
        return only_run(self.runs, self.recipe.stem)


@pytest.fixture(scope="session")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., FinishedRun]:
    """Run a recipe small and to its end, the first time that it is asked for; nobody may change what is there."""
    folder = tmp_path_factory.mktemp("finished")

    @cache
    def run(recipe: Path, profile: str | None = None) -> FinishedRun:
        runs = folder / (profile or "runs")
        output = finish(command(recipe, runs, profile=profile))
        return FinishedRun(recipe=recipe, runs=runs, output=output, profile=profile)

    return run
