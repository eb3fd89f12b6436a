"""If these fail, numbers of a table reach training in another shape or order, or a hole in them goes unseen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cosmos_recipes.data.sources.columns import NoArrayError, array_of, values_of

SHAPES = st.lists(st.integers(1, 4), min_size=0, max_size=3).map(tuple)


def list_of(kind: pa.DataType, form: str, length: int) -> pa.DataType:
    return {"list": pa.list_(kind), "large": pa.large_list(kind), "fixed": pa.list_(kind, length)}[form]


@settings(deadline=None)
@given(SHAPES, st.data(), st.integers(0, 6), st.sampled_from(["float32", "float64", "int64", "uint8", "bool"]))
def test_lists_of_any_kind_and_depth_are_the_array_that_was_written(
    shape: tuple[int, ...], data: st.DataObject, rows: int, dtype: str
) -> None:
    array = (np.arange(rows * int(np.prod(shape))) % 5).reshape(rows, *shape).astype(dtype)
    kind = pa.from_numpy_dtype(array.dtype)
    for length in reversed(shape):
        kind = list_of(kind, data.draw(st.sampled_from(["list", "large", "fixed"])), length)
    column = pa.array(array.tolist(), kind)
    if rows:
        np.testing.assert_array_equal(array_of(column), array)
        assert array_of(column).dtype == dtype
    start = data.draw(st.integers(0, rows))
    chunks = pa.chunked_array([column[:start], column[start:]])
    np.testing.assert_array_equal(array_of(chunks).ravel(), array.ravel())
    np.testing.assert_array_equal(array_of(column[start:]).ravel(), array[start:].ravel())
    for value, row in zip(values_of(column[start:]), array[start:], strict=True):
        np.testing.assert_array_equal(value, row)


def test_a_tensor_keeps_its_shape_and_a_big_column_is_not_copied() -> None:
    tensors = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.testing.assert_array_equal(array_of(pa.FixedShapeTensorArray.from_numpy_ndarray(tensors)), tensors)
    numbers = np.arange(12, dtype=np.float32)
    column = pa.FixedSizeListArray.from_arrays(pa.array(numbers), 4)
    assert np.shares_memory(array_of(column), column.flatten().to_numpy())


def test_rows_may_differ_in_length_and_hold_nothing() -> None:
    column = pa.array([[[1.0, 2.0]], None, [[3.0, 4.0], [5.0, 6.0]], []])
    shapes = [None if value is None else value.shape for value in values_of(column)]
    assert shapes == [(1, 2), None, (2, 2), (0, 2)]
    shapes = [value.shape for value in values_of(pa.array([[[1.0, 2.0]], [[3.0]]]))]
    assert shapes == [(1, 2), (1, 1)]
    assert list(values_of(pa.array(["a", None]))) == ["a", None]
    assert list(values_of(pa.array(["a", "b", "a"]).dictionary_encode())) == ["a", "b", "a"]
    assert list(values_of(pa.array([1.5, None]))) == [1.5, None]
    np.testing.assert_array_equal(array_of(pa.array([[1.0, None]])), [[1.0, np.nan]])


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([[[1.0]], [[1.0, 2.0], [3.0]]], "lists of 1 and of 2"),
        ([[[1]], [[1], None]], "a list that is missing"),
        ([[1], [1, None]], "a missing value"),
        ([[{"a": 1}]], "neither number nor text"),
    ],
)
def test_what_is_no_array_is_told_with_its_row(rows: list[Any], told: str) -> None:
    with pytest.raises(NoArrayError, match=told) as refused:
        values_of(pa.array(rows))
    assert refused.value.row == len(rows) - 1
