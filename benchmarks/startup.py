"""How fast the command line answers, against importing torch, in one run.

    python benchmarks/startup.py [--repeats 9] [--write]

Each round measures every command once, so that whatever else the machine does falls on all of them; the figures are
medians. `--write` keeps them in results/startup.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
RECIPES = sorted(str(path) for path in (ROOT / "recipes").glob("*.yaml"))
PROGRAM = [sys.executable, "-m", "cosmos_recipes"]
COMMANDS = {
    "import torch": [sys.executable, "-c", "import torch"],
    "--help": [*PROGRAM, "--help"],
    "ls tasks": [*PROGRAM, "ls", "tasks"],
    "check recipes/*.yaml": [*PROGRAM, "check", *RECIPES],
    "completion": ["cosmos-recipe"],
}
COMPLETED = {
    "COMP_WORDS": "cosmos-recipe run arm-actions --profile ",
    "COMP_CWORD": "4",
    "_COSMOS_RECIPE_COMPLETE": "complete_bash",
}
"""What bash asks when the name of a profile is to be completed; only the command of that name reads it."""
LIMITS_S = {"--help": 0.35, "completion": 0.3, "ls tasks": 1.0, "check recipes/*.yaml": 1.5}


def seconds(command: list[str]) -> float:
    """Wall time of a command that ends well."""
    asked = COMPLETED if command == COMMANDS["completion"] else {}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    began_s = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PATH": path, **asked})
    return time.perf_counter() - began_s


def measure(repeats: int) -> dict[str, float]:
    """Median wall time of every command; a first round that fills the caches does not count."""
    rounds = [{name: seconds(command) for name, command in COMMANDS.items()} for _ in range(repeats + 1)][1:]
    return {name: round(median(times[name] for times in rounds), 3) for name in COMMANDS}


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}


def main() -> int:
    """Measure, print and write the figures; 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    found = measure(given.repeats)
    torch_s = found["import torch"]
    for name, took_s in found.items():
        limit = f"   limit {LIMITS_S[name]:.2f} s" if name in LIMITS_S else ""
        print(f"{name:<22} {took_s:6.3f} s   {took_s / torch_s:5.2f} of importing torch{limit}")
    if given.write:
        document = {"machine": machine(), "recipes": len(RECIPES), "repeats": given.repeats, "seconds": found}
        (Path(__file__).parent / "results" / "startup.json").write_text(json.dumps(document, indent=2) + "\n")
    return int(any(found[name] > limit_s for name, limit_s in LIMITS_S.items()))


if __name__ == "__main__":
    sys.exit(main())
