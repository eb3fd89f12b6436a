"""What a model must know of the data that it was trained on, to be controlled without that data: `data.json` of a package."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cosmos_recipes.data.index import ClipIndex
from cosmos_recipes.data.statistics import FILE as NORMALISATION
from cosmos_recipes.data.statistics import Normaliser, normalisers
from cosmos_recipes.files import write_json
from cosmos_recipes.recipe.json_object import read_json_object, refuse

FILE = "data.json"
INTRINSICS = 4


@dataclass(frozen=True, kw_only=True)
class SeenData:
    """What normalises the columns of each data set, and the intrinsics of the first clip's first frame.

    Intrinsics are ([V,] 4), as the contract has them; None where it has none.
    """

    normalisers: list[dict[str, Normaliser]] = field(default_factory=list)
    intrinsics: list[Any] | None = None


def write_seen(model: Path, prepared: Path) -> None:
    """Write into a model's folder what its prepared data says."""
    kept = prepared / NORMALISATION
    normalise = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else []
    write_json(model / FILE, {"normalise": normalise, "intrinsics": _first_intrinsics(ClipIndex(prepared))})


def read_seen(model: Path) -> SeenData | None:
    """Return what `write_seen` wrote; None for a model from before it was kept."""
    if not (model / FILE).exists():
        return None
    said = read_json_object(model / FILE)
    try:
        return SeenData(normalisers=normalisers(said["normalise"]), intrinsics=_intrinsics(said["intrinsics"]))
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        refuse(model / FILE, f"{type(error).__name__}: {error}".splitlines()[0])


def _intrinsics(said: Any) -> list[Any] | None:
    """Return intrinsics as they were written; raises ValueError for what are none."""
    if said is None:
        return None
    read = np.asarray(said, np.float64)
    if read.shape[-1:] != (INTRINSICS,) or read.ndim > 2:
        raise ValueError("intrinsics that are not four numbers for each view")
    return list(read.tolist())


def _first_intrinsics(index: ClipIndex) -> list[Any] | None:
    train = index.ids("train")
    if "intrinsics" not in index.columns or not len(train):
        return None
    first: list[Any] = index.row(train[0])["intrinsics"][..., 0, :].tolist()
    return first
