"""Commands as processes of their own, with limits of time and memory, forked from one that has imported the program."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch

from cosmos_recipes.cli.main import main

SLOWEST_S = 20
MOST_BYTES = 500_000_000
_KILOBYTE = 1024
_IMPORTED = (
    "cosmos_recipes.compiler.compile", "cosmos_recipes.data.checks", "cosmos_recipes.data.decode.pyav", "cosmos_recipes.evaluation.evaluate",
    "cosmos_recipes.gallery.build", "cosmos_recipes.run.croissant", "cosmos_recipes.run.dataset", "cosmos_recipes.run.difference",
    "cosmos_recipes.run.evaluation", "cosmos_recipes.run.preview", "cosmos_recipes.run.publish", "cosmos_recipes.run.run", "cosmos_recipes.run.sample",
    "cosmos_recipes.run.sampling.rollout", "cosmos_recipes.training.world_model", "huggingface_hub.file_download", "pyarrow.dataset", "pyarrow.parquet",
)  # fmt: skip
"""What commands import when they begin, and none of them has to here."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a command ended: its exit code, or minus the signal that ended it, and all that it wrote."""

    arguments: tuple[str, ...]
    code: int
    output: bytes
    seconds: float
    grown_bytes: int
    """The most memory it had at a time, without what it inherited from whoever forked it."""

    @property
    def text(self) -> str:
        """The output as text."""
        return self.output.decode("utf-8", errors="backslashreplace")


def command(arguments: Sequence[str], *, folder: Path, environment: dict[str, str] | None = None) -> Outcome:
    """Run `cosmos-recipe ARGUMENTS` in a folder."""

    def body() -> None:
        sys.argv = ["cosmos-recipe", *arguments]
        main()

    return limited(body, tuple(arguments), folder=folder, environment=environment or {})


def limited(body: Callable[[], None], name: tuple[str, ...], *, folder: Path, environment: dict[str, str]) -> Outcome:
    """Run a function in a process of its own, as a program whose end is that of the function."""
    for each in _IMPORTED:
        import_module(each)
    output = folder.parent / f"{folder.name}.output"
    began_s, inherited_bytes = time.monotonic(), _memory_bytes("RssAnon")
    child = os.fork()
    if child == 0:
        _become(body, folder, output, environment)
    code, peak_bytes = _wait(child, began_s)
    seconds = time.monotonic() - began_s
    grown_bytes = peak_bytes - inherited_bytes
    return Outcome(arguments=name, code=code, output=output.read_bytes(), seconds=seconds, grown_bytes=grown_bytes)


def _memory_bytes(kind: str) -> int:
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[kind].removesuffix("kB")) * _KILOBYTE


def _wait(child: int, began_s: float) -> tuple[int, int]:
    while True:
        done, status, used = os.wait4(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), used.ru_maxrss * _KILOBYTE
        if time.monotonic() - began_s > SLOWEST_S:
            os.kill(child, signal.SIGKILL)
            began_s = float("inf")
        time.sleep(0.005)


def _become(body: Callable[[], None], folder: Path, output: Path, environment: dict[str, str]) -> None:
    code = 1
    try:
        os.chdir(folder)
        os.environ.update(environment)
        _redirect(output)
        limit_bytes = _memory_bytes("VmSize") + 4 * MOST_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # The threads of whoever forked are not here.
        torch.set_num_threads(1)
        body()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        if (error := sys.exception()) is not None:
            sys.excepthook(type(error), error, error.__traceback__)
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _redirect(output: Path) -> None:
    """Let standard output and error lead to a file, and nothing come from standard input."""
    to, nothing = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), os.open(os.devnull, os.O_RDONLY)
    for source, number in ((nothing, 0), (to, 1), (to, 2)):
        os.dup2(source, number)
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False) for number, mode in ((0, "r"), (1, "w"), (2, "w"))
    )
