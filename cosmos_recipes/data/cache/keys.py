"""The key of an entry: the hash of everything that made it, in a form that is the same on every machine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
KEY = pa.binary(32)
"""A key: a sha256."""


def canonical(value: Any) -> str:
    """Return the one JSON text of a value: keys in order, no spaces."""
    return _JSON.encode(value)


def digest(value: Any) -> bytes:
    """Return the sha256 of a value's canonical JSON."""
    return hashlib.sha256(canonical(value).encode()).digest()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Entries that someone needs, by position from 0.

    `made_by` is what makes them all, such as a tokenizer and the size of the picture; `made_from(position)` what this
    one is made from, such as the bytes of a video and the times of the frames. `name(position)` is what people call
    that, and no part of the key. Entries of one group (`groups`, a number for each entry, all of a group in a row) are
    made in one go.
    """

    made_by: Mapping[str, Any]
    made_from: Callable[[int], Mapping[str, Any]]
    name: Callable[[int], str]
    groups: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.groups)

    @cached_property
    def keys(self) -> pa.FixedSizeBinaryArray:
        """The key of each entry."""
        return pa.array([self.key(self.made_from(position)) for position in range(len(self))], KEY)

    def key(self, made_from: Mapping[str, Any]) -> bytes:
        """Return the key of what is made from this."""
        return digest({"by": self._by, "from": made_from})

    @cached_property
    def _by(self) -> str:
        return digest(self.made_by).hex()


def text_wanted(
    texts: Sequence[str], *, encoder: str, revision: str | None, length: int, precision: str, **settings: Any
) -> Wanted:
    """Return the entries of texts that an encoder turns into `length` tokens; `settings` are its own."""
    made_by = {"kind": "text", "encoder": encoder, "revision": revision, "length": length, "precision": precision}
    hashes = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    return Wanted(
        made_by=made_by | settings,
        made_from=lambda position: {"text": hashes[position]},
        name=lambda position: texts[position],
        groups=np.arange(len(texts)),
    )
