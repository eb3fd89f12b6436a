"""Statistics are put into a data set file, and not one other character of it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from cosmos_recipes.data.binding.spec import ColumnStatistics
from cosmos_recipes.data.dataset_text import dataset_text, statistics_text, with_statistics, write_statistics
from cosmos_recipes.diagnostics import RecipeError
from cosmos_recipes.recipe.located import parse_located

ONE = {"count": 2, **dict.fromkeys(("mean", "std", "min", "max", "q01", "q99"), (0.5, -1e-05))}
NEW = {"action": ColumnStatistics.model_validate(ONE)}
BLOCK = statistics_text(NEW)
OLD = "statistics:\n  # of last year\n  action:\n    count: 1\n\n  # and of the year before\n    # as well\n"
HEAD = '# mine\ndataset: "arm"   # quoted\nsplits:\n    held_out:\n      - val/*\n'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (HEAD, HEAD + BLOCK),
        (HEAD.rstrip("\n"), HEAD + BLOCK),
        (HEAD + OLD, HEAD + BLOCK),
        (HEAD + OLD + "# the end\n", HEAD + BLOCK + "# the end\n"),
        (HEAD + OLD + "\n# why mit\nlicence: mit\n", HEAD + BLOCK + "\n# why mit\nlicence: mit\n"),
        (OLD + HEAD, BLOCK + HEAD),
        (HEAD + "statistics: {}\nlicence: mit", HEAD + BLOCK + "licence: mit"),
        (HEAD + "statistics:\n# none\n  action: 1\nlicence: mit", HEAD + BLOCK + "licence: mit"),
    ],
)
def test_only_the_block_changes(before: str, after: str) -> None:
    written = with_statistics(before, NEW, file="arm.yaml")
    assert written == after
    assert with_statistics(written, NEW, file="arm.yaml") == after


@pytest.mark.parametrize("text", ["{dataset: arm}\n", "{dataset: arm, statistics: {}}\n", "dataset: arm\n...\n"])
def test_a_file_without_lines_for_it_is_refused_as_it_is(tmp_path: Path, text: str) -> None:
    (tmp_path / "arm.yaml").write_text(text)
    with pytest.raises(RecipeError, match="CR566"):
        write_statistics(tmp_path / "arm.yaml", NEW)
    assert (tmp_path / "arm.yaml").read_text() == text


def test_a_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    (tmp_path / "real.yaml").write_text(HEAD)
    (tmp_path / "real.yaml").chmod(0o640)
    (tmp_path / "link.yaml").symlink_to("real.yaml")
    write_statistics(tmp_path / "link.yaml", NEW)
    assert (tmp_path / "link.yaml").is_symlink()
    assert (tmp_path / "real.yaml").read_text() == HEAD + BLOCK
    assert (tmp_path / "real.yaml").stat().st_mode & 0o777 == 0o640


def test_what_is_written_anew_reads_as_what_was_meant() -> None:
    tree = {
        "dataset": "arm",
        "source": {"kind": "parquet", "path": "a b/#1.parquet", "videos": ["_view_yes", "1"]},
        "columns": {"action": {"from": "no", "unit": ["m", "1"], "rate": "10 Hz"}},
    }
    assert parse_located(dataset_text(tree), file="x").tree == tree
