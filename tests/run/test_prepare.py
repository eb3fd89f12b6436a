"""If these fail, data that was prepared once cannot be used again, though everything to make it is there."""

from __future__ import annotations

import shutil
from pathlib import Path

from cosmos_recipes.data.index import ClipIndex
from cosmos_recipes.run.opening import open_recipe
from cosmos_recipes.run.prepare import Preparation
from cosmos_recipes.run.progress import Silent

WORLD = "{schema: instruction-video, source: {kind: world, world: factory, episodes: 3, held_out: 2}}"


def test_small_videos_that_were_removed_are_made_again(tmp_path: Path) -> None:
    plan = open_recipe("factory", overrides=[f"dataset.use={WORLD}", "dataset.transcode=true"]).plan
    preparation = Preparation.of(plan, tmp_path)
    first = preparation.perform(Silent())
    assert preparation.perform(Silent()).outcome == "unchanged"
    shutil.rmtree(tmp_path / ".prepared" / "small")
    again = preparation.perform(Silent())
    assert again.record.made == first.record.made
    assert all(view.media.path.exists() for view in ClipIndex(preparation.folder).views(0).values())
