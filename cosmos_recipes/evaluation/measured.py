"""metrics.json read again: also that of a stranger's package, of which nothing is believed but figures of the right form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

_LARGEST_BYTES = 1_000_000


class _Mean(BaseModel):
    value: float | None
    low: float | None
    high: float | None


class _Figure(BaseModel):
    unit: str
    p_shuffled: float | None
    floor: _Mean | None = None
    true: _Mean | None = None
    shuffled: _Mean | None = None
    none: _Mean | None = None


class _Metrics(BaseModel):
    """The figures that are shown; others may be there."""

    model_config = ConfigDict(extra="allow", strict=True)

    psnr_db: float | None
    psnr_copy_db: float | None
    ssim: float | None
    ssim_copy: float | None
    psnr_moving_db: float | None
    psnr_moving_copy_db: float | None
    adherence: float | None
    adherence_low: float | None
    adherence_high: float | None
    steps: int
    train_seconds: float
    clips: int
    task: dict[str, _Figure]


def read_metrics(file: Path) -> dict[str, Any]:
    """Return what `write_metrics` wrote; nothing where there is no such file, or one of another form."""
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            return {}
        found = json.loads(file.read_text(encoding="utf-8"))
        _Metrics.model_validate(found)
    except (OSError, ValueError, RecursionError, ValidationError):
        return {}
    return dict(found)
