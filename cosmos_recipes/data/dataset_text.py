"""The text of a data set file: written anew, or with the block of statistics replaced and everything else as it was."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cosmos_recipes.data.binding.spec import ColumnStatistics

STATISTICS = "statistics"


def dataset_text(tree: Mapping[str, Any]) -> str:
    """Return YAML of the keys of a data set file: each on a line of its own, and so is each view and column."""
    return _dumped({key: _block(value) if isinstance(value, Mapping) else value for key, value in tree.items()})


def statistics_text(statistics: Mapping[str, ColumnStatistics]) -> str:
    """Return the block of statistics as it stands in a file."""
    return _dumped({STATISTICS: _tree(statistics)})


def with_statistics(text: str, statistics: Mapping[str, ColumnStatistics]) -> str:
    """Return the text of a data set file with this block of statistics, in the place of the one that it has, or last.

    Keys keep their order, and comments their places.
    """
    yaml = _yaml()
    tree = yaml.load(text)
    tree[STATISTICS] = _tree(statistics)
    stream = io.StringIO()
    yaml.dump(tree, stream)
    return stream.getvalue()


def _tree(statistics: Mapping[str, ColumnStatistics]) -> Any:
    return _block({name: _block(each.model_dump(mode="json")) for name, each in statistics.items()})


def _block(tree: Mapping[str, Any]) -> Any:
    """Return a mapping with a line for each of its keys."""
    from ruamel.yaml.comments import CommentedMap

    return CommentedMap((key, _on_one_line(value)) for key, value in tree.items())


def _on_one_line(value: Any) -> Any:
    from ruamel.yaml.comments import CommentedMap, CommentedSeq

    if isinstance(value, CommentedMap) or not isinstance(value, (Mapping, list, tuple)):
        return value
    node: Any = CommentedMap(value) if isinstance(value, Mapping) else CommentedSeq(value)
    node.fa.set_flow_style()
    return node


def _dumped(tree: Mapping[str, Any]) -> str:
    stream = io.StringIO()
    _yaml().dump(dict(tree), stream)
    return stream.getvalue()


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 4096
    yaml.preserve_quotes = True
    return yaml
