"""Data that a stranger published is read without harm: tables, shards, trees, playlists, pictures and captions."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.safety.hostile_data import MAKERS
from tests.safety.room import Room, assert_none

COMMANDS = (
    ("check", "attack.yaml"),
    ("data", "check", "./set.yaml", "-o", "report.html"),
    ("data", "describe", "./set.yaml"),
    ("data", "preview", "./set.yaml"),
    ("new", "dataset", "./data", "-o", "new.yaml", "--schema", "instruction-video"),
)
SET = "dataset: attack\nsummary: A stranger's.\nschema: instruction-video\nsource: %s\n"
RECIPE = "recipe: attack\nsummary: A stranger's.\nbackbone: tiny-diffusion\ndataset: {schema: instruction-video, use: ./set.yaml, clip: {frames: 5, rate: 5 Hz, size: 32x32}}\nconditioning: {given_frames: 1}\ntrain: {steps: 1, global_batch: 1}\n"


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_every_command_reads_it_without_harm(name: str, room: Room) -> None:
    data = room.folder / "data"
    data.mkdir()
    source = MAKERS[name](data, room.nobody.host)
    (room.folder / "set.yaml").write_text(SET % source)
    (room.folder / "attack.yaml").write_text(RECIPE)
    assert_none(f"{' '.join(command)}: {each}" for command in COMMANDS for each in room.complaints(room.run(*command)))
    for page in room.folder.rglob("*.html"):
        assert_nothing_hidden(page)


def assert_nothing_hidden(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not {character for character in text if character in "\x00\x07\x1b\u202e\u200b"}, page.name
    assert "<script>alert" not in text
