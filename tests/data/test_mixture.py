"""If these fail, a mixture trains on other shares than it says, or mixes what does not belong together."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosmos_recipes.data.dataset import load_dataset, load_mixture
from cosmos_recipes.diagnostics import RecipeError

WORLD = "schema: {schema}\nsource: {{kind: world, world: factory, episodes: {count}, held_out: 1}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, schema, count in (("a", "instruction-video", 2), ("b", "instruction-video", 3), ("c", "multi-view", 1)):
        (tmp_path / f"{name}.yaml").write_text(f"dataset: {name}\n" + WORLD.format(schema=schema, count=count))
    return tmp_path


def mixed(folder: Path, text: str) -> list[tuple[str, int]]:
    """Return code and line of what is wrong with a mixture."""
    (folder / "mixed.yaml").write_text("dataset: mixed\nschema: instruction-video\n" + text)
    try:
        load_mixture("./mixed.yaml", relative_to=folder)
    except RecipeError as error:
        return [(problem.code, problem.place.line if problem.place else 0) for problem in error.problems]
    return []


def test_a_mixture_has_its_data_sets_in_order_with_their_weights(folder: Path) -> None:
    assert mixed(folder, "mix: {./a.yaml: 3, ./b.yaml: 1.5, factory: 1}\n") == []
    mixture = load_mixture("./mixed.yaml", relative_to=folder)
    assert [(dataset.file.name, weight) for dataset, weight in mixture.sets] == [("a", 3), ("b", 1.5), ("factory", 1)]
    alone = load_mixture("./a.yaml", relative_to=folder)
    assert [(dataset.file.name, weight) for dataset, weight in alone.sets] == [("a", 1)]


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("mix: {./a.yaml: 1, ./c.yaml: 1}\n", "CR594", 3),
        ("mix: {./a.yaml: 1, ./gone.yaml: 1}\n", "CR100", 3),
        ("mix: {./a.yaml: 1, ./b.yaml: 0}\n", "CR134", 3),
        ("mix: {./a.yaml: 1}\n", "CR137", 3),
        ("mix: {./a.yaml: 1, ./b.yaml: 1}\non_missing: drop\n", "CR138", 1),
        ("summary: nothing\n", "CR138", 1),
        ("mix: {./a.yaml: 1, ./b.yaml: 1}\nsource: {kind: folder, path: .}\n", "CR138", 1),
    ],
)
def test_what_cannot_be_mixed_is_refused(folder: Path, text: str, code: str, line: int) -> None:
    assert (code, line) in mixed(folder, text)


def test_a_mixture_is_no_data_set_to_look_at_and_no_part_of_another(folder: Path) -> None:
    mixed(folder, "mix: {./a.yaml: 1, ./b.yaml: 1}\n")
    with pytest.raises(RecipeError, match="CR594"):
        load_dataset("./mixed.yaml", relative_to=folder)
    (folder / "twice.yaml").write_text("dataset: t\nschema: instruction-video\nmix: {./mixed.yaml: 1, ./a.yaml: 1}\n")
    with pytest.raises(RecipeError, match="CR594"):
        load_mixture("./twice.yaml", relative_to=folder)
