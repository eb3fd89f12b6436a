"""Write a world to a folder as a user's data would come: mp4 files and a Parquet table; killed and rerun, it goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cosmos_recipes.worlds.video import Codec
from cosmos_recipes.worlds.world import World, WorldName, chosen_views, find_world

TABLE = "episodes.parquet"
SETTINGS = "world.json"

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many episodes have it, and how many there are."""

_EPISODES_PER_TASK = 8
_PARTIAL = ".partial"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything that decides an episode's videos; how many episodes and which views are written does not."""

    world: WorldName
    frames: int
    rate_hz: float
    height_px: int
    width_px: int
    seed: int
    codec: Codec
    version: int

    @property
    def scene(self) -> World[Any]:
        """The world itself."""
        return find_world(self.world)

    def play(self, seed: int) -> Any:
        """Return the episode of a seed."""
        return self.scene.play(seed, frames=self.frames, rate_hz=self.rate_hz)


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """One episode of a world: `index` counts from 0 within its split, so growing one split renames nothing."""

    split: str
    index: int

    @property
    def episode_id(self) -> str:
        """`episode_000012`, or `held_out_000012`."""
        return f"{'episode' if self.split == 'train' else 'held_out'}_{self.index:06d}"

    def video(self, world: World[Any], view: str) -> str:
        """Path of a view's video, relative to the folder; views have folders where there are several."""
        return f"videos/{self.episode_id}.mp4" if len(world.views) == 1 else f"videos/{view}/{self.episode_id}.mp4"

    def seed(self, world_seed: int) -> int:
        """Seed of the episode, even in train and odd in held-out, and different for every world seed below 2**31."""
        return (world_seed << 32) + 2 * self.index + (self.split != "train")


def write_world(
    folder: Path,
    *,
    world: WorldName,
    episodes: int,
    held_out: int,
    frames: int,
    rate_hz: float,
    height_px: int,
    width_px: int,
    seed: int,
    codec: Codec = "vp9",
    views: Sequence[str] | None = None,
    progress: Progress | None = None,
    workers: int = 2,
) -> None:
    """Write `videos/*.mp4`, or `videos/VIEW/*.mp4`, and then `episodes.parquet`; what is already there is kept.

    `views` are those that are written, in the order in which the table names them; all, if it is None. A file appears under its name only when it is complete. One call at a time works on a folder; others wait.

    Raises:
        ValueError: a setting that no video or no such world can have, or the folder holds a world of other settings.
    """
    settings = Settings(
        world=world,
        frames=frames,
        rate_hz=rate_hz,
        height_px=height_px,
        width_px=width_px,
        seed=seed,
        codec=codec,
        version=find_world(world).version,
    )
    _check(settings, episodes, held_out)
    shown = chosen_views(settings.scene, views)
    names = [Name(split="train", index=index) for index in range(episodes)]
    names += [Name(split="held-out", index=index) for index in range(held_out)]
    for view in shown:
        (folder / names[0].video(settings.scene, view)).parent.mkdir(parents=True, exist_ok=True)
    with _only_one(folder):
        _claim(folder, settings)
        for leftover in (*folder.glob(f"*{_PARTIAL}"), *folder.glob(f"videos/**/*{_PARTIAL}")):
            leftover.unlink()
        _write_videos(folder, settings, names, shown, progress or (lambda what, done, total: None), workers)
        _write_rows(folder, settings, names, shown)


