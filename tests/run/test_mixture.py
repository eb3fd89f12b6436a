"""If this fails, a recipe of several data sets does not run, or trains on other shares than it says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow.parquet as pq

from tests.small_runs import STEPS, command, finish

OWN = """dataset: {name}
schema: instruction-video
source: {{kind: world, world: {world}, episodes: {count}, held_out: 2, frames: 25, size: 32x32}}
"""


def test_two_data_sets_are_trained_on_three_to_one(tmp_path: Path) -> None:
    for name, world, count in (("large", "factory", 6), ("small", "workshop", 3)):
        (tmp_path / f"{name}.yaml").write_text(OWN.format(name=name, world=world, count=count))
    (tmp_path / "both.yaml").write_text(
        "dataset: both\nschema: instruction-video\nmix: {./large.yaml: 1, ./small.yaml: 3}\n"
    )
    told = finish(command("factory", tmp_path / "runs", dataset__use=tmp_path / "both.yaml"))
    assert "13 recordings" in told
    (samples,) = tmp_path.glob("runs/factory/*/train/samples.parquet")
    rows = pq.read_table(samples).to_pylist()
    assert Counter(row["part"] for row in rows) == {0: STEPS // 2, 1: 3 * STEPS // 2}
    assert {row["recording"].partition("/")[0] for row in rows if row["part"] == 1} == {"small"}
