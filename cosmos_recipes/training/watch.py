"""Watches that steps are finished; where none is for too long, every process says what it waits for, and ends."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from cosmos_recipes.diagnostics import Place, Problem
from cosmos_recipes.training.failures import failures, write_failure

Alarm = Callable[[Problem], None]
HANGS = "CR610"
OTHERS_S = 10.0
"""Seconds that a process waits for the others to say what they wait for, before it ends and with it all."""
STUCK_S = 5.0
"""Seconds after which a process is ended from outside Python, because Python itself stands still."""
EXIT_CODE = 4
COLLECTIVES = "distributed_c10d.py"
WORK_OF = {"batches.py": ("batches of", "data"), "checkpoints.py": ("checkpoint of", "the disk")}
"""By the file that waits for it: how a thread that works for the steps is called, and what it waits for itself."""
PACKAGE = Path(__file__).parents[1]


class Watch:
    """A thread of one process, `rank` of `world`, that ends it when no step was finished in `limit_s` seconds.

    The stacks of all threads are then in `stacks-RANK.txt` of the folder, and what the process waited for is in
    `rank-RANK.json` and told to `say`. The file is there from the beginning: the interpreter's own watchdog, which works
    where a library holds Python's lock, needs it open.
    """

    def __init__(self, folder: Path, *, rank: int, world: int, limit_s: float, say: Alarm) -> None:
        self.folder, self.rank, self.world, self.limit_s, self.say = folder, rank, world, limit_s, say
        self._watched, self._last_s, self._is_over = threading.get_ident(), time.monotonic(), threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Watch the thread that calls this, from now."""
        self._watched, self._last_s = threading.get_ident(), time.monotonic()
        self.folder.mkdir(parents=True, exist_ok=True)
        stacks = stacks_of(self.folder, self.rank).open("w", encoding="utf-8")
        faulthandler.dump_traceback_later(self.limit_s + STUCK_S, exit=True, file=stacks)
        self._thread = threading.Thread(target=self._watch, args=(stacks,), name="watch", daemon=True)
        self._thread.start()

    def beat(self) -> None:
        """Say that a step was finished."""
        self._last_s = time.monotonic()

    def stop(self) -> None:
        """Watch no longer."""
        self._is_over.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self, stacks: TextIO) -> None:
        with stacks:
            while not self._is_over.wait(min(1.0, self.limit_s / 10)):
                left_s = self._last_s + self.limit_s - time.monotonic()
                if left_s <= 0:
                    self._end(stacks)
                faulthandler.dump_traceback_later(left_s + STUCK_S, exit=True, file=stacks)
            faulthandler.cancel_dump_traceback_later()
        stacks_of(self.folder, self.rank).unlink()

    def _end(self, stacks: TextIO) -> NoReturn:
        # The disk may be what hangs.
        faulthandler.dump_traceback_later(OTHERS_S + STUCK_S, exit=True, file=stacks)
        faulthandler.dump_traceback(file=stacks, all_threads=True)
        problem = hanging(self.folder, f"process {self.rank} waited for {self._wait()}", limit_s=self.limit_s)
        write_failure(self.folder, self.rank, problems=[problem])
        self.say(problem)
        end_s = time.monotonic() + OTHERS_S
        while len(failures(self.folder)) < self.world and time.monotonic() < end_s:
            time.sleep(0.1)
        os._exit(EXIT_CODE)

    def _wait(self) -> str:
        """Return what the watched thread waits for, and where in the code."""
        frames = sys._current_frames()
        stack = list(_upwards(frames[self._watched]))
        files = {_file(frame).name for frame in stack if PACKAGE in _file(frame).parents}
        for file, (thread, what) in WORK_OF.items():
            helper = next((each for each in threading.enumerate() if each.name.startswith(thread)), None)
            if file in files and helper and helper.ident in frames:
                return _of_helper(what, helper.name, list(_upwards(frames[helper.ident])))
        return ("another process" if self.world > 1 else "its own work") + _at(stack[0])


def _of_helper(what: str, name: str, stack: list[FrameType]) -> str:
    is_told = any(_file(frame).name == COLLECTIVES for frame in stack)
    # How a library waits says little.
    ours = next((frame for frame in stack if PACKAGE in _file(frame).parents), stack[0])
    return f"{'another process' if is_told else what}, the {name}{_at(ours)}"


def hanging(folder: Path, found: str, *, limit_s: float) -> Problem:
    """Return the problem that training hangs; `folder` holds the stacks."""
    return Problem(
        code=HANGS,
        message="training hangs: no step was finished for too long",
        place=Place(file=str(folder)),
        expected=f"a step in less than {limit_s:g} s (hardware.stall_s)",
        found=found,
        hint="stacks-RANK.txt there says what every thread was doing; mend what did not answer, or raise "
        "hardware.stall_s if a step may take so long; the same command goes on from the newest checkpoint",
    )


def stacks_of(folder: Path, rank: int) -> Path:
    """Return the file for the stacks of a process's threads."""
    return folder / f"stacks-{rank}.txt"


def _upwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _file(frame: FrameType) -> Path:
    return Path(frame.f_code.co_filename)


def _at(frame: FrameType) -> str:
    return f", in `{frame.f_code.co_name}` ({_file(frame).name}:{frame.f_lineno})"
