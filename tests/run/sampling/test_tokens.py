"""A model that predicts tokens is sampled by the real command: if these fail, its options do nothing, or a video is another each time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from cosmos_recipes.run.sample import SampleRequest, sample
from tests.run.sampling.models import MadeModel

Make = Callable[..., MadeModel]
MOVES = "dx,dy,grip\n" + "1,-2,1\n" * 24
SAMPLING = {"temperature": 0.8, "top_p": 0.9, "top_k": 50}


@pytest.fixture
def asked(made: Make, tmp_path: Path) -> Callable[..., SampleRequest]:
    """Return a request to the action model, whose actions last for two chunks."""
    own = made("action", "autoregressive")
    (tmp_path / "moves.csv").write_text(MOVES)
    said = {"model": str(own.run), "frames": own.video, "actions": tmp_path / "moves.csv"}
    return lambda **more: SampleRequest(**{**said, **more})


def test_a_model_of_tokens_is_sampled_as_a_person_types_it(made: Make, tmp_path: Path) -> None:
    """Twice the same bytes, and what was sampled with is written beside them."""
    own = made("action", "autoregressive")
    (tmp_path / "moves.csv").write_text(MOVES)
    options = {"frames": own.video, "actions": "moves.csv", "chunks": 2, "guidance": 2, "seed": 3, **SAMPLING}
    said = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    for name in ("first", "second"):
        call = [sys.executable, "-m", "cosmos_recipes", "sample", str(own.run), *said, "-o", f"{name}.mp4"]
        done = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "first.json").read_text())
    assert {name: told["asked"][name] for name in (*SAMPLING, "guidance")} == {**SAMPLING, "guidance": 2}
    assert "steps" not in told["asked"]
    assert told["video"]["frames"] == 21
    assert (tmp_path / "first.mp4").read_bytes() == (tmp_path / "second.mp4").read_bytes()


def test_the_likeliest_tokens_are_the_same_for_every_seed(asked: Callable[..., SampleRequest]) -> None:
    def video(**said: Any) -> torch.Tensor:
        return sample(asked(**said)).video_VCTHW

    likeliest = video(temperature=0.0, seed=1)
    assert torch.equal(likeliest, video(temperature=0.0, seed=2))
    assert torch.equal(likeliest, video(top_k=1, seed=3))
    assert not torch.equal(video(seed=1), video(seed=2))
    assert not torch.equal(video(seed=1), video(seed=1, guidance=3.0))


def test_what_is_not_said_is_as_in_the_evaluation(made: Make, asked: Callable[..., SampleRequest]) -> None:
    told = sample(asked()).said["asked"]
    evaluated = made("action", "autoregressive").plan.evaluate
    assert (told["temperature"], told["top_p"], told["top_k"]) == (1, 0.8, None)
    assert (evaluated.temperature, evaluated.top_p, evaluated.top_k) == (1, 0.8, None)
