"""A model that a stranger made is refused in seconds and with a code, by every command that reads it, or read without harm."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.safety import hostile_models
from tests.safety.forked import Outcome
from tests.safety.hostile_models import LOADED, MANIFESTS, SHOWN
from tests.safety.room import Room, assert_none

SAMPLE = (
    "sample",
    "./model",
    "--frames",
    "start.png",
    "--prompt",
    "A part moves.",
    "--given",
    "1",
    "--steps",
    "1",
    "-o",
    "out.mp4",
)
EVALUATE = ("evaluate", "./model", "--clips", "1")
CHECK = ("check", "start.yaml")
PUBLISH = ("publish", "./model", "--dry-run")
READ = (
    SAMPLE,
    EVALUATE,
    ("show", "./model"),
    ("diff", "./model", "tiny-base"),
    ("run", "./model", "--dry-run"),
    PUBLISH,
)
EVERYWHERE = (
    "layers-absurd",
    "network-deep",
    "index-that-leads-out",
    "header-longer-than-the-file",
    "header-of-a-million",
    "header-large",
    "tensors-that-overlap",
)
UNPUBLISHED = (
    "network-deep",
    "index-of-a-list",
    "header-of-most-bits",
    "header-of-a-million",
    "tensors-out-of-the-file",
)
REFUSED = re.compile(r"CR(1|2|3|6|7)\d\d ")


def assert_refused(room: Room, outcome: Outcome) -> None:
    told = " ".join(outcome.arguments[:2])
    assert_none(f"{told}: {each}" for each in room.complaints(outcome))
    assert outcome.code != 0, f"{told} took it: {outcome.text[-600:]}"
    assert REFUSED.search(outcome.text), f"{told}: {outcome.text[-600:]}"


@pytest.mark.parametrize("name", SHOWN)
def test_no_command_takes_what_says_nothing_that_a_model_can_be(name: str, room: Room, stranger: Path) -> None:
    SHOWN[name](stranger)
    assert_refused(room, room.run(*CHECK))
    hostile_models.seal(stranger)
    for command in READ:
        assert_refused(room, room.run(*command))


@pytest.mark.parametrize("name", LOADED)
def test_nothing_is_loaded_of_a_model_that_cannot_be(name: str, room: Room, stranger: Path) -> None:
    LOADED[name](stranger)
    hostile_models.seal(stranger)
    assert_refused(room, room.run(*SAMPLE))
    if name in EVERYWHERE:
        for command in (EVALUATE, CHECK):
            assert_refused(room, room.run(*command))
    if name in UNPUBLISHED:
        assert_refused(room, room.run(*PUBLISH))


@pytest.mark.parametrize("name", MANIFESTS)
def test_no_command_takes_a_manifest_that_is_none(name: str, room: Room, stranger: Path) -> None:
    (stranger / "MANIFEST.json").write_text(MANIFESTS[name])
    for command in READ:
        assert_refused(room, room.run(*command))


@pytest.mark.parametrize("metrics", ["[]", "[" * 100_000, '{"psnr_db": "\\u001b[2J", "task": 3}', '{"psnr_db": 1e999}'])
def test_figures_that_are_none_are_not_shown(metrics: str, room: Room, stranger: Path) -> None:
    for name in ("metrics.json", "clips.json"):
        (stranger / name).write_text(metrics)
    hostile_models.seal(stranger)
    # Sampling asks for none, and evaluation goes on to its data.
    for command in READ[2:]:
        assert_none(f"{command[0]}: {each}" for each in room.complaints(room.run(*command)))


def test_the_model_without_an_attack_is_sampled_from(room: Room, stranger: Path) -> None:
    hostile_models.seal(stranger)
    outcome = room.run(*SAMPLE)
    assert_none(room.complaints(outcome))
    assert outcome.code == 0, outcome.text
