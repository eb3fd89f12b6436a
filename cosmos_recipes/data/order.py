"""The order of clips: a function of (seed, position) alone, so that any run can be continued and split over any devices.

No epoch is ever laid out: which clip comes at a position is computed for that position, so that a million clips cost no
more than ten. The same holds for mixtures of data sets, each of which has epochs of its own.
Legend: N samples, K data sets, L samples of a cycle, R rounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from cosmos_recipes.diagnostics import fail

if TYPE_CHECKING:
    import numpy as np

ROUNDS = 16
"""Rounds of the permutation: with ten, as NIST's FF1 has, some permutations of five clips come too often."""
LONGEST_CYCLE = 1_000_000
"""Samples after which a mixture has given each data set its exact share, at most. Its table takes 8 bytes for each of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Samples:
    """What is drawn at N positions: numbers of clips, of the data sets they are from, and of those data sets' epochs."""

    clips_N: np.ndarray
    parts_N: np.ndarray
    epochs_N: np.ndarray


class SampleOrder:
    """Which clips make up each global batch; every epoch is a new permutation, and batches run on across its end.

    `clips` are the numbers of the clips of one data set, or a `Mixture` of several.
    """

    def __init__(self, clips: np.ndarray | Mixture, *, global_batch: int, seed: int) -> None:
        self.mixture = clips if isinstance(clips, Mixture) else Mixture([(clips, 1)])
        self.global_batch, self.seed = global_batch, seed

    def batch(self, step: int) -> np.ndarray:
        """Return the numbers of the clips of the global batch of a step, from 0."""
        return self.samples(step).clips_N

    def samples(self, step: int) -> Samples:
        """Return the global batch of a step, from 0, with the epochs and the data sets that it is from."""
        import numpy as np

        first = step * self.global_batch
        return self.mixture.draw(np.arange(first, first + self.global_batch), seed=self.seed)


class Mixture:
    """Data sets that share the samples of a run by weight: parts of (numbers of clips, weight).

    Of the first m samples each data set has its share of m to within less than one, for every m. In every global
    batch it has the same number, exactly, where the shares of a batch are whole numbers.

    Raises:
        RecipeError: a weight is not above nought, weights are too fine, or a data set is empty (CR593).
    """

    def __init__(self, parts: Sequence[tuple[np.ndarray, float | Fraction]]) -> None:
        import numpy as np

        self.ids = [ids for ids, _ in parts]
        self.sizes_K = np.array([len(ids) for ids in self.ids])
        if not self.sizes_K.all():
            fail("CR593", f"data set {int(self.sizes_K.argmin()) + 1} of the mixture has no clips")
        counts = counts_of([weight for _, weight in parts])
        self.counts_K = np.array(counts)
        self.parts_L, self.turns_L = np.fromiter(schedule(counts), np.dtype((np.int32, 2)), count=sum(counts)).T

    def draw(self, positions_N: np.ndarray, *, seed: int) -> Samples:
        """Return what comes at positions of the run, from 0."""
        import numpy as np

        cycles_N, slots_N = np.divmod(positions_N, len(self.parts_L))
        parts_N = self.parts_L[slots_N]
        turns_N = cycles_N * self.counts_K[parts_N] + self.turns_L[slots_N]
        epochs_N, places_N = np.divmod(turns_N, self.sizes_K[parts_N])
        clips_N = np.empty(len(positions_N), dtype=np.int64)
        for part, ids in enumerate(self.ids):
            own = parts_N == part
            places = shuffled(places_N[own], epochs_N[own], count=len(ids), seed=(seed, part))
            clips_N[own] = ids[places]
        return Samples(clips_N=clips_N, parts_N=parts_N, epochs_N=epochs_N)


def counts_of(weights: Sequence[float | Fraction]) -> list[int]:
    """Return how many samples each data set has in the shortest cycle that keeps the weights exactly.

    A float counts as the decimal number that is written for it: 0.1 is a tenth.

    Raises:
        RecipeError: a weight is not above nought, or the cycle is longer than `LONGEST_CYCLE` (CR593).
    """
    told = ", ".join(map(str, weights))
    if not weights or not all(0 < weight < math.inf for weight in weights):
        fail("CR593", "data sets cannot be mixed by these weights", expected="numbers above nought", found=told)
    exact = [Fraction(str(weight)) for weight in weights]
    common = math.lcm(*(weight.denominator for weight in exact))
    whole = [int(weight * common) for weight in exact]
    counts = [count // math.gcd(*whole) for count in whole]
    if sum(counts) > LONGEST_CYCLE:
        fail(
            "CR593",
            "the weights of the mixture are too fine to be kept exactly",
            expected=f"shares that come out even after at most {LONGEST_CYCLE:,} samples",
            found=f"{told}, which come out even after {sum(counts):,}",
            hint="write the weights with fewer digits",
        )
    return counts


def schedule(counts: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the data set of each sample of a cycle, and how many samples it had in the cycle before.

    The chairman assignment problem (R. Tijdeman, Discrete Mathematics 32, 1980): the j-th sample of a data set with the
    share s may not come before j / s, nor after (j + 1) / s, if counts are to stay within less than one of the shares.
    Tijdeman shows that there is such a schedule; of the samples that may come, the one that is due first then always can.
    """
    length, given = sum(counts), [0] * len(counts)
    coming = [(0, part) for part in range(len(counts))]
    due: list[tuple[int, int]] = []
    for slot in range(length):
        while coming and coming[0][0] <= slot:
            _, part = heappop(coming)
            heappush(due, (-(-(given[part] + 1) * length // counts[part]), part))
        _, part = heappop(due)
        yield part, given[part]
        given[part] += 1
        heappush(coming, (given[part] * length // counts[part], part))


def shuffled(places_N: np.ndarray, epochs_N: np.ndarray, *, count: int, seed: tuple[int, ...]) -> np.ndarray:
    """Return where places from 0 to `count` - 1 go in their epochs: a permutation for each (seed, epoch).

    A Feistel network over a rectangle that has room for `count`, walked through again while a place is outside:
    J. Black and P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002. Its round function is the mixer of
    SplitMix64: G. Steele, D. Lea and C. Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014.
    """
    import numpy as np

    rows = math.isqrt(count - 1) + 1
    # An odd number of rows and of columns would give even permutations alone.
    rows += rows % 2
    columns = -(-count // rows)
    keys_R = np.random.SeedSequence(seed).generate_state(ROUNDS, np.uint64)
    keys_RN = _mixed(keys_R[:, None] + epochs_N.astype(np.uint64) * 0x9E3779B97F4A7C15)
    moved_N = _feistel(places_N.astype(np.uint64), keys_RN, rows, columns)
    while (outside := np.flatnonzero(moved_N >= count)).size:
        moved_N[outside] = _feistel(moved_N[outside], keys_RN[:, outside], rows, columns)
    return moved_N.astype(np.int64)


def _feistel(places_N: np.ndarray, keys_RN: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Permute the places of a rectangle: each round shifts one coordinate by a hash of the other one."""
    row_N, column_N = places_N // columns, places_N % columns
    for number, key_N in enumerate(keys_RN):
        if number % 2:
            column_N = (column_N + _mixed(row_N ^ key_N) % columns) % columns
        else:
            row_N = (row_N + _mixed(column_N ^ key_N) % rows) % rows
    moved_N: np.ndarray = row_N * columns + column_N
    return moved_N


def _mixed(bits: np.ndarray) -> np.ndarray:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
        bits = (bits ^ (bits >> shift)) * factor
    return bits
