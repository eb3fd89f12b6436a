"""Rules about time: gaps, rows and pictures that drift apart, views that are not in step.

Legend: R rows of all recordings, N recordings.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.checks.batch import FEWEST_ROWS, Batch
from cosmos_recipes.data.checks.findings import Finding
from cosmos_recipes.data.checks.segments import Segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

GAP = 3.0
"""A step of time is a gap if it is so many times the median step."""
DRIFT_FRAMES, DRIFT_SHARE = 0.5, 0.02
"""How far the ends of two clocks may be apart: of a frame where rows and frames belong together, otherwise of the length."""


def row_gaps(batch: Batch) -> Iterator[Finding]:
    """Find rows after which nothing is known for a long time."""
    timed = [each.rows_s for each in batch.seen if each.recording.times_s is not None and each.rows_s is not None]
    numbers = [n for n, each in enumerate(batch.seen) if each.recording.times_s is not None and each.rows_s is not None]
    yield from _gaps(batch, Segments.of(timed, numbers, fewest=FEWEST_ROWS), "rows")


def frame_gaps(batch: Batch) -> Iterator[Finding]:
    """Find frames after which a view shows nothing for a long time."""
    views = max((len(each.probes) for each in batch.seen), default=0)
    for view in range(views):
        numbers = [number for number, each in enumerate(batch.seen) if len(each.probes) > view]
        probes = [batch.seen[number].probes[view] for number in numbers]
        frames_s = [np.array(probe.pts) * probe.seconds_per_pts for probe in probes]
        yield from _gaps(batch, Segments.of(frames_s, numbers, fewest=FEWEST_ROWS), f"frames of view {view}")


def _gaps(batch: Batch, moments: Segments | None, what: str) -> Iterator[Finding]:
    if moments is None:
        return
    steps = moments.steps()
    usual_s_N = steps.quantile(0.5)
    for number, row, at in steps.first(steps.values > GAP * steps.spread(usual_s_N)):
        usual_s = float(usual_s_N[steps.owner_R[at]])
        yield batch.finding(
            number,
            f"the {what} of the recording {{}} have a gap",
            row=row,
            expected=f"one about every {usual_s:.3g} s",
            found=f"{float(steps.values[at]):.3g} s after {row}",
            hint="cut the recording in two at the gap, or fill it",
        )


def drift(batch: Batch) -> Iterator[Finding]:
    """Find recordings whose rows end at another time than their first view, so that they run apart."""
    told = [(n, each) for n, each in enumerate(batch.seen) if each.recording.times_s is not None and each.probes]
    if not told:
        return
    rows = [each.rows_s for _, each in told if each.rows_s is not None]
    probes = [each.probes[0] for _, each in told]
    count_R, count_F = np.array([len(each) for each in rows]), np.array([len(probe.pts) for probe in probes])
    end_R = np.array([each[-1] if len(each) else 0.0 for each in rows])
    end_F = np.array([(probe.pts[-1] - probe.pts[0]) * probe.seconds_per_pts for probe in probes])
    frame_s = end_F / np.maximum(count_F - 1, 1)
    row_s = end_R / np.maximum(count_R - 1, 1)
    one_by_one = count_R == count_F
    allowed_s = np.where(
        one_by_one, DRIFT_FRAMES * frame_s, np.maximum(DRIFT_SHARE * end_F, np.maximum(frame_s, row_s))
    )
    goes_on = bool(batch.of_convention("future-points"))
    late_s = end_R - end_F
    is_wrong = (np.abs(late_s) > allowed_s * (1 + 1e-6)) & ~(goes_on & (late_s > 0) & ~one_by_one)
    for place in np.flatnonzero(is_wrong).tolist():
        yield batch.finding(
            told[place][0],
            "the rows of the recording {} and its video drift apart",
            row=int(count_R[place]) - 1,
            expected=f"the last row within {allowed_s[place]:.2g} s of the last frame, at {end_F[place]:.3g} s",
            found=f"{count_R[place]} rows until {end_R[place]:.3g} s, and {count_F[place]} frames",
            hint="correct the times of the rows, or the video's rate",
        )


def views_in_step(batch: Batch) -> Iterator[Finding]:
    """Find recordings whose views are not equally long, or do not have the same rate."""
    for number, each in enumerate(batch.seen):
        if len(each.probes) < 2:
            continue
        ends_s = [(probe.pts[-1] - probe.pts[0]) * probe.seconds_per_pts for probe in each.probes]
        intervals_s = [end_s / max(1, len(probe.pts) - 1) for end_s, probe in zip(ends_s, each.probes, strict=True)]
        longest, shortest = int(np.argmax(ends_s)), int(np.argmin(ends_s))
        is_apart = ends_s[longest] - ends_s[shortest] > max(max(intervals_s) * 1.01, DRIFT_SHARE * ends_s[longest])
        if is_apart or max(intervals_s) > (1 + DRIFT_SHARE) * min(intervals_s):
            names = list(each.views)
            told = [f"{n} {len(p.pts)} frames in {e:.3g} s" for n, p, e in zip(names, each.probes, ends_s, strict=True)]
            yield batch.finding(
                number,
                "the views of the recording {} are not in step",
                expected="views of the same rate that end together",
                found=", ".join(told),
                hint="cut the views to the same stretch of time, and give each its true rate",
            )
