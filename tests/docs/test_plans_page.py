"""If these break, the page of plans promises what the compiler no longer says, or leaves a backbone out."""

from __future__ import annotations

from cosmos_recipes.backbones.zoo import zoo
from cosmos_recipes.evaluation.support import support
from tests.docs.scripts import script

plans = script("plans")
PAGE = plans.PAGE.read_text(encoding="utf-8")


def test_its_rows_are_fresh() -> None:
    for row in support():
        assert plans.line(row, zoo()["predict2.5-2b"]) in PAGE, "run `python docs/plans.py` and commit the page"


def test_the_answer_in_the_readme_is_fresh() -> None:
    text = plans.README.read_text(encoding="utf-8")
    assert plans.written(text) == text, "run `make schemas` and commit README.md"
    assert "\nnext best\n" in plans.written(text.replace("next best", ""))


def test_every_backbone_has_a_plan_or_a_reason_for_each_task() -> None:
    assert [PAGE.count(f"| `{name}` | ") for name in zoo()] == [len(support())] * len(zoo())
    # What a plan refuses, it refuses by the rules of the language; a file that cannot be read is no reason.
    assert "(CR1" not in PAGE
