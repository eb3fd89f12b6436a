"""Measuring two versions of this package in turn, each in processes of its own, so that the machine's load falls on both."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Once = Callable[[int, int], dict[str, dict[str, float]]]
"""Takes the numbers of recordings and of rows of each; returns rates as {schema: {what: rate}}."""


def measured(
    script: str, about: str | None, once: Once, *, recordings: int, unit: str, judged: str, target: float
) -> int:
    """Measure, print and write the figures into results; 1 if a median of what is `judged` is below the target."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=recordings)
    parser.add_argument("--rows", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--against", type=Path)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    if given.once:
        print(json.dumps(once(given.recordings, given.rows)))
        return 0
    arguments = [f"--recordings={given.recordings}", f"--rows={given.rows}"]
    rates = spreads(rounds_of(script, arguments, rounds=given.rounds, against=given.against))
    print(told(rates))
    machine = {
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
    document = {
        "machine": machine,
        "recordings": given.recordings,
        "rows_each": given.rows,
        "rounds": given.rounds,
        f"target_{unit}": round(target),
        unit: rates,
    }
    if given.write:
        result = Path(script).parent / "results" / Path(script).with_suffix(".json").name
        result.write_text(json.dumps(document, indent=2) + "\n")
    return int(any(own[judged]["median"] < target for own in rates["ours"].values()))


def rounds_of(script: str, arguments: list[str], *, rounds: int, against: Path | None) -> dict[str, list[Any]]:
    """Return what `script --once` prints as JSON in each round: of this version, and of that in the folder `against`."""
    trees = {"ours": Path(__file__).parents[1], **({"against": against} if against else {})}
    found: dict[str, list[Any]] = {version: [] for version in trees}
    for _ in range(rounds):
        for version, tree in trees.items():
            environment = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
            command = [sys.executable, script, "--once", *arguments]
            done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            found[version].append(json.loads(done.stdout))
    return found


def spread(rates: list[float]) -> dict[str, int]:
    """Return the median, the least and the greatest of the rates, to three digits."""
    figures = {"median": statistics.median(rates), "least": min(rates), "most": max(rates)}
    return {name: round(float(f"{rate:.3g}")) for name, rate in figures.items()}


def spreads(found: dict[str, list[Any]]) -> dict[str, Any]:
    """Return the spread of every figure, which each round has as {schema: {what: rate}}, by version."""
    return {
        version: {
            schema: {what: spread([each[schema][what] for each in every]) for what in every[0][schema]}
            for schema in every[0]
        }
        for version, every in found.items()
    }


def told(rates: dict[str, Any]) -> str:
    """Return the spreads as lines to read, with how many times as fast ours is."""
    lines = []
    for schema, figures in rates["ours"].items():
        for what, own in figures.items():
            line = f"{schema:<14} {what:<14} {own['median']:>9,} ({own['least']:,} to {own['most']:,})"
            if "against" in rates:
                other = rates["against"][schema][what]
                line += f"   {own['median'] / other['median']:.1f} x {other['median']:,}"
            lines.append(line)
    return "\n".join(lines)
