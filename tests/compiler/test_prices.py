"""A person's own prices win over those that are shipped, and a slip in them is said where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cosmos_recipes.compiler.gpus import GPUS
from cosmos_recipes.compiler.plan import Plan
from cosmos_recipes.compiler.prices import prices
from cosmos_recipes.diagnostics import RecipeError, render


@pytest.fixture(autouse=True)
def _apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def test_every_kind_of_gpu_has_a_shipped_price() -> None:
    assert prices()[0].gpu_hour.keys() == GPUS.keys()


def test_the_file_here_wins_over_that_of_the_person(tmp_path: Path, compiled: Callable[..., Plan]) -> None:
    own = tmp_path / "config" / "cosmos-recipes" / "prices.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("currency: EUR\ngpu_hour: {h100-80gb: [2, 3]}\n")
    time = compiled(profile="big").fit.time
    assert time and time.cost == pytest.approx((2 * time.gpu_hours[0], 3 * time.gpu_hours[1]))
    assert (time.currency, time.prices) == ("EUR", str(own))

    Path("prices.yaml").write_text("gpu_hour: {h100-80gb: 1.5}\n")
    here = compiled(profile="big").fit.time
    assert here and here.cost == pytest.approx(tuple(1.5 * hours for hours in here.gpu_hours))


def test_without_a_price_there_is_no_cost_and_nothing_is_guessed(compiled: Callable[..., Plan]) -> None:
    Path("prices.yaml").write_text("gpu_hour: {a100-80gb: 1.5}\n")
    time = compiled(profile="big").fit.time
    assert time and time.cost is None and time.currency is None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "gpu_hour: {h100: 2.5}\n",
            """\
prices.yaml:1:12: CR402 there is no kind of GPU called `h100` to have a price
    1 | gpu_hour: {h100: 2.5}
      |            ^^^^
    expected: one of a100-40gb, a100-80gb, h100-80gb, h100-nvl-94gb, h200-141gb, b200-192gb, l40s-48gb, rtx-4090-24gb, rtx-5090-32gb
    found:    h100
    hint:     did you mean `h100-80gb`?
""",
        ),
        (
            "gpu_hour: {h100-80gb: [3, 2]}\n",
            """\
prices.yaml:1:23: CR138 `gpu_hour.h100-80gb` is refused
    1 | gpu_hour: {h100-80gb: [3, 2]}
      |                       ^^^^^^
    expected: the lowest price first, then the highest
""",
        ),
        (
            "gpu_hours: {h100-80gb: 2}\n",
            """\
prices.yaml:1:1: CR130 unknown key `gpu_hours`
    1 | gpu_hours: {h100-80gb: 2}
      | ^^^^^^^^^
    expected: currency or gpu_hour
    hint:     did you mean `gpu_hour`?
""",
        ),
    ],
    ids=["kind", "order", "key"],
)
def test_a_slip_is_said_where_it_is(text: str, shown: str) -> None:
    Path("prices.yaml").write_text(text)
    with pytest.raises(RecipeError) as refused:
        prices()
    assert render(refused.value.problems).startswith(shown)
