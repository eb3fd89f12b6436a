"""Measuring two versions of this package in turn, each in processes of its own, so that the machine's load falls on both."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any


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
