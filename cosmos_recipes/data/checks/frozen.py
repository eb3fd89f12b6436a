"""A rule about pictures that stand still while the numbers of the recording move."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from cosmos_recipes.data.checks.batch import Batch
from cosmos_recipes.data.checks.findings import Finding
from cosmos_recipes.data.checks.pictures import Still
from cosmos_recipes.data.checks.seen import Seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

ALONE_SHARE = 0.5
"""Where no number says whether anything moves, a picture may stand still for less than such a part of the recording."""
MOVING_SHARE, MOVING_STEPS = 0.1, 0.5
"""Something moves in a step of a tenth of a large one (that of which nine in ten are smaller), and in most steps."""


def frozen(batch: Batch) -> Iterator[Finding]:
    """Find views that show one picture for long while actions, states or poses say that there is motion."""
    for number, seen in enumerate(batch.seen):
        for still in seen.stills:
            if not _is_wrong(batch, seen, still):
                continue
            yield batch.finding(
                number,
                f"the view {still.view} of the recording {{}} stands still",
                row=still.first,
                expected="pictures that change, as the rows say that something moves"
                if seen.columns
                else "pictures that change",
                found=f"the same picture in the frames {still.first} to {still.last}, {still.share:.0%} of the recording",
                hint="cut this part off, or leave the recording out",
            )
            break


def _is_wrong(batch: Batch, seen: Seen, still: Still) -> bool:
    moving = [_moves(seen, still, array) for array in _moving_arrays(batch, seen, still)]
    return any(moving) if moving else still.share >= ALONE_SHARE


def _moving_arrays(batch: Batch, seen: Seen, still: Still) -> Iterator[Array]:
    """Yield changes (R, ...) from row to row that must be seen in this view."""
    yield from (np.diff(poses, axis=0) for poses in seen.ego.values())
    one_view = len(seen.views) == 1
    for name, array in seen.columns.items():
        said = batch.declaration.columns[name]
        if said.column.convention == "world-to-camera":
            own = array[:, list(seen.views).index(still.view)] if said.column.is_per_view else array
            yield from [np.diff(own, axis=0)] if np.ptp(own, axis=0).max() > 0 else []
        elif said.column.kind == "tensor" and said.column.convention is None and one_view:
            forms = said.binding.form
            yield (
                array
                if forms and "absolute" not in (forms if isinstance(forms, tuple) else (forms,))
                else np.diff(array, axis=0)
            )


def _moves(seen: Seen, still: Still, changes: Array) -> bool:
    """Return whether most steps of a stretch of time are no smaller than a tenth of a large step of the recording."""
    size_R = np.linalg.norm(changes.reshape(len(changes), -1), axis=-1)
    assert seen.rows_s is not None
    begins_s = seen.rows_s[: len(size_R)]
    inside = (begins_s >= still.first_s) & (begins_s < still.last_s)
    large = float(np.quantile(size_R, 0.9)) if len(size_R) else 0.0
    if large == 0 or not inside.any():
        return False
    return bool((size_R[inside] > MOVING_SHARE * large).mean() > MOVING_STEPS)
