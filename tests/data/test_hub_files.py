"""If this breaks, a download that is right is ended, or one that never ends is not."""

from __future__ import annotations

from typing import Any

import pytest

from cosmos_recipes.data.hub_files import bounded

SAID_BYTES = 1000


@pytest.mark.parametrize(
    "other", [{"unit": "it"}, {"unit": "B", "name": "huggingface_hub.snapshot_download.transfer"}], ids=["files", "xet"]
)
def test_only_what_files_have_is_bounded(other: dict[str, Any]) -> None:
    """What Xet takes from the network is more than the files are where it takes something twice."""
    with bounded(SAID_BYTES)(total=SAID_BYTES, **other) as bar:
        bar.update(2 * SAID_BYTES)
    with bounded(SAID_BYTES)(total=SAID_BYTES, unit="B", name="huggingface_hub.snapshot_download") as bar:
        bar.update(SAID_BYTES)
        with pytest.raises(OSError, match="more than the 1,000 bytes"):
            bar.update(1)
