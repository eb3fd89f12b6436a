"""The index: a row per recording and a row per clip, as memory-mapped Arrow, and a report of what was left out and why."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmos_recipes.data.contract import Schema, breaches
from cosmos_recipes.data.probe import Probe, probe
from cosmos_recipes.data.recording import Media
from cosmos_recipes.data.sources import Recording
from cosmos_recipes.data.sources.base import Progress, Split
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail
from cosmos_recipes.files import whole, write_json

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

HELD_OUT_SHARE = 0.1
"""Share of the recordings that are held out where the source has no splits; one at least."""
HELD_OUT_TAIL = 0.2
"""Share of the clips, the last ones, that are held out of a data set of one recording."""
_WHERE = ("offset_bytes", "size_bytes", "start_s", "end_s")
"""What of a video's file is meant, besides its path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipSpec:
    """The window: `stride` is in frames at `rate_hz`."""

    frames: int
    rate_hz: float
    height_px: int
    width_px: int
    stride: int


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexReport:
    """The funnel, in recordings, then clips per split; `problems` names every recording that was left out."""

    found: int
    readable: int
    long_enough: int
    clips: dict[str, int]
    problems: tuple[Problem, ...]


def build_index(
    recordings: Sequence[Recording],
    clip: ClipSpec,
    folder: Path,
    *,
    captions_needed: bool,
    limit: int | None,
    progress: Progress,
    contract: Schema | None = None,
) -> IndexReport:
    """Write `recordings.arrow`, `clips.arrow` and `index.json` (last: it says that the index is whole) into `folder`.

    A recording that cannot be used is left out and named in the report; nothing else is lost.

    Raises:
        RecipeError: captions are missing that the head needs (CR506), or no clip is left in a split (CR507).
    """
    recordings = _limited(recordings, limit)
    if captions_needed:
        _require_captions(recordings)
    looked = _probe_all(recordings, contract, progress)
    problems = [found for _, found in looked if isinstance(found, Problem)]
    readable = [(recording, found) for recording, found in looked if isinstance(found, Probe)]
    windows = [(recording, found, clip_windows(found, clip)) for recording, found in readable]
    problems += [_too_short(recording, found, clip) for recording, found, frames in windows if not frames]
    kept = [row for row in windows if row[2]]
    splits = _splits([recording for recording, _, _ in kept])
    rows = list(_clip_rows(kept, splits))
    _write(folder / "recordings.arrow", _recording_table([(recording, found) for recording, found, _ in kept], folder))
    _write(folder / "clips.arrow", _clip_table(rows))
    counts = {split: sum(row["split"] == split for row in rows) for split in ("train", "held-out")}
    report = IndexReport(
        found=len(recordings), readable=len(readable), long_enough=len(kept), clips=counts, problems=tuple(problems)
    )
    if not all(counts.values()):
        _nothing_left(report)
    write_json(folder / "index.json", asdict(report))
    return report


def clip_windows(found: Probe, clip: ClipSpec) -> list[list[int]]:
    """Return the frame numbers of each clip: the frames nearest in time to k / rate; none if the video is too slow."""
    import numpy as np

    times_s = np.asarray(found.times_s)
    if len(times_s) < 2 or (len(times_s) - 1) / times_s[-1] < 0.9 * clip.rate_hz:
        return []
    # The last frame is shown for as long as the others: times that a container rounds do not cost a frame.
    interval_s = times_s[-1] / (len(times_s) - 1)
    count = int((times_s[-1] + interval_s / 2) * clip.rate_hz) + 1
    wanted_s = np.arange(count) / clip.rate_hz
    after = np.searchsorted(times_s, wanted_s).clip(1, len(times_s) - 1)
    nearest = np.where(wanted_s - times_s[after - 1] <= times_s[after] - wanted_s, after - 1, after)
    return [nearest[start : start + clip.frames].tolist() for start in range(0, count - clip.frames + 1, clip.stride)]


class ClipIndex:
    """The clips of a prepared folder, by number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.recordings, self.clips = _open(folder / "recordings.arrow"), _open(folder / "clips.arrow")

    def ids(self, split: Split, *, without: Sequence[int] = ()) -> np.ndarray:
        """Return the numbers of the clips of a split, but for those of the recordings `without`."""
        import numpy as np

        chosen = np.array(self.clips["split"].to_numpy() == split)
        return np.flatnonzero(chosen & ~np.isin(self.recording_of, list(without)))

    def row(self, clip: int) -> dict[str, Any]:
        """Return a clip's recording (number and name), frames and caption."""
        row: dict[str, Any] = self.clips.slice(int(clip), 1).to_pylist()[0]
        return {**row, "name": self.names[row["recording"]], "caption": self.captions[row["recording"]]}

    @cached_property
    def recording_of(self) -> np.ndarray:
        """Number of the recording of each clip."""
        numbers: np.ndarray = self.clips["recording"].to_numpy()
        return numbers

    @cached_property
    def names(self) -> list[str]:
        """Names of the recordings."""
        names: list[str] = self.recordings["name"].to_pylist()
        return names

    @cached_property
    def captions(self) -> list[str]:
        """Captions of the recordings."""
        captions: list[str] = self.recordings["caption"].to_pylist()
        return captions

    def recording(self, number: int) -> tuple[Media, Probe]:
        """Return a recording's file and what the probe found in it."""
        row = self.recordings.slice(int(number), 1).to_pylist()[0]
        fields = {name: row[name] for name in Probe.__dataclass_fields__}
        fields["pts"], fields["keyframes"] = tuple(fields["pts"]), tuple(fields["keyframes"])
        where = {name: row[name] for name in _WHERE}
        return Media(path=self.folder / row["path"], **where), Probe(**fields)


