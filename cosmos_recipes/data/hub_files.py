"""Files of the Hugging Face Hub, a model's or a data set's: how large they are, whether there is room, the download."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.pool import ThreadPool
from pathlib import Path
from shutil import disk_usage
from typing import Any, Literal, TypeVar

from cosmos_recipes.diagnostics import Place, fail, visible

T = TypeVar("T")
Kind = Literal["model", "dataset"]
TIMEOUT_S = 10.0
"""How long the Hub has to say which commit a revision is, or how large a file."""
FILES_AT_ONCE = 8
_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_commit(revision: str) -> bool:
    """Return whether a revision can never mean something else."""
    return _COMMIT.fullmatch(revision) is not None


def fetch_files(hub_id: str, commit: str, sizes_bytes: Mapping[str, int], *, kind: Kind = "model") -> Path:
    """Return the folder of a commit with these files of it; what this machine's cache has needs no network.

    A download of which more comes than its size is ended.

    Raises:
        Exception: one of `failures`: a file is neither in the cache nor to be had.
    """
    from huggingface_hub import hf_hub_download

    def fetched(name: str) -> str:
        bar = bounded(sizes_bytes[name])
        return hf_hub_download(hub_id, name, repo_type=kind, revision=commit, tqdm_class=bar)

    def all_fetched() -> list[str]:
        with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
            # One after the other, so that the first error is told.
            return list(pool.map(fetched, sizes_bytes))

    name, place = next(zip(sizes_bytes, interruptible(all_fetched), strict=True))
    return Path(place).parents[name.count("/")]


def missing(hub_id: str, commit: str, names: Sequence[str], *, kind: Kind = "model") -> list[str]:
    """Return those files of a commit that this machine's cache lacks."""
    from huggingface_hub import try_to_load_from_cache

    kept = (try_to_load_from_cache(hub_id, name, revision=commit, repo_type=kind) for name in names)
    return [name for name, place in zip(names, kept, strict=True) if not isinstance(place, str)]


def missing_bytes(hub_id: str, commit: str, names: Sequence[str]) -> dict[str, int]:
    """Return how many bytes the Hub says that each file of a model's commit has, of those that this machine's cache lacks.

    Raises:
        Exception: one of `failures`: the Hub does not say.
    """
    lacking = missing(hub_id, commit, names)
    with ThreadPoolExecutor(FILES_AT_ONCE) as pool:
        sizes = pool.map(lambda name: size_bytes(hub_id, commit, name), lacking)
        return dict(zip(lacking, sizes, strict=True))


def size_bytes(hub_id: str, revision: str, name: str) -> int:
    """Return how large the Hub says that a file is, -1 where it does not say.

    Raises:
        Exception: one of `failures`: the Hub does not answer, or has no such file.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    said = get_hf_file_metadata(hf_hub_url(hub_id, name, revision=revision), timeout=TIMEOUT_S).size
    return -1 if said is None else said


def kept_in() -> Path:
    """Return the folder in which the client keeps files; it may not be there yet."""
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def require_room(name: str, sizes_bytes: Collection[int], folder: Path) -> None:
    """Refuse what is larger than the room on the disk that a folder is on, before any of it is fetched.

    Raises:
        RecipeError: there is no room (CR626).
    """
    needed, free = sum(sizes_bytes), disk_usage(_there(folder)).free
    if needed > free:
        fail(
            "CR626",
            "there is no room for what would be fetched",
            place=Place(file=visible(name)),
            expected=f"{needed / 1e9:,.1f} GB of room for {len(sizes_bytes)} files",
            found=f"{free / 1e9:,.1f} GB where {visible(str(folder))} is",
            hint="make room, or name a folder on a larger disk (HF_HOME, `--runs`); nothing of it was fetched",
        )


def disk_of(folder: Path) -> int:
    """Return the number of the disk that a folder is on, or will be."""
    return _there(folder).stat().st_dev


def _there(folder: Path) -> Path:
    return next(each for each in (folder, *folder.absolute().parents) if each.is_dir())


def interruptible(call: Callable[[], T]) -> T:
    """Return what `call` returns, while Ctrl-C and SIGTERM still end this process.

    The client sends and fetches large files in compiled code, which looks at no signal, and in threads, for which it waits.
    """
    with ThreadPool(1) as thread:
        return thread.apply_async(call).get()


def unseen() -> type[Any]:
    """Return a bar for the client that is not drawn."""
    bar = _bar()
    return type(
        "Unseen", (bar,), {"__init__": lambda self, *_, **named: bar.__init__(self, **{**named, "disable": True})}
    )


def bounded(most_bytes: int) -> type[Any]:
    """Return a bar for the client to draw that ends what it draws with an OSError, once more has come than was said."""
    bar = _bar()

    def begin(self: Any, *arguments: Any, unit: str = "it", name: str | None = None, **named: Any) -> None:
        # Others count files, or what Xet takes from the network, which may be more than the files are.
        of_files = unit == "B" and not (name or "").endswith(".transfer")
        self.left_bytes = most_bytes if of_files else math.inf
        bar.__init__(self, *arguments, unit=unit, name=name, **named)

    def update(self: Any, n: float | None = 1) -> Any:
        self.left_bytes -= n or 0
        if self.left_bytes < 0:
            raise OSError(f"more than the {most_bytes:,} bytes that the Hub said there are")
        return bar.update(self, n)

    return type("Bounded", (bar,), {"__init__": begin, "update": update})


def _bar() -> type[Any]:
    from huggingface_hub import utils

    # It gives the class by name alone, which mypy does not see.
    exported: Any = utils
    bar: type[Any] = exported.tqdm
    return bar


def failures() -> tuple[type[Exception], ...]:
    """Return what the client raises where something cannot be had; the base of its HTTP errors depends on which library it uses."""
    from huggingface_hub.errors import HfHubHTTPError

    http = next(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
    return (http, OSError, ValueError)


def first_line(error: Exception) -> str:
    """Return what the client says first."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
