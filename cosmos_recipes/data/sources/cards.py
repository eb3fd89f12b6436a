"""What a folder says of itself: the front matter of its README.md, as data sets on the Hub have it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)


def front_matter(folder: Path) -> Mapping[str, Any]:
    """Return what stands above the text of a folder's README.md; nothing where there is none or it is no YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = _FRONT_MATTER.match((folder / "README.md").read_text(encoding="utf-8-sig"))
        told = YAML(typ="safe").load(found[1]) if found else None
    except (OSError, UnicodeDecodeError, YAMLError):
        return {}
    return told if isinstance(told, Mapping) else {}
