"""The log of a run: one JSON object a line, with the time; each step at most once, also after a resume."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cosmos_recipes.files import whole


class StepLog:
    """`log.jsonl`: lines with a `step` are ours, others are left alone."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def resume(self, step: int) -> None:
        """Drop the lines of steps after `step`, and a last line that was cut off."""
        if not self.path.exists():
            return
        kept = [line for line in self.path.read_text().splitlines() if _step(line) <= step]
        with whole(self.path) as part:
            part.write_text("".join(f"{line}\n" for line in kept))

    def append(self, line: dict[str, Any]) -> None:
        """Add a line, and when: ISO 8601 in UTC."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **line}) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """Return the lines of steps."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [line for line in map(json.loads, lines) if "step" in line]


def _step(line: str) -> float:
    """Return the step of a line: -1 where it has none, infinity where it is cut off."""
    try:
        value = json.loads(line)
    except ValueError:
        return float("inf")
    return float(value.get("step", -1))
