"""Every way in which a person can ask wrongly, and the exact text that is shown; nothing is generated for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cosmos_recipes.data.index.windows import ClipSpec
from cosmos_recipes.diagnostics import RecipeError, render
from cosmos_recipes.run.sample import SampleRequest, require_output, sample
from cosmos_recipes.run.sampling.frames import read_given
from tests.run.sampling.models import MadeModel
from tests.stored_texts import assert_stored

TEXTS = Path(__file__).with_name("texts")
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "no-such-model": ("", {"model": "action-modle"}),
    "folder-without-model": ("", {"model": "."}),
    "address-of-no-model": ("", {"model": "hf://me"}),
    "too-few-frames": ("none", {"frames": "start.png"}),
    "no-frames": ("none", {"frames": "missing.mp4"}),
    "frames-not-said": ("none", {"frames": None}),
    "folder-without-pictures": ("none", {"frames": "empty"}),
    "view-of-one-camera": ("none", {"frames": None, "views": {"front": Path("start.png")}}),
    "frames-of-several-cameras": ("views", {}),
    "trajectory-missing": ("views+trajectory", {"frames": None, "prompt": "The car turns."}),
    "base-without-model": ("none", {"base": Path("empty")}),
    "given-not-trained": ("none", {"given": 3}),
    "chunks-and-seconds": ("none", {"chunks": 2, "seconds_s": 3.0}),
    "seconds-too-few": ("none", {"seconds_s": 1.0}),
    "prompt-for-none": ("none", {"prompt": "The arm moves."}),
    "guidance-of-none": ("none", {"guidance": 3.0}),
    "steps-of-tokens": ("none", {"steps": 10}),
    "temperature-of-noise": ("none", {"temperature": 0.8}),
    "top-p-of-the-likeliest": ("none", {"temperature": 0.0, "top_p": 0.9}),
    "reverse-of-prompt": ("text", {"prompt": "The arm moves.", "reverse": True}),
    "prompt-missing": ("text", {}),
    "actions-for-camera": ("camera", {"actions": Path("good.csv")}),
    "control-and-no-control": ("action", {"actions": Path("good.csv"), "no_control": True}),
    "actions-missing-file": ("action", {"actions": Path("missing.csv")}),
    "actions-of-another-kind": ("action", {"actions": Path("start.png")}),
    "actions-misspelt": ("action", {"actions": Path("misspelt.csv")}),
    "actions-of-two-numbers": ("action", {"actions": Path("two.npy")}),
    "actions-not-finite": ("action", {"actions": Path("nan.npy")}),
    "actions-too-short": ("action", {"actions": Path("good.csv"), "chunks": 3}),
    "actions-too-slow": ("action", {"actions": Path("good.csv"), "rate_hz": 2.0}),
    "actions-reversed-too-short": ("action", {"actions": Path("good.csv"), "chunks": 3, "reverse": True}),
    "actions-times-and-rate": ("action", {"actions": Path("timed.json"), "rate_hz": 2.0}),
    "actions-of-objects": ("action", {"actions": Path("objects.npy")}),
    "dataset-unknown": ("action", {"actions": Path("good.csv"), "dataset": "factory-smal"}),
    "words-misspelt": ("camera", {"camera": "forward 1 m, jaw 30 deg"}),
    "words-without-unit": ("camera", {"camera": "forward 1"}),
    "words-of-another-unit": ("camera", {"camera": "yaw 30 m"}),
    "words-too-long": ("camera", {"camera": "hold 9 s, forward 1 m"}),
    "words-and-rate": ("camera", {"camera": "forward 1 m", "rate_hz": 5.0}),
    "lens-twice": ("camera", {"camera": "forward 1 m", "fov_rad": 1.0, "lens_px": (1.0, 1.0, 1.0, 1.0)}),
    "poses-of-another-shape": ("camera", {"camera": "two.npy"}),
    "poses-that-are-none": ("camera", {"camera": "zeros.npy"}),
    "poses-in-no-convention": ("camera", {"camera": "zeros.npy", "convention": "nerfstudoi"}),
    "poses-not-named": ("camera", {"camera": "timed.json"}),
}  # fmt: skip
OF_TOKENS = ("steps-of-tokens", "top-p-of-the-likeliest")
"""Cases of a model that predicts tokens."""


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files that are wrong in one way each, which is worked in."""
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (64, 64)).save("start.png")
    Path("empty").mkdir()
    Path("good.csv").write_text("dx,dy,grip\n" + "1,2,0\n" * 12)
    Path("misspelt.csv").write_text("dx,dy,gripp\n" + "1,2,0\n" * 12)
    Path("timed.json").write_text(
        json.dumps({"poses": [[0] * 3] * 12, "time_s": [n / 5 for n in range(12)], "action": [[0] * 3] * 12})
    )
    np.save("two.npy", np.zeros((12, 2)))
    np.save("zeros.npy", np.zeros((12, 4, 4)))
    np.save("nan.npy", np.full((12, 3), np.nan))
    np.save("objects.npy", np.array([{}, {}]))
    return tmp_path


