"""Models of the Hugging Face Hub: which commit a revision is, and their files, from this machine's cache where it has them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from shutil import disk_usage
from typing import NoReturn

from cosmos_recipes.diagnostics import Place, fail

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


def fetch_files(hub_id: str, commit: str, names: Sequence[str]) -> Path:
    """Return the folder of a commit with these files of it; what this machine's cache has needs no network.

    Raises:
        Exception: one of `failures`: a file is neither in the cache nor to be had.
    """
    from huggingface_hub import hf_hub_download

    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        found = list(pool.map(lambda name: Path(hf_hub_download(hub_id, name, revision=commit)), names))
    return found[0].parents[names[0].count("/")]


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
        RecipeError: the Hub does not give them (CR623).
    """
    from huggingface_hub import snapshot_download

    patterns = [
        name for part in parts for name in ((part,) if Path(part).suffix else (f"{part}/{own}" for own in FILES))
    ]
    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=patterns))
    except failures() as error:
        _refuse(hub_id, revision, error)


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
