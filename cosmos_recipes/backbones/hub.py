"""Models of the Hugging Face Hub: which commit a revision is, and their files, from this machine's cache where it has them."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from shutil import disk_usage
from typing import Any, NoReturn

from cosmos_recipes.diagnostics import Place, fail, visible

TIMEOUT_S = 10.0
"""How long the Hub has to say which commit a revision is."""
FILES_AT_ONCE = 8
FILES = ("*.safetensors", "*.json", "*.txt", "*.model", "*.jinja")
"""What of a folder is fetched; weights in other forms could run code.

Files at the top are fetched by name alone, by what knows how to load them: `model.pt` as nothing but tensors
(`autoregressive.nvidia`), and TorchScript as `tokenizers.discrete` says.
"""
_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_commit(revision: str) -> bool:
    """Return whether a revision can never mean something else."""
    return _COMMIT.fullmatch(revision) is not None


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


def fetch_files(hub_id: str, commit: str, sizes_bytes: Mapping[str, int]) -> Path:
    """Return the folder of a commit with these files of it; what this machine's cache has needs no network.

    A download of which more comes than its size is ended.

    Raises:
        Exception: one of `failures`: a file is neither in the cache nor to be had.
    """
    from huggingface_hub import hf_hub_download

    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        found = pool.map(
            lambda name: hf_hub_download(hub_id, name, revision=commit, tqdm_class=bounded(sizes_bytes[name])),
            sizes_bytes,
        )
        # One after the other, so that the first error is told.
        places = dict(zip(sizes_bytes, map(Path, found), strict=True))
    name, place = next(iter(places.items()))
    return place.parents[name.count("/")]


def missing_bytes(hub_id: str, commit: str, names: Sequence[str]) -> dict[str, int]:
    """Return how many bytes the Hub says that each file of a commit has, of those that this machine's cache lacks.

    Raises:
        Exception: one of `failures`: the Hub does not say.
    """
    from huggingface_hub import try_to_load_from_cache

    missing = [name for name in names if not isinstance(try_to_load_from_cache(hub_id, name, revision=commit), str)]
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        sizes = pool.map(lambda name: size_bytes(hub_id, commit, name), missing)
        return dict(zip(missing, sizes, strict=True))


def size_bytes(hub_id: str, revision: str, name: str) -> int:
    """Return how large the Hub says that a file is, -1 where it does not say.

    Raises:
        Exception: one of `failures`: the Hub does not answer, or has no such file.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    said = get_hf_file_metadata(hf_hub_url(hub_id, name, revision=revision), timeout=TIMEOUT_S).size
    return -1 if said is None else said


def free_bytes() -> int:
    """Return how much room there is where the client keeps files."""
    from huggingface_hub.constants import HF_HUB_CACHE

    kept = Path(HF_HUB_CACHE)
    return disk_usage(next(folder for folder in (kept, *kept.parents) if folder.is_dir())).free


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
        told = snapshot_download(hub_id, revision=revision, allow_patterns=patterns, dry_run=True)
        sizes = {each.filename: each.file_size or 0 for each in told if each.will_download}
    require_room(hub_id, sizes.values())
    try:
        bar = bounded(sum(sizes.values()))
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=patterns, tqdm_class=bar))
    except failures() as error:
        _refuse(hub_id, revision, error)


def require_room(name: str, sizes_bytes: Collection[int]) -> None:
    """Refuse what is larger than the room on the disk of the client's cache, before any of it is fetched.

    Raises:
        RecipeError: there is no room (CR626).
    """
    needed, free = sum(sizes_bytes), free_bytes()
    if needed > free:
        fail(
            "CR626",
            "there is no room for what would be fetched",
            place=Place(file=visible(name)),
            expected=f"{needed / 1e9:,.1f} GB of room for {len(sizes_bytes)} files",
            found=f"{free / 1e9:,.1f} GB",
            hint="make room, or let HF_HOME name a larger disk; nothing of it was fetched",
        )


def bounded(most_bytes: int) -> type[Any]:
    """Return a bar for the client to draw that ends what it draws with an OSError, once more has come than was said."""
    from huggingface_hub import utils

    # It gives the class by name alone, which mypy does not see.
    exported: Any = utils
    bar: type[Any] = exported.tqdm

    def begin(self: Any, *arguments: Any, unit: str = "it", **named: Any) -> None:
        # Another bar counts files.
        self.left_bytes = most_bytes if unit == "B" else math.inf
        bar.__init__(self, *arguments, unit=unit, **named)

    def update(self: Any, n: float | None = 1) -> Any:
        self.left_bytes -= n or 0
        if self.left_bytes < 0:
            raise OSError(f"more than the {most_bytes:,} bytes that the Hub said there are")
        return bar.update(self, n)

    return type("Bounded", (bar,), {"__init__": begin, "update": update})


def failures() -> tuple[type[Exception], ...]:
    """Return what the client raises where something cannot be had; the base of its HTTP errors depends on which library it uses."""
    from huggingface_hub.errors import HfHubHTTPError

    http = next(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
    return (http, OSError, ValueError)


def first_line(error: Exception) -> str:
    """Return what the client says first."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)


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
