"""Merging follows the rule that people know from OmegaConf, and every block and value keeps one origin."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from cosmos_recipes.diagnostics import Place
from cosmos_recipes.recipe.merge import Layer, Origin, overlay

_KEYS = st.sampled_from(["a", "b", "c"])
_LEAVES = st.one_of(st.integers(), st.none(), st.just("text"))
_TREES = st.recursive(
    st.dictionaries(_KEYS, _LEAVES, max_size=3), lambda inner: st.dictionaries(_KEYS, inner | _LEAVES, max_size=3)
)


def layer(tree: dict[str, Any], kind: Any) -> Layer:
    place = Place(file=kind)
    return Layer(tree, {path: Origin(kind, place, place) for path in paths(tree)})


def paths(node: Any, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    below = (
        [path for key, child in node.items() for path in paths(child, (*prefix, key))] if isinstance(node, dict) else []
    )
    return [*([prefix] if prefix else []), *below]


@settings(deadline=None)
@given(_TREES, _TREES)
def test_values_are_those_of_omegaconf(low: dict[str, Any], high: dict[str, Any]) -> None:
    merged = overlay(layer(low, "file"), layer(high, "profile")).tree
    assert merged == OmegaConf.to_container(OmegaConf.merge(OmegaConf.create(low), OmegaConf.create(high)))


@settings(deadline=None)
@given(_TREES, _TREES, _TREES)
def test_every_path_has_an_origin_and_every_origin_a_path(low: Any, middle: Any, high: Any) -> None:
    merged = overlay(overlay(layer(low, "parent"), layer(middle, "file")), layer(high, "command line"))
    assert set(merged.origins) == set(paths(merged.tree))


@settings(deadline=None)
@given(_TREES, _TREES)
def test_a_layer_on_top_changes_nothing_below_it(low: Any, high: Any) -> None:
    base = layer(low, "file")
    before = dict(base.origins)
    overlay(base, layer(high, "profile"))
    assert (base.tree, base.origins) == (low, before)


@settings(deadline=None)
@given(_TREES)
def test_a_layer_on_itself_is_itself(tree: Any) -> None:
    once = layer(tree, "file")
    assert overlay(once, once) == once


def test_lists_are_replaced_whole() -> None:
    assert overlay(layer({"a": [1, 2, 3]}, "file"), layer({"a": [4]}, "file")).tree == {"a": [4]}
    assert overlay(layer({"a": [1]}, "file"), layer({"a": {"b": 1}}, "file")).tree == {"a": {"b": 1}}
    assert overlay(layer({"a": {"b": 1}}, "file"), layer({"a": [1]}, "file")).tree == {"a": [1]}
