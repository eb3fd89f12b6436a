"""The receipt: what was published, where it is, and whether anything had to be sent."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from cosmos_recipes.publishing.files import write_text

Verified = Literal["hashes", "download"]
"""How it was made sure that all is there: by the server's own hashes, or by reading every file back as well."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """`where` is a folder, or the address of a page; `changed` is False when all of it was there already.

    A `pull_request` is the address of one that waits for the owners of the repository; there is no `tag` then.
    """

    target: Literal["local", "hub"]
    repo: str
    where: str
    commit: str
    tag: str | None
    manifest_sha256: str
    files: int
    size_bytes: int
    private: bool
    changed: bool
    verified: Verified = "hashes"
    pull_request: str | None = None

    def save(self, path: Path) -> None:
        """Write the receipt as JSON, whole or not at all."""
        write_text(path, json.dumps(asdict(self), indent=2) + "\n")
