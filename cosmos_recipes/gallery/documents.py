"""Pages of `docs/` as pages of the site: links lead to the site's own pages, and files that are linked to come along."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

DOCUMENTS = ("data.md", "results.md", "reversed.md")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]*)?\)")
_RECIPE = re.compile(r"\.\./recipes/([a-z0-9._-]+)\.yaml")


@dataclass(frozen=True, kw_only=True)
class Documents:
    """The folder of the documents, that of the site's sources, and the recipes that have a page there."""

    docs: Path
    site: Path
    recipes: Collection[str]

    def copy(self) -> list[str]:
        """Copy the documents that there are; returns their names."""
        found = [name for name in DOCUMENTS if (self.docs / name).is_file()]
        for name in found:
            text = (self.docs / name).read_text(encoding="utf-8")
            (self.site / name).write_text(_LINK.sub(self._relinked, text), encoding="utf-8")
        return found

    def _relinked(self, link: re.Match[str]) -> str:
        """Return a link as the site has it; one to what is not part of the site becomes its text."""
        mark, text, target, anchor = link.groups()
        recipe = _RECIPE.fullmatch(target)
        if "://" in target or target in DOCUMENTS:
            return link[0]
        if recipe and recipe[1] in self.recipes:
            return f"[{text}](recipes/{recipe[1]}.md)"
        address = self._with_its_file(target)
        return f"{mark}[{text}]({address}{anchor or ''})" if address else str(text)

    def _with_its_file(self, target: str) -> str:
        """Copy a file of the repository that is linked to; returns its address, nothing where there is no such file."""
        source, repository = (self.docs / target).resolve(), self.docs.resolve().parent
        if not source.is_file() or repository not in source.parents:
            return ""
        address = target if ".." not in target else f"files/{source.name}"
        (self.site / address).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, self.site / address)
        return address
