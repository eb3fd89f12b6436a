"""Kill a small run at many random moments, each time go on with the same command, and compare the final weights.

By hand: python tests/run/kill_many.py --kills 20
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.small_runs import command, finish, only_run, start, weights_hash

RECIPE = Path(__file__).parents[2] / "recipes" / "factory.yaml"


def whole_run(runs: Path) -> str:
    finish(command(RECIPE, runs))
    return weights_hash(only_run(runs, RECIPE.stem) / "train" / "model")


def killed_run(runs: Path, after_s: float) -> bool:
    """Start a run and kill it; return whether it was still at work."""
    process = start(command(RECIPE, runs))
    time.sleep(after_s)
    was_at_work = process.poll() is None
    process.kill()
    process.communicate()
    return was_at_work


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chance, kills, differing = random.Random(given.seed), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.monotonic()
        undisturbed = whole_run(Path(folder) / "undisturbed")
        length_s = time.monotonic() - began_s
        sys.stdout.write(f"undisturbed: {length_s:.1f} s, weights {undisturbed[:16]}\n")
        while kills < given.kills:
            runs, after_s = Path(folder) / "runs", chance.uniform(0, length_s)
            if not killed_run(runs, after_s):
                # The machine has become faster since: draw from a shorter time.
                length_s = after_s
                shutil.rmtree(runs)
                continue
            kills += 1
            found = whole_run(runs)
            differing += found != undisturbed
            sys.stdout.write(
                f"kill {kills} after {after_s:.1f} s: weights {found[:16]}{'' if found == undisturbed else ' DIFFER'}\n"
            )
            sys.stdout.flush()
            shutil.rmtree(runs)
    sys.stdout.write(f"{kills} kills, {differing} with other weights\n")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
