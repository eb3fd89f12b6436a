"""Making decoded frames fit: turned as they are shown, scaled to cover the clip's size, cropped at the centre.

Legend: C colours, T frames, H height, W width, N any number of pictures; uint8.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING, NamedTuple

from cosmos_recipes.data.geometry.cover import cover
from cosmos_recipes.data.probe import Probe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


class Region(NamedTuple):
    """A part of a picture, in pixels."""

    top: int
    bottom: int
    left: int
    right: int

    def within(self, outer: Region) -> tuple[slice, slice]:
        """Return its rows and columns, counted from those of a region around it."""
        rows = slice(self.top - outer.top, self.bottom - outer.top)
        return rows, slice(self.left - outer.left, self.right - outer.left)


@dataclass(frozen=True, kw_only=True, slots=True)
class Fitted:
    """What is done to the frames of a recording so that they fit: turned, scaled, cropped, in this order.

    The picture is turned by `quarter_turns` counterclockwise, and then has the `source` size; it is scaled to the
    `scaled` size, of which `height_px` by `width_px` are kept, from `top_px` and `left_px` on.
    """

    quarter_turns: int
    source_height_px: int
    source_width_px: int
    scaled_height_px: int
    scaled_width_px: int
    top_px: int
    left_px: int
    height_px: int
    width_px: int

    @property
    def scale_y(self) -> float:
        """Pixels of the scaled picture per pixel of the turned one, from top to bottom."""
        return self.scaled_height_px / self.source_height_px

    @property
    def scale_x(self) -> float:
        """Pixels of the scaled picture per pixel of the turned one, from left to right."""
        return self.scaled_width_px / self.source_width_px

    @property
    def transform_33(self) -> NDArray[np.float64]:
        """The matrix from (x, y, 1) of the turned picture to the clip's, in pixels from the corner of the corner pixel.

        Intrinsics of the turned picture, multiplied by it from the left, are those of the clip.
        """
        import numpy as np

        return np.array([[self.scale_x, 0, -self.left_px], [0, self.scale_y, -self.top_px], [0, 0, 1]], float)

    @property
    def only_crops(self) -> bool:
        """Whether the clip is a part of the decoded picture as it is."""
        source, scaled = (self.source_height_px, self.source_width_px), (self.scaled_height_px, self.scaled_width_px)
        return self.quarter_turns == 0 and source == scaled

    @property
    def region(self) -> Region:
        """The part of the decoded picture, not yet turned, that is scaled."""
        rows, columns = self._spans()
        if self.quarter_turns == 0:
            return Region(rows.start, rows.stop, columns.start, columns.stop)
        sides = (self.source_height_px, self.source_width_px)
        height, width = sides if self.quarter_turns == 2 else sides[::-1]
        return Region(0, height, 0, width)

    @property
    def seen(self) -> Region:
        """The part of the `region` that shows in the clip: whatever is beside it, the clip is the same."""
        rows, columns = self._spans()
        return self.region if self.quarter_turns else Region(*rows.seen, *columns.seen)

    def __call__(self, video_TCHW: Tensor) -> Tensor:
        """Return frames as they were decoded, made to fit."""
        region = self.region
        return self.finished(video_TCHW[..., region.top : region.bottom, region.left : region.right])

    def finished(self, video_TCHW: Tensor) -> Tensor:
        """Return the `region` of decoded frames, made to fit."""
        rows, columns = self._spans()
        if self.quarter_turns:
            turned_TCHW = video_TCHW.rot90(self.quarter_turns, (-2, -1))
            video_TCHW = turned_TCHW[..., rows.start : rows.stop, columns.start : columns.stop]
        video_TCHW = scaled(video_TCHW, height_px=rows.scaled, width_px=columns.scaled)
        below, right = rows.skipped + self.height_px, columns.skipped + self.width_px
        return video_TCHW[..., rows.skipped : below, columns.skipped : right]

    def _spans(self) -> tuple[_Span, _Span]:
        rows = _span(self.source_height_px, self.scaled_height_px, self.top_px, self.height_px)
        return rows, _span(self.source_width_px, self.scaled_width_px, self.left_px, self.width_px)


def fitting(probe: Probe, *, height_px: int, width_px: int) -> Fitted:
    """Return what makes frames of this recording fit a clip of that size."""
    turns = probe.rotation // 90
    sideways = turns % 2 == 1
    height, width = (probe.width_px, probe.height_px) if sideways else (probe.height_px, probe.width_px)
    aspect = 1 / probe.pixel_aspect if sideways else probe.pixel_aspect
    covering = cover(height, width, height_px=height_px, width_px=width_px, pixel_aspect=aspect)
    return Fitted(
        quarter_turns=turns,
        source_height_px=height,
        source_width_px=width,
        scaled_height_px=covering.height_px,
        scaled_width_px=covering.width_px,
        top_px=covering.top_px,
        left_px=covering.left_px,
        height_px=height_px,
        width_px=width_px,
    )


def scaled(video_TCHW: Tensor, *, height_px: int, width_px: int) -> Tensor:
    """Return frames at another size, bilinear with antialiasing: first the height, then the width."""
    height, width = video_TCHW.shape[-2:]
    if (height, width) == (height_px, width_px):
        return video_TCHW
    if video_TCHW.is_cuda:
        # There is no such kernel for bytes on a GPU.
        return _interpolated(video_TCHW.float(), height_px, width_px).round().clamp(0, 255).byte()
    if height != height_px and width % 4 == 0:
        # Columns do not mix here: taken as colours, four at a time, they need no repacking, which takes longest.
        flat_NCHW = video_TCHW.reshape(-1, height, width // 4, 4).permute(0, 3, 1, 2)
        lower_NCHW = _interpolated(flat_NCHW, height_px, width // 4)
        video_TCHW = lower_NCHW.permute(0, 2, 3, 1).reshape(*video_TCHW.shape[:2], height_px, width)
    return _interpolated(video_TCHW, height_px, width_px)


def _interpolated(video_TCHW: Tensor, height_px: int, width_px: int) -> Tensor:
    import torch

    return torch.nn.functional.interpolate(video_TCHW, size=(height_px, width_px), mode="bilinear", antialias=True)


class _Span(NamedTuple):
    """One side of a picture: the pixels from `start` to `stop` are `scaled`, and of those the first are `skipped`.

    Only those that are `seen` make up what is kept.
    """

    start: int
    stop: int
    scaled: int
    skipped: int
    seen: tuple[int, int]


def _span(source: int, scaled: int, first: int, kept: int) -> _Span:
    """Return the part of a side that is needed so that what is kept of it is the same as from the whole side.

    Sampling points fall alike on the pixels after each `source / common`: a part that begins and ends there is sampled
    as it is within the whole.
    """
    if source == scaled:
        return _Span(first, first + kept, kept, 0, (first, first + kept))
    common, reach = gcd(source, scaled), 2 + scaled // source
    period = scaled // common
    before, after = max(0, first - reach), min(scaled, first + kept + reach)
    begin, end = before // period, -(-after // period)
    return _Span(
        begin * source // common,
        end * source // common,
        (end - begin) * period,
        first - begin * period,
        (before * source // scaled, -(-after * source // scaled)),
    )
