"""Models of the Hugging Face Hub: which commit a revision is, and their files, from this machine's cache where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

from cosmos_recipes.data.hub_files import (
    TIMEOUT_S,
    bounded,
    failures,
    first_line,
    interruptible,
    is_commit,
    kept_in,
    require_room,
    unseen,
)
from cosmos_recipes.diagnostics import Place, fail

FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
"""What of a folder is fetched; weights in other forms could run code.

Files at the top are fetched by name alone, by what knows how to load them: `model.pt` as nothing but tensors
(`autoregressive.nvidia`), and TorchScript as `tokenizers.discrete` says.
"""


def commit_of(hub_id: str, revision: str, *, file: str = "transformer/config.json") -> str | None:
    """Return the commit that a revision is now or, without an answer, was when it was last fetched; else None.

    `file` is a small file of the model.
    """
    from huggingface_hub import HfApi

    with suppress(*failures()):
        return pin(hub_id, revision, file=file)
    with suppress(*failures()):
        # Whoever has not accepted its terms may know the commit of a gated model, and no file of it.
        return HfApi().model_info(hub_id, revision=revision, timeout=TIMEOUT_S).sha
    return None


def pin(hub_id: str, revision: str, *, file: str) -> str:
    """Return the commit that a revision is now or, without an answer, was when `file` was last fetched.

    Raises:
        Exception: one of `failures`: there is no such revision or file, or neither Hub nor cache says.
    """
    if is_commit(revision):
        return revision
    from huggingface_hub import hf_hub_download

    # The client's cache then knows the commit too, for the next time without network.
    fetched = hf_hub_download(hub_id, file, revision=revision, etag_timeout=TIMEOUT_S)
    return Path(fetched).parents[file.count("/")].name


def fetch(hub_id: str, revision: str, parts: Sequence[str]) -> Path:
    """Return a folder with these parts of a model, subfolders or files; what this machine's cache has is not fetched again.

    Raises:
        RecipeError: the Hub does not give them, or sends more than it said (CR623), or there is no room for them (CR626).
    """
    from huggingface_hub import snapshot_download

    patterns = [
        name for part in parts for name in ((part,) if Path(part).suffix else (f"{part}/{own}" for own in FILES))
    ]
    sizes: dict[str, int] = {}
    # Without an answer, what the cache has may be enough: then nothing may come.
    with suppress(*failures()):
        told = snapshot_download(hub_id, revision=revision, allow_patterns=patterns, dry_run=True, tqdm_class=unseen())
        sizes = {each.filename: each.file_size or 0 for each in told if each.will_download}
    require_room(hub_id, sizes.values(), kept_in())
    try:
        bar = bounded(sum(sizes.values()))
        download = partial(snapshot_download, hub_id, revision=revision, allow_patterns=patterns)
        return Path(interruptible(partial(download, tqdm_class=bar)))
    except failures() as error:
        _refuse(hub_id, revision, error)


def _refuse(hub_id: str, revision: str, error: Exception) -> NoReturn:
    from huggingface_hub.errors import GatedRepoError

    hint = "connect to the network, or name a folder with its files: `backbone: {use: NAME, weights: PATH}`"
    if isinstance(error, GatedRepoError):
        hint = "accept its terms on its page on the Hub, and log in with `hf auth login`"
    fail(
        "CR623",
        f"the model {hub_id} cannot be fetched",
        place=Place(file=hub_id),
        expected=f"its files at the revision {revision}, on the Hub or in this machine's cache",
        found=first_line(error),
        hint=hint,
    )
