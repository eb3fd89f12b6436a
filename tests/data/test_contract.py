"""If these fail, rows that break their contract reach training, or a contract cannot be written without code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cosmos_recipes.data.contract import Schema, breaches, load_schema
from cosmos_recipes.diagnostics import RecipeError

ARM = """
schema: arm
summary: A camera on an arm, its actions and its pose.
columns:
  video: {kind: video, summary: What it sees.}
  action: {kind: tensor, dtype: float32, shape: [T, 7], unit: m, rules: [finite], summary: What it does.}
  time: {kind: tensor, dtype: float64, shape: [T], unit: s, rules: [monotone], summary: When.}
  turn: {kind: tensor, shape: [T, 3, 3], rules: [rotation], required: false, summary: How.}
  quaternion: {kind: tensor, shape: [4], rules: [unit-norm], required: false, summary: How as well.}
  label: {kind: text, rules: [not-empty], required: false, summary: What it is.}
"""


@pytest.fixture
def arm(tmp_path: Path) -> Schema:
    (tmp_path / "arm.yaml").write_text(ARM)
    return load_schema(str(tmp_path / "arm.yaml"))


def row(**changes: Any) -> dict[str, Any]:
    good = {
        "video": Path("a.mp4"),
        "action": np.zeros((5, 7), np.float32),
        "time": np.arange(5) / 10,
        "turn": np.broadcast_to(np.eye(3), (5, 3, 3)),
        "quaternion": [0.0, 0.6, 0.0, 0.8],
        "label": "arm",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def test_a_row_that_keeps_its_contract_passes(arm: Schema) -> None:
    assert not list(breaches(arm, row()))
    assert not list(breaches(arm, row(turn=None, quaternion=None, label=None)))


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"action": None}, "`action` is missing"),
        ({"action": np.zeros((5, 6), np.float32)}, "`action` has 6 of 7, where the contract has 7"),
        ({"action": np.zeros(7, np.float32)}, "`action` has the shape (7), not (T, 7)"),
        ({"action": np.full((5, 7), np.nan, np.float32)}, "`action` breaks the rule finite"),
        ({"action": np.full((5, 7), "x")}, "`action` holds <U1, not float32"),
        ({"time": np.arange(4) / 10}, "`time` has 4 of T, where `action` has 5"),
        ({"time": np.zeros(5)}, "`time` breaks the rule monotone"),
        ({"turn": np.broadcast_to(np.diag([1.0, 1.0, -1.0]), (5, 3, 3))}, "`turn` breaks the rule rotation"),
        ({"quaternion": [0.0, 0.6, 0.0, 0.7]}, "`quaternion` breaks the rule unit-norm"),
        ({"label": " "}, "`label` is empty"),
        ({"label": 3}, "`label` is not a text"),
    ],
)
def test_every_breach_is_told(arm: Schema, changes: dict[str, Any], wrong: str) -> None:
    assert list(breaches(arm, row(**changes))) == [wrong]


def test_a_contract_that_is_wrong_is_refused_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "arm.yaml"
    path.write_text(ARM.replace("kind: video", "kind: vidoe"))
    with pytest.raises(RecipeError) as refused:
        load_schema(str(path))
    assert refused.value.problems[0].place
    assert refused.value.problems[0].place.line == 5


def test_the_shipped_contract_asks_for_a_video_alone() -> None:
    schema = load_schema("instruction-video")
    assert list(breaches(schema, {"caption": "x"})) == ["`video` is missing"]
    assert not list(breaches(schema, {"video": Path("a.mp4")}))


@pytest.mark.parametrize(
    ("column", "told"),
    [
        ("{kind: video, shape: [H, W, 3]}", "[T, H, W, 3]"),
        ("{kind: video, rules: [finite]}", "the rule finite is not for a video"),
        ("{kind: text, unit: m}", "a text has no `unit`"),
        ("{kind: text, shape: [T]}", "a text has no `shape`"),
        ("{kind: tensor}", "a tensor has a shape"),
        ("{kind: scalar, shape: [3]}", "a scalar has none"),
        ("{kind: tensor, dtype: flaot32, shape: [3]}", "flaot32"),
        ("{kind: tensor, shape: [A, T]}", "a shape begins with T"),
        ("{kind: tensor, shape: [T, V, 4]}", "a shape begins with T"),
        ("{kind: tensor, shape: [T, 0]}", "an axis without a length"),
        ("{kind: tensor, shape: [S, 3, 3]}", "such as [S, A]"),
        ("{kind: tensor, shape: [T, A], at: clip}", "belongs to a frame, not to a clip"),
        ("{kind: tensor, shape: [4], convention: intrinsics}", "needs the shape (T, 4) or (V, T, 4)"),
        ("{kind: tensor, shape: [T, N, 3], convention: future-points}", "needs the shape (N, 3)"),
        ("{kind: tensor, shape: [3], range: [1, 0]}", "the least and then the greatest"),
        ("{kind: scalar, rules: [monotone]}", "the rule monotone cannot hold"),
        ("{kind: tensor, shape: [T], rules: [unit-norm]}", "the rule unit-norm cannot hold"),
        ("{kind: tensor, shape: [T, 3, 4], rules: [rotation]}", "the rule rotation cannot hold"),
        ("{kind: tensor, shape: [T, 3, 3], rules: [rigid]}", "the rule rigid cannot hold"),
    ],
)
def test_a_column_that_no_data_could_have_is_refused(tmp_path: Path, column: str, told: str) -> None:
    head = "schema: odd\nsummary: Odd.\ncolumns:\n  video: {kind: video, summary: What is seen.}\n"
    (tmp_path / "odd.yaml").write_text(f"{head}  odd: {column[:-1]}, summary: Odd.}}\n")
    with pytest.raises(RecipeError) as refused:
        load_schema(str(tmp_path / "odd.yaml"))
    (problem,) = refused.value.problems
    assert problem.place
    assert problem.place.line == 5
    assert told in f"{problem.message} {problem.expected} {problem.found}"


def test_a_whole_number_may_come_as_a_float_and_a_fraction_may_not() -> None:
    columns = {"video": {"kind": "video", "summary": "x"}, "gear": {"kind": "scalar", "dtype": "int32", "summary": "x"}}
    schema = Schema.model_validate({"schema": "car", "summary": "x", "columns": columns})
    good = {"video": Path("a.mp4"), "gear": np.float32(3)}
    assert not list(breaches(schema, good))
    assert list(breaches(schema, {**good, "gear": np.float32(3.5)})) == ["`gear` holds float32, not int32"]
