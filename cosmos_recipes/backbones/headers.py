"""The header of a safetensors file, read with bounds: a file that a stranger wrote decides about no memory and no time.

The form is that of https://huggingface.co/docs/safetensors: 8 bytes with the length of the header, the header in JSON, and
the tensors one after the other without gaps.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from cosmos_recipes.diagnostics import Place, fail, visible
from cosmos_recipes.recipe.json_object import parse_json_object

LARGEST_HEADER_BYTES = 10_000_000
"""A network of 14 billion parameters has a header of 0.2 MB."""
MOST_TENSORS = 50_000
MOST_AXES = 8
_LENGTH_BYTES = 8
_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "U16": 2,
    "I16": 2,
    "F16": 2,
    "BF16": 2,
    "U32": 4,
    "I32": 4,
    "F32": 4,
    "U64": 8,
    "I64": 8,
    "F64": 8,
}
"""Bytes of a number of each kind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredTensor:
    """What the header says of a tensor; it lies at `begin` to `end`, in bytes after the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read_header(path: Path) -> dict[str, StoredTensor]:
    """Return what is in a safetensors file, by name; no tensor is read.

    Raises:
        ValueError: it is cut off, too large, of another form, or its tensors overlap or lie outside of the file.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
        if size < _LENGTH_BYTES or length > min(size - _LENGTH_BYTES, LARGEST_HEADER_BYTES):
            raise ValueError(f"a header of {length:,} bytes in a file of {size:,}")
        text = file.read(length)
    # Before they are parsed, each to objects of a thousand bytes.
    if (count := text.count(b'"data_offsets"')) > MOST_TENSORS:
        raise ValueError(f"{count:,} tensors")
    try:
        said = parse_json_object(text.decode("utf-8"))
    except RecursionError:
        raise ValueError("a header that is nested deeply") from None
    said.pop("__metadata__", None)
    found = {name: _tensor(name, each) for name, each in said.items()}
    _require_side_by_side(found, size - _LENGTH_BYTES - length)
    return found


def require_headers(folder: Path) -> int:
    """Look at the header of every safetensors file right in a folder; return how many tensors they hold.

    Raises:
        RecipeError: one does not hold what it should (CR162).
    """
    count = 0
    for path in sorted(folder.glob("*.safetensors")):
        try:
            count += len(read_header(path))
        except (OSError, ValueError) as error:
            fail(
                "CR162",
                "weights whose header is not what it should be are not loaded",
                place=Place(file=visible(str(path))),
                expected=f"a whole safetensors file, with a header of at most {LARGEST_HEADER_BYTES // 10**6} MB",
                found=visible(str(error)),
                hint="get the model again, or another one: nothing of the file was loaded",
            )
    return count


def _tensor(name: str, said: Any) -> StoredTensor:
    if not isinstance(said, dict) or said.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"no dtype, shape and data_offsets for {name[:80]}")
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if not isinstance(dtype, str) or dtype not in _BYTES:
        raise ValueError(f"numbers of the kind {str(dtype)[:20]} in {name[:80]}")
    if not _is_counts(shape, range(MOST_AXES + 1)) or not _is_counts(offsets, (2,)):
        raise ValueError(f"no shape and offsets for {name[:80]}")
    begin, end = offsets
    if end - begin != prod(shape) * _BYTES[dtype]:
        raise ValueError(f"{end - begin:,} bytes for {name[:80]} of {'x'.join(map(str, shape)) or 'one number'}")
    return StoredTensor(dtype=dtype, shape=tuple(shape), begin=begin, end=end)


def _is_counts(said: Any, lengths: Collection[int]) -> bool:
    return isinstance(said, list) and len(said) in lengths and all(type(each) is int and each >= 0 for each in said)


def _require_side_by_side(tensors: dict[str, StoredTensor], size: int) -> None:
    """Raise ValueError unless the tensors fill the rest of the file, each with bytes of its own."""
    at = 0
    for tensor in sorted(tensors.values(), key=lambda each: (each.begin, each.end)):
        if tensor.begin != at:
            raise ValueError("tensors that overlap, or with gaps between them")
        at = tensor.end
    if at != size:
        raise ValueError(f"tensors of {at:,} bytes where {size:,} are in the file")
