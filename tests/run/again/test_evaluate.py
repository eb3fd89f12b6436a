"""A model that was published is measured again to the same figures, or on other data, as it was trained to see it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.run.again.conftest import REPO, OnHub

RESULTS = {"clips.json", "evaluated.json", "metrics.json", "report.html", "samples"}


def test_the_same_clips_give_the_same_figures(on_hub: OnHub, tmp_path: Path) -> None:
    """Without the run's folder: neither latents nor the base are there."""
    done = on_hub.call(tmp_path, "evaluate", f"hf://{REPO}")
    assert done.returncode == 0, done.stderr
    assert "Every figure is that of when it was trained." in done.stdout
    folder = tmp_path / "evaluated" / "factory"
    assert {path.name for path in folder.iterdir()} == RESULTS
    ours, theirs = (json.loads((place / "metrics.json").read_text()) for place in (folder, on_hub.run / "evaluate"))
    assert ours == theirs
    psnr = next(line for line in done.stdout.splitlines() if line.strip().startswith("PSNR "))
    assert f"{theirs['psnr_db']:.2f} dB (" in psnr and psnr.endswith(f"{theirs['psnr_db']:.2f} dB")
    said = json.loads((folder / "evaluated.json").read_text())
    assert said["model"] == f"hf://{REPO}@{on_hub.commit}"
    assert not [*(tmp_path / "runs" / ".prepared").glob("*/latents")]


def test_other_data_is_measured_and_told_apart(on_hub: OnHub, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in sorted(on_hub.videos.iterdir())[:3]:
        shutil.copyfile(path, other / f"other-{path.name}")
    done = on_hub.call(tmp_path, "evaluate", on_hub.run, "--dataset", "./other", "--clips", 1, "-o", "measured")
    assert done.returncode == 0, done.stderr
    assert "as published" not in done.stdout
    measured = json.loads((tmp_path / "measured" / "metrics.json").read_text())
    assert measured["clips"] == 1
    said = json.loads((tmp_path / "measured" / "evaluated.json").read_text())
    assert said["data"]["source"]["path"] == str(other)
    assert all(name.startswith("other-") for name in said["recordings"])
    before = json.loads((on_hub.run / "evaluate" / "metrics.json").read_text())
    assert measured["psnr_copy_db"] != before["psnr_copy_db"]


def test_data_that_does_not_fit_is_refused(on_hub: OnHub, tmp_path: Path) -> None:
    for words, code in (
        (("--dataset", "room"), "CR300"),
        (("--dataset", "no-such-data"), "CR200"),
        (("--set", "train.steps=3"), "CR245"),
    ):
        done = on_hub.call(tmp_path, "evaluate", on_hub.run, *words)
        assert (done.returncode, code in done.stderr) == (2, True), done.stderr
    model = on_hub.call(tmp_path, "evaluate", on_hub.run / "train" / "model")
    assert (model.returncode, "CR245" in model.stderr) == (2, True), model.stderr
