"""Tables of numbers with names or without: .csv, .parquet, .json and .npy, with the times of their rows if they say them.

Legend: R rows, A numbers of a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from cosmos_recipes.data.sources.beside import TIMES
from cosmos_recipes.diagnostics import Place, fail, nearest
from cosmos_recipes.diagnostics.words import listed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SUFFIXES = (".csv", ".json", ".npy", ".parquet")
RATE = "rate_hz"
"""How many rows there are in a second, in a .json."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns (R,) or (R, A) by name; without names all are `rows_RA`. `times_s` are from the first row on."""

    path: Path
    columns: Mapping[str, Array]
    rows: Array | None = None
    times_s: Array | None = None
    rate_hz: float | None = None

    def numbers(self, what: str, names: Sequence[str], count: int) -> Array:
        """Return `rows_RA` with `count` numbers: a column called `what`, those of these names, or all as they stand.

        Raises:
            RecipeError: there are none, or more or fewer (CR265).
        """
        import numpy as np

        rows = self.rows if self.rows is not None else self.columns.get(what)
        if rows is None and names:
            missing = [name for name in names if name not in self.columns]
            if missing:
                self._fail_missing(what, missing, names)
            rows = np.stack([self.columns[name] for name in names], axis=-1)
        elif rows is None:
            rows = np.column_stack([*self.columns.values()])
        rows = rows[:, None] if rows.ndim == 1 else rows
        if rows.ndim != 2 or rows.shape[1] != count or not len(rows):
            found = f"the shape {rows.shape}"
            fail_file(self.path, f"holds no `{what}` of this model", expected=_shape_of(names, count), found=found)
        if not np.isfinite(rows).all():
            row = int(np.argmin(np.isfinite(rows).all(1)))
            fail_file(self.path, "holds a number that is not finite", expected="finite numbers", found=f"in row {row}")
        return rows

    def moments_s(self, rows: int, *, rate_hz: float | None, default_hz: float) -> Array:
        """Return the seconds of each row from the first: as the file says, or at this rate.

        Raises:
            RecipeError: file and person say different things, or there are more or fewer times than rows (CR265).
        """
        import numpy as np

        own = "times" if self.times_s is not None else f"`{RATE}`" if self.rate_hz else ""
        if own and rate_hz and rate_hz != self.rate_hz:
            fail_file(
                self.path, f"has {own} of its own", expected="no `--rate` beside it", found=f"--rate {rate_hz:g} Hz"
            )
        if self.times_s is None:
            return np.arange(rows) / (self.rate_hz or rate_hz or default_hz)
        if len(self.times_s) != rows:
            fail_file(self.path, f"has {rows} rows", expected=f"one for each of its {len(self.times_s)} times")
        return self.times_s

    def _fail_missing(self, what: str, missing: Sequence[str], names: Sequence[str]) -> NoReturn:
        close = nearest(missing[0], self.columns)
        fail_file(
            self.path,
            f"has no column `{missing[0]}`, which `{what}` needs",
            expected=listed(names, "and"),
            found=listed(self.columns, "and"),
            hint=f"rename `{close}`" if close else "name the columns as the data set does",
        )


def read_table(path: Path) -> Table:
    """Return the numbers of a file; its kind goes by its ending.

    Raises:
        RecipeError: there is no such file, or it holds no numbers (CR265).
    """
    if not path.is_file():
        fail_file(path, "is not there", expected="the path of a file")
    if path.suffix.lower() not in SUFFIXES:
        fail_file(path, "is of no kind that is read", expected=listed(SUFFIXES), found=path.suffix or "no ending")
    columns, rows, rate_hz = _READERS[path.suffix.lower()](path)
    times = next((columns[name] for name in TIMES if name in columns), None)
    others = {name: values for name, values in columns.items() if name not in TIMES}
    if times is not None and (times.ndim != 1 or not _rises(times)):
        fail_file(path, "has times that do not rise", expected="seconds, each later than the one before")
    times_s = None if times is None else times - times[0]
    return Table(path=path, columns=others, rows=rows, times_s=times_s, rate_hz=rate_hz)


