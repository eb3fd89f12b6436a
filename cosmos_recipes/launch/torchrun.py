"""`python -m cosmos_recipes.launch.torchrun ARGUMENTS`: torchrun, which ends when what started it for a run is gone.

Its exit code is 75 where it, or a process of its, was told to stop by SIGTERM.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

from torch.distributed.elastic.multiprocessing import SignalException, api
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main

from cosmos_recipes.training.failures import end_with_parent
from cosmos_recipes.training.stopping import STOPPED, exit_code

_stop_workers = api._terminate_process_handler


def _stop_once(signum: int, frame: FrameType | None) -> None:
    """Stop the workers at the first signal.

    A scheduler signals this process and the one that started it, which signals it again: torchrun would take that for a
    reason to leave the workers, which are saving.
    """
    signal.signal(signum, signal.SIG_IGN)
    _stop_workers(signum, frame)


def run() -> None:
    """Run torchrun to its end."""
    api._terminate_process_handler = _stop_once
    try:
        main()
    except SignalException as stopped:
        sys.exit(exit_code(stopped.sigval))
    except ChildFailedError as failed:
        sys.stderr.write(f"{failed}\n")
        _, first = failed.get_first_failure()
        sys.exit(STOPPED if first.exitcode == STOPPED else 1)


if __name__ == "__main__":
    # Whoever started `launch.sh` by hand may log out.
    if os.environ.get("COSMOS_RECIPES_PROGRESS") == "json":
        end_with_parent()
    run()
