"""These tests speak to the real yaml-language-server, which `.ci/run` installs with npm and names in this variable."""

from __future__ import annotations

import os
import sys
from pathlib import Path

SERVER = "COSMOS_RECIPES_YAML_SERVER"
# Without Node there is no server to speak to; `.ci/run` always has one, and then a missing file is a failure.
collect_ignore_glob = [] if os.environ.get(SERVER) else ["test_*.py"]
# The helpers of this folder are imported by name.
sys.path.insert(0, str(Path(__file__).parent))
