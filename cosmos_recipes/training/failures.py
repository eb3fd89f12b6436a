"""How one process of many says why it failed, and how it ends when the one that started it is gone."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cosmos_recipes.diagnostics import Place, Problem, RecipeError
from cosmos_recipes.files import write_json

_PR_SET_PDEATHSIG = 1


@contextmanager
def reported(folder: Path, rank: int) -> Iterator[None]:
    """Write `rank-N.json` into `folder` if the block fails; interruptions are no failures."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, KeyboardInterrupt | SystemExit):
            problems = error.problems if isinstance(error, RecipeError) else ()
            write_failure(folder, rank, problems=problems, trace="".join(traceback.format_exception(error)))
        raise


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why a process ended, and when (seconds since 1970): the problems that it found, or else a traceback."""

    time: float
    rank: int
    problems: tuple[Problem, ...] = ()
    trace: str = ""


def write_failure(folder: Path, rank: int, *, problems: Sequence[Problem], trace: str = "") -> None:
    """Write down why a process ends."""
    failure = Failure(time=time.time(), rank=rank, problems=tuple(problems), trace=trace)
    write_json(folder / f"rank-{rank}.json", asdict(failure))


def failures(folder: Path) -> list[Failure]:
    """Return what processes wrote of why they ended, the first of them first."""
    found = [json.loads(path.read_text()) for path in folder.glob("rank-*.json")]
    return sorted((_failure(each) for each in found), key=lambda failure: failure.time)


def joined(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems of several processes, those once that differ in what was found alone: all that was found."""
    every: dict[Problem, set[str]] = {}
    for problem in problems:
        every.setdefault(replace(problem, found=""), set()).add(problem.found)
    return [replace(problem, found="; ".join(sorted(found - {""}))) for problem, found in every.items()]


def _failure(said: dict[str, Any]) -> Failure:
    problems = ({**each, "place": each["place"] and Place(**each["place"])} for each in said["problems"])
    return Failure(**{**said, "problems": tuple(Problem(**each) for each in problems)})


def end_with_parent() -> None:
    """Ask the system to kill this process when the one that started it ends, however that ends."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
