"""Whether the checkpoints that a recipe wants to keep can be told apart."""

from __future__ import annotations

from collections.abc import Iterator

from cosmos_recipes.compiler.shape import nearest_multiple
from cosmos_recipes.diagnostics import Problem
from cosmos_recipes.recipe.load import LoadedRecipe


def check_best(loaded: LoadedRecipe) -> Iterator[Problem]:
    """Yield what is wrong with `keep_best` (CR343): the best are known where the held-out loss is measured, nowhere else."""
    train, every = loaded.recipe.train, loaded.recipe.evaluate.every
    if train.keep_best and not every:
        yield Problem(
            code="CR343",
            message="the best checkpoints cannot be kept: the held-out loss is not measured",
            place=loaded.place_of("train.keep_best"),
            expected="`evaluate.every:` the steps between two measurements",
            found="evaluate.every: 0",
            hint="set evaluate.every, or remove keep_best",
        )
    elif train.keep_best and train.checkpoint_every and train.checkpoint_every % every:
        yield Problem(
            code="CR343",
            message="checkpoints are made at other steps than those whose held-out loss is measured",
            place=loaded.place_of("train.checkpoint_every"),
            expected=f"a multiple of {every} (evaluate.every)",
            found=str(train.checkpoint_every),
            hint=f"use {nearest_multiple(train.checkpoint_every, every)}, or leave checkpoint_every out",
        )
