"""A way in words is the way that a camera goes, and what cannot be read is named where it stands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_recipes.data.geometry.poses import invert, transform
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.run.sampling.camera_words import MOVES, camera_to_world, parse_way

MOMENTS_S = np.linspace(0, 4, 9)


def way(text: str, **settings: bool) -> np.ndarray:
    return camera_to_world(parse_way(text), MOMENTS_S, lasts_s=4, **settings)


@pytest.mark.parametrize(
    ("text", "end_m"),
    [
        ("forward 1 m", (0, 0, 1)),
        ("back 50 cm", (0, 0, -0.5)),
        ("left 2 m and up 20 cm", (-2, -0.2, 0)),
        ("yaw 90 deg, forward 1 m", (1, 0, 0)),
        ("pitch 90 deg, forward 1 m", (0, -1, 0)),
        ("roll 90 deg, right 1 m", (0, 1, 0)),
        ("Forward 1e0 m, forward -1 m", (0, 0, 0)),
    ],
)
def test_the_camera_ends_where_the_words_say(text: str, end_m: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(way(text)[-1, :3, 3], end_m, atol=1e-12)


@pytest.mark.parametrize(("turn", "seen"), [("yaw 10 deg", (-1, 0)), ("pitch 10 deg", (0, 1)), ("roll 10 deg", (0, 0))])
def test_a_turn_moves_what_is_seen_the_other_way(turn: str, seen: tuple[int, int]) -> None:
    ahead_m = np.array([[[0.0, 0.0, 5.0]]])
    x, y, _ = transform(invert(way(turn)[-1:]), ahead_m)[0, 0]
    assert (np.sign(round(x, 9)), np.sign(round(y, 9))) == seen


def test_a_hold_and_a_time_leave_the_rest_to_the_other_steps() -> None:
    at_m = way("forward 1 m in 1 s, hold 1 s, forward 1 m")[:, 2, 3]
    np.testing.assert_allclose(at_m, [0, 0.5, 1, 1, 1, 1.15625, 1.5, 1.84375, 2])


_STEPS = st.lists(st.tuples(st.sampled_from(sorted(MOVES)), st.floats(-2, 2)), min_size=1, max_size=4).map(
    lambda moves: ", ".join(f"{word} {value:.3f} {MOVES[word][0]}" for word, value in moves)
)


@given(_STEPS)
def test_the_way_back_leads_through_the_same_places(text: str) -> None:
    np.testing.assert_allclose(way(text, reverse=True), way(text)[::-1], atol=1e-9)


@given(st.text(alphabet=" ,.-+0123456789abdefhilmnoprswyz", max_size=30))
def test_any_text_is_a_way_or_is_refused_where_it_stands(text: str) -> None:
    try:
        parse_way(text)
    except RecipeError as error:
        (problem,) = error.problems
        assert problem.code == "CR267"
        assert problem.place is not None and 1 <= problem.place.column <= len(text) + 1