def fail_file(path: Path, message: str, *, expected: str, found: str = "", hint: str = "") -> NoReturn:
    """Raise what is wrong with the file of a control (CR265)."""
    place = Place(file=str(path))
    fail("CR265", f"{path.name} {message}", place=place, expected=expected, found=found, hint=hint)


_Read = tuple[dict[str, "Array"], "Array | None", float | None]


def _read_npy(path: Path) -> _Read:
    import numpy as np

    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        fail_file(path, "cannot be read", expected="one array of numbers", found=str(error))
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
        fail_file(
            path, "holds no numbers", expected="one array of numbers", found=str(getattr(array, "dtype", "several"))
        )
    return {}, array.astype(np.float64), None


def _read_json(path: Path) -> _Read:
    from cosmos_recipes.data.sources.values import parse_json, read_text

    told = parse_json(read_text(path), Place(file=str(path)), path.name)
    if isinstance(told, list) and told and all(isinstance(row, dict) for row in told):
        told = {name: [row.get(name) for row in told] for name in told[0]}
    if isinstance(told, list):
        return {}, _array(path, "it", told), None
    if not isinstance(told, dict):
        fail_file(path, "holds no columns", expected='{"x": [...], ...}', found=type(told).__name__)
    rate_hz = told.pop(RATE, None)
    if rate_hz is not None and not (isinstance(rate_hz, (int, float)) and rate_hz > 0):
        fail_file(path, f"has a wrong `{RATE}`", expected="a number above zero", found=str(rate_hz))
    return {name: _array(path, name, values) for name, values in told.items()}, None, rate_hz


def _read_parquet(path: Path) -> _Read:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return _columns(pq.read_table(path)), None, None
    except (pa.ArrowException, OSError) as error:
        fail_file(path, "cannot be read", expected="a Parquet file", found=str(error).splitlines()[0])


def _read_csv(path: Path) -> _Read:
    import pyarrow as pa
    from pyarrow import csv

    from cosmos_recipes.data.sources.values import numbered_lines, read_text, rows_of_numbers

    lines = numbered_lines(read_text(path))
    if lines and _is_numbers(lines[0][1]):
        return {}, rows_of_numbers(path, lines, (len(lines[0][1].split(",")),)), None
    try:
        return _columns(csv.read_csv(path)), None, None
    except (pa.ArrowException, OSError) as error:
        fail_file(
            path, "cannot be read", expected="a line of names, then rows of numbers", found=str(error).splitlines()[0]
        )


_READERS = {".npy": _read_npy, ".json": _read_json, ".parquet": _read_parquet, ".csv": _read_csv}


def _columns(table: Any) -> dict[str, Array]:
    """Return the columns of numbers of an Arrow table; others, such as names of episodes, are no control."""
    from cosmos_recipes.data.sources.columns import NoArrayError, array_of

    found: dict[str, Array] = {}
    for name in table.column_names:
        try:
            values = array_of(table[name])
        except NoArrayError:
            continue
        if values.dtype.kind in "fiub":
            found[name.strip()] = values.astype(float)
    return found


def _array(path: Path, name: str, values: Any) -> Array:
    import numpy as np

    try:
        return np.array(values, np.float64)
    except (ValueError, TypeError) as error:
        fail_file(path, f"holds no numbers in `{name}`", expected="a number for each row, or as many", found=str(error))


def _rises(times: Array) -> bool:
    return bool((times[1:] > times[:-1]).all())


def _is_numbers(line: str) -> bool:
    try:
        return bool([float(word) for word in line.split(",")])
    except ValueError:
        return False


def _shape_of(names: Sequence[str], count: int) -> str:
    return f"rows of {count} numbers" + (f", {listed(names, 'and')}" if names else "")
