"""The Croissant document of an open data set: every recording is looked into, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.diagnostics import RecipeError

if TYPE_CHECKING:
    from cosmos_recipes.data.croissant import Published
    from cosmos_recipes.data.index.look import Looked
    from cosmos_recipes.run.dataset import OpenDataset
    from cosmos_recipes.run.progress import Progress

ONE_CLIP = 2**31
"""A stride with which a recording has one clip."""


def describe_as_croissant(
    opened: OpenDataset, *, folder: Path, published: Published, progress: Progress
) -> dict[str, Any]:
    """Return the document of a data set for a file in `folder`; recordings that cannot be used are not in it.

    Raises:
        RecipeError: no recording can be used; the problems of all of them.
    """
    from cosmos_recipes.data.croissant import croissant
    from cosmos_recipes.data.index.splits import declared_split, final_splits

    looked = _looked(opened, progress)
    usable = [each for each in looked if each.stage == "aligned"]
    if not usable:
        raise RecipeError(*(problem for each in looked for problem in each.problems))
    rules = opened.dataset.file.splits
    names = [each.recording.name for each in usable]
    splits = final_splits(names, [declared_split(each.recording, rules) for each in usable], rules)
    return croissant(opened.dataset, usable, splits, folder=folder.absolute(), published=published)


def _looked(opened: OpenDataset, progress: Progress) -> Sequence[Looked]:
    from cosmos_recipes.data.index.look import look_into

    clip = replace(opened.clip, stride=ONE_CLIP)
    found = []
    for recording in opened.recordings:
        found.append(look_into(recording, opened.binding, clip))
        progress("reading the videos", len(found), len(opened.recordings))
    return found
