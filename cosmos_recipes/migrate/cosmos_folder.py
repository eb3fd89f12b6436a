"""A folder of data in a layout of the Cosmos repositories, such as Predict2.5's `videos` beside `metas`: a data set file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

from cosmos_recipes.data.sources.cosmos import CosmosSource
from cosmos_recipes.diagnostics import Place, visible
from cosmos_recipes.migrate.base import Format, Migrated, Wishes
from cosmos_recipes.migrate.datasets import data_set, migrated
from cosmos_recipes.migrate.ledger import Left

NAME = "cosmos-folder"
_KIND = "cosmos"
_READ: Mapping[str, Mapping[str, str]] = {
    "predict1": {"video": "videos/*.mp4", "caption": "metas/*.txt"},
    "predict1-action": {
        "video": "videos/",
        "action": "annotation/*.json",
        "state": "annotation/*.json",
        "caption": "annotation/*.json",
    },
    "predict2-multiview": {"caption": "captions/ or metas/"},
    "predict2.5-camera": {
        "video": "videos/*.mp4",
        "pose": "camera_trajectories/*.txt",
        "intrinsics": "intrinsics*.txt",
    },
    "predict2.5-captions": {"video": "videos/*.mp4", "caption": "captions/*.json"},
    "jsonl": {"video": "vision_path", "caption": "t2w_windows"},
}
"""Where the values of each layout are from."""
_FOLDERS = ("videos", "metas", "captions", "annotation", "camera_trajectories")
_EMBEDDINGS = ("t5_xxl", "t5", "cache")
_SPLITS = ("train", "val", "test")


class CosmosFolder(Format):
    """A folder, or a .jsonl, that a training of the Cosmos repositories reads."""

    looks_for: ClassVar[str] = "a data folder of the Cosmos repositories, such as videos/ beside metas/"
    detail: ClassVar[int] = 0

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Recognise it as the source `cosmos` does."""
        return CosmosSource.recognises(path) is not None

    @classmethod
    def migrate(cls, path: Path, wishes: Wishes) -> Migrated:
        """Return the data set file that reads the folder."""
        wishes.refuse(NAME, "dataset", "backbone", "experiment")
        root = path.resolve()
        draft, target = data_set(root, _KIND, wishes)
        layout = str((CosmosSource.recognises(root) or {}).get("layout"))
        known = _READ.get(layout, {})
        origins = {name: known.get(name.partition(".")[0], f"videos/{name}/") for name in draft.bound}
        left = list(_left(root)) if root.is_dir() else []
        return migrated(draft, origins, name=path.name, tool=layout, target=target, carried=len(draft.bound), left=left)


def _left(root: Path) -> Iterator[Left]:
    """Yield what lies in the folder and is not read: embeddings, and what no layout has."""
    for each in sorted(root.iterdir()):
        if each.name in _SPLITS and each.is_dir():
            yield from _left(each)
        elif not (each.name in _FOLDERS or each.name.startswith(("intrinsics", ".")) or each.suffix == ".jsonl"):
            is_embedding = each.name in _EMBEDDINGS or each.suffix in (".pickle", ".pth")
            why = (
                "captions are encoded with the backbone's own text encoder, once"
                if is_embedding
                else "no part of the layout"
            )
            yield Left(visible(each.name), "a folder" if each.is_dir() else "a file", Place(file=str(each)), why)
