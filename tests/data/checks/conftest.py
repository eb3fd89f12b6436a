from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

# The helpers of this folder are imported by name.
sys.path.insert(0, str(Path(__file__).parent))

from good import Data
from good import good as good_data


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Data]:
    """Return a good data set by name, written once; nobody may change its files."""
    root = tmp_path_factory.mktemp("good")
    return cache(lambda name: good_data(name, root))
