"""If these fail, pictures are squeezed, lie on their side, or do not lie where intrinsics and labels say that they do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from videos import found_in, picture, write_video

from cosmos_recipes.data.decode import pyav
from cosmos_recipes.data.decode.fitting import Region, fitting
from cosmos_recipes.data.probe import probe
from cosmos_recipes.data.recording import Media


def test_cropping_keeps_the_centre_and_the_proportions() -> None:
    video_TCHW = torch.zeros(1, 3, 100, 300, dtype=torch.uint8)
    video_TCHW[:, :, :, 100:200] = 255
    square = fitting(found_in(100, 300), height_px=50, width_px=50)(video_TCHW)
    assert square.shape == (1, 3, 50, 50)
    assert square.float().mean() > 250
    wide_pixels = fitting(found_in(100, 150, pixel_aspect=2.0), height_px=50, width_px=50)(video_TCHW[..., ::2])
    assert (wide_pixels.float() - square.float()).abs().mean() < 10


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(40, 200), st.integers(40, 200)),
    target=st.tuples(st.integers(16, 220), st.integers(16, 220)),
    rotation=st.sampled_from((0, 90, 180, 270)),
    pixel_aspect=st.sampled_from((0.5, 1.0, 1.25, 2.0)),
    place=st.tuples(st.floats(0.1, 0.9), st.floats(0.1, 0.9)),
)
def test_a_dot_lands_where_the_transform_says(
    size: tuple[int, int],
    target: tuple[int, int],
    rotation: int,
    pixel_aspect: float,
    place: tuple[float, float],
) -> None:
    fit = fitting(
        found_in(*size, rotation=rotation, pixel_aspect=pixel_aspect), height_px=target[0], width_px=target[1]
    )
    shown_height, shown_width = size if rotation % 180 == 0 else size[::-1]
    row, column = int(place[0] * shown_height), int(place[1] * shown_width)
    shown = torch.zeros(shown_height, shown_width, dtype=torch.uint8)
    shown[row : row + 3, column : column + 3] = 255
    stored = shown.rot90(-rotation // 90)
    dotted = fit(stored.expand(1, 3, -1, -1).contiguous())[0, 0].double().numpy()
    x, y, _ = fit.transform_33 @ (column + 1.5, row + 1.5, 1)
    reach = 2 * max(fit.scale_x, fit.scale_y, 1) + 1
    assert dotted.shape == target
    if reach < x < target[1] - reach and reach < y < target[0] - reach:
        rows, columns = np.indices(target) + 0.5
        assert (dotted * columns).sum() / dotted.sum() == pytest.approx(x, abs=0.3)
        assert (dotted * rows).sum() / dotted.sum() == pytest.approx(y, abs=0.3)


def test_the_transform_takes_the_principal_point_along() -> None:
    fit = fitting(found_in(100, 300), height_px=50, width_px=50)
    intrinsics_33 = np.array([[200.0, 0, 150], [0, 200, 50], [0, 0, 1]])
    assert fit.transform_33 @ intrinsics_33 == pytest.approx(np.array([[100.0, 0, 25], [0, 100, 25], [0, 0, 1]]))


@pytest.mark.parametrize("turned", [90, 180, 270])
def test_a_picture_held_upright_stays_upright(tmp_path: Path, turned: int) -> None:
    path = write_video(tmp_path / "phone.mp4", turned=turned, options={"qp": "4"})
    found = probe(path)
    height, width = (64, 96) if turned == 180 else (96, 64)
    fit = fitting(found, height_px=height, width_px=width)
    upright = torch.from_numpy(picture(6)).permute(2, 0, 1).rot90(found.rotation // 90, (-2, -1)).float()
    video_TCHW = pyav.decode(Media(path=path), found, [6], fit)
    assert found.rotation in (turned, 360 - turned)
    assert (video_TCHW[0].float() - upright).abs().mean() < 3


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(20, 160), st.integers(20, 160)),
    target=st.tuples(st.integers(8, 120), st.integers(8, 120)),
    rotation=st.sampled_from((0, 90, 180, 270)),
    beside=st.integers(0, 255),
)
def test_nothing_shows_that_is_not_converted(
    size: tuple[int, int], target: tuple[int, int], rotation: int, beside: int
) -> None:
    fit = fitting(found_in(*size, rotation=rotation), height_px=target[0], width_px=target[1])
    video_TCHW = torch.randint(0, 256, (1, 3, *size), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    other_TCHW, all_of_it = torch.full_like(video_TCHW, beside), Region(0, size[0], 0, size[1])
    rows, columns = fit.seen.within(all_of_it)
    other_TCHW[..., rows, columns] = video_TCHW[..., rows, columns]
    assert torch.equal(fit(other_TCHW), fit(video_TCHW))
