"""A stage is done once, and again when what it was made from or what it made has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cosmos_recipes.run.stages import Stage, perform, read_record


class Counter:
    """A stage that writes two files and counts how often it works."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.worked = 0
        self.left: list[str] = []

    def stage(self, *, text: str = "a", **more: object) -> Stage:
        def work() -> dict[str, object]:
            self.left = sorted(path.name for path in (self.folder / "out").rglob("*") if path.is_file())
            self.worked += 1
            (self.folder / "out" / "sub").mkdir(exist_ok=True)
            (self.folder / "out" / "one.txt").write_text(text)
            (self.folder / "out" / "sub" / "two.txt").write_text(text)
            return {"text": text}

        state = self.folder / "state.json"
        return Stage(name="s", folder=self.folder / "out", state=state, inputs={"text": text}, work=work, **more)


@pytest.fixture
def counter(tmp_path: Path) -> Counter:
    return Counter(tmp_path)


def test_a_done_stage_is_skipped_and_its_summary_kept(counter: Counter) -> None:
    assert perform(counter.stage()).outcome == "done"
    again = perform(counter.stage())
    assert (again.outcome, again.record.summary, counter.worked) == ("unchanged", {"text": "a"}, 1)


def test_changed_inputs_start_from_an_empty_folder(counter: Counter) -> None:
    perform(counter.stage())
    first = read_record(counter.folder / "state.json")
    assert perform(counter.stage(text="b")).outcome == "done"
    second = read_record(counter.folder / "state.json")
    assert counter.left == []
    assert first is not None
    assert second is not None
    assert first.made != second.made


@pytest.mark.parametrize("damage", ["removed", "cut", "overwritten"])
def test_a_damaged_output_is_made_again(counter: Counter, damage: str) -> None:
    perform(counter.stage())
    file = counter.folder / "out" / "sub" / "two.txt"
    before = file.stat()
    if damage == "removed":
        file.unlink()
    else:
        file.write_text("" if damage == "cut" else "b")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    done = perform(counter.stage())
    assert (done.outcome, done.damaged, file.read_text()) == ("repaired", ("sub/two.txt",), "a")


def test_a_file_that_was_only_touched_is_not_made_again(counter: Counter) -> None:
    perform(counter.stage())
    os.utime(counter.folder / "out" / "one.txt", ns=(1, 1))
    assert perform(counter.stage()).outcome == "unchanged"


def test_what_goes_with_a_damaged_output_is_removed_before_the_work(counter: Counter) -> None:
    perform(counter.stage())
    (counter.folder / "out" / "one.txt").unlink()
    perform(counter.stage(spoiled=lambda damaged: damaged.parent.glob("sub/*")))
    assert counter.left == []


def test_an_interrupted_stage_goes_on_with_what_is_there(counter: Counter) -> None:
    perform(counter.stage())
    state = counter.folder / "state.json"
    state.write_text(state.read_text().replace('"done"', '"started"'))
    assert perform(counter.stage()).outcome == "done"
    assert counter.left == ["one.txt", "two.txt"]


def test_a_stage_that_cannot_go_on_starts_with_an_empty_folder(counter: Counter) -> None:
    perform(counter.stage())
    (counter.folder / "out" / "one.txt").unlink()
    perform(counter.stage(resumable=False))
    assert counter.left == []


def test_only_what_is_named_counts_as_made(counter: Counter) -> None:
    perform(counter.stage(made=("sub",)))
    (counter.folder / "out" / "one.txt").unlink()
    assert perform(counter.stage(made=("sub",))).outcome == "unchanged"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "done"}'])
def test_an_unreadable_record_means_that_nothing_is_done(counter: Counter, text: str) -> None:
    perform(counter.stage())
    (counter.folder / "state.json").write_text(text)
    assert perform(counter.stage()).outcome == "done"
    assert counter.worked == 2
