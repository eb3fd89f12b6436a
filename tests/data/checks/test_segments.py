"""If these fail, a rule names the wrong row, or takes the end of one recording and the start of the next for a step."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cosmos_recipes.data.checks.segments import Segments

RECORDINGS = st.lists(st.lists(st.integers(-5, 5), min_size=2, max_size=9), min_size=1, max_size=6)


def segments(recordings: list[list[int]]) -> Segments:
    """Number the recordings from 10 on."""
    found = Segments.of([np.array(each, float) for each in recordings], range(10, 10 + len(recordings)))
    assert found is not None
    return found


@given(recordings=RECORDINGS, share=st.floats(0, 1))
def test_each_recording_is_computed_as_if_it_were_alone(recordings: list[list[int]], share: float) -> None:
    rows = segments(recordings)
    arrays = [np.array(each, float) for each in recordings]
    np.testing.assert_allclose(rows.sum(), [each.sum() for each in arrays])
    np.testing.assert_allclose(rows.least(), [each.min() for each in arrays])
    np.testing.assert_allclose(rows.most(), [each.max() for each in arrays])
    np.testing.assert_allclose(rows.std(), [each.std() for each in arrays], atol=1e-9)
    places = [int((len(each) - 1) * share) for each in arrays]
    np.testing.assert_array_equal(rows.quantile(share), [np.sort(e)[n] for e, n in zip(arrays, places, strict=True)])


@given(recordings=RECORDINGS)
def test_steps_never_lead_from_one_recording_to_the_next(recordings: list[list[int]]) -> None:
    steps = segments(recordings).steps()
    np.testing.assert_array_equal(steps.values, np.concatenate([np.diff(each) for each in recordings]))
    assert steps.lengths_N.tolist() == [len(each) - 1 for each in recordings]


@given(recordings=RECORDINGS, limit=st.integers(-5, 5))
def test_the_first_wrong_row_of_each_recording_is_named(recordings: list[list[int]], limit: int) -> None:
    rows = segments(recordings)
    named = [(number, row) for number, row, _ in rows.first(rows.values > limit)]
    wanted = [
        (10 + number, next(row for row, value in enumerate(each) if value > limit))
        for number, each in enumerate(recordings)
        if max(each) > limit
    ]
    assert named == wanted


def test_recordings_without_rows_are_left_out() -> None:
    found = Segments.of([np.zeros(0), np.ones(3)], [4, 7])
    assert found is not None
    assert (found.numbers_N.tolist(), found.sum().tolist()) == ([7], [3.0])
    assert Segments.of([np.zeros(0)], [4]) is None
