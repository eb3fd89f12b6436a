"""`python -m cosmos_recipes.launch.torchrun ARGUMENTS`: torchrun, which ends when the process that started it is gone."""

from __future__ import annotations

import runpy
import signal
from types import FrameType

from torch.distributed.elastic.multiprocessing import api

from cosmos_recipes.training.failures import end_with_parent

_stop_workers = api._terminate_process_handler


def _stop_once(number: int, frame: FrameType | None) -> None:
    """Stop the workers at the first signal.

    A scheduler signals this process and the one that started it, which signals it again: torchrun would take that for a
    reason to leave the workers, which are saving.
    """
    signal.signal(number, signal.SIG_IGN)
    _stop_workers(number, frame)


if __name__ == "__main__":
    end_with_parent()
    api._terminate_process_handler = _stop_once
    runpy.run_module("torch.distributed.run", run_name="__main__", alter_sys=True)
