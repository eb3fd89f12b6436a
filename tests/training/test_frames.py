"""If these fail, given frames land in another view, or are predicted."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from cosmos_recipes.training.frames import beginning_with, first_BT


@given(views=st.integers(1, 4), frames=st.integers(1, 5), first=st.integers(0, 5))
def test_every_view_begins_with_its_own_frames(views: int, frames: int, first: int) -> None:
    first = min(first, frames)
    whole = torch.arange(2.0 * views * frames).view(2, 1, views * frames, 1, 1)
    given_frames = -1 - torch.arange(2.0 * views * first).view(2, 1, views * first, 1, 1)
    begun = beginning_with(given_frames, whole, views)
    is_given_BT = first_BT(torch.tensor([first, first]), frames, views)
    assert torch.equal(begun[:, 0, :, 0, 0] < 0, is_given_BT)
    assert torch.equal(begun[begun < 0], given_frames.flatten())
    assert torch.equal(begun[begun >= 0], whole[begun >= 0])


def test_clips_may_have_other_numbers_of_given_frames() -> None:
    given_BT = first_BT(torch.tensor([0, 2]), 3, 2)
    assert given_BT.int().tolist() == [[0, 0, 0, 0, 0, 0], [1, 1, 0, 1, 1, 0]]
