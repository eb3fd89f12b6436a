"""A stage of a run: done once, skipped while what it was made from and what it made are unchanged, redone otherwise."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from cosmos_recipes.files import remove, sha256, write_json
from cosmos_recipes.run.folder import digest, read_json

State = Literal["started", "done"]
Outcome = Literal["done", "unchanged", "repaired"]


@dataclass(frozen=True, kw_only=True)
class Output:
    """A file that a stage made: its sha256, and the size and time by which a change is noticed without reading it."""

    sha256: str
    size_bytes: int
    modified_ns: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """What is on disk about a stage. `inputs` is the hash of what it was made from; outputs go by relative path."""

    state: State
    inputs: str
    seconds: float = 0.0
    summary: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Output] = field(default_factory=dict)

    @property
    def made(self) -> str:
        """The hash of everything that the stage made; an input of the next stage."""
        return digest({name: output.sha256 for name, output in self.outputs.items()})


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One step of a run.

    `folder` holds what it makes, `state` is its record. `work` does it, goes on from what an interrupted attempt left
    in the folder, and returns a summary. Of what it makes, the files and folders `made` count (everything, if none are
    named); `spoiled` returns what has to go, besides an output that was damaged, for `work` to make it again. A stage
    that is not `resumable` starts with an empty folder.
    """

    name: str
    folder: Path
    state: Path
    inputs: dict[str, Any]
    work: Callable[[], dict[str, Any]]
    made: tuple[str, ...] = (".",)
    spoiled: Callable[[Path], Iterable[Path]] = lambda damaged: ()
    resumable: bool = True


@dataclass(frozen=True, kw_only=True)
class Done:
    """A stage after it ran or was skipped. `damaged` names outputs that had to be made again."""

    record: Record
    outcome: Outcome
    damaged: tuple[str, ...] = ()


def perform(stage: Stage) -> Done:
    """Do the stage, unless it is done and neither what it was made from nor what it made has changed."""
    inputs, before = digest(stage.inputs), read_record(stage.state)
    same = before is not None and before.inputs == inputs
    damaged = damaged_outputs(stage.folder, before) if before and same else ()
    if before and same and before.state == "done" and not damaged:
        return Done(record=before, outcome="unchanged")
    if not same or not stage.resumable:
        remove(stage.folder)
    for path in [stage.folder / name for name in damaged]:
        for spoiled in (path, *stage.spoiled(path)):
            remove(spoiled)
    record = _work(stage, inputs)
    return Done(record=record, outcome="repaired" if damaged else "done", damaged=damaged)


def perform_again(stage: Stage) -> Done:
    """Do the stage whatever is known of it; until it is done, what is on disk about it stays as it is."""
    stage.folder.mkdir(parents=True, exist_ok=True)
    return Done(record=_finish(stage, digest(stage.inputs)), outcome="done")


def _work(stage: Stage, inputs: str) -> Record:
    stage.folder.mkdir(parents=True, exist_ok=True)
    write_json(stage.state, asdict(Record(state="started", inputs=inputs)))
    return _finish(stage, inputs)


def _finish(stage: Stage, inputs: str) -> Record:
    began_s = time.monotonic()
    summary = stage.work()
    record = Record(
        state="done",
        inputs=inputs,
        seconds=round(time.monotonic() - began_s, 3),
        summary=summary,
        outputs={name: output for part in stage.made for name, output in look(stage.folder, part)},
    )
    write_json(stage.state, asdict(record))
    return record


def read_record(path: Path) -> Record | None:
    """Return the record of a stage, or None where it never began or its record is unreadable."""
    value = read_json(path)
    try:
        outputs = {name: Output(**output) for name, output in value.pop("outputs").items()}
        return Record(**value, outputs=outputs)
    except (AttributeError, KeyError, TypeError):
        return None


def look(folder: Path, part: str = ".") -> Iterator[tuple[str, Output]]:
    """Yield the relative path and the state of every file in a part of the folder; those called .NAME are nobody's."""
    top = folder / part
    for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
        name = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            at = path.stat()
            yield name.as_posix(), Output(sha256=sha256(path), size_bytes=at.st_size, modified_ns=at.st_mtime_ns)


def damaged_outputs(folder: Path, record: Record) -> tuple[str, ...]:
    """Return the outputs that are gone or no longer what the stage made; contents are read only where a time changed."""
    return tuple(name for name, output in record.outputs.items() if not _intact(folder / name, output))


def _intact(path: Path, output: Output) -> bool:
    if not path.is_file():
        return False
    at = path.stat()
    if at.st_size != output.size_bytes:
        return False
    return at.st_mtime_ns == output.modified_ns or sha256(path) == output.sha256
