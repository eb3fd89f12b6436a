"""What a stage came to, in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cosmos_recipes.run.stages import Done


def outcome(stage: str, done: Done) -> str:
    """Return a line about a stage that is done; one that was skipped says so."""
    said = _WORDS[stage](done.record.summary)
    if done.outcome == "unchanged":
        return f"unchanged: {said}"
    if done.outcome == "repaired":
        return f"{said}; made again what was damaged: {', '.join(done.damaged[:3])}" + " …" * (len(done.damaged) > 3)
    return said


def _prepare(summary: Mapping[str, Any]) -> str:
    clips, left_out = summary["clips"], len(summary["left_out"])
    text = f"{summary['kept']} recordings, {clips['train']} clips to train on, {clips['held-out']} held out"
    return f"{text}; {left_out} recordings left out" if left_out else text


def _train(summary: Mapping[str, Any]) -> str:
    return f"{summary['steps']} steps, loss {summary['final_loss']:.4f}"


def _evaluate(metrics: Mapping[str, Any]) -> str:
    return f"PSNR {metrics['psnr_db']:.1f} dB, copying the last frame {metrics['psnr_copy_db']:.1f} dB"


def _package(summary: Mapping[str, Any]) -> str:
    return f"{summary['files']} files, {summary['size_bytes'] / 1e6:.1f} MB"


def _publish(summary: Mapping[str, Any]) -> str:
    return f"to {summary['repo']}"


_WORDS = {"prepare": _prepare, "train": _train, "evaluate": _evaluate, "package": _package, "publish": _publish}