def first_rows(settings: Settings, count: int, views: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return the rows of the first episodes, as the table of the world holds them, without drawing anything."""
    names = [Name(split="train", index=index) for index in range(count)]
    return [_row(settings, name, chosen_views(settings.scene, views)) for name in names]


def _check(settings: Settings, episodes: int, held_out: int) -> None:
    if not 0 <= settings.seed < 2**31:
        raise ValueError(f"a world's seed is from 0 to {2**31 - 1}, not {settings.seed}")
    if episodes < 0 or held_out < 0 or episodes + held_out == 0:
        raise ValueError(f"a world has at least one episode, not {episodes} and {held_out} held out")
    if settings.height_px % 2 or settings.width_px % 2 or min(settings.height_px, settings.width_px) < 16:
        size = f"{settings.height_px}x{settings.width_px}"
        raise ValueError(f"a world's height and width are even and at least 16 pixels, not {size}")
    settings.play(0)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Wait for any other writer of this folder; the system lets go of the lock of a process that dies."""
    import fcntl

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _claim(folder: Path, settings: Settings) -> None:
    """Note the settings in the folder, or find that they are the ones it was begun with."""
    path, wanted = folder / SETTINGS, asdict(settings)
    if path.exists():
        found: dict[str, Any] = json.loads(path.read_text())
        differing = sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))
        if differing:
            told = ", ".join(f"{key} {found.get(key)} and not {wanted.get(key)}" for key in differing)
            raise ValueError(f"{folder} holds a world with {told}; remove it or write to another folder")
        return
    with _complete(path) as partial:
        partial.write_text(json.dumps(wanted, indent=2) + "\n")


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """Give a name to write under, which becomes `path` when all is written."""
    partial = path.with_name(f"{path.name}.{os.getpid()}{_PARTIAL}")
    yield partial
    partial.replace(path)


def _write_videos(
    folder: Path, settings: Settings, names: Sequence[Name], views: Sequence[str], progress: Progress, workers: int
) -> None:
    missing = [name for name in names if _missing_views(folder, settings, name, views)]
    done = len(names) - len(missing)
    progress("render", done, len(names))
    for count in _work(folder, settings, missing, views, workers):
        done += count
        progress("render", done, len(names))


def _missing_views(folder: Path, settings: Settings, name: Name, views: Sequence[str]) -> list[str]:
    return [view for view in views if not (folder / name.video(settings.scene, view)).exists()]


def _work(folder: Path, settings: Settings, names: Sequence[Name], views: Sequence[str], workers: int) -> Iterator[int]:
    """Write the videos in this process or in several; yields how many more are there."""
    tasks = [names[start : start + _EPISODES_PER_TASK] for start in range(0, len(names), _EPISODES_PER_TASK)]
    if workers <= 1 or len(tasks) <= 1:
        for task in tasks:
            yield _write_some(folder, settings, task, views)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(min(workers, len(tasks)), mp_context=get_context("spawn"), initializer=_end_with_parent)
    try:
        for future in as_completed([pool.submit(_write_some, folder, settings, task, views) for task in tasks]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _end_with_parent() -> None:
    """Keep a worker from outliving a parent that was killed, and leave Ctrl-C to the parent."""
    import signal
    from multiprocessing import parent_process
    from threading import Thread

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def _write_some(folder: Path, settings: Settings, names: Sequence[Name], views: Sequence[str]) -> int:
    from cosmos_recipes.worlds.video import write_video

    for name in names:
        missing = _missing_views(folder, settings, name, views)
        episode = settings.play(name.seed(settings.seed))
        frames = settings.scene.render(episode, settings.height_px, settings.width_px, missing)
        for view, frames_THWC in frames.items():
            with _complete(folder / name.video(settings.scene, view)) as partial:
                write_video(partial, frames_THWC, settings.rate_hz, settings.codec)
    return len(names)


def _write_rows(folder: Path, settings: Settings, names: Sequence[Name], views: Sequence[str]) -> None:
    """Write the table, last of all, unless it already tells of exactly these episodes and views."""
    from cosmos_recipes.worlds.table import read_metadata, write_table

    counts = {split: sum(name.split == split for name in names) for split in ("train", "held-out")}
    metadata = {
        "settings": asdict(settings),
        "episodes": counts,
        **settings.scene.cameras(settings.height_px, settings.width_px),
        **({} if len(settings.scene.views) == 1 else {"views": list(views)}),
        "notes": dict(settings.scene.notes),
    }
    path = folder / TABLE
    if path.exists() and read_metadata(path) == metadata:
        return
    with _complete(path) as partial:
        write_table(partial, settings.scene, [_row(settings, name, views) for name in names], metadata)


def _row(settings: Settings, name: Name, views: Sequence[str]) -> dict[str, Any]:
    from cosmos_recipes.worlds.table import usual_values

    episode, videos = settings.play(name.seed(settings.seed)), [name.video(settings.scene, view) for view in views]
    return {
        "episode_id": name.episode_id,
        "split": name.split,
        **({"video": videos[0]} if len(settings.scene.views) == 1 else {"views": list(views), "videos": videos}),
        **usual_values(episode),
        **settings.scene.truth(episode, settings.height_px, settings.width_px, views),
    }
