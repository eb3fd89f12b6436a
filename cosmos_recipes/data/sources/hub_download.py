"""The files of a whole data set of the Hub, fetched if there is room for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cosmos_recipes.data.hub_files import TIMEOUT_S, disk_of, fetch_files, kept_in, missing, require_room


def fetch_whole(
    path: str, commit: str, data_files: Mapping[str, Iterable[str]] | None, folder: Path, *, stream: bool
) -> None:
    """Fetch the files of a data set, if there is room for them and for what is made of them in `folder`.

    `data_files` are their addresses, by split. Of one that is streamed, only the room for what is made counts.

    Raises:
        RecipeError: there is no room (CR626).
        Exception: one of `failures`: the Hub does not give them, or sends more than it said.
    """
    from huggingface_hub import HfApi

    told = HfApi().dataset_info(path, revision=commit, files_metadata=True, timeout=TIMEOUT_S).siblings or ()
    known = {each.rfilename: each.size or 0 for each in told}
    names = (str(each).partition(f"@{commit}/")[2] for own in (data_files or {}).values() for each in own)
    sizes = {name: known[name] for name in names if name in known}
    lacking = {} if stream else {name: sizes[name] for name in missing(path, commit, list(sizes), kind="dataset")}
    made = [*sizes.values(), *(lacking.values() if disk_of(folder) == disk_of(kept_in()) else ())]
    require_room(path, made, folder)
    require_room(path, lacking.values(), kept_in())
    if lacking:
        fetch_files(path, commit, lacking, kind="dataset")
