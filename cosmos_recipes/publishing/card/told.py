"""What a run says of itself besides its plan: its figures, what its data came to, its lock, and the files of its package."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

from cosmos_recipes.backbones.headers import read_header
from cosmos_recipes.backbones.tokenizers import is_elsewhere
from cosmos_recipes.data.seen import SeenData, read_seen
from cosmos_recipes.publishing.files import walk


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the card is made from, with the plan.

    `metrics` and `clips` are those of metrics.json and clips.json; `recipe` is the text of recipe.yaml and `lock` the content
    of recipe.lock. `prepared` counts recordings and clips, and `data_fingerprint` names what they were made from; a run
    that does not say them has none. `peak_gpu_bytes` are the most that training took on a GPU, where there was
    one. `head_numbers` are those of the head's own weights, and the
    tokenizer is elsewhere where the package has no weights of it.
    """

    run_id: str
    metrics: Mapping[str, Any]
    files: Sequence[str] = ()
    clips: Mapping[str, Any] = field(default_factory=dict)
    recipe: str = ""
    lock: Mapping[str, Any] = field(default_factory=dict)
    seen: SeenData | None = None
    prepared: Mapping[str, Any] = field(default_factory=dict)
    data_fingerprint: str | None = None
    peak_gpu_bytes: int | None = None
    head_numbers: int = 0
    is_tokenizer_elsewhere: bool = False

    @classmethod
    def read(cls, package: Path, run: Path) -> Told:
        """Return what the files of a package say that has no card yet, and what lies beside them in the run's folder."""
        prepare = run / "prepare"
        return cls(
            run_id=run.resolve().name,
            metrics=_json(package / "metrics.json"),
            files=[path for path, _ in walk(package)],
            clips=_json(package / "clips.json"),
            recipe=(package / "recipe.yaml").read_text(encoding="utf-8"),
            lock=_yaml(package / "recipe.lock"),
            seen=read_seen(package),
            prepared=_json(run / "prepare.json"),
            data_fingerprint=Path(os.readlink(prepare)).name if prepare.is_symlink() else None,
            peak_gpu_bytes=_json(run / "train" / "result.json").get("peak_gpu_bytes"),
            is_tokenizer_elsewhere=is_elsewhere(package / "tokenizer"),
            head_numbers=_numbers(package / "head" / "model.safetensors"),
        )


def _json(path: Path) -> Mapping[str, Any]:
    read: Any = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return read if isinstance(read, Mapping) else {}


def _yaml(path: Path) -> Mapping[str, Any]:
    from ruamel.yaml import YAML

    read = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return read if isinstance(read, Mapping) else {}


def _numbers(path: Path) -> int:
    try:
        return sum(prod(tensor.shape) for tensor in read_header(path).values())
    except ValueError:
        # The package is looked through before it is anybody's.
        return 0
