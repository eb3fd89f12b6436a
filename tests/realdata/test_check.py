"""Recordings of the real world pass `data check`, or are refused for what is truly wrong with them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ARM = ["x", "y", "z", "roll", "pitch", "yaw", "grip"]
ARM_UNITS = "[m, m, m, rad, rad, rad, '1']"
# Two arms of seven joints, and six numbers of each hand, from 0 to 1.
G1_UNITS = "[" + ", ".join(["rad"] * 14 + ["'1'"] * 12) + "]"
FILES = {
    "g1_lerobot_v21": f"""
schema: action-frame
source: {{kind: lerobot, path: PLACE}}
views: {{video: observation.images.cam_high}}
columns:
  caption: task
  action: {{from: action, unit: {G1_UNITS}, form: absolute}}
  state: {{from: observation.state, unit: {G1_UNITS}}}
""",
    "bridge_octo_debug": f"""
schema: action-frame
source: {{kind: cosmos, path: PLACE, layout: predict1-action}}
views: {{video: image_0}}
columns:
  caption: text
  action: {{from: action, unit: {ARM_UNITS}, names: {ARM}, form: [{"delta, " * 6} absolute]}}
  state: {{from: [state, continuous_gripper_state], unit: {ARM_UNITS}, names: {ARM}}}
""",
    "cosmos_transfer1_mv6": """
schema: multi-view
source:
  kind: folder
  path: PLACE
  views:
    front: front.mp4
    front_left: front_left.mp4
    front_right: front_right.mp4
    rear: rear.mp4
    rear_left: rear_left.mp4
    rear_right: rear_right.mp4
""",
    "comma2k19_example": """
schema: trajectory
source: {kind: folder, path: PLACE}
columns: {trajectory: {from: pose, convention: comma2k19}}
""",
}


def check(realdata: Path, folder: Path, name: str, *options: str) -> subprocess.CompletedProcess[str]:
    file = folder / f"{name}.yaml"
    file.write_text(f"dataset: {name.replace('_', '-')}" + FILES[name].replace("PLACE", str(realdata / name)))
    command = [sys.executable, "-m", "cosmos_recipes", "data", "check", file.name, "--format", "json", *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def found(ended: subprocess.CompletedProcess[str]) -> tuple[dict[str, Any], dict[str, int]]:
    report = json.loads(ended.stdout)
    return report, {rule["code"]: rule["count"] for rule in report["rules"] if rule["count"]}


def test_the_humanoid_passes_and_has_one_task(realdata: Path, tmp_path: Path) -> None:
    ended = check(realdata, tmp_path, "g1_lerobot_v21")
    report, codes = found(ended)
    assert (ended.returncode, codes) == (0, {"CR541": 1})
    assert (report["funnel"][-1]["recordings"], report["rows"]) == (10, 2725)
    assert check(realdata, tmp_path, "g1_lerobot_v21", "--fail-on", "warn", "--decode", "none").returncode == 3


def test_every_held_out_episode_of_the_debug_data_is_a_copy_of_one_that_is_trained_on(
    realdata: Path, tmp_path: Path
) -> None:
    ended = check(realdata, tmp_path, "bridge_octo_debug", "--frames", "5")
    report, codes = found(ended)
    assert (ended.returncode, codes) == (0, {"CR597": 25})
    assert report["funnel"][-1] == {"stage": "kept", "recordings": 50, "clips": 100}
    (leak,) = (rule for rule in report["rules"] if rule["code"] == "CR597")
    one, other = leak["examples"][0]["recording"], leak["examples"][0]["found"].rpartition(" ")[2]
    videos = [realdata / "bridge_octo_debug" / "videos" / each / "image_0.mp4" for each in (one, other)]
    assert videos[0].read_bytes() == videos[1].read_bytes()


def test_six_views_of_a_drive_pass(realdata: Path, tmp_path: Path) -> None:
    ended = check(realdata, tmp_path, "cosmos_transfer1_mv6")
    assert ended.returncode == 0
    assert found(ended)[1] == {}


def test_a_drive_without_its_video_is_refused_for_that(realdata: Path, tmp_path: Path) -> None:
    ended = check(realdata, tmp_path, "comma2k19_example")
    assert ended.returncode == 3
    assert [problem["code"] for problem in json.loads(ended.stdout)] == ["CR502"]
