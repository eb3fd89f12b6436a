"""Building an index: every recording is bound and looked into, its clips are cut, and what cannot be used is named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.binding.spec import Splits
from cosmos_recipes.data.dataset import BoundDataset
from cosmos_recipes.data.index.look import STAGES, Looked, look_into
from cosmos_recipes.data.index.small import SmallVideos
from cosmos_recipes.data.index.splits import HELD_OUT_TAIL, declared_split, final_splits
from cosmos_recipes.data.index.tables import SPLITS, Clip, write_clips, write_recordings, write_views
from cosmos_recipes.data.index.windows import ClipSpec
from cosmos_recipes.data.recording import Recording, Split
from cosmos_recipes.data.sources.base import Progress
from cosmos_recipes.diagnostics import Place, Problem, RecipeError, fail
from cosmos_recipes.files import write_json

TOO_SHORT = "CR505"


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexedSet:
    """Recordings of one data set, and how they are bound; `splits` are those that its file says."""

    name: str
    recordings: Sequence[Recording]
    binding: Binding
    splits: Splits | None = None
    on_missing: Literal["error", "drop"] = "drop"

    @classmethod
    def of(cls, dataset: BoundDataset, recordings: Sequence[Recording]) -> IndexedSet:
        """Return the recordings of a data set; those that cannot be used are left out and named."""
        file = dataset.file
        return cls(name=file.name, recordings=recordings, binding=Binding(dataset.declaration), splits=file.splits)


@dataclass(frozen=True, kw_only=True, slots=True)
class IndexReport:
    """The funnel, in recordings, then clips per split; `problems` names every recording that was left out.

    Found, then readable (bound to the contract and opened), then long enough for a clip, then aligned: with a clip whose
    frames all have their values. `uncovered` are clips that were dropped as not all their values are known.
    """

    found: int
    readable: int
    long_enough: int
    aligned: int
    uncovered: int
    clips: dict[str, int]
    problems: tuple[Problem, ...]


def build_index(
    sets: Sequence[IndexedSet],
    clip: ClipSpec,
    folder: Path,
    *,
    captions_needed: bool,
    limit: int | None,
    progress: Progress,
    small: SmallVideos | None = None,
) -> IndexReport:
    """Write the tables of recordings, views and clips, and `index.json` (last: it says that all is whole) into `folder`.

    The sets, which are one or those of a mixture, keep one contract. A recording that cannot be used is left out and
    named in the report, where its set says that it may be dropped; one that is too short always is. With `small`, the
    index leads to small videos instead of the recordings' own.

    Raises:
        RecipeError: captions are missing that the head needs (CR506), recordings of a set that says `error` cannot be
            used (CR525), or no clip is left in a split (CR507).
    """
    chosen = [(each, _chosen(each, limit, len(sets) > 1)) for each in sets]
    if captions_needed:
        for own, recordings in chosen:
            _require_captions(recordings, own.binding)
    looked = _same_shapes(list(_look_at_all(chosen, clip, progress, small)))
    for part, (own, _) in enumerate(chosen):
        if own.on_missing == "error":
            require_all(own.name, [problem for each in looked if each.part == part for problem in each.problems])
    kept = [(each, each.bound) for each in looked if each.stage == "aligned" and each.bound]
    clips = list(_clips([each for each, _ in kept], [own for own, _ in chosen]))
    texts = list(sets[0].binding.declaration.texts)
    write_recordings(folder / "recordings.arrow", [bound for _, bound in kept], texts)
    write_views(folder / "views.arrow", [(bound, each.probes) for each, bound in kept], folder)
    write_clips(folder / "clips.arrow", clips)
    report = _report(looked, clips)
    _require_clips(report, clips, sets)
    write_json(folder / "index.json", asdict(report))
    return report


def require_all(name: str, problems: Sequence[Problem]) -> None:
    """Refuse to go on without recordings; those that are too short may always be left out.

    Raises:
        RecipeError: there are others that cannot be used (CR525).
    """
    broken = [problem for problem in problems if problem.code != TOO_SHORT]
    if broken:
        count = f"{len(broken)} recordings" if len(broken) > 1 else "a recording"
        message = f"{count} of the data set {name} cannot be used"
        hint = "mend them, or leave them out with `on_missing: drop` in the data set's file"
        raise RecipeError(Problem(code="CR525", message=message, hint=hint), *broken)


def _chosen(own: IndexedSet, limit: int | None, is_mixed: bool) -> list[Recording]:
    """Return the recordings that are used, with the split that is declared, and names that are unique in the mixture."""
    split = [replace(each, split=declared_split(each, own.splits)) for each in own.recordings]
    kept = _limited(split, limit)
    return [replace(each, name=f"{own.name}/{each.name}") for each in kept] if is_mixed else kept


def _limited(recordings: Sequence[Recording], limit: int | None) -> list[Recording]:
    train = [recording for recording in recordings if recording.split != "held-out"]
    kept = {recording.name for recording in train[:limit]}
    return [recording for recording in recordings if recording.split == "held-out" or recording.name in kept]


def _require_captions(recordings: Sequence[Recording], binding: Binding) -> None:
    missing = [recording.name for recording in recordings if not binding.texts(recording).get("caption")]
    if missing:
        fail(
            "CR506",
            f"{len(missing)} of {len(recordings)} recordings have no caption, which the head needs",
            expected="NAME.txt or NAME.json beside the video, or one captions.jsonl or captions.csv",
            found=f"none for {', '.join(missing[:5])}" + (" and more" if len(missing) > 5 else ""),
            hint="write the captions, or use `head: none`",
        )


def _look_at_all(
    chosen: Sequence[tuple[IndexedSet, Sequence[Recording]]],
    clip: ClipSpec,
    progress: Progress,
    small: SmallVideos | None,
) -> Iterator[Looked]:
    def look(job: tuple[int, Binding, Recording]) -> Looked:
        part, binding, recording = job
        looked = replace(look_into(recording, binding, clip), part=part)
        # All recordings are held until the index is written: not with the source's values.
        bound = replace(looked.bound, values={}) if looked.bound else None
        looked = replace(looked, bound=bound)
        return small.of(looked, clip) if small else looked

    if small:
        small.sweep()
    what = "writing small videos" if small else "reading the videos"
    jobs = [(part, own.binding, each) for part, (own, recordings) in enumerate(chosen) for each in recordings]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, found in enumerate(pool.map(look, jobs), 1):
            yield found
            progress(what, done, len(jobs))


def _same_shapes(looked: list[Looked]) -> list[Looked]:
    """Leave out recordings whose columns or views are of other shapes than those of the first that has clips."""
    first = next((each for each in looked if each.columns), None)
    if first is None:
        return looked
    wanted = _shapes(first)
    return [each if not each.columns or _shapes(each) == wanted else _other_shape(each, wanted) for each in looked]


def _shapes(looked: Looked) -> dict[str, str]:
    """Return the shape of each column in words; of views it is their names, by whose order the model tells them."""
    columns = {name: str(array.shape) for name, array in looked.columns[0].items()}
    views = looked.bound.views if looked.bound else ()
    return {"views": ", ".join(views) if len(views) > 1 else "1", **columns}


def _other_shape(looked: Looked, wanted: dict[str, str]) -> Looked:
    own = _shapes(looked)
    name = next(name for name, shape in wanted.items() if own[name] != shape)
    problem = Problem(
        code="CR524",
        message=f"`{name}` of the recording {looked.recording.name} are not as in those before"
        if name == "views"
        else f"`{name}` of the recording {looked.recording.name} has another shape than those before",
        place=Place(file=str(looked.recording.media.path)),
        expected=f"{wanted[name]} in a clip",
        found=f"{own[name]}",
        hint="leave the recording out, or make another data set of such recordings",
    )
    return replace(looked, stage="readable", frames_VT=(), columns=(), problems=(problem,))


def _clips(kept: Sequence[Looked], sets: Sequence[IndexedSet]) -> Iterator[Clip]:
    for number, (looked, split) in enumerate(zip(kept, _final_splits(kept, sets), strict=True)):
        own = [split] * len(looked.frames_VT) if split else _cut_in_two(looked)
        for clip_split, frames_VT, columns in zip(own, looked.frames_VT, looked.columns, strict=True):
            if clip_split:
                yield Clip(recording=number, part=looked.part, split=clip_split, frames_VT=frames_VT, columns=columns)


def _final_splits(kept: Sequence[Looked], sets: Sequence[IndexedSet]) -> Iterator[Split | None]:
    """Yield the split of each recording; each set holds out its own."""
    for part, own in enumerate(sets):
        recordings = [each.recording for each in kept if each.part == part]
        # By their own names, so that a mixture holds out what its data sets hold out alone.
        names = [each.name.removeprefix(f"{own.name}/" if len(sets) > 1 else "") for each in recordings]
        yield from final_splits(names, [each.split for each in recordings], own.splits)


def _cut_in_two(looked: Looked) -> list[Split | None]:
    """Hold out the last clips; those that would share a frame with them get no split."""
    windows = [frames_VT[0] for frames_VT in looked.frames_VT]
    first = len(windows) - max(1, round(HELD_OUT_TAIL * len(windows)))
    return ["held-out" if n >= first else "train" if w[-1] < windows[first][0] else None for n, w in enumerate(windows)]


def _report(looked: Sequence[Looked], clips: Sequence[Clip]) -> IndexReport:
    reached = {stage: sum(STAGES.index(each.stage) >= STAGES.index(stage) for each in looked) for stage in STAGES}
    return IndexReport(
        found=reached["found"],
        readable=reached["readable"],
        long_enough=reached["long-enough"],
        aligned=reached["aligned"],
        uncovered=sum(each.uncovered for each in looked),
        clips={split: sum(clip.split == split for clip in clips) for split in SPLITS},
        problems=tuple(problem for each in looked for problem in each.problems),
    )


def _require_clips(report: IndexReport, clips: Sequence[Clip], sets: Sequence[IndexedSet]) -> None:
    trained = {clip.part for clip in clips if clip.split == "train"}
    empty = [f"`{split}`" for split, count in report.clips.items() if not count] or [
        f"`train` of the data set {own.name}" for part, own in enumerate(sets) if part not in trained
    ]
    if not empty:
        return
    problem = Problem(
        code="CR507",
        message=f"no clip is left in the split {' and '.join(empty)}",
        expected="at least one clip in each split",
        found=f"{report.found} found, {report.readable} readable, {report.long_enough} long enough, {sum(report.clips.values())} clips",
        hint="use shorter clips (dataset.clip.frames, or --frames), or more recordings",
    )
    raise RecipeError(problem, *report.problems)
