"""`python -m cosmos_recipes.training --config-path RUN --config-name nemo`: one process of a training.

Under torchrun it is one of many. The configuration is NeMo's; its `model` block says which plan to train
(`plan`, a file), in which run folder (`run`) and on which prepared folder (`prepared`); relative paths and the
defaults (`plan.yaml`, `.`, `prepare`) are relative to the configuration's folder.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from omegaconf import DictConfig

from cosmos_recipes.compiler.compile import read_plan
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.diagnostics.terminal import guard
from cosmos_recipes.training.failures import end_with_parent, reported
from cosmos_recipes.training.fit import console_log, train
from cosmos_recipes.training.progress import Line, Progress, Quiet
from cosmos_recipes.training.stopping import exit_code


def main() -> None:
    """Train; exits with 4 where training failed, 130 where Ctrl-C ended it and 75 where SIGTERM did."""
    guard()
    if "TORCHELASTIC_RUN_ID" in os.environ:
        end_with_parent()
    signal.signal(signal.SIGTERM, _terminate)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = _config_folder()
    with Quiet(console_log(folder, _rank())):
        from nemo.core.config import hydra_runner

    def task(config: DictConfig) -> None:
        _train(config, folder)

    hydra_runner()(task)()


def _train(config: DictConfig, folder: Path) -> None:
    asked = config.get("model") or {}
    run = (folder / asked.get("run", ".")).resolve()
    prepared = (folder / asked.get("prepared", "prepare")).resolve()
    try:
        with reported(run / "train" / "failures", _rank()):
            plan = read_plan(folder / asked.get("plan", "plan.yaml"))
            train(plan, run, prepared, progress=_progress(), config=config)
    except RecipeError as error:
        if _rank() == 0:
            sys.stderr.write(render(error.problems, "text") + "\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _progress() -> Progress | None:
    if _rank() != 0:
        return None
    if os.environ.get("COSMOS_RECIPES_PROGRESS") == "json":
        return _as_json
    return Line()


def _as_json(what: str, done: int, total: int) -> None:
    sys.stdout.write(json.dumps([what, done, total]) + "\n")
    sys.stdout.flush()


def _config_folder() -> Path:
    """Return the folder of the configuration; tell hydra where it is, absolutely, and not to leave this folder."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config-path", "-cp", default=".")
    given, rest = parser.parse_known_args()
    folder = Path(given.config_path).resolve()
    sys.argv[1:] = ["--config-path", str(folder), *rest, "hydra.job.chdir=false"]
    return folder


def _rank() -> int:
    return int(os.environ.get("RANK", "0"))


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(exit_code(number))


if __name__ == "__main__":
    main()
