"""LeRobot's `meta/info.json` (v2.1 and v3.0): a data set file that reads the tree as it is.

What the source reads from `info.json` whenever it is opened is not written down again. LeRobot says no units, so that a
contract of actions is filled only with `--schema`, and marks then what only the user knows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from cosmos_recipes.data.draft import Draft
from cosmos_recipes.diagnostics import Place, RecipeError, fail
from cosmos_recipes.migrate.base import Format, Migrated, Wishes
from cosmos_recipes.migrate.datasets import data_set, migrated
from cosmos_recipes.migrate.ledger import Leaf, Ledger
from cosmos_recipes.recipe.files import read_text

NAME = "lerobot"
_INFO = Path("meta") / "info.json"
_FEATURES, _FEATURE_PARTS = "features", 2
_KEYS = ("dtype", "shape", "names")
"""What a feature is; whatever else stands there is a value of its own."""
_READ = ("codebase_version", "fps", "chunks_size", "data_path", "video_path", "splits")
_BOOKKEEPING = ("timestamp", "frame_index", "episode_index", "index", "task_index")
_REASONS = {
    "robot_type": "a data set file has no place for it; say it in the summary",
    "total_*": "the source counts what is there",
    "data_files_size_in_mb": "of how LeRobot writes",
    "video_files_size_in_mb": "of how LeRobot writes",
    "features.*.info": "the source looks at the videos themselves",
    "features.*.video_info": "the source looks at the videos themselves",
    "features.*.fps": "one rate is read, that of the whole file",
}


_OTHER_ORIGINS = {"task": "meta/tasks", NAME: f"the layout of {_INFO}"}


class LeRobotInfo(Format):
    """`meta/info.json`, or the folder that holds it."""

    looks_for: ClassVar[str] = "meta/info.json of LeRobot, or the folder that holds it"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Recognise it by `codebase_version` and `features`."""
        try:
            return {"codebase_version", "features"} <= _info(_file(path)).keys()
        except RecipeError:
            return False

    @classmethod
    def migrate(cls, path: Path, wishes: Wishes) -> Migrated:
        """Return the data set file of the tree that the file belongs to."""
        wishes.refuse(NAME, "dataset", "backbone", "experiment")
        file = _file(path)
        info = _info(file)
        root = file.resolve().parent.parent
        draft, target = data_set(root, NAME, wishes)
        ledger = _account(file, info, draft)
        features = {path[1]: leaf.line for path, leaf in ledger.leaves.items() if path[0] == _FEATURES and path[1:]}
        origins = {name: f"{_INFO}, line {line}" for name, line in features.items()} | _OTHER_ORIGINS
        return migrated(
            draft,
            origins,
            name=str(_INFO),
            tool="LeRobot",
            target=target,
            carried=len(ledger.carried),
            left=ledger.left,
        )


def _file(path: Path) -> Path:
    return path / _INFO if path.is_dir() else path


def _info(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        at = getattr(error, "lineno", 0)
        fail(
            "CR781",
            f"{file.name} cannot be read as JSON",
            place=Place(file=str(file), line=at, column=getattr(error, "colno", 0)),
            expected="what LeRobot writes there",
            found=str(getattr(error, "msg", error)).lower(),
            hint="copy the file again",
        )
    if not isinstance(found, dict):
        fail(
            "CR781",
            f"{file.name} holds no object",
            place=Place(file=str(file)),
            expected="what LeRobot writes there",
            hint="copy the file again",
        )
    return found


def _account(file: Path, info: dict[str, Any], draft: Draft) -> Ledger:
    """Return the account of `info.json`: what the source reads and what the data set file names is carried over."""
    ledger = Ledger(str(file), _leaves(info, read_text(file)), _REASONS)
    for path in list(ledger.leaves):
        is_feature = path[0] == _FEATURES and len(path) == _FEATURE_PARTS
        if path[0] in _READ or (is_feature and path[1] in {*draft.bound, *_BOOKKEEPING}):
            ledger.carry("source", None, path)
        elif is_feature:
            ledger.leave(path, f"no column of {draft.schema} takes it; `--schema` fills another contract")
    return ledger


def _leaves(info: dict[str, Any], text: str) -> Iterator[Leaf]:
    """Yield the values in the order of the file, which is that of their lines."""
    at = 0
    for path, value in _walk(info):
        found = re.compile(rf"{re.escape(json.dumps(path[-1], ensure_ascii=False))}\s*:").search(text, at)
        at = found.end() if found else at
        yield Leaf(path, value, text.count("\n", 0, found.start()) + 1 if found else 0)


def _walk(info: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value; a feature is one, but for keys of it that say more than what it is."""
    for key, value in info.items():
        if key != _FEATURES or not isinstance(value, dict):
            yield (key,), value
            continue
        for name, feature in value.items():
            if not isinstance(feature, dict):
                yield (key, name), feature
                continue
            yield (key, name), {part: said for part, said in feature.items() if part in _KEYS}
            yield from (((key, name, part), said) for part, said in feature.items() if part not in _KEYS)
