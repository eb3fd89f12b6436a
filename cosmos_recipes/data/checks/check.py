"""Checking a data set: every recording is looked into, batch by batch, and every rule looks at all of them."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from cosmos_recipes.data.binding.bind import Binding
from cosmos_recipes.data.checks.batch import Batch
from cosmos_recipes.data.checks.contents import Contents
from cosmos_recipes.data.checks.facts import Facts, Gathered
from cosmos_recipes.data.checks.findings import Finding, Rule, Severity
from cosmos_recipes.data.checks.pictures import Decode
from cosmos_recipes.data.checks.report import EXAMPLES, NO_CLIP_LEFT, CheckReport, FunnelStage, RuleReport
from cosmos_recipes.data.checks.rules import RULES
from cosmos_recipes.data.checks.seen import Seen, see
from cosmos_recipes.data.dataset import BoundDataset
from cosmos_recipes.data.index.build import TOO_SHORT
from cosmos_recipes.data.index.look import STAGES
from cosmos_recipes.data.index.splits import declared_split, final_splits
from cosmos_recipes.data.index.tables import SPLITS
from cosmos_recipes.data.index.windows import ClipSpec
from cosmos_recipes.data.recording import Recording, Split
from cosmos_recipes.data.sources.base import Progress
from cosmos_recipes.diagnostics import Problem

MOST_RECORDINGS, MOST_NUMBERS = 512, 2**24
"""Recordings that rules look at together, and numbers in all of their rows: this is held in memory at a time."""
AHEAD = 4
"""Recordings that are looked into ahead, for each thread."""
OTHER_SHAPE = "CR524"
MEANINGS = {
    "found": "what the source has",
    "decodable": "bound to the contract, which it keeps, and its pictures decode",
    "long enough": "long and fast enough for a clip",
    "aligned": "with a clip whose values are all known",
    "kept": "of the same shape as the others: what a run would use",
}
"""The funnel: its first stages are those of a first look."""
NAMES = tuple(MEANINGS)


def check_recordings(
    dataset: BoundDataset,
    recordings: Sequence[Recording],
    clip: ClipSpec,
    *,
    decode: Decode = "sample",
    progress: Progress,
) -> CheckReport:
    """Return what every rule finds in a data set's recordings, looked at through the window `clip`.

    Nothing is raised about a recording: what is wrong is in the report.
    """
    checker = _Checker(dataset, clip, decode)
    began_s = time.perf_counter()
    for seen in _batches(_see_all(dataset, recordings, clip, decode, progress)):
        checker.take(seen)
    checker.finish()
    return checker.report(total_s=time.perf_counter() - began_s)


def _see_all(
    dataset: BoundDataset, recordings: Sequence[Recording], clip: ClipSpec, decode: Decode, progress: Progress
) -> Iterator[Seen]:
    binding, splits = Binding(dataset.declaration), dataset.file.splits
    threads = os.cpu_count() or 1

    def look(recording: Recording) -> Seen:
        return see(replace(recording, split=declared_split(recording, splits)), binding, clip, decode)

    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Seen]] = deque()
        for done, recording in enumerate(recordings, 1):
            waiting.append(pool.submit(look, recording))
            if len(waiting) > AHEAD * threads:
                yield waiting.popleft().result()
            progress("checking the recordings", done, len(recordings))
        yield from (each.result() for each in waiting)


def _batches(seen: Iterable[Seen]) -> Iterator[list[Seen]]:
    batch: list[Seen] = []
    numbers = 0
    for each in seen:
        batch.append(each)
        numbers += each.numbers
        if len(batch) == MOST_RECORDINGS or numbers >= MOST_NUMBERS:
            yield batch
            batch, numbers = [], 0
    if batch:
        yield batch


class _Checker:
    def __init__(self, dataset: BoundDataset, clip: ClipSpec, decode: Decode) -> None:
        self.dataset, self.clip, self.decode = dataset, clip, decode
        self.rules = [rule for rule in RULES if decode != "none" or rule.looks_at != "media"]
        self.tally = _Tally()
        self.gathered = Gathered()
        self.wanted: Mapping[str, tuple[int, ...]] = {}
        self.reached = dict.fromkeys(NAMES, 0)
        self.windows = self.aligned_clips = self.rows = self.decoded_frames = 0
        self.kept_clips: dict[int, int] = {}
        self.rules_s = 0.0

    def take(self, seen: Sequence[Seen]) -> None:
        """Look at some recordings, and keep what rules need of them that look at all."""
        began_s = time.perf_counter()
        self.wanted = self.wanted or next((each.shapes for each in seen if each.shapes), {})
        batch = Batch(declaration=self.dataset.declaration, clip=self.clip, seen=seen, wanted=self.wanted)
        for number, each in enumerate(seen, len(self.gathered.known)):
            self._count(number, each)
        for rule in self.rules:
            if rule.of_rows:
                self.tally.add(rule, rule.of_rows(batch))
        self.gathered.add(batch)
        self.rules_s += time.perf_counter() - began_s

    def finish(self) -> None:
        """Look at all that was kept."""
        began_s = time.perf_counter()
        known = self.gathered.known
        facts = Facts(
            dataset=self.dataset.file,
            per_view=self.dataset.schema.own_views is None,
            known=known,
            splits=self._splits(),
            columns=self.gathered.joined_columns(),
            matches=self.gathered.joined_matches(),
            contents=Contents(known, opens_files=self.decode != "none"),
        )
        for rule in self.rules:
            if rule.of_all:
                self.tally.add(rule, rule.of_all(facts))
        self._nothing_left(facts)
        self.rules_s += time.perf_counter() - began_s

    def _count(self, number: int, seen: Seen) -> None:
        """Count how far a recording comes, and note what stops it."""
        self.rows += 0 if seen.rows_s is None else len(seen.rows_s)
        self.decoded_frames += seen.decoded_frames
        self.windows += seen.windows
        self.aligned_clips += seen.clips
        for stage, name in zip(STAGES, NAMES, strict=False):
            self.reached[name] += seen.has_come_to(stage)
        for problem in seen.problems:
            self._unusable(seen, problem)
        if seen.shapes and seen.shapes != self.wanted:
            self._unusable(seen, _other_shape(seen, self.wanted))
        elif seen.stage == "aligned":
            self.kept_clips[number] = seen.clips

    def _unusable(self, seen: Seen, problem: Problem) -> None:
        may_go = problem.code == TOO_SHORT or self.dataset.file.on_missing == "drop"
        rule = Rule(
            code=problem.code,
            name="recordings that can be used",
            severity="warning" if may_go else "error",
            looks_at="metadata",
        )
        self.tally.add(rule, [_finding(seen, problem)])

    def _splits(self) -> dict[int, Split | None]:
        known = [self.gathered.known[number] for number in self.kept_clips]
        final = final_splits([each.name for each in known], [each.split for each in known], self.dataset.file.splits)
        return dict(zip(self.kept_clips, final, strict=True))

    def _nothing_left(self, facts: Facts) -> None:
        """Note splits that no clip is left in; a single recording is cut in two, if it has two clips."""
        alone = list(facts.splits.values()) == [None]
        filled = {split for split in facts.splits.values() if split}
        empty = [split for split in SPLITS if split not in filled]
        if alone:
            empty = [] if self.aligned_clips > 1 else ["train"] if self.aligned_clips else empty
        if empty:
            finding = Finding(
                message=f"no clip is left in the split {' and '.join(f'`{split}`' for split in empty)}",
                expected="at least one clip in each split",
                found=f"{len(self.kept_clips)} of {len(facts.known)} recordings can be used, {self.aligned_clips} clips",
                hint="mend the recordings, use shorter clips, or say the splits under `splits`",
            )
            rule = Rule(code=NO_CLIP_LEFT, name="splits", severity="error", looks_at="metadata")
            self.tally.add(rule, [finding])

    def report(self, *, total_s: float) -> CheckReport:
        """Return what was found."""
        reached = self.reached
        clips = {"long enough": self.windows, "aligned": self.aligned_clips, "kept": sum(self.kept_clips.values())}
        reached["kept"] = len(self.kept_clips)
        return CheckReport(
            dataset=self.dataset.file.name,
            schema=self.dataset.schema.name,
            clip=self.clip,
            decode=self.decode,
            funnel=tuple(
                FunnelStage(name=name, recordings=count, clips=clips.get(name), meaning=MEANINGS[name])
                for name, count in reached.items()
            ),
            rows=self.rows,
            decoded_frames=self.decoded_frames,
            rules=self.tally.reports(self.rules),
            seconds={"all": round(total_s, 3), "rules": round(self.rules_s, 3)},
        )


class _Tally:
    """Counts what rules find, and keeps the first examples."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, Severity], int] = {}
        self._examples: dict[tuple[str, str, Severity], list[Finding]] = {}
        self._rules: dict[tuple[str, str, Severity], Rule] = {}

    def add(self, rule: Rule, findings: Iterable[Finding]) -> None:
        key = (rule.code, rule.name, rule.severity)
        self._rules.setdefault(key, rule)
        examples = self._examples.setdefault(key, [])
        for finding in findings:
            self._counts[key] = self._counts.get(key, 0) + 1
            if len(examples) < EXAMPLES:
                examples.append(finding)

    def reports(self, rules: Sequence[Rule]) -> tuple[RuleReport, ...]:
        """Return what was found, by code; rules that found nothing included."""
        for rule in rules:
            self.add(rule, ())
        return tuple(
            RuleReport(
                code=rule.code,
                rule=rule.name,
                severity=rule.severity,
                looks_at=rule.looks_at,
                count=self._counts.get(key, 0),
                examples=tuple(self._examples[key]),
            )
            for key, rule in sorted(self._rules.items())
        )


def _finding(seen: Seen, problem: Problem) -> Finding:
    return Finding(
        recording=seen.name,
        row=seen.row,
        file=problem.place.file if problem.place else seen.file,
        message=problem.message,
        expected=problem.expected,
        found=problem.found,
        hint=problem.hint,
    )


def _other_shape(seen: Seen, wanted: Mapping[str, tuple[int, ...]]) -> Problem:
    name = next(name for name in wanted if seen.shapes.get(name) != wanted[name])
    return Problem(
        code=OTHER_SHAPE,
        message=f"`{name}` of the recording {seen.name} has another shape than those before",
        expected=f"{wanted[name]} in a clip",
        found=f"{seen.shapes.get(name)}",
        hint="leave the recording out, or make another data set of such recordings",
    )
