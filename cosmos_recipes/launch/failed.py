"""Why a training in several processes ended: what they said of it, and what torchrun saw."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from cosmos_recipes.diagnostics import Problem, RecipeError, fail
from cosmos_recipes.launch.job import STOPPED_CODES, StoppedElsewhere
from cosmos_recipes.training.failures import Failure, failures, joined
from cosmos_recipes.training.watch import HANGS, hanging, stacks_of


def raise_failure(folder: Path, log: Path, *, world: int, code: int, limit_s: float) -> NoReturn:
    """Raise why a training of `world` processes ended.

    `folder` is that of the training, `log` what torchrun wrote on this machine, `code` its exit code, and `limit_s` how
    long a step may take.

    Raises:
        RecipeError: the problems that processes found, or how one ended (CR604, CR610).
        StoppedElsewhere: a process was asked to stop, and so all did.
    """
    failed, (rank, ended) = failures(folder / "failures"), _ended_first(log)
    problems = [problem for failure in failed for problem in failure.problems]
    problems += _hanging(folder / "failures", failed, world=world, limit_s=limit_s)
    if problems:
        raise RecipeError(*joined(problems))
    if rank is not None and ended is not None and ended < 0:
        _fail_killed(rank, -ended, log)
    if failed:
        _fail_unexpected(failed[0], folder)
    if ended in STOPPED_CODES:
        raise StoppedElsewhere
    fail(
        "CR604",
        "a process of the training ended without a word",
        found=f"exit code {code} of torchrun" if rank is None else f"process {rank} ended with exit code {ended}",
        hint=f"see {log} and {folder}/nemo*.log",
    )


def _hanging(folder: Path, failed: list[Failure], *, world: int, limit_s: float) -> Iterator[Problem]:
    """Yield what is known of processes that could not say themselves that they hang."""
    silent = sorted({*range(world)} - {failure.rank for failure in failed})
    stuck = [rank for rank in silent if (path := stacks_of(folder, rank)).exists() and path.stat().st_size]
    for rank in stuck:
        yield hanging(folder, f"process {rank} stood still inside a library", limit_s=limit_s)
    if any(problem.code == HANGS for failure in failed for problem in failure.problems):
        for rank in {*silent} - {*stuck}:
            found = f"process {rank} did not answer: it was stopped, or hangs in the system"
            yield hanging(folder, found, limit_s=limit_s)


def _fail_killed(rank: int, number: int, log: Path) -> NoReturn:
    is_kill = number == signal.SIGKILL
    fail(
        "CR604",
        f"process {rank} of the training was killed",
        found=f"{signal.Signals(number).name} (signal {number})",
        hint=f"{'the system does that when memory runs out: see its log (dmesg)' if is_kill else f'see {log}'}; the other "
        "processes were stopped, and the same command goes on from the newest checkpoint",
    )


def _fail_unexpected(failure: Failure, folder: Path) -> NoReturn:
    fail(
        "CR604",
        f"process {failure.rank} of the training failed",
        found=failure.trace.strip().splitlines()[-1],
        hint=f"the traceback is in {folder}/failures/rank-{failure.rank}.json",
    )


def _ended_first(log: Path) -> tuple[int | None, int | None]:
    """Return what torchrun says of the process that ended first: its rank and exit code."""
    text = log.read_text()
    root = text[text.rfind("Root Cause") :] if "Root Cause" in text else text
    rank, ended = re.search(r"rank\s*:\s*(\d+)", root), re.search(r"exitcode\s*:\s*(-?\d+)", root)
    return (int(rank[1]) if rank else None, int(ended[1]) if ended else None)
