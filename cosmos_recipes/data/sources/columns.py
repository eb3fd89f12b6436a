"""Arrow columns as arrays, without a Python object for each number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


class NoArrayError(ValueError):
    """Why the rows of a column are no array; `row` is the first one that is wrong, where it is known."""

    row = 0


def array_of(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """Return the rows of a column as one array (rows, ...), a view of Arrow's memory where there can be one.

    Lists of any kind and depth become axes, and must be as long as each other. A float that is missing is NaN.

    Raises:
        NoArrayError: the lists differ in length, one of them or a number is missing, or the column holds neither
            numbers nor texts.
    """
    import pyarrow as pa

    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(array, pa.FixedShapeTensorArray) and not array.null_count:
        tensors: np.ndarray = array.to_numpy_ndarray()
        return tensors
    shape = [len(array)]
    while isinstance(array, pa.ExtensionArray) or _is_list(array.type):
        if isinstance(array, pa.ExtensionArray):
            array = array.storage
        else:
            shape.append(_length(array))
            array = array.flatten()
    return _elements(array).reshape(shape)


def values_of(column: pa.Array) -> Sequence[Any]:
    """Return what each row holds: a text, a number, an array, or None for nothing.

    Raises:
        NoArrayError: a row holds something else; it says which.
    """
    import pyarrow as pa

    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if _is_plain(column.type):
        rows: list[Any] = column.to_pylist()
        return rows
    if _is_list(column.type):
        try:
            return _cut(column)
        except NoArrayError:
            pass  # The rows may still be arrays, each of its own shape.
    return [_value(column, row) for row in range(len(column))]


def _cut(lists: pa.Array) -> list[np.ndarray | None]:
    """Return the rows as parts of one array of all that is in them."""
    import numpy as np
    import pyarrow.compute as pc

    inside = array_of(lists.flatten())
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    ends = np.cumsum(lengths)
    parts = zip((ends - lengths).tolist(), ends.tolist(), lists.is_valid().to_pylist(), strict=True)
    return [inside[start:end] if valid else None for start, end, valid in parts]


def _value(column: pa.Array, row: int) -> np.ndarray | None:
    one = column.slice(row, 1)
    if one.null_count:
        return None
    try:
        value: np.ndarray = array_of(one)[0]
        return value
    except NoArrayError as error:
        error.row = row
        raise


def _is_list(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _is_plain(kind: pa.DataType) -> bool:
    return _is_number(kind) or _is_text(kind)


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind))


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(types.is_string(kind) or types.is_large_string(kind))


def _length(lists: pa.Array) -> int:
    """Return how long each list is."""
    import pyarrow.compute as pc
    import pyarrow.types as types

    if lists.null_count:
        raise NoArrayError("a list that is missing")
    if types.is_fixed_size_list(lists.type):
        return int(lists.type.list_size)
    if not len(lists):
        return 0
    least, most = pc.min_max(pc.list_value_length(lists)).as_py().values()
    if least != most:
        raise NoArrayError(f"lists of {least} and of {most} side by side")
    return int(least)


def _elements(array: pa.Array) -> np.ndarray:
    import numpy as np
    import pyarrow.types as types

    if not _is_plain(array.type):
        raise NoArrayError(f"{array.type}, which is neither number nor text")
    if array.null_count and not types.is_floating(array.type):
        raise NoArrayError(f"a missing value among those of {array.type}")
    if _is_text(array.type):
        return np.array(array.to_pylist(), dtype=str)
    numbers: np.ndarray = array.to_numpy(zero_copy_only=False)
    return numbers
