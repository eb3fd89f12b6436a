"""What a stranger wrote goes through every command that reads it, as real processes whose time and memory are limited.

None of them breaks (a traceback, exit code 1), takes long or much, shows what lies outside or what the environment holds,
repeats a secret, writes a character that steers a terminal, or asks the network.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.safety import attacks
from tests.safety.room import Room, assert_none

CORPUS = Path(__file__).with_name("corpus")
AT_ONCE = 60
PARTS = 3
FILE = "attack.yaml"
COMMANDS = (
    ("compile", FILE, "-o", "compiled"),
    ("plan", FILE),
    ("show", f"./{FILE}"),
    ("cp", FILE, "copied.yaml"),
    ("run", FILE, "--dry-run"),
    ("migrate", FILE, "-o", "migrated.yaml"),
    ("sample", f"./{FILE}", "-o", "sampled.mp4"),
    ("data", "check", "--recipe", FILE),
    ("data", "describe", "--recipe", FILE),
    ("data", "check", f"./{FILE}"),
)


def corpus() -> dict[str, str]:
    """Return the recipes that are kept as files."""
    return {
        path.stem: path.read_bytes().decode("utf-8", errors="surrogateescape") for path in sorted(CORPUS.glob("*.yaml"))
    }


def written(folder: Path, recipes: Mapping[str, str]) -> list[str]:
    """Write recipes into a folder; return their places."""
    names = []
    for name, text in recipes.items():
        file = folder / f"{re.sub('[^a-z0-9.-]', '_', name)}.yaml"
        file.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")
        names.append(file.name)
    return names


def test_every_recipe_is_checked_without_harm(room: Room) -> None:
    recipes = corpus() | attacks.named_places(room.nobody.host) | attacks.tokens()
    names = written(room.folder, recipes)
    for start in range(0, len(names), AT_ONCE):
        outcome = room.run("check", *names[start : start + AT_ONCE])
        assert_none(f"{names[start]} and the next: {each}" for each in room.complaints(outcome))


@pytest.mark.parametrize("name", sorted(attacks.large()))
def test_what_is_made_to_take_for_ever_is_refused_soon(name: str, room: Room) -> None:
    written(room.folder, {"attack": attacks.large()[name]})
    assert_none(room.complaints(room.run("check", FILE)))


@pytest.mark.parametrize("dotted", attacks.COUNTS)
def test_numbers_that_no_one_means_are_refused_soon(dotted: str, room: Room) -> None:
    names = written(
        room.folder, {name: text for name, text in attacks.numbers().items() if name.startswith(f"{dotted}-")}
    )
    assert len(names) > 5
    assert_none(room.complaints(room.run("check", *names)))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_reads_them_without_harm(command: tuple[str, ...], room: Room) -> None:
    places = attacks.named_places(room.nobody.host)
    chosen = {name: text for name, text in places.items() if name.partition("-")[0] in ("use", "extends", "weights")}
    secrets = {
        name: text for name, text in attacks.tokens().items() if name.endswith(("value-0", "comment-3", "key-8"))
    }
    recipes = corpus() | secrets | dict(list(chosen.items())[::16])
    # All of them go through `check`; every one goes through three of these, which read with the same reader.
    for name, text in list(recipes.items())[COMMANDS.index(command) % PARTS :: PARTS]:
        written(room.folder, {"attack": text})
        assert_none(f"{name}: {each}" for each in room.complaints(room.run(*command)))
        for made in ("copied.yaml", "migrated.yaml"):
            (room.folder / made).unlink(missing_ok=True)


@pytest.mark.parametrize(
    "place",
    ["link.yaml", "loop.yaml", "pipe.yaml", "huge.yaml", "binary.yaml", "utf16.yaml", ".", "../outside/canary.txt"],
)
def test_what_is_no_recipe_is_told_by_every_command(place: str, room: Room) -> None:
    for command in COMMANDS:
        arguments = [
            place if argument == FILE else f"./{place}" if argument == f"./{FILE}" else argument for argument in command
        ]
        outcome = room.run(*arguments)
        # What a person names themselves may be shown to them.
        own = place.startswith(("link", "../outside"))
        assert_none(each for each in room.complaints(outcome) if not (own and each.startswith("showed")))


def test_lists_and_the_gallery_survive_a_folder_of_them(room: Room) -> None:
    for kind in ("recipes", "datasets", "schemas"):
        folder = room.folder / kind
        folder.mkdir()
        written(
            folder,
            corpus() | {name: text for name, text in attacks.large().items() if name.startswith(("deep", "long"))},
        )
        (folder / "pipe-here.yaml").symlink_to("../pipe.yaml")
        (folder / "linked.yaml").symlink_to("../../outside/canary.yaml")
    for command in (("ls",), ("ls", "recipes"), ("gallery", "build", "site")):
        assert_none(room.complaints(room.run(*command)))
