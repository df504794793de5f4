"""Where the tables are that data were built from: not shipped, and tests that need them are skipped without."""

from __future__ import annotations

import os
from pathlib import Path

SOURCE_DATA = Path(os.environ.get("NPINFER_SOURCE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
