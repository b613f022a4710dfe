"""Tests on real Glusters, and of single modules; `sudo tests/run` runs them all."""

import sys
from pathlib import Path

# the tests boot their Glusters with what packaging/quickstart boots its own with
sys.path.insert(0, str(Path(__file__).parent.parent / "packaging"))
