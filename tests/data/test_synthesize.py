"""Data of any contract can be made up, and what is made up keeps it: else tests of a new contract test nothing."""

from __future__ import annotations

import contextlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.dataset import load_dataset
from cosmos_recipes.data.index import ClipIndex, ClipSpec, IndexedSet, build_index
from cosmos_recipes.data.index.look import Looked, look_into
from cosmos_recipes.data.latents import ClipReader
from cosmos_recipes.data.synthesize import SynthesisSpec, synthesize
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.library import names

SMALL = SynthesisSpec(recordings=3, frames=9, height_px=32, width_px=48, codec="mjpeg")


def quiet(what: str, done: int, total: int) -> None:
    """Say nothing."""


def looked_at(file: Path, clip: ClipSpec) -> list[Looked]:
    bound = load_dataset(str(file.absolute()), relative_to=Path())
    return [
        look_into(each, Binding(bound.declaration), clip) for each in bound.source.recordings(file.parent / "x", quiet)
    ]


@pytest.mark.parametrize("name", sorted(names("schemas")))
def test_every_shipped_contract_gets_clips_with_all_its_columns(tmp_path: Path, name: str) -> None:
    file = synthesize(name, tmp_path / "made-up", SMALL, quiet)
    clip = ClipSpec(frames=4, rate_hz=2.5, height_px=24, width_px=24, stride=1)
    for looked in looked_at(file, clip):
        assert not looked.problems
        assert len(looked.columns) == 2
        assert (
            looked.columns[0].keys() == Binding(load_dataset(str(file), relative_to=Path()).declaration).readers.keys()
        )


def test_the_pictures_move_as_the_numbers_say(tmp_path: Path) -> None:
    """The action's first two numbers move the pattern by a quarter of the picture each."""
    spec = SynthesisSpec(recordings=4, frames=9, height_px=128, width_px=128, codec="mjpeg")
    file = synthesize("action-frame", tmp_path / "made-up", spec, quiet)
    bound = load_dataset(str(file), relative_to=Path())
    clip = ClipSpec(frames=9, rate_hz=5.0, height_px=128, width_px=128, stride=9)
    recordings = bound.source.recordings(tmp_path, quiet)
    build_index(
        [IndexedSet.of(bound, recordings)],
        clip,
        tmp_path / "index",
        captions_needed=True,
        limit=None,
        progress=quiet,
    )
    index = ClipIndex(tmp_path / "index")
    for number in range(4):
        grey_THW = ClipReader(index, clip, {}).read([number])[0, 0].float().mean(0).numpy()
        for step, (right, down) in enumerate(index.row(number)["action"][:, :2]):
            seen = _moved(grey_THW[step], grey_THW[step + 1])
            np.testing.assert_allclose(seen, (32 * right, 32 * down), atol=1.01)


def _moved(before_HW: np.ndarray, after_HW: np.ndarray) -> tuple[int, int]:
    """Return by how many pixels to the right and down a picture moved round, by the peak of the correlation."""
    spectrum = np.fft.fft2(after_HW - after_HW.mean()) * np.conj(np.fft.fft2(before_HW - before_HW.mean()))
    correlation = np.fft.fftshift(np.fft.ifft2(spectrum).real)[48:80, 48:80]
    down, right = np.unravel_index(np.argmax(correlation), correlation.shape)
    return int(right) - 16, int(down) - 16


def test_the_same_seed_writes_the_same_and_another_one_does_not(tmp_path: Path) -> None:
    def files(name: str, seed: int) -> dict[str, bytes]:
        spec = SynthesisSpec(recordings=2, frames=3, height_px=16, width_px=16, seed=seed)
        folder = synthesize("multi-view", tmp_path / name, spec, quiet).parent
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    first = files("a", 0)
    assert first == files("b", 0)
    assert not {*first.values()} & {*files("c", 1).values()} - {first["dataset.yaml"]}


COLUMN_NAMES = st.from_regex(r"\A[a-z][a-z0-9_.-]{0,7}\Z")
LENGTHS = st.one_of(st.integers(1, 4), st.sampled_from(["A", "B", "H", "T2", "N"]))
RANGES = st.tuples(st.integers(-300, 100), st.integers(30, 400)).map(lambda drawn: [drawn[0], drawn[0] + drawn[1]])
LEADS = st.sampled_from([[], ["T"], ["V"], ["V", "T"]])
CONVENTIONS = st.sampled_from(
    [
        {"shape": ["T", 4, 4], "convention": "world-to-camera", "frame": "first-camera", "rules": ["rigid"]},
        {"shape": ["V", "T", 4, 4], "convention": "world-to-camera", "rules": ["rigid", "finite"]},
        {"shape": ["V", "T", 4], "convention": "intrinsics"},
        {"shape": ["T", 4], "convention": "intrinsics"},
        {"shape": ["N", 3], "convention": "future-points", "at": "clip"},
    ]
)


