"""How one process of many says why it failed, and how it ends when the one that started it is gone."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
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
            problems = [asdict(problem) for problem in error.problems] if isinstance(error, RecipeError) else []
            trace = "".join(traceback.format_exception(error))
            write_json(
                folder / f"rank-{rank}.json", {"time": time.time(), "rank": rank, "problems": problems, "trace": trace}
            )
        raise


def first_failure(folder: Path) -> dict[str, Any] | None:
    """Return the failure that came first; one that names the recipe's problem goes before one that does not."""
    failures = [json.loads(path.read_text()) for path in sorted(folder.glob("rank-*.json"))]
    return min(failures, key=lambda failure: (not failure["problems"], failure["time"]), default=None)


def problems_of(failure: dict[str, Any]) -> list[Problem]:
    """Return the problems of a failure as they were raised."""
    return [
        Problem(**{**problem, "place": problem["place"] and Place(**problem["place"])})
        for problem in failure["problems"]
    ]


def end_with_parent() -> None:
    """Ask the system to kill this process when the one that started it ends, however that ends."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