def _limited(recordings: Sequence[Recording], limit: int | None) -> list[Recording]:
    train = [recording for recording in recordings if recording.split != "held-out"]
    kept = {recording.name for recording in train[:limit]}
    return [recording for recording in recordings if recording.split == "held-out" or recording.name in kept]


def _splits(recordings: Sequence[Recording]) -> list[Split | None]:
    """Return each recording's split: its own, or held out by a hash of its name; None for one that is cut in two."""
    if any(recording.split for recording in recordings) or len(recordings) < 2:
        return [recording.split for recording in recordings]
    names = [recording.name for recording in recordings]
    ranked = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())
    held_out = set(ranked[: max(1, round(HELD_OUT_SHARE * len(names)))])
    return ["held-out" if name in held_out else "train" for name in names]


def _require_captions(recordings: Sequence[Recording]) -> None:
    missing = [recording.name for recording in recordings if not recording.values.get("caption")]
    if missing:
        fail(
            "CR506",
            f"{len(missing)} of {len(recordings)} recordings have no caption, which the head needs",
            expected="NAME.txt or NAME.json beside the video, or one captions.jsonl or captions.csv",
            found=f"none for {', '.join(missing[:5])}" + (" and more" if len(missing) > 5 else ""),
            hint="write the captions, or use `head: none`",
        )


def _probe_all(
    recordings: Sequence[Recording], contract: Schema | None, progress: Progress
) -> list[tuple[Recording, Probe | Problem]]:
    results: list[tuple[Recording, Probe | Problem]] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        looked = pool.map(lambda recording: _probed(recording, contract), recordings)
        for recording, found in zip(recordings, looked, strict=True):
            results.append((recording, found))
            progress("reading the videos", len(results), len(recordings))
    return results


def _probed(recording: Recording, contract: Schema | None) -> Probe | Problem:
    wrong = [*breaches(contract, {**recording.views, **recording.values})] if contract else []
    if not recording.name.isprintable():
        wrong.append("its name holds characters that cannot be shown")
    if wrong:
        return Problem(
            code="CR513",
            message=f"the recording {_shown(recording.name)} breaks the contract",
            place=Place(file=_shown(str(recording.media.path))),
            expected=f"what the schema `{contract.name}` says" if contract else "a name of letters and digits",
            found="; ".join(wrong),
            hint="correct it, or remove the recording",
        )
    try:
        return probe(recording.media)
    except RecipeError as error:
        return error.problems[0]


def _shown(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]


def _too_short(recording: Recording, found: Probe, clip: ClipSpec) -> Problem:
    seconds = found.times_s[-1]
    rate_hz = (len(found.pts) - 1) / seconds if seconds else 0.0
    return Problem(
        code="CR505",
        message=f"the video {recording.name} is too short or too slow for a clip",
        place=Place(file=str(recording.media.path)),
        expected=f"{clip.frames} frames at {clip.rate_hz:g} Hz, which is {(clip.frames - 1) / clip.rate_hz:g} s",
        found=f"{len(found.pts)} frames at {rate_hz:.3g} Hz, which is {seconds:.3g} s",
        hint="use shorter clips or a lower rate, or remove the video",
    )


def _clip_rows(
    kept: Sequence[tuple[Recording, Probe, list[list[int]]]], splits: Sequence[Split | None]
) -> Iterator[dict[str, Any]]:
    for number, ((_, _, windows), split) in enumerate(zip(kept, splits, strict=True)):
        for own, frames in ((split, frames) for frames in windows) if split else _cut_in_two(windows):
            yield {"recording": number, "split": own, "frames": frames}


def _cut_in_two(windows: list[list[int]]) -> Iterator[tuple[Split, list[int]]]:
    """Hold out the last clips; those that would share a frame with them are dropped."""
    first = len(windows) - max(1, round(HELD_OUT_TAIL * len(windows)))
    yield from (("train", frames) for frames in windows[:first] if frames[-1] < windows[first][0])
    yield from (("held-out", frames) for frames in windows[first:])


def _nothing_left(report: IndexReport) -> None:
    empty = " and ".join(f"`{split}`" for split, count in report.clips.items() if not count)
    problem = Problem(
        code="CR507",
        message=f"no clip is left in the split {empty}",
        expected="at least one clip in each split",
        found=f"{report.found} recordings, {report.readable} readable, {report.long_enough} long enough",
        hint="use shorter clips (dataset.clip.frames), or more recordings",
    )
    raise RecipeError(problem, *report.problems)


def _stored(path: Path, folder: Path) -> str:
    """Return the path of a video that was made for this index relative to it, so that both can be moved together."""
    path, beside = path.absolute(), folder.absolute().parent
    return os.path.relpath(path, folder.absolute()) if path.is_relative_to(beside) else str(path)


def _recording_table(kept: Sequence[tuple[Recording, Probe]], folder: Path) -> pa.Table:
    import pyarrow as pa

    rows = [
        {
            "name": r.name,
            "split": r.split,
            "path": _stored(r.media.path, folder),
            **{name: getattr(r.media, name) for name in _WHERE},
            "caption": r.values.get("caption", ""),
            **asdict(found),
        }
        for r, found in kept
    ]
    return pa.Table.from_pylist(rows) if rows else pa.table({})


def _clip_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    import pyarrow as pa

    schema = pa.schema({"recording": pa.int32(), "split": pa.string(), "frames": pa.list_(pa.int32())})
    return pa.Table.from_pylist(list(rows), schema=schema)


def _write(path: Path, table: pa.Table) -> None:
    import pyarrow as pa

    with whole(path) as part, pa.OSFile(str(part), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _open(path: Path) -> pa.Table:
    import pyarrow as pa

    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
