"""A model that is told actions is measured on other data with the numbers that it was trained to see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cosmos_recipes.data.synthesize import SynthesisSpec, synthesize
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.run.evaluation import EvaluationRequest, evaluate_again
from cosmos_recipes.run.progress import Silent
from tests.run.sampling.models import MadeModel, make_model
from tests.stored_texts import assert_stored

OTHER = """\
dataset: other-arm
schema: action-frame
source: {{kind: world, world: factory, episodes: 2, held_out: 2, frames: 30, rate: 5 Hz, size: 64x64, codec: vp9, seed: 0}}
columns:
  action: {{from: action, names: [dx, dy, grip], unit: [cm, cm, '1'], form: [delta, delta, absolute]}}
{more}
"""
ELSEWHERE = (
    "{count: 2, mean: [9, 9, 9], std: [1, 1, 1], min: [8, 8, 8], max: [10, 10, 10], q01: [8, 8, 8], q99: [10, 10, 10]}"
)


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> MadeModel:
    return make_model(tmp_path_factory.mktemp("arm"), "action")


def measured(arm: MadeModel, folder: Path, **asked: Any) -> Any:
    request = EvaluationRequest(model=str(arm.run), runs=arm.runs, output=folder / "measured", **asked)
    return evaluate_again(request, Silent())


def test_numbers_are_normalised_as_the_model_was_trained_to_see_them(arm: MadeModel, tmp_path: Path) -> None:
    """The same clips under another name, with statistics that would make other numbers of the same moves."""
    own = measured(arm, tmp_path)
    other = tmp_path / "other.yaml"
    said = f"normalise: {{action: quantile}}\nstatistics: {{action: {ELSEWHERE}}}"
    other.write_text(OTHER.format(more=said))
    found = measured(arm, tmp_path, dataset=str(other))
    assert found.metrics == own.metrics
    assert found.notes == ("numbers are normalised as those of factory-small",)
    assert own.notes == ()


def test_other_actions_than_the_model_takes_are_refused(arm: MadeModel, tmp_path: Path) -> None:
    """A model takes the numbers of a row by their place alone."""
    spec = SynthesisSpec(recordings=2, frames=30, rate_hz=5.0, height_px=64, width_px=64)
    other = synthesize("action-frame", tmp_path / "made-up", spec, lambda *_: None)
    table = pq.read_table(other.with_name("recordings.parquet"))
    wider = [[[*step, 0.0] for step in recording] for recording in table["action"].to_pylist()]
    place = table.schema.get_field_index("action")
    pq.write_table(table.set_column(place, "action", pa.array(wider)), other.with_name("recordings.parquet"))
    with pytest.raises(RecipeError, match="CR247") as raised:
        measured(arm, tmp_path, dataset=str(other))
    shown = render(raised.value.problems).replace(str(tmp_path), "HERE")
    assert_stored(Path(__file__).parent / "texts" / "evaluate-other-actions.txt", shown + "\n")


def test_actions_that_mean_something_else_are_refused(arm: MadeModel, tmp_path: Path) -> None:
    """As many numbers, but the last is a change and not what is reached."""
    other = tmp_path / "other.yaml"
    other.write_text(OTHER.format(more="").replace("absolute", "delta"))
    with pytest.raises(RecipeError, match="CR247") as raised:
        measured(arm, tmp_path, dataset=str(other))
    assert "other meanings of `action`" in raised.value.problems[0].message