@st.composite
def plain_columns(draw: st.DrawFn) -> dict[str, Any]:
    lead = draw(LEADS)
    column: dict[str, Any] = {"shape": [*lead, *draw(st.lists(LENGTHS, max_size=2))], "rules": ["finite"]}
    if "V" not in lead and column["shape"] and draw(st.booleans()):
        column["rules"].append("monotone")
    if draw(st.booleans()):
        column["range"] = draw(RANGES)
    column["dtype"] = draw(st.sampled_from([None, "float32", "float64", "int32", "int64"]))
    column["unit"] = draw(st.sampled_from([None, "m", "rad", "1", "declared"]))
    return {**column, "kind": "tensor" if column["shape"] else "scalar"}


@st.composite
def ruled_columns(draw: st.DrawFn) -> dict[str, Any]:
    rule, end = draw(
        st.sampled_from(
            [("rigid", [4, 4]), ("rotation", [3, 3]), ("rotation", [2, 2]), ("unit-norm", ["A"]), ("unit-norm", [1])]
        )
    )
    return {
        "kind": "tensor",
        "shape": [*draw(LEADS), *end],
        "rules": [rule],
        "range": draw(st.sampled_from([None, [-9, 9]])),
    }


@st.composite
def step_columns(draw: st.DrawFn) -> dict[str, Any]:
    rules = draw(st.sampled_from([[], ["finite"], ["monotone"], ["unit-norm"]]))
    ranged = None if "unit-norm" in rules else draw(st.one_of(st.none(), RANGES))
    return {"kind": "tensor", "shape": ["S", draw(LENGTHS)], "rules": rules, "unit": "declared", "range": ranged}


@st.composite
def contracts(draw: st.DrawFn) -> dict[str, Any]:
    video = {"kind": "video", "shape": ["T", "H", "W", 3]}
    videos = draw(
        st.one_of(
            st.just({"video": {**video, "shape": ["V", *video["shape"]]}}),
            st.lists(COLUMN_NAMES, min_size=1, max_size=2, unique=True).map(lambda found: dict.fromkeys(found, video)),
        )
    )
    texts = st.sampled_from([{"kind": "text"}, {"kind": "text", "rules": ["not-empty"]}])
    numbers = st.one_of(
        plain_columns(), ruled_columns(), step_columns(), texts, CONVENTIONS.map(lambda c: {**c, "kind": "tensor"})
    )
    others = draw(st.dictionaries(COLUMN_NAMES, numbers, max_size=5))
    columns = {**others, **videos}
    told = {name: {"summary": "x", "required": draw(st.booleans()), **column} for name, column in columns.items()}
    said = {name: {key: value for key, value in column.items() if value is not None} for name, column in told.items()}
    return {"schema": "drawn", "summary": "x", "columns": said}


@given(contract=contracts(), views=st.integers(1, 3), rate_hz=st.sampled_from([2.0, 5.0, 29.97]))
@settings(max_examples=60, deadline=None)
def test_any_contract_gets_data_that_keeps_it(contract: dict[str, Any], views: int, rate_hz: float) -> None:
    spec = SynthesisSpec(recordings=1, frames=3, rate_hz=rate_hz, height_px=16, width_px=18, views=views, codec="mjpeg")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("schemas").mkdir()
        Path("schemas/drawn.yaml").write_text(json.dumps(contract))
        file = synthesize("drawn", Path("made-up"), spec, quiet)
        clip = ClipSpec(frames=3, rate_hz=rate_hz, height_px=16, width_px=16, stride=1)
        (looked,) = looked_at(file, clip)
        numbers = [name for name, column in contract["columns"].items() if column["kind"] in ("tensor", "scalar")]
        assert not looked.problems
        assert sorted(looked.columns[0]) == sorted(numbers)


def test_a_contract_that_asks_for_what_cannot_be_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    columns = "{video: {kind: video, summary: x}, way: {kind: tensor, shape: [T, 2], rules: [unit-norm], range: [5, 6], summary: x}}"
    Path("schemas").mkdir()
    Path("schemas/odd.yaml").write_text(f"schema: odd\nsummary: Odd.\ncolumns: {columns}\n")
    with pytest.raises(RecipeError, match="CR564") as refused:
        synthesize("odd", Path("made-up"), SMALL, quiet)
    assert "outside of 5 to 6" in refused.value.problems[0].found
    assert [path.name for path in tmp_path.iterdir()] == ["schemas"]


def test_nothing_is_overwritten_and_a_contract_elsewhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(RecipeError, match="CR563"):
        synthesize("pose", tmp_path / "mine", SMALL, quiet)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    odd = tmp_path / "pose.yaml"
    odd.write_text(names("schemas")["pose"].read_text())
    with pytest.raises(RecipeError, match="CR563: the contract `pose` is not found by its name"):
        synthesize(str(odd), tmp_path / "made-up", SMALL, quiet)
