"""If these fail, weights are published under terms that they do not have, or what nobody knows is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmos_recipes.compiler.licences import (
    Derived,
    Origin,
    conflicts,
    derive,
    licence_name,
    sharing_note,
    sharing_problem,
)
from cosmos_recipes.data.licences import CONDITIONS, known_as


def origins(base: str | None, *data: str) -> list[Origin]:
    return [
        Origin(what="the base", licence=base),
        *(Origin(what=f"data {n}", licence=each) for n, each in enumerate(data)),
    ]


def of(base: str | None, *data: str) -> Derived:
    return derive(origins(base, *data))


NVIDIA = "nvidia-open-model-license"


@pytest.mark.parametrize(
    ("base", "data", "expected"),
    [
        ("apache-2.0", ["cc-by-4.0", "mit"], "apache-2.0"),
        (NVIDIA, ["cc0-1.0"], NVIDIA),
        ("apache-2.0", ["cc-by-nc-4.0", "mit"], "cc-by-nc-4.0"),
        ("apache-2.0", ["cc-by-sa-4.0"], "cc-by-sa-4.0"),
        ("apache-2.0", ["cc-by-nc-4.0", "cc-by-nc-sa-4.0"], "cc-by-nc-sa-4.0"),
        ("apache-2.0", ["unknown"], "unknown"),
        ("apache-2.0", ["terms of our lab"], "other"),
        (NVIDIA, ["cc-by-nc-4.0"], "other"),
        (None, ["mit"], "unknown"),
    ],
)
def test_the_licence_follows_from_all_that_was_used(base: str | None, data: list[str], expected: str) -> None:
    found = of(base, *data)
    assert (found.licence, found.conflict) == (expected, "")


@pytest.mark.parametrize(
    "data",
    [["cc-by-nd-4.0"], ["cc-by-sa-4.0", "cc-by-nc-4.0"], ["cc-by-sa-4.0", "cc-by-nc-sa-4.0"], ["cc-by-sa-4.0", "odbl"]],
)
def test_what_cannot_be_shared_is_said(data: list[str]) -> None:
    found = of("apache-2.0", *data)
    assert found.licence == "other"
    assert data[0] in found.conflict


@given(st.lists(st.sampled_from([*CONDITIONS, "unknown", "own terms"]), min_size=2, max_size=4))
def test_the_order_of_data_does_not_matter_and_nothing_that_is_asked_for_is_lost(names: list[str]) -> None:
    found, turned = of(*names), of(names[0], *names[:0:-1])
    assert found.licence == turned.licence
    if found.licence in CONDITIONS:
        assert all(CONDITIONS[name] <= CONDITIONS[found.licence] for name in names)
    assert bool(found.conflict) == bool(list(conflicts(origins(*names))))


def test_terms_that_are_no_one_licence_go_by_the_names_of_all() -> None:
    assert licence_name(origins(NVIDIA, "mit", "CC-BY-NC-4.0 / lab's")) == f"{NVIDIA}-and-cc-by-nc-4.0-lab-s"


@pytest.mark.parametrize(
    ("said", "meant"),
    [("CC BY 4.0", "cc-by-4.0"), ("Apache License, Version 2.0", "apache-2.0"), ("MIT", "mit"), ("our own", None)],
)
def test_words_for_a_licence_are_known(said: str, meant: str | None) -> None:
    assert known_as(said) == meant


@pytest.mark.parametrize("names", [["cc-by-nd-4.0"], ["unknown"], ["apache-2.0", "cc-by-sa-4.0", "cc-by-nc-4.0"]])
def test_what_may_not_be_given_to_others_is_refused_in_public_alone(names: list[str]) -> None:
    made_from = origins(*names)
    assert sharing_problem(made_from, public=True)
    assert sharing_problem(made_from, public=False) is None


@pytest.mark.parametrize("licence", [None, "apache-2.0", NVIDIA, "cc-by-nc-4.0", "cc-by-nc-sa-4.0"])
def test_who_publishes_is_told_of_terms_of_use(licence: str | None) -> None:
    assert sharing_problem(origins(licence), public=True) is None
    assert (sharing_note(origins(licence)) is not None) == ("-nc-" in str(licence))
