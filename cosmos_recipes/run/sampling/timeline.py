"""When what is generated: chunks that each begin with the last frames of the one before. Legend: N chunks, T frames."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cosmos_recipes.diagnostics import fail
from cosmos_recipes.run.sampling.request import SampleRequest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cosmos_recipes.compiler.trained import WorldModelConfig


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """`chunks` of `frames` each; the first begins with `given` frames, the others with the last `overlap` of those before.

    Of all the frames the first `kept` are wanted.
    """

    frames: int
    rate_hz: float
    given: int
    overlap: int
    chunks: int
    kept: int

    @classmethod
    def of(cls, request: SampleRequest, config: WorldModelConfig) -> Timeline:
        """Return the timeline of a request.

        Raises:
            RecipeError: chunks and seconds are both said, or the seconds hold no generated frame (CR262).
        """
        frames, overlap, given = config.clip["frames"], config.given_frames, request.given or config.given_frames
        new, chunks, kept = frames - overlap, request.chunks or 1, None
        if request.seconds_s is not None:
            kept = round(request.seconds_s * config.rate_hz)
            if request.chunks is not None:
                _fail("how much is generated is said twice", "`--chunks` or `--seconds`", "both")
            if kept <= given:
                least = f"more than {given / config.rate_hz:g} s, which is what the given frames last"
                _fail("nothing would be generated in that time", least, f"{request.seconds_s:g} s")
            chunks = 1 + max(0, -(-(kept - frames) // new))
        total = frames + (chunks - 1) * new
        return cls(
            frames=frames, rate_hz=config.rate_hz, given=given, overlap=overlap, chunks=chunks, kept=kept or total
        )

    @property
    def starts(self) -> list[int]:
        """The first frame of each chunk."""
        return [chunk * (self.frames - self.overlap) for chunk in range(self.chunks)]

    @cached_property
    def frames_NT(self) -> NDArray[np.int64]:
        """The frames of each chunk."""
        import numpy as np

        return np.add.outer(self.starts, np.arange(self.frames))

    @cached_property
    def moments_s(self) -> NDArray[np.float64]:
        """Seconds from the first frame to each frame."""
        import numpy as np

        return np.asarray(np.arange(self.starts[-1] + self.frames) / self.rate_hz)


def _fail(message: str, expected: str, found: str) -> None:
    fail("CR262", message, expected=expected, found=found)
