"""`python -m cosmos_recipes.launch.torchrun ARGUMENTS`: torchrun, which ends when the process that started it is gone."""

from __future__ import annotations

import runpy

from cosmos_recipes.training.failures import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    runpy.run_module("torch.distributed.run", run_name="__main__", alter_sys=True)