@pytest.mark.parametrize("name", CASES)
def test_text(name: str, made: Callable[..., MadeModel], files: Path) -> None:
    head, asked = CASES[name]
    own = made(head or "action", "autoregressive" if name in OF_TOKENS else "diffusion")
    request = {"model": str(own.run), "frames": own.video, "runs": own.runs, **asked}
    request["frames"] = request["frames"] and Path(request["frames"])
    with pytest.raises(RecipeError) as raised:
        sample(SampleRequest(**request))
    shown = render(raised.value.problems).replace(str(own.runs), "RUNS")
    assert_stored(TEXTS / f"{name}.txt", shown + "\n")


def test_no_text_without_a_case() -> None:
    assert {path.stem for path in TEXTS.glob("*.txt")} == set(CASES)


@pytest.mark.parametrize("output", ["clip.mp4", "clip.webm", "moves.mp4"])
def test_an_output_never_takes_the_place_of_an_input(output: str) -> None:
    """Neither the video nor the JSON beside it."""
    with pytest.raises(RecipeError, match="CR262"):
        require_output(Path(output), [Path("clip.mp4"), Path("moves.json")])


@pytest.mark.parametrize("there", ["next.mp4", "next.json"])
def test_an_output_takes_the_place_of_a_sample_and_of_no_recording_or_caption(there: str, tmp_path: Path) -> None:
    (tmp_path / there).write_text('{"caption": "The arm waits."}')
    with pytest.raises(RecipeError, match="CR262: the output is there already, and is no sample"):
        require_output(tmp_path / "next.mp4", [])
    (tmp_path / "next.mp4").touch()
    (tmp_path / "next.json").write_text('{"asked": {}, "model": {}, "video": {}, "files": {}, "versions": {}}')
    require_output(tmp_path / "next.mp4", [])


def test_every_view_is_read_in_the_order_of_the_model(files: Path) -> None:
    """Views are told apart by their place alone: swapped, the model would see another car."""
    for name, red in (("left", 10), ("front", 200)):
        Image.new("RGB", (64, 64), (red, 0, 0)).save(f"{name}.png")
    clip = ClipSpec(frames=1, rate_hz=5, height_px=32, width_px=32, stride=1)
    said = {name: Path(f"{name}.png") for name in ("left", "front")}
    asked = SampleRequest(model="", views=said)
    given = read_given(asked, ("front", "left"), clip, fewest=1, folder=files)
    assert given.video_BCTHW.shape == (1, 3, 2, 32, 32)
    assert given.video_BCTHW[0, 0, :, 0, 0].tolist() == [200, 10]
    assert list(given.media) == ["front", "left"]


@pytest.mark.parametrize(
    ("views", "found"),
    [
        ({"front": "front.png"}, "the view `left` is missing"),
        ({"front": "front.png", "lef": "front.png"}, "the model has no view `lef`"),
    ],
)
def test_a_view_that_is_missing_or_misspelt_is_named(views: dict[str, str], found: str, files: Path) -> None:
    clip = ClipSpec(frames=1, rate_hz=5, height_px=32, width_px=32, stride=1)
    asked = SampleRequest(model="", views={name: Path(path) for name, path in views.items()})
    with pytest.raises(RecipeError, match=found):
        read_given(asked, ("front", "left"), clip, fewest=1, folder=files)
